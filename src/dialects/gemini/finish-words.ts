/** Why answers end, in Google's words and ours. */
import { lookUp } from "../../core/look-up.ts";
import type { Finish, FinishReason } from "../../wire/chat-reply.ts";

/** All words that candidates end with. */
const reasons: Readonly<Record<string, FinishReason>> = {
  STOP: "stop",
  MAX_TOKENS: "length",
  SAFETY: "content-filter",
  RECITATION: "content-filter",
  BLOCKLIST: "content-filter",
  PROHIBITED_CONTENT: "content-filter",
  SPII: "content-filter",
  IMAGE_SAFETY: "content-filter",
  IMAGE_PROHIBITED_CONTENT: "content-filter",
  IMAGE_RECITATION: "content-filter",
  MODEL_ARMOR: "content-filter",
  MALFORMED_FUNCTION_CALL: "tool-error",
  UNEXPECTED_TOOL_CALL: "tool-error",
  TOO_MANY_TOOL_CALLS: "tool-error",
  CONTINUATION: "pause",
  LANGUAGE: "other",
  OTHER: "other",
  IMAGE_OTHER: "other",
  NO_IMAGE: "other",
  MALFORMED_RESPONSE: "other",
};

/** Words that prompts are blocked with and candidates never end with. */
const blockReasons: readonly string[] = ["MODEL_ARMOR", "JAILBREAK"];

/** Reads a candidate's end; calls end with STOP too. */
export function decodeFinish(word: string, message: string | null, called: boolean): Finish {
  const reason = lookUp(reasons, word) ?? "other";
  return {
    reason: reason === "stop" && called ? "tool-calls" : reason,
    stopSequence: null,
    raw: word,
    ...(message === null ? {} : { detail: message }),
  };
}

/** Reads why a prompt was blocked. */
export function decodeBlock(word: string, message: string | null): Finish {
  return {
    reason: "content-filter",
    stopSequence: null,
    raw: word,
    ...(message === null ? {} : { detail: message }),
  };
}

const words: Readonly<Record<FinishReason, string>> = {
  stop: "STOP",
  "stop-sequence": "STOP",
  "tool-calls": "STOP",
  pause: "STOP",
  length: "MAX_TOKENS",
  context: "MAX_TOKENS",
  "content-filter": "SAFETY",
  refusal: "SAFETY",
  "tool-error": "MALFORMED_FUNCTION_CALL",
  other: "OTHER",
};

/** The word for an end: the vendor's own where it is one of Google's. */
export function finishWord({ reason, raw }: Finish): string {
  const own = raw !== null && Object.hasOwn(reasons, raw) && !blockReasons.includes(raw);
  return own ? raw : words[reason];
}

/** The word for a blocked prompt; undefined: the answer ended otherwise. */
export function blockWord({ raw }: Finish): string | undefined {
  return raw !== null && blockReasons.includes(raw) ? raw : undefined;
}
