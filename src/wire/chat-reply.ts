/** A conversational reply in our own shape, whole and as a stream of events. Used only between two different dialects. */
import type { AssistantPart, Carried, Citation } from "./conversation.ts";
import type { Usage } from "./usage.ts";

/**
 * Why an answer ended. `stop-sequence`: one of the caller's. `content-filter`: the vendor's safety.
 * `refusal`: the model declined. `pause`: the vendor wants the turn sent again (Anthropic's pause_turn).
 * `tool-error`: the model made a call that cannot be read. `context`: the context window is full.
 */
export type FinishReason =
  | "stop"
  | "stop-sequence"
  | "length"
  | "context"
  | "tool-calls"
  | "content-filter"
  | "refusal"
  | "pause"
  | "tool-error"
  | "other";

export interface Finish {
  readonly reason: FinishReason;
  /** The sequence that ended it, where the vendor says which. */
  readonly stopSequence: string | null;
  /** The vendor's own word, and its explanation where it gives one. */
  readonly raw: string | null;
  readonly detail?: string;
}

/** Log probability of one token of the answer, in OpenAI's shape. */
export interface TokenLogprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[] | null;
  readonly top: readonly {
    readonly token: string;
    readonly logprob: number;
    readonly bytes: readonly number[] | null;
  }[];
}

export interface ReplyChoice {
  readonly index: number;
  /** In the order the model made them. */
  readonly parts: readonly AssistantPart[];
  readonly finish: Finish;
  readonly logprobs: readonly TokenLogprob[] | null;
}

/** A whole reply, read by an upstream's decoder. */
export interface ChatReply {
  /** The upstream's own id; null: it gave none. */
  readonly id: string | null;
  /** The upstream's own name of the model; null: it told none. */
  readonly model: string | null;
  /** Seconds since 1970; null: not told. */
  readonly createdAtS: number | null;
  readonly choices: readonly ReplyChoice[];
  readonly usage: Usage | null;
  /** As the reply states it, in OpenAI's words. */
  readonly serviceTier: string | null;
}

/** What a block of a stream is. Blocks are numbered through the whole stream and may overlap (parallel tool calls). */
export type BlockStart =
  | { readonly kind: "text" }
  | { readonly kind: "refusal" }
  | { readonly kind: "reasoning"; readonly redacted?: boolean }
  | {
      readonly kind: "tool-call";
      readonly id: string;
      readonly name: string;
      readonly custom?: boolean;
    }
  /** Media come whole. */
  | { readonly kind: "part"; readonly part: AssistantPart };

/**
 * One event of a stream, told by an upstream's decoder and told on by a front's encoder. The order is: `start` once;
 * then blocks (`block`, its deltas, `block-end`); `finish` once a choice; `usage` anywhere, the last one holds; `done`
 * once, when the stream is whole. `error` ends a stream instead of `done`. A decoder must close every block it opened
 * before it tells `finish` of that choice.
 */
export type ReplyEvent =
  | {
      readonly type: "start";
      readonly id: string | null;
      readonly model: string | null;
      readonly createdAtS: number | null;
    }
  | {
      readonly type: "block";
      readonly choice: number;
      readonly block: number;
      readonly start: BlockStart;
    }
  /** Text of a text, refusal or reasoning block, or a fragment of a tool call's arguments. Never empty. */
  | { readonly type: "delta"; readonly block: number; readonly text: string }
  /** What the upstream wants back with this block (a signature). */
  | { readonly type: "carried"; readonly block: number; readonly carried: Carried }
  | { readonly type: "citation"; readonly block: number; readonly citation: Citation }
  | { readonly type: "logprobs"; readonly choice: number; readonly tokens: readonly TokenLogprob[] }
  | { readonly type: "block-end"; readonly block: number }
  | { readonly type: "finish"; readonly choice: number; readonly finish: Finish }
  | { readonly type: "usage"; readonly usage: Usage; readonly serviceTier?: string }
  | { readonly type: "error"; readonly error: ReplyError }
  | { readonly type: "done" };

/** An error told by an upstream, in its own words. */
export interface ReplyError {
  readonly message: string;
  readonly type: string | null;
  readonly code: string | null;
  /** HTTP status that it stands for, where the words tell one. */
  readonly status: number | null;
  /** Seconds that the words (not a header) ask to wait. */
  readonly retryAfterS?: number;
}
