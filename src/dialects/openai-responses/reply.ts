/** Reads whole replies of the Responses API and sums up their text where an estimate is needed. */
import { type MemberScan, readString, readValue, scanMembers } from "../../core/json.ts";
import { noUsage } from "../../wire/usage.ts";
import type { ReplyFacts } from "../contract.ts";
import { decodeUsage } from "./usage.ts";

const replyNames = ["model", "usage", "error", "output", "object", "status", "tool_usage"] as const;

function valueOf(body: Buffer, scan: MemberScan, name: string): unknown {
  const range = scan.members[name];
  return range === undefined ? undefined : readValue(body, range);
}

function startsWith(body: Buffer, scan: MemberScan, name: string, byte: number): boolean {
  const range = scan.members[name];
  return range !== undefined && body[range.start] === byte;
}

/** Undefined where the bytes are not one JSON object. */
export function readReply(body: Buffer): ReplyFacts | undefined {
  let scan: MemberScan;
  try {
    scan = scanMembers(body, replyNames);
  } catch {
    return undefined;
  }
  const modelRange = scan.members["model"] ?? null;
  const usage = valueOf(body, scan, "usage");
  const toolUsage = valueOf(body, scan, "tool_usage");
  const failed = valueOf(body, scan, "status") === "failed" || scan.members["output"] === undefined;
  // A count of tokens used none, so none are to be estimated.
  const counted = valueOf(body, scan, "object") === "response.input_tokens";
  return {
    usage: counted ? noUsage : decodeUsage({ usage, tool_usage: toolUsage }),
    model: modelRange === null ? null : (readString(body, modelRange) ?? null),
    modelRange: modelRange !== null && body[modelRange.start] === 0x22 ? modelRange : null,
    isError: failed && startsWith(body, scan, "error", 0x7b),
  };
}

/** Members that hold what a model reads or writes. */
const textMembers = ["instructions", "input", "tools", "output"];
/** Members whose strings are media or opaque, not text. */
const otherMembers = ["image_url", "file_data", "file_url", "input_audio", "encrypted_content"];

function textIn(value: unknown): number {
  if (typeof value === "string") return value.startsWith("data:") ? 0 : Buffer.byteLength(value);
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + textIn(item), 0);
  if (typeof value !== "object" || value === null) return 0;
  return Object.entries(value).reduce(
    (sum, [name, item]) => (otherMembers.includes(name) ? sum : sum + textIn(item)),
    0,
  );
}

/** Bytes of text in a request or a reply. It parses the whole, so it is only asked where no usage came. */
export function textBytes(body: Buffer): number {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString());
  } catch {
    return body.length;
  }
  if (typeof parsed !== "object" || parsed === null) return body.length;
  const fields = parsed as Readonly<Record<string, unknown>>;
  return textMembers.reduce((sum, name) => sum + textIn(fields[name]), 0);
}
