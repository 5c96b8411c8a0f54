/**
 * Google's slot for what is carried: `thoughtSignature`, bytes that travel as base64. Clients decode and encode them
 * anew (in either alphabet), so whatever is packed into the slot must be base64 itself.
 */
import { carriedMarker, packCarried, unpackCarried } from "../carried.ts";
import type { Carried } from "../../wire/conversation.ts";

export const dialectId = "gemini-content";

/**
 * Stands for the signature of a call that another model made; Google's models accept it in place of one.
 * https://ai.google.dev/gemini-api/docs/thought-signatures
 */
export const sentinel = "skip_thought_signature_validator";

const sentinelWords: readonly string[] = [sentinel, "context_engineering_is_the_way_to_go"];

/** Google documents two; its own clients send them as the bytes that they spell. */
const sentinels: readonly string[] = [
  ...sentinelWords,
  ...sentinelWords.map((word) => Buffer.from(word).toString("base64")),
];

/** Marks what an Anthropic model made unreadable on purpose, so that it goes back as such. */
const redactedMark = "redacted:";

/** Whether a signature is one of ours: its bytes begin with our marker. */
const packedSignatureStart = Buffer.from(carriedMarker).toString("base64").slice(0, 5);

export interface ReadSignature {
  readonly carried: Carried;
  readonly redacted: boolean;
}

/** Reads the slot; undefined where it holds nothing or a sentinel. */
export function readSignature(text: string): ReadSignature | undefined {
  if (text === "" || sentinels.includes(text)) return undefined;
  const own = { carried: { issuer: dialectId, data: text }, redacted: false };
  if (!text.startsWith(packedSignatureStart)) return own;
  const carried = unpackCarried(Buffer.from(text, "base64").toString("latin1"));
  if (carried === undefined) return own;
  if (!carried.issuer.startsWith(redactedMark)) return { carried, redacted: false };
  const issuer = carried.issuer.slice(redactedMark.length);
  return { carried: { issuer, data: carried.data }, redacted: true };
}

/** Writes the slot: Google's own as it was, others' packed. */
export function writeSignature(carried: Carried, redacted = false): string {
  const own = carried.issuer === dialectId || carried.issuer.startsWith(`${dialectId}/`);
  if (own) return carried.data;
  const issuer = redacted ? redactedMark + carried.issuer : carried.issuer;
  return Buffer.from(packCarried({ issuer, data: carried.data })).toString("base64");
}
