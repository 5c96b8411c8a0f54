/** Reads whole replies of images, audio and moderation without parsing the media in them. */
import {
  type ByteRange,
  type MemberScan,
  readValue,
  scanMembers,
  skipSpace,
  skipValue,
} from "../../core/json.ts";
import type { ReplyFacts } from "../contract.ts";
import { isTold, modelFacts, valueAt } from "../reply-members.ts";
import { type Counted, decodeUsage } from "./usage.ts";

const replyNames = [
  "model",
  "usage",
  "error",
  "data",
  "results",
  "text",
  "duration",
  "size",
  "quality",
] as const;

/** Elements of an array, each stepped over by its brackets. */
function countElements(body: Buffer, range: ByteRange): number {
  if (body[range.start] !== 0x5b) return 0;
  let offset = skipSpace(body, range.start + 1);
  let elements = 0;
  while (offset < range.end && body[offset] !== 0x5d) {
    elements += 1;
    offset = skipSpace(body, skipValue(body, offset, range.end));
    if (body[offset] === 0x2c) offset = skipSpace(body, offset + 1);
  }
  return elements;
}

function countedIn(body: Buffer, scan: MemberScan): Counted {
  const { data, duration } = scan.members;
  if (data !== undefined) {
    const look = {
      size: valueAt(body, scan.members["size"]),
      quality: valueAt(body, scan.members["quality"]),
    };
    return { images: countElements(body, data), output: "image", look };
  }
  const seconds = duration === undefined ? undefined : Number(readValue(body, duration));
  return seconds !== undefined && seconds > 0 ? { seconds } : {};
}

/** Undefined where the bytes are not one JSON object. */
export function readReply(body: Buffer): ReplyFacts | undefined {
  let scan: MemberScan;
  let counted: Counted;
  try {
    scan = scanMembers(body, replyNames);
    counted = countedIn(body, scan);
  } catch {
    return undefined;
  }
  const { model, usage, error, data, results, text } = scan.members;
  const answered = data !== undefined || results !== undefined || text !== undefined;
  return {
    usage: decodeUsage(valueAt(body, usage), counted),
    ...modelFacts(body, model),
    isError: isTold(body, error) && !answered,
  };
}

/** Members that hold what a model reads or writes as text. */
const textMembers = ["input", "prompt", "instructions", "text"] as const;

function textIn(value: unknown): number {
  if (typeof value === "string") return value.startsWith("data:") ? 0 : Buffer.byteLength(value);
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + textIn(item), 0);
  if (typeof value !== "object" || value === null) return 0;
  return textIn((value as Readonly<Record<string, unknown>>)["text"]);
}

/** Bytes of text in a request or a reply; none in what is not JSON. */
export function textBytes(body: Buffer): number {
  try {
    const { members } = scanMembers(body, textMembers);
    return Object.values(members).reduce((sum, range) => sum + textIn(readValue(body, range)), 0);
  } catch {
    return 0;
  }
}
