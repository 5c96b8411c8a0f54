/**
 * Recorded exchanges with vendors: those of our own making beside this file, and, where the checkout has them next to
 * it (`../shared/fixtures/recorded`), real ones. `loadRecordings(name)` answers undefined where there are none.
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface Recording {
  readonly id: string;
  readonly request: { readonly path: string; readonly body: Buffer; readonly host?: string };
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Buffer;
  };
}

interface Message {
  readonly json?: unknown;
  /** Parsed JSON stands here too where the recorder took it for text. */
  readonly text?: unknown;
  readonly base64?: string;
}

interface Line {
  readonly id: string;
  readonly request: Message & { readonly path: string; readonly host?: string };
  readonly response: Message & {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
  };
}

function bytesOf(message: Message): Buffer {
  if (message.base64 !== undefined) return Buffer.from(message.base64, "base64");
  if (typeof message.text === "string") return Buffer.from(message.text);
  return Buffer.from(JSON.stringify(message.text ?? message.json ?? null));
}

function parseLine(text: string): Recording {
  const line = JSON.parse(text) as Line;
  const { status } = line.response;
  const { path, host } = line.request;
  const type = line.response.headers["content-type"] ?? "application/json";
  return {
    id: line.id,
    request: { path, body: bytesOf(line.request), ...(host === undefined ? {} : { host }) },
    response: { status, headers: { "content-type": type }, body: bytesOf(line.response) },
  };
}

function readLines(url: URL): Recording[] | undefined {
  if (!existsSync(fileURLToPath(url))) return undefined;
  return readFileSync(url, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map(parseLine);
}

/** Real recordings of a protocol (`openai-chat`, `embeddings`, …); undefined where the checkout has none. */
export function loadRecordings(protocol: string): Recording[] | undefined {
  return readLines(new URL(`../../../shared/fixtures/recorded/${protocol}.jsonl`, import.meta.url));
}

/** Recordings of our own making, always there. */
export function ownRecordings(): Recording[] {
  return readLines(new URL("./recordings/openai-chat.jsonl", import.meta.url)) ?? [];
}
