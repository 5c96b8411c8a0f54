/** Reads whole replies of chat, completions and embeddings, and sums up their text where an estimate is needed. */
import { type MemberScan, readValue } from "../../core/json.ts";
import type { ReplyFacts } from "../contract.ts";
import { isList, modelFacts, scanReply, textOfMembers, textWithin } from "../reply-members.ts";
import { findUsage } from "./usage.ts";

const replyNames = ["model", "usage", "choices", "data", "x_groq", "service_tier"] as const;
/** Members that tell of usage; `choices` would be the whole answer. */
const usageNames = ["model", "usage", "x_groq", "service_tier"] as const;

function replyUsage(body: Buffer, { members }: MemberScan): ReplyFacts["usage"] {
  if (members["usage"] === undefined && members["x_groq"] === undefined) return null;
  const told = usageNames.map((name) => {
    const range = members[name];
    return [name, range === undefined ? undefined : readValue(body, range)] as const;
  });
  return findUsage(Object.fromEntries(told));
}

/** Undefined where the bytes are not one JSON object. */
export function readReply(body: Buffer): ReplyFacts | undefined {
  const scan = scanReply(body, replyNames);
  if (scan === undefined) return undefined;
  const { choices, data } = scan.members;
  return {
    usage: replyUsage(body, scan),
    ...modelFacts(body, scan.members["model"]),
    // Some vendors tell errors here in shapes of their own (reply-errors.ts reads them), MiniMax beside `choices: null`.
    isError: !isList(body, choices, true) && !isList(body, data),
  };
}

/** Members that hold what a model reads or writes. */
const textMembers = ["messages", "tools", "functions", "prompt", "suffix", "input", "choices"];
/** Members whose strings are media, not text. */
const mediaMembers = ["image_url", "input_audio", "audio", "file", "video_url", "b64_json"];

function textIn(value: unknown): number {
  if (typeof value === "string") return value.startsWith("data:") ? 0 : Buffer.byteLength(value);
  // An input may be given as token numbers; four bytes stand for one token.
  if (typeof value === "number") return 4;
  return textWithin(value, mediaMembers, textIn);
}

/** Bytes of text in a request or a reply. It parses the whole, so it is only asked where no usage came. */
export function textBytes(body: Buffer): number {
  return textOfMembers(body, textMembers, textIn);
}
