/** Names of what a request may ask that not every dialect has. dialects/fidelity.ts says what becomes of each. */

export type FeatureId =
  // sampling
  | "temperature"
  | "top-p"
  | "top-k"
  | "stop-sequences"
  | "multiple-choices"
  | "seed"
  | "penalties"
  | "logit-bias"
  | "logprobs"
  | "prediction"
  // content
  | "image-url"
  | "image-detail"
  | "document-input"
  | "document-url"
  | "audio-input"
  | "video-input"
  | "file-id"
  | "message-name"
  | "system-in-conversation"
  | "citations-asked"
  | "foreign-content"
  // tools
  | "custom-tools"
  | "custom-tool-grammar"
  | "allowed-tools"
  | "no-parallel-tool-calls"
  | "strict-tools"
  | "tool-result-media"
  | "tool-result-error"
  | "web-search"
  | "server-tools"
  /** The vendor's own tools, offered beside the caller's: an answer can be given without. */
  | "offered-server-tools"
  /** Items of the history that only say that such a tool was at work. */
  | "server-tool-trace"
  // output
  | "response-json"
  | "response-schema"
  | "audio-output"
  | "image-output"
  | "verbosity"
  // reasoning
  | "reasoning-effort"
  | "reasoning-budget"
  | "reasoning-summary"
  | "reasoning-history"
  // account and state
  | "end-user"
  | "metadata"
  | "service-tier"
  | "cache-mark"
  | "cache-key"
  | "cached-content"
  | "store"
  | "background"
  | "previous-response"
  | "conversation-object"
  | "prompt-template"
  | "item-reference"
  | "truncation"
  | "context-management"
  | "container"
  | "safety-settings"
  | "include"
  | "unknown-member";

/** One use of a feature by a request. */
export interface FeatureUse {
  readonly feature: FeatureId;
  /** The caller's own name of the field, as a path: `messages[2].content[0].image_url.detail`. */
  readonly field: string;
}
