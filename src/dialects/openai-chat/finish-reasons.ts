/** Why an answer ended: vendors' words into ours, ours into OpenAI's five. */
import type { Finish, FinishReason } from "../../wire/chat-reply.ts";
import { entryOf } from "../request-members.ts";

const reasons: Readonly<Record<string, FinishReason>> = {
  stop: "stop",
  // Together's, Hugging Face's and others' words for the end of a turn.
  eos: "stop",
  eos_token: "stop",
  end_turn: "stop",
  stop_sequence: "stop-sequence",
  length: "length",
  max_tokens: "length",
  max_output_tokens: "length",
  // Mistral: prompt and answer fill the window.
  model_length: "context",
  tool_calls: "tool-calls",
  tool_use: "tool-calls",
  function_call: "tool-calls",
  content_filter: "content-filter",
  // Zhipu's, and Google's compatible endpoint's.
  sensitive: "content-filter",
  safety: "content-filter",
  recitation: "content-filter",
  refusal: "refusal",
  malformed_function_call: "tool-error",
};

/** Words that say the answer broke off by a fault of the vendor's (DeepSeek, Zhipu, OpenRouter, Mistral). */
const faults: Readonly<Record<string, number>> = {
  error: 502,
  insufficient_system_resource: 503,
  network_error: 502,
};

/** The status that a finish reason stands for where it tells of a fault; undefined: it tells of none. */
export function faultStatus(word: string | null): number | undefined {
  return word === null ? undefined : entryOf(faults, word);
}

/** What a choice told beside its finish reason. */
export interface Told {
  readonly hasCalls: boolean;
  readonly hasRefusal: boolean;
  /** vLLM's `stop_reason`: the sequence of the caller's that ended the answer. */
  readonly stopReason: unknown;
}

/** Words that stand in `stop_reason` without being a sequence of the caller's. */
const noSequence = ["", "stop", "eos", "end_turn", "length", "tool_use", "tool_calls"];

/** `word` null: the answer ended without any. Vendors that answer `stop` beside tool calls mean the calls. */
export function decodeFinish(
  word: string | null,
  { hasCalls, hasRefusal, stopReason }: Told,
): Finish {
  const reason = word === null ? "stop" : (entryOf(reasons, word.toLowerCase()) ?? "other");
  const ended = { stopSequence: null, raw: word };
  if (reason !== "stop") return { reason, ...ended };
  if (hasCalls) return { reason: "tool-calls", ...ended };
  if (hasRefusal) return { reason: "refusal", ...ended };
  if (typeof stopReason === "string" && !noSequence.includes(stopReason.toLowerCase()))
    return { reason: "stop-sequence", stopSequence: stopReason, raw: word };
  return { reason, ...ended };
}

const words: Readonly<Record<FinishReason, string>> = {
  stop: "stop",
  "stop-sequence": "stop",
  length: "length",
  context: "length",
  "tool-calls": "tool_calls",
  "content-filter": "content_filter",
  refusal: "content_filter",
  // The caller has no way to send the turn on; it is told as ended.
  pause: "stop",
  "tool-error": "stop",
  other: "stop",
};

/** OpenAI's word. An answer that holds tool calls and simply ended is one that asks for them. */
export function encodeFinish(finish: Finish, hasCalls: boolean): string {
  const word = words[finish.reason];
  return word === "stop" && hasCalls ? "tool_calls" : word;
}
