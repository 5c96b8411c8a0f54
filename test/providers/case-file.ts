/**
 * Cases: one exchange a file, from the caller to the vendor and back, as text that people read and review.
 *
 *   What is shown, in one sentence.
 *   # where the vendor's words come from
 *   --- channel                      JSON: provider, model (the asked name is mapped to it), settings, options; may be left out
 *   --- call                         POST /v1/…, headers, blank line, body
 *   --- response | --- stream        status, headers, blank line, body: what the vendor answers
 *   --- request                      what the vendor received
 *   --- reply | --- events | --- error     what the caller got
 *   --- record                       what was counted
 *
 * The last three are expected; UPDATE_CASES=1 writes them anew. JSON is shown in lines; a stream is shown as it is.
 */
import { awsFrame, readAwsFrames } from "../fakes/scripted/aws-frame.ts";

/** A message as it stands in a section: its first line, its headers, its body as text. */
export interface CaseMessage {
  readonly first: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface CaseChannel {
  readonly provider?: string;
  readonly model?: string;
  readonly settings?: Readonly<Record<string, string>>;
  readonly baseUrl?: string;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly parameters?: Readonly<Record<string, unknown>>;
}

export interface CaseFile {
  /** The sentence, and comments behind it. */
  readonly head: string;
  readonly sections: Readonly<Record<string, string>>;
}

/** Sections in the order in which they are written. */
export const sectionNames = [
  "channel",
  "call",
  "request",
  "response",
  "stream",
  "reply",
  "events",
  "error",
  "record",
] as const;

export type SectionName = (typeof sectionNames)[number];

export function parseCase(text: string): CaseFile {
  const [head = "", ...rest] = text.split(/^--- /m);
  const sections = rest.map((part): [string, string] => {
    const end = part.indexOf("\n");
    const name = part.slice(0, end).trim();
    if (!(sectionNames as readonly string[]).includes(name))
      throw new Error(`no such section: --- ${name}`);
    return [name, part.slice(end + 1)];
  });
  return { head: head.trimEnd(), sections: Object.fromEntries(sections) };
}

export function renderCase({ head, sections }: CaseFile): string {
  const told = sectionNames.flatMap((name) => {
    const text = sections[name];
    return text === undefined ? [] : [`--- ${name}\n${text.endsWith("\n") ? text : `${text}\n`}`];
  });
  return `${head}\n${told.join("")}`;
}

export function parseMessage(text: string): CaseMessage {
  const split = text.indexOf("\n\n");
  const head = split === -1 ? text.trimEnd() : text.slice(0, split);
  const [first = "", ...lines] = head.split("\n");
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(": ");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)];
  });
  return {
    first,
    headers: Object.fromEntries(headers),
    body: split === -1 ? "" : text.slice(split + 2),
  };
}

export function renderMessage({ first, headers, body }: CaseMessage): string {
  const lines = [first, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)];
  return body === "" ? `${lines.join("\n")}\n` : `${lines.join("\n")}\n\n${body}`;
}

/** How a body's bytes stand in a section, where not as they are. */
const formHeader = "x-case-body";

const isFrames = (type: string): boolean => type.includes("vnd.amazon.eventstream");
const isText = (type: string): boolean =>
  /^text\/|json|xml|x-www-form-urlencoded/.test(type) || type === "";

function framesToText(body: Buffer): string {
  return readAwsFrames(body)
    .map(({ type, kind, payload }) => {
      const { bytes, ...others } = JSON.parse(payload) as { bytes?: string };
      const shown =
        bytes === undefined
          ? payload
          : JSON.stringify({
              bytes: JSON.parse(Buffer.from(bytes, "base64").toString()) as unknown,
              ...others,
            });
      return `${kind === "exception" ? "!" : ""}${type} ${shown}\n`;
    })
    .join("");
}

function framesToBytes(text: string): Buffer {
  const lines = text.split("\n").filter((line) => line !== "");
  return Buffer.concat(
    lines.map((line) => {
      const space = line.indexOf(" ");
      const type = line.slice(0, space).replace(/^!/, "");
      const payload = JSON.parse(line.slice(space + 1)) as { bytes?: unknown };
      const { bytes } = payload;
      const told =
        typeof bytes === "object"
          ? { ...payload, bytes: Buffer.from(JSON.stringify(bytes)).toString("base64") }
          : payload;
      return Buffer.from(
        awsFrame(type, JSON.stringify(told), line.startsWith("!") ? "exception" : "event"),
      );
    }),
  );
}

/** JSON in lines; anything else as it is. */
export function shownText(text: string): string {
  try {
    return `${JSON.stringify(JSON.parse(text), null, 2)}\n`;
  } catch {
    return text;
  }
}

/** Bytes for a section: its text, and the header that says how they are to be read. */
export function showBytes(
  bytes: Buffer,
  type: string,
): { readonly body: string; readonly headers: Readonly<Record<string, string>> } {
  if (isFrames(type)) return { body: framesToText(bytes), headers: {} };
  if (!isText(type))
    return { body: `${bytes.toString("base64")}\n`, headers: { [formHeader]: "base64" } };
  const text = bytes.toString();
  if (!text.includes("\r\n")) return { body: shownText(text), headers: {} };
  return { body: text.replaceAll("\r\n", "\n"), headers: { [formHeader]: "crlf" } };
}

/** The bytes that a section's body stands for, and the headers to send with them. */
export function bytesOf(message: CaseMessage): {
  readonly bytes: Buffer;
  readonly headers: Record<string, string>;
} {
  const { [formHeader]: form, ...headers } = message.headers;
  const { body } = message;
  if (isFrames(headers["content-type"] ?? "")) return { bytes: framesToBytes(body), headers };
  if (form === "base64") return { bytes: Buffer.from(body, "base64"), headers };
  return { bytes: Buffer.from(form === "crlf" ? body.replaceAll("\n", "\r\n") : body), headers };
}
