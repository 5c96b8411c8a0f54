/** Reads whole replies of Messages and count_tokens, and sums up their text where an estimate is needed. */
import { readString, readValue } from "../../core/json.ts";
import type { ReplyFacts } from "../contract.ts";
import { isList, modelFacts, scanReply, textOfMembers } from "../reply-members.ts";
import { decodeUsage } from "./usage.ts";

const replyNames = ["type", "model", "usage", "error", "content", "input_tokens"] as const;

/** Undefined where the bytes are not one JSON object. */
export function readReply(body: Buffer): ReplyFacts | undefined {
  const scan = scanReply(body, replyNames);
  if (scan === undefined) return undefined;
  const { type, model, usage, error, content, input_tokens: counted } = scan.members;
  const first = error === undefined ? undefined : body[error.start];
  const told = first === 0x7b || first === 0x22;
  return {
    usage: usage === undefined ? null : decodeUsage(readValue(body, usage)),
    ...modelFacts(body, model),
    isError:
      told ||
      (type !== undefined && readString(body, type) === "error") ||
      (counted === undefined && !isList(body, content)),
  };
}

/** Members that hold what a model reads or writes. */
const textMembers = ["system", "messages", "tools", "content"];
/** Members whose strings are media or signatures, not text. */
const opaqueMembers = ["source", "signature", "encrypted_content", "cache_control", "type", "id"];

function textIn(value: unknown): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + textIn(item), 0);
  if (typeof value !== "object" || value === null) return 0;
  const fields = value as Readonly<Record<string, unknown>>;
  if (fields["type"] === "redacted_thinking") return 0;
  // A document given as plain text is text.
  const plain = fields["media_type"] === "text/plain" && fields["type"] === "text";
  if (plain) return textIn(fields["data"]);
  return Object.entries(fields).reduce((sum, [name, item]) => sum + memberText(name, item), 0);
}

function memberText(name: string, value: unknown): number {
  if (name !== "source") return opaqueMembers.includes(name) ? 0 : textIn(value);
  const kind = (value as { readonly type?: unknown } | null)?.type;
  return kind === "text" || kind === "content" ? textIn(value) : 0;
}

/** Bytes of text in a request or a reply. It parses the whole, so it is only asked where no usage came. */
export function textBytes(body: Buffer): number {
  return textOfMembers(body, textMembers, textIn);
}
