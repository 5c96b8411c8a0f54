/** Reads whole replies (candidates, embeddings, counts), and sums up their text where an estimate is needed. */
import { type MemberScan, readValue } from "../../core/json.ts";
import type { ReplyFacts } from "../contract.ts";
import { isList, modelFacts, scanReply, textWithin } from "../reply-members.ts";
import { decodeUsage, findUsage } from "./usage.ts";

const replyNames = [
  "modelVersion",
  "usageMetadata",
  "candidates",
  "embedding",
  "embeddings",
  "totalTokens",
  "promptFeedback",
] as const;

const answers = ["embedding", "embeddings", "totalTokens", "promptFeedback"] as const;

function replyUsage(body: Buffer, scan: MemberScan): ReplyFacts["usage"] {
  const range = scan.members["usageMetadata"];
  if (range === undefined) return null;
  // Searches stand with the candidates, which are parsed only where there are any.
  if (body.indexOf('"groundingMetadata"') !== -1)
    return findUsage(readValue(body, { start: 0, end: body.length }));
  return decodeUsage(readValue(body, range));
}

/** Undefined where the bytes are not one JSON object. */
export function readReply(body: Buffer): ReplyFacts | undefined {
  const scan = scanReply(body, replyNames);
  if (scan === undefined) return undefined;
  const answered =
    isList(body, scan.members["candidates"], true) ||
    answers.some((name) => scan.members[name] !== undefined);
  return {
    usage: replyUsage(body, scan),
    ...modelFacts(body, scan.members["modelVersion"]),
    isError: !answered,
  };
}

/** Members whose strings are no text that a model reads or writes. */
const unread: readonly string[] = [
  "inlineData",
  "inline_data",
  "fileData",
  "file_data",
  "thoughtSignature",
  "thought_signature",
  "role",
  "usageMetadata",
  "groundingMetadata",
  "citationMetadata",
  "safetyRatings",
  "safetySettings",
  "safety_settings",
  "finishReason",
  "modelVersion",
  "responseId",
  "model",
];

function textIn(value: unknown): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  return textWithin(value, unread, textIn);
}

/** Bytes of text in a request or a reply. It parses the whole, so it is only asked where no usage came. */
export function textBytes(body: Buffer): number {
  try {
    return textIn(JSON.parse(body.toString()));
  } catch {
    return body.length;
  }
}
