/** Where a case lies, and what a new one is made of. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { compatibleVendors } from "../../src/providers/compatible/vendors.ts";
import { mediaVendors } from "../../src/providers/media/vendors.ts";
import { findProvider } from "../../src/providers/registry.ts";
import { type CaseFile, parseCase, renderCase, shownText } from "../../test/providers/case-file.ts";
import { RecordError } from "./record-error.ts";

export interface Place {
  readonly provider: string;
  readonly name: string;
  /** In place of the provider's own. */
  readonly folder: string | undefined;
}

export interface PlacedCase {
  readonly path: string;
  readonly file: CaseFile;
}

const source = join(import.meta.dirname, "../../src/providers");

/** Rows share a folder, so their cases begin with the row's name. */
function pathOf({ provider, name, folder }: Place): string {
  const found = findProvider(provider);
  if (found === undefined) throw new RecordError(`no provider is called ${provider}`, 2);
  const rows = compatibleVendors.includes(found) ? "compatible" : "media";
  const isRow = rows === "compatible" || mediaVendors.includes(found);
  const file = isRow && !name.startsWith(`${provider}-`) ? `${provider}-${name}` : name;
  if (!/^[a-z0-9]+(?:-[a-z0-9]+)+$/.test(file))
    throw new RecordError(`a case is named <endpoint>-<behaviour>, in small letters: ${name}`, 2);
  // Several providers may share a folder: azure-v1 lies with azure.
  const own = [provider, provider.replace(/-[^-]+$/, "")].find((one) =>
    existsSync(join(source, one)),
  );
  return join(folder ?? join(source, isRow ? rows : (own ?? provider), "cases"), `${file}.case`);
}

export function findCase(place: Place): PlacedCase {
  const path = pathOf(place);
  if (!existsSync(path))
    throw new RecordError(`${path} does not exist; --front and --body make a new case with it`, 2);
  return { path, file: parseCase(readFileSync(path, "utf8")) };
}

const paths: Readonly<Record<string, (model: string, stream: boolean) => string>> = {
  chat: () => "/v1/chat/completions",
  responses: () => "/v1/responses",
  messages: () => "/v1/messages",
  gemini: (model, stream) =>
    `/v1beta/models/${encodeURIComponent(model)}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
};

export interface NewCase {
  readonly front: string;
  /** The caller's JSON. */
  readonly body: string;
  readonly about: string | undefined;
  readonly model: string | undefined;
}

/** A case with a call and nothing else yet. Gemini's bodies say nothing of streams: `"stream": true` is taken for it. */
export function makeCase(place: Place, made: NewCase): PlacedCase {
  const path = pathOf(place);
  const pathFor = paths[made.front];
  if (pathFor === undefined)
    throw new RecordError(`--front must be one of ${Object.keys(paths).join(", ")}`, 2);
  const { about } = made;
  if (about === undefined || !/^\p{L}.*\.$/u.test(about))
    throw new RecordError(
      "--about must say what the case shows, in a sentence with a full stop",
      2,
    );
  const { stream, ...others } = parseBody(made.body);
  const isGemini = made.front === "gemini";
  const model = made.model ?? others["model"];
  if (typeof model !== "string") throw new RecordError("the body names no model; --model does", 2);
  const body = isGemini ? { ...others, model: undefined } : { ...others, model, stream };
  const version = made.front === "messages" ? "anthropic-version: 2023-06-01\n" : "";
  const call = `POST ${pathFor(model, stream === true)}\n${version}\n${shownText(JSON.stringify(body))}`;
  return { path, file: { head: about, sections: { call } } };
}

function parseBody(text: string): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "object" && body !== null) return body as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new RecordError("--body must hold a JSON object", 2);
}

export function writeCase(path: string, file: CaseFile): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, renderCase(file));
}
