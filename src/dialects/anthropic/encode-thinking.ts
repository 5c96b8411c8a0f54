/**
 * Writes the wish for thinking with all that hangs on it: effort, output limit, sampling.
 * Promise kept here: the members that are sent agree with each other and with the model.
 */
import type { Json, JsonObject } from "../../core/json-value.ts";
import type { Conversation, Effort, ReasoningWish, Sampling } from "../../wire/conversation.ts";
import type { ModelTraits } from "./model-traits.ts";

/** The least budget that is taken. */
const minBudget = 1024;

const budgets: Readonly<Record<Exclude<Effort, "none">, number>> = {
  minimal: 1024,
  low: 2048,
  medium: 8192,
  high: 16_384,
  xhigh: 24_576,
  max: 32_000,
};

/** What of a request bears on thinking. */
export interface ThinkingCase {
  readonly traits: ModelTraits;
  /** Whether a call is forced: thinking by budget does not go with it. */
  readonly forced: boolean;
  /** Whether the history, as it will be sent, may go on with thinking by budget. */
  readonly historyFits: boolean;
  /** Rough count of input tokens, for the output limit of models with small windows. */
  readonly inputTokens: number;
}

interface LimitedCase extends ThinkingCase {
  /** The caller's limit, which counts thoughts too; null: none. */
  readonly limit: number | null;
}

export interface ThinkingPlan {
  readonly maxTokens: number;
  readonly thinking: JsonObject | undefined;
  readonly effort: Effort | undefined;
  readonly sampling: Readonly<Record<string, Json>>;
}

function effortOfBudget(budget: number): Effort {
  if (budget <= budgets.low) return "low";
  if (budget <= budgets.medium) return "medium";
  return budget <= budgets.high ? "high" : "max";
}

/** The nearest effort that the model knows, never above what was asked. */
function fitEffort(effort: Effort, efforts: readonly Effort[]): Effort | undefined {
  if (efforts.includes(effort)) return effort;
  const [first] = efforts;
  if (effort === "none" || effort === "minimal" || first === undefined) return first;
  return effort === "xhigh" || effort === "max"
    ? efforts.findLast((word) => word === "high")
    : first;
}

function display(wish: ReasoningWish): Record<string, Json> {
  return { display: wish.show === false ? "omitted" : "summarized" };
}

interface Wished {
  readonly thinking: JsonObject | undefined;
  readonly effort: Effort | undefined;
  readonly budget: number;
}

const nothing: Wished = { thinking: undefined, effort: undefined, budget: 0 };

function withoutThinking(traits: ModelTraits): Wished {
  if (traits.disable === "between-tools")
    return { ...nothing, thinking: { type: "between_tools" } };
  if (traits.disable === "no") return { ...nothing, effort: fitEffort("low", traits.efforts) };
  // Models that think only when asked to need not be told, and the oldest do not know the word.
  const silent = traits.own && traits.thinking !== "adaptive";
  return silent ? nothing : { ...nothing, thinking: { type: "disabled" } };
}

function adaptively(wish: ReasoningWish, traits: ModelTraits): Wished {
  const { effort, budgetTokens } = wish;
  const asked =
    effort ?? (budgetTokens === null || budgetTokens < 0 ? null : effortOfBudget(budgetTokens));
  return {
    thinking: { type: "adaptive", ...display(wish) },
    effort: asked === null ? undefined : fitEffort(asked, traits.efforts),
    budget: 0,
  };
}

/** A budget that the caller told is kept; one that stands for an effort gives way to the limit: 0, no thinking. */
function budgetFor(wish: ReasoningWish, { limit, traits }: LimitedCase): number {
  const { effort, budgetTokens } = wish;
  const most = traits.maxOutput - minBudget;
  if (budgetTokens !== null && budgetTokens > 0)
    return Math.min(Math.max(budgetTokens, minBudget), most);
  const asked = budgets[effort === null || effort === "none" ? "medium" : effort];
  if (limit === null) return Math.min(asked, most);
  return limit <= minBudget ? 0 : Math.min(asked, most, Math.max(minBudget, Math.floor(limit / 2)));
}

function byBudget(wish: ReasoningWish, facts: LimitedCase): Wished {
  const { traits } = facts;
  const { effort } = wish;
  const told = effort === null ? undefined : fitEffort(effort, traits.efforts);
  const budget = budgetFor(wish, facts);
  const unfit = traits.own && (facts.forced || !facts.historyFits);
  if (unfit || budget === 0) return { ...nothing, effort: told };
  return { thinking: { type: "enabled", budget_tokens: budget }, effort: told, budget };
}

function planWish(wish: ReasoningWish | null, facts: LimitedCase): Wished {
  const { traits } = facts;
  if (wish === null) return nothing;
  if (wish.effort === "none" || wish.budgetTokens === 0) return withoutThinking(traits);
  if (traits.thinking === "none") return nothing;
  return traits.thinking === "adaptive" ? adaptively(wish, traits) : byBudget(wish, facts);
}

/** The caller's limit, made room in for the budget; where the caller has none, all that fits. */
function outputLimit(asked: number | null, budget: number, facts: ThinkingCase): number {
  const { maxOutput, window } = facts.traits;
  if (asked === null) {
    const room = window - facts.inputTokens;
    return Math.max(Math.min(maxOutput, room), budget + minBudget);
  }
  const limit = facts.traits.own ? Math.min(asked, maxOutput) : asked;
  return budget === 0 || limit > budget ? limit : Math.min(limit + budget, maxOutput);
}

/** Temperature ends at 1; beside thinking there is none; of temperature and top_p older models take but one. */
function encodeSampling(sampling: Sampling, thinks: boolean, traits: ModelTraits) {
  const { temperature, topP, topK } = sampling;
  if (!traits.sampling || (thinks && traits.own)) return {};
  const both = temperature !== undefined && topP !== undefined && traits.own;
  return {
    ...(temperature === undefined ? {} : { temperature: Math.min(Math.max(temperature, 0), 1) }),
    ...(topP === undefined || both ? {} : { top_p: topP }),
    ...(topK === undefined ? {} : { top_k: topK }),
  };
}

export function planThinking(conversation: Conversation, facts: ThinkingCase): ThinkingPlan {
  const limit = conversation.maxOutputTokens;
  const { thinking, effort, budget } = planWish(conversation.reasoning, { ...facts, limit });
  const maxTokens = outputLimit(limit, budget, facts);
  const fits = budget < maxTokens;
  const sent = thinking !== undefined && budget > 0 && !fits ? undefined : thinking;
  const thinks = sent !== undefined && sent["type"] !== "disabled";
  return {
    maxTokens,
    thinking: sent,
    effort,
    sampling: encodeSampling(conversation.sampling, thinks, facts.traits),
  };
}
