/**
 * What the batches of all dialects have in common: their requests and answers are cut out of lines by their bytes.
 * Promises kept here: whatever a line holds, reading it never throws, and an answer that tells no usage is marked so.
 */
import { type ByteRange, scanMembers } from "../core/json.ts";
import { type Usage, noUsage } from "../wire/usage.ts";
import type { BatchResult, ReplyFacts } from "./contract.ts";

/** The tier by whose rates a batch is charged, whatever its answers state. */
/** Tier of all that a batch answers, in the words of wire/usage.ts. */
export const batchTier = "batch";
/** Bytes of text that stand for one token, as in meter/estimate.ts. */
const bytesPerToken = 4;
/** Longest name of a model that is taken for one. */
const maxModelLength = 256;
const openBrace = 0x7b;

type Members = Readonly<Record<string, ByteRange>>;

/** Where the named members of an object stand (of the one at `within`, else of the whole); none where it is none. */
export function findMembers(line: Buffer, names: readonly string[], within?: ByteRange): Members {
  try {
    return scanMembers(line, names, within).members;
  } catch {
    return {};
  }
}

/** The bytes of the object at a range; undefined where none stands there. */
export function findObject(line: Buffer, range: ByteRange | undefined): Buffer | undefined {
  if (range === undefined || line[range.start] !== openBrace) return undefined;
  return line.subarray(range.start, range.end);
}

/** Reads whole replies of a dialect, and weighs their text. */
export interface ReplyReader {
  readReply(body: Buffer): ReplyFacts | undefined;
  textBytes(body: Buffer): number;
}

/**
 * What an answer of a batch used. One that tells no usage is estimated by its own text: the request that it answers is
 * not at hand, so its input counts nothing. Undefined: it is no answer.
 */
export function readAnswer(
  name: string,
  body: Buffer,
  reader: ReplyReader,
): BatchResult | undefined {
  const facts = reader.readReply(body);
  if (facts === undefined || (facts.usage === null && facts.isError)) return undefined;
  const usage: Usage = facts.usage ?? {
    ...noUsage,
    output: Math.ceil(reader.textBytes(body) / bytesPerToken),
    estimated: true,
  };
  const { model } = facts;
  const isName = model !== null && model !== "" && model.length <= maxModelLength;
  return { name, model: isName ? model : null, usage: { ...usage, serviceTier: batchTier } };
}
