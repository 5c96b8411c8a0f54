/** Names of what single vendors do their own way within a dialect; each is one function beside the dialect's encoder. */
export type QuirkId =
  /** Takes `max_tokens`, not `max_completion_tokens`. */
  | "max-tokens"
  /** Knows no role `developer`. */
  | "no-developer-role"
  /** Tool call ids of exactly nine letters or digits (Mistral). */
  | "nine-character-ids"
  /** Content of messages is a string: parts of text are joined (no images, then). */
  | "string-content"
  /** A user may not speak right behind the results of tools: an assistant's word must stand between (Mistral). */
  | "no-user-after-tool"
  /** An answer that the caller has begun bears `prefix: true` (Mistral). */
  | "prefix-member"
  /** An answer that the caller has begun bears `partial: true` (Kimi). */
  | "partial-member"
  /** Takes wishes to cache as `cache_control` on parts and tools (OpenRouter, DashScope, LiteLLM). */
  | "cache-control"
  /** Refuses `strict` in tools. */
  | "no-strict"
  /** Refuses `parallel_tool_calls`. */
  | "no-parallel-member"
  /** The seed is `random_seed` (Mistral). */
  | "random-seed"
  /** `tool_choice` has `any` in place of `required` (Mistral). */
  | "tool-choice-any"
  /** Knows only `json_object`: a schema is told in the instructions. */
  | "no-json-schema"
  /** Assistant turns must bring back `reasoning_content`, if empty (DeepSeek; Kimi those with calls). */
  | "replay-reasoning"
  /** Assistant turns may bring back their thoughts as `reasoning` (Cerebras, Ollama, Groq's gpt-oss). */
  | "replay-as-reasoning"
  /** Beside `thinking`, `reasoning_effort` is taken, and knows `low`, `high` and `max` (DeepSeek). */
  | "effort-beside-thinking"
  /** Reasoning is wished for by `thinking: {type}` (DeepSeek, Zhipu, Moonshot, Volcengine). */
  | "thinking-member"
  /** Reasoning is wished for by `enable_thinking` and `thinking_budget` (Qwen, SiliconFlow). */
  | "enable-thinking"
  /** Reasoning is wished for by `reasoning: {effort, max_tokens}` (OpenRouter). */
  | "reasoning-object"
  /** Takes no wish for reasoning at all. */
  | "no-reasoning-wish"
  /** Sampling is fixed: temperature, top_p, n and penalties are refused (Kimi thinking models). */
  | "fixed-sampling"
  /** Thoughts come in separate members only when asked by `reasoning_split` (MiniMax). */
  | "reasoning-split"
  /** Thoughts come inline as `<think>…</think>`. */
  | "inline-thoughts"
  /** Refuses members it does not know: `user`, `metadata`, `store`, `service_tier`, `prompt_cache_key`, `verbosity`. */
  | "known-members-only"
  /** Reasoning tokens are not part of `completion_tokens` (xAI chat). */
  | "reasoning-outside-output"
  /** Fetches no media: what stands at a web address is sent inline (Claude on Bedrock and Vertex). */
  | "inline-media"
  /** Serves Anthropic's models without messages of role `system` (Vertex, Foundry). */
  | "no-midway-system";
