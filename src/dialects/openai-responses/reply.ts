/** Reads whole replies of the Responses API and sums up their text where an estimate is needed. */
import { type ByteRange, type MemberScan, readValue } from "../../core/json.ts";
import { noUsage } from "../../wire/usage.ts";
import type { ReplyFacts } from "../contract.ts";
import {
  isList,
  modelFacts,
  scanReply,
  textOfMembers,
  textWithin,
  valueAt,
} from "../reply-members.ts";
import { billedItems, decodeUsage } from "./usage.ts";

const replyNames = [
  "model",
  "usage",
  "error",
  "output",
  "object",
  "status",
  "tool_usage",
  "service_tier",
] as const;

const itemWords = billedItems.map((item) => Buffer.from(`"${item}"`));

/** The answer's items, where some of them are billed apart: the answer is parsed only then. */
function billedOutput(body: Buffer, output: ByteRange | undefined): unknown {
  if (output === undefined) return undefined;
  const isBilled = itemWords.some((word) => body.includes(word, output.start));
  return isBilled ? readValue(body, output) : undefined;
}

function replyUsage(body: Buffer, { members }: MemberScan): ReplyFacts["usage"] {
  return decodeUsage({
    usage: valueAt(body, members["usage"]),
    tool_usage: valueAt(body, members["tool_usage"]),
    service_tier: valueAt(body, members["service_tier"]),
    output: billedOutput(body, members["output"]),
  });
}

/** Undefined where the bytes are not one JSON object. */
export function readReply(body: Buffer): ReplyFacts | undefined {
  const scan = scanReply(body, replyNames);
  if (scan === undefined) return undefined;
  const { members } = scan;
  const { error, output } = members;
  const failed = valueAt(body, members["status"]) === "failed";
  // A count of tokens used none, so none are to be estimated.
  const counted = valueAt(body, members["object"]) === "response.input_tokens";
  return {
    usage: counted ? noUsage : replyUsage(body, scan),
    ...modelFacts(body, members["model"]),
    isError: failed
      ? error !== undefined && body[error.start] === 0x7b
      : !counted && !isList(body, output),
  };
}

/** Members that hold what a model reads or writes. */
const textMembers = ["instructions", "input", "tools", "output"];
/** Members whose strings are media or opaque, not text. */
const otherMembers = ["image_url", "file_data", "file_url", "input_audio", "encrypted_content"];

function textIn(value: unknown): number {
  if (typeof value === "string") return value.startsWith("data:") ? 0 : Buffer.byteLength(value);
  return textWithin(value, otherMembers, textIn);
}

/** Bytes of text in a request or a reply. It parses the whole, so it is only asked where no usage came. */
export function textBytes(body: Buffer): number {
  return textOfMembers(body, textMembers, textIn);
}
