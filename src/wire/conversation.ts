/**
 * A conversational request in our own shape: what chat completions, Responses, Messages and generateContent have in
 * common, and a place for what only some of them have. Used only between two different dialects: a body whose dialect
 * the upstream speaks is never turned into this.
 */
import type { FeatureUse } from "./feature.ts";
import type { JsonObject } from "../core/json-value.ts";

/**
 * Something opaque that an upstream gave and wants back (a reasoning signature, encrypted reasoning).
 * `issuer` is the dialect that made it and, where known, `/` and the model: nobody else can read it.
 */
export interface Carried {
  readonly issuer: string;
  readonly data: string;
}

/** A wish that the prompt be cached up to here; the lifetime in the words of its vendor (`5m`, `1h`, `30m`). */
export interface CacheMark {
  readonly ttl: string | null;
}

/** Where media come from. `data` is base64. */
export type MediaSource =
  | { readonly kind: "data"; readonly mediaType: string; readonly data: string }
  | { readonly kind: "url"; readonly url: string; readonly mediaType: string | null }
  | { readonly kind: "file"; readonly fileId: string; readonly mediaType: string | null }
  /** A document given as plain text. */
  | { readonly kind: "text"; readonly text: string };

export interface TextPart {
  readonly kind: "text";
  readonly text: string;
  readonly cache?: CacheMark;
  /** Of an assistant's text. */
  readonly citations?: readonly Citation[];
  /** A signature on a text part (Gemini). */
  readonly carried?: Carried;
}

export interface MediaPart {
  readonly kind: "media";
  readonly medium: "image" | "audio" | "video" | "document";
  readonly source: MediaSource;
  readonly cache?: CacheMark;
  /** Of images: `auto`, `low`, `high`, `original`. */
  readonly detail?: string;
  /** Of documents. */
  readonly title?: string;
  readonly context?: string;
  readonly citationsAsked?: boolean;
  readonly carried?: Carried;
}

/** Thoughts of the model. */
export interface ReasoningPart {
  readonly kind: "reasoning";
  /** Empty where only the opaque part is known. */
  readonly text: string;
  readonly carried?: Carried;
  /** The vendor keeps the text to itself (Anthropic's redacted_thinking). */
  readonly redacted?: boolean;
}

export interface ToolCallPart {
  readonly kind: "tool-call";
  /** As the dialect at hand names it; never empty (minted where the upstream has none). */
  readonly id: string;
  readonly name: string;
  /** The arguments' JSON text; free text for custom tools. `{}` for none; may be cut off by an output limit. */
  readonly arguments: string;
  /** Free-form input (OpenAI's custom tools). */
  readonly custom?: boolean;
  readonly carried?: Carried;
  readonly cache?: CacheMark;
}

export interface ToolResultPart {
  readonly kind: "tool-result";
  readonly callId: string;
  /** The tool's name, where the dialect says it or the history tells it. */
  readonly name: string | null;
  readonly content: readonly (TextPart | MediaPart)[];
  readonly isError: boolean;
  readonly custom?: boolean;
  readonly cache?: CacheMark;
}

export interface RefusalPart {
  readonly kind: "refusal";
  readonly text: string;
}

/** What only one dialect knows (a server tool's call and result). Encoders of other dialects leave it out. */
export interface ForeignPart {
  readonly kind: "foreign";
  readonly dialect: string;
  readonly value: JsonObject;
}

export type UserPart = TextPart | MediaPart | ForeignPart;
export type AssistantPart =
  | TextPart
  | MediaPart
  | ReasoningPart
  | ToolCallPart
  | RefusalPart
  | ForeignPart;

export type Message =
  | { readonly role: "system"; readonly parts: readonly TextPart[]; readonly name?: string }
  | { readonly role: "user"; readonly parts: readonly UserPart[]; readonly name?: string }
  | { readonly role: "assistant"; readonly parts: readonly AssistantPart[]; readonly name?: string }
  /** Results of tool calls; one message may hold several. */
  | { readonly role: "tool"; readonly parts: readonly ToolResultPart[] };

/** A function the model may call; or a free-form tool where `custom` is set. */
export interface Tool {
  readonly name: string;
  readonly description: string | null;
  /** JSON Schema (draft 2020-12); null: the tool takes no arguments. */
  readonly parameters: JsonObject | null;
  readonly strict: boolean | null;
  readonly cache?: CacheMark;
  /** OpenAI's custom tool: its `format`, null for plain text. */
  readonly custom?: { readonly format: JsonObject | null };
}

export type ToolChoice =
  | { readonly kind: "auto" }
  | { readonly kind: "none" }
  /** Some tool must be called. */
  | { readonly kind: "required" }
  /** This tool must be called. */
  | { readonly kind: "named"; readonly name: string }
  /** Only these may be called; `required`: one must. */
  | { readonly kind: "allowed"; readonly names: readonly string[]; readonly required: boolean };

export type Effort = "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | "max";

export interface ReasoningWish {
  /** `none`: no reasoning. Null: not said. */
  readonly effort: Effort | null;
  /** Tokens to think with; -1: the model decides (Gemini's dynamic); null: not said. */
  readonly budgetTokens: number | null;
  /** The model decides how long to think (Anthropic's adaptive). */
  readonly adaptive: boolean;
  /** Whether thoughts (or a summary of them) are to be shown; null: not said. */
  readonly show: boolean | null;
  /** OpenAI's `auto`, `concise`, `detailed`. */
  readonly summary: string | null;
}

export type ResponseFormat =
  | { readonly kind: "text" }
  | { readonly kind: "json" }
  | {
      readonly kind: "schema";
      readonly name: string | null;
      readonly description: string | null;
      readonly schema: JsonObject;
      readonly strict: boolean | null;
    };

export interface Sampling {
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly seed?: number;
  readonly presencePenalty?: number;
  readonly frequencyPenalty?: number;
  readonly stop?: readonly string[];
  /** Number of answers; 1 where left out. */
  readonly choices?: number;
  readonly logitBias?: JsonObject;
  /** Log probabilities asked for; the number of alternatives per token (0: only the chosen ones'). */
  readonly topLogprobs?: number;
}

/** A request, read by a front's decoder. Everything not said by the caller is left out or null. */
export interface Conversation {
  /** Name the caller asked for; encoders send the target's. */
  readonly model: string;
  readonly stream: boolean;
  /** Instructions before the first turn. Later ones are messages of role `system`. */
  readonly system: readonly TextPart[];
  readonly messages: readonly Message[];
  readonly tools: readonly Tool[];
  readonly toolChoice: ToolChoice | null;
  /** False: at most one call a turn. */
  readonly parallelToolCalls: boolean | null;
  readonly sampling: Sampling;
  /** Output tokens at most. */
  readonly maxOutputTokens: number | null;
  readonly reasoning: ReasoningWish | null;
  readonly responseFormat: ResponseFormat | null;
  /** `low`, `medium`, `high`. */
  readonly verbosity: string | null;
  /** In OpenAI's words (`auto`, `default`, `flex`, `priority`, …), which decoders and encoders map. */
  readonly serviceTier: string | null;
  /** The caller's own name for its end user. */
  readonly endUser: string | null;
  readonly metadata: JsonObject | null;
  /** A key by which the vendor may find a warm cache. */
  readonly cacheKey: string | null;
  /** Kinds of output wanted beside text (`audio`, `image`); empty: text. */
  readonly modalities: readonly string[];
  /** Voice and format of spoken output, in OpenAI's words. */
  readonly audio: { readonly voice: string; readonly format: string } | null;
  /** Text that the answer will mostly repeat (OpenAI's `prediction`), in OpenAI's words. */
  readonly prediction?: JsonObject;
  /**
   * All features used that not every dialect has, each with the caller's own name of the field. The gateway judges
   * them against the target before the encoder runs (dialects/fidelity.ts); encoders need not look here.
   */
  readonly uses: readonly FeatureUse[];
}

/** A source of a statement. Offsets count UTF-16 code units of the text part. */
export interface Citation {
  readonly url: string | null;
  readonly title: string | null;
  readonly citedText: string | null;
  readonly start: number | null;
  readonly end: number | null;
  /** In the words of the vendor that gave it, for its own dialect. */
  readonly raw?: { readonly dialect: string; readonly value: JsonObject };
}
