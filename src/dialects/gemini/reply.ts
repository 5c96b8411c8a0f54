/** Reads whole replies (candidates, embeddings, counts), and sums up their text where an estimate is needed. */
import { type MemberScan, readString, readValue, scanMembers } from "../../core/json.ts";
import type { ReplyFacts } from "../contract.ts";
import { decodeUsage, findUsage } from "./usage.ts";

const replyNames = [
  "modelVersion",
  "usageMetadata",
  "error",
  "candidates",
  "embedding",
  "embeddings",
  "totalTokens",
  "promptFeedback",
] as const;

const answers = ["candidates", "embedding", "embeddings", "totalTokens"] as const;

function replyUsage(body: Buffer, scan: MemberScan): ReplyFacts["usage"] {
  const range = scan.members["usageMetadata"];
  if (range === undefined) return null;
  // Searches stand with the candidates, which are parsed only where there are any.
  if (body.indexOf('"webSearchQueries"') !== -1)
    return findUsage(readValue(body, { start: 0, end: body.length }));
  return decodeUsage(readValue(body, range));
}

/** Undefined where the bytes are not one JSON object. */
export function readReply(body: Buffer): ReplyFacts | undefined {
  let scan: MemberScan;
  try {
    scan = scanMembers(body, replyNames);
  } catch {
    return undefined;
  }
  const modelRange = scan.members["modelVersion"] ?? null;
  const error = scan.members["error"];
  const answered = answers.some((name) => scan.members[name] !== undefined);
  return {
    usage: replyUsage(body, scan),
    model: modelRange === null ? null : (readString(body, modelRange) ?? null),
    modelRange: modelRange !== null && body[modelRange.start] === 0x22 ? modelRange : null,
    isError: error !== undefined && body[error.start] === 0x7b && !answered,
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
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + textIn(item), 0);
  if (typeof value !== "object" || value === null) return 0;
  return Object.entries(value).reduce(
    (sum, [name, item]) => (unread.includes(name) ? sum : sum + textIn(item)),
    0,
  );
}

/** Bytes of text in a request or a reply. It parses the whole, so it is only asked where no usage came. */
export function textBytes(body: Buffer): number {
  try {
    return textIn(JSON.parse(body.toString()));
  } catch {
    return body.length;
  }
}
