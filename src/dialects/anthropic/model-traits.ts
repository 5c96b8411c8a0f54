/**
 * What models want done their own way, told by their names: the one table of it for this dialect.
 * Promise kept here: a request is not refused for a member that this model does not take.
 */
import type { Effort } from "../../wire/conversation.ts";

export interface ModelTraits {
  /** Whether it is one of Anthropic's own; vendors that only speak the dialect are stricter here and laxer there. */
  readonly own: boolean;
  /** Output tokens at most. */
  readonly maxOutput: number;
  /** Tokens of input and output together. */
  readonly window: number;
  /** Whether temperature, top_p and top_k are taken. */
  readonly sampling: boolean;
  /** How thinking is wished for: not at all, by a budget, or adaptively. */
  readonly thinking: "none" | "budget" | "adaptive";
  /** Whether thinking can be switched off; `between-tools`: only but for a few words between calls. */
  readonly disable: "yes" | "no" | "between-tools";
  /** Words that `output_config.effort` may hold; empty: the member is not taken. */
  readonly efforts: readonly Effort[];
  /** Whether `output_config.format` and strict tools are taken. */
  readonly structured: boolean;
  /** Whether a conversation may end with the assistant's own words. */
  readonly prefill: boolean;
  /** Whether a tool can be forced. */
  readonly forcedTools: boolean;
  /** Whether messages of role `system` are taken. */
  readonly midSystem: boolean;
}

const allEfforts: readonly Effort[] = ["low", "medium", "high", "xhigh", "max"];

const oldest: ModelTraits = {
  own: true,
  maxOutput: 4096,
  window: 200_000,
  sampling: true,
  thinking: "none",
  disable: "yes",
  efforts: [],
  structured: false,
  prefill: true,
  forcedTools: true,
  midSystem: false,
};

const claude4: ModelTraits = { ...oldest, maxOutput: 64_000, thinking: "budget" };
const claude45: ModelTraits = { ...claude4, structured: true };

const claude46: ModelTraits = {
  ...claude45,
  maxOutput: 128_000,
  window: 1_000_000,
  thinking: "adaptive",
  efforts: ["low", "medium", "high", "max"],
  prefill: false,
};

const claude47: ModelTraits = { ...claude46, sampling: false, efforts: allEfforts };
const claude48: ModelTraits = { ...claude47, midSystem: true };
const alwaysThinking: ModelTraits = { ...claude48, disable: "no" };

/** The first that matches holds. Versions are written with `-` or `.`; dates and regions may stand around them. */
const rows: readonly (readonly [RegExp, ModelTraits])[] = [
  [/claude-sonnet-5[-.]5/u, { ...claude48, disable: "between-tools", forcedTools: false }],
  [/claude-opus-5[-.]5/u, { ...alwaysThinking, forcedTools: false }],
  [/claude-(?:fable|mythos)-5[-.]\d(?!\d)/u, { ...alwaysThinking, forcedTools: false }],
  [/claude-(?:fable|mythos)-5/u, alwaysThinking],
  [/claude-haiku-5|claude-opus-5|claude-opus-4[-.]8/u, claude48],
  [/claude-sonnet-5|claude-opus-4[-.]7/u, claude47],
  [/claude-(?:sonnet|opus)-4[-.]6/u, claude46],
  [/claude-opus-4[-.]5/u, { ...claude45, efforts: ["low", "medium", "high"] }],
  [/claude-(?:sonnet|haiku)-4[-.]5/u, claude45],
  [/claude-opus-4[-.]1(?!\d)/u, { ...claude45, maxOutput: 32_000 }],
  [/claude-opus-4|claude-4-opus/u, { ...claude4, maxOutput: 32_000 }],
  [/claude-sonnet-4|claude-4-sonnet|claude-3[-.]7/u, claude4],
  [/claude-3[-.]5/u, { ...oldest, maxOutput: 8192 }],
  [/claude-(?:3|2|v2|instant)/u, oldest],
  // One that is newer than this table: what the newest have in common.
  [/claude/u, alwaysThinking],
];

/** Models of others, through their endpoints of this dialect. */
const others: ModelTraits = {
  ...oldest,
  own: false,
  maxOutput: 32_000,
  window: Infinity,
  thinking: "budget",
};

/** What holds for a model, by the name that is sent (`us.anthropic.claude-…`, `claude-…@date`). */
export function traitsOf(model: string): ModelTraits {
  const name = model.toLowerCase();
  return rows.find(([pattern]) => pattern.test(name))?.[1] ?? others;
}
