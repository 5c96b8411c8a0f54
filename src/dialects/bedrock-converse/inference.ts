/**
 * Limits, sampling and the wish for reasoning, each as the family at hand takes it.
 * Promise kept here: no model is sent a member that it refuses because of another one.
 */
import type { JsonObject } from "../../core/json-value.ts";
import type { Conversation, Effort, ReasoningWish } from "../../wire/conversation.ts";
import type { Turn } from "../turns.ts";
import { canRead } from "../carried.ts";
import type { ClaudeTraits, ModelTraits } from "./families.ts";

export interface InferencePlan {
  readonly inferenceConfig: JsonObject;
  /** For `additionalModelRequestFields`. */
  readonly fields: JsonObject;
  /** For `outputConfig.effort`; null: not said. */
  readonly effort: string | null;
}

/** What reasoning is sent, and what it does to the rest. */
interface ReasoningPlan {
  readonly fields: JsonObject;
  readonly effort: string | null;
  /** Temperature, top_p and top_k would be refused beside it. */
  readonly noSampling: boolean;
  /** A limit of output tokens would be refused beside it. */
  readonly noLimit: boolean;
  /** Tokens of the output limit that thinking takes. */
  readonly budget: number;
}

const plain: ReasoningPlan = {
  fields: {},
  effort: null,
  noSampling: false,
  noLimit: false,
  budget: 0,
};

/** The least that Claude takes. */
const leastBudget = 1024;

const budgets: Readonly<Record<Effort, number>> = {
  none: 0,
  minimal: 1024,
  low: 2048,
  medium: 8192,
  high: 16_384,
  xhigh: 24_576,
  max: 32_000,
};

/** An effort that is said, or what a budget amounts to. */
function effortOf(wish: ReasoningWish): Effort {
  if (wish.effort !== null) return wish.effort;
  const budget = wish.budgetTokens ?? -1;
  if (budget === 0) return "none";
  if (budget < 0) return "medium";
  if (budget <= budgets.low) return "low";
  return budget <= budgets.medium ? "medium" : "high";
}

function isOff(wish: ReasoningWish): boolean {
  return wish.effort === "none" || wish.budgetTokens === 0;
}

/** Three steps, which is what models other than Claude have. */
function threeSteps(effort: Effort): string {
  if (effort === "none" || effort === "minimal" || effort === "low") return "low";
  return effort === "medium" ? "medium" : "high";
}

function claudeEffort(effort: Effort, traits: ClaudeTraits): string {
  if (effort === "minimal") return "low";
  return effort === "xhigh" && !traits.takesHighestEfforts ? "high" : effort;
}

function display(wish: ReasoningWish): JsonObject {
  if (wish.show === false) return { display: "omitted" };
  return wish.show === true || wish.summary !== null ? { display: "summarized" } : {};
}

function withBudget(tokens: number): ReasoningPlan {
  const budget = Math.max(leastBudget, tokens);
  const fields = { thinking: { type: "enabled", budget_tokens: budget } };
  return { ...plain, fields, noSampling: true, budget };
}

function planAdaptive(wish: ReasoningWish, traits: ClaudeTraits): ReasoningPlan {
  if (isOff(wish))
    return traits.canStopThinking
      ? { ...plain, fields: { thinking: { type: "disabled" } } }
      : plain;
  const told = wish.budgetTokens ?? -1;
  if (told > 0 && traits.takesBudget && !wish.adaptive) return withBudget(told);
  const wished = wish.effort !== null || told > 0;
  return {
    ...plain,
    fields: { thinking: { type: "adaptive", ...display(wish) } },
    effort: wished ? claudeEffort(effortOf(wish), traits) : null,
    noSampling: true,
  };
}

/** A budget told by the caller is kept; one that stands for an effort gives way to the caller's limit. */
function planBudget(wish: ReasoningWish, limit: number | null): ReasoningPlan {
  if (isOff(wish)) return plain;
  const told = wish.budgetTokens ?? -1;
  if (told > 0) return withBudget(told);
  // An effort is not worth more than the caller's limit allows in all.
  if (limit !== null && limit <= leastBudget) return plain;
  const wished = budgets[effortOf(wish)];
  return withBudget(limit === null ? wished : Math.min(wished, Math.floor(limit / 2)));
}

/** Whether the turn that calls tools lacks the thoughts that this model would want to see again. */
function lacksThoughts(turns: readonly Turn[], model: string): boolean {
  const answered = turns.at(-1)?.role === "user" ? turns.at(-2) : turns.at(-1);
  if (answered?.role !== "assistant") return false;
  if (!answered.parts.some((part) => part.kind === "tool-call")) return false;
  return !answered.parts.some(
    (part) =>
      part.kind === "reasoning" &&
      part.carried !== undefined &&
      canRead(part.carried, "bedrock-converse", model),
  );
}

function planNova(wish: ReasoningWish): ReasoningPlan {
  if (isOff(wish)) return { ...plain, fields: { reasoningConfig: { type: "disabled" } } };
  const maxReasoningEffort = threeSteps(effortOf(wish));
  const fields = { reasoningConfig: { type: "enabled", maxReasoningEffort } };
  const highest = maxReasoningEffort === "high";
  return { ...plain, fields, noSampling: highest, noLimit: highest };
}

/** Facts of the call that reasoning depends on. */
export interface InferenceInput {
  readonly conversation: Conversation;
  readonly traits: ModelTraits;
  readonly turns: readonly Turn[];
  /** Name that is sent. */
  readonly model: string;
  /** Whether a tool call is forced. */
  readonly forced: boolean;
}

function planClaude(
  wish: ReasoningWish,
  claude: ClaudeTraits,
  input: InferenceInput,
): ReasoningPlan {
  if (claude.thinking === "none") return plain;
  if (claude.thinking === "adaptive") return planAdaptive(wish, claude);
  // Thinking with a budget forbids forced calls, and wants its own thoughts back before results.
  if (input.forced || lacksThoughts(input.turns, input.model)) return plain;
  return planBudget(wish, input.conversation.maxOutputTokens);
}

function planReasoning(input: InferenceInput): ReasoningPlan {
  const { traits } = input;
  const wish = input.conversation.reasoning;
  if (wish === null) return plain;
  if (traits.claude !== null) return planClaude(wish, traits.claude, input);
  const effort = effortOf(wish);
  if (traits.novaReasons) return planNova(wish);
  if (traits.family === "gpt-oss")
    return { ...plain, fields: { reasoning_effort: threeSteps(effort) } };
  if (traits.family === "openai") return { ...plain, fields: { reasoning: { effort } } };
  if (traits.family === "qwen" && !isOff(wish))
    return { ...plain, fields: { reasoning_config: threeSteps(effort) } };
  const told = wish.budgetTokens ?? 0;
  // A profile hides its model; only Claude is asked in tokens.
  return traits.family === "profile" && told > 0 ? withBudget(told) : plain;
}

function topKFields(topK: number, { family }: ModelTraits): JsonObject {
  if (family === "claude" || family === "mistral") return { top_k: topK };
  return family === "nova" ? { inferenceConfig: { topK } } : {};
}

function samplingOf(conversation: Conversation, traits: ModelTraits): JsonObject {
  const { temperature, topP } = conversation.sampling;
  // OpenAI's range ends at 2; every other vendor's here at 1.
  const highest = traits.family === "gpt-oss" ? 2 : 1;
  const both = traits.claude === null || traits.claude.takesBothSamplings;
  return {
    ...(temperature === undefined ? {} : { temperature: Math.min(temperature, highest) }),
    ...(topP === undefined || (temperature !== undefined && !both) ? {} : { topP }),
  };
}

function takesSampling(traits: ModelTraits, plan: ReasoningPlan): boolean {
  return !plan.noSampling && traits.claude?.takesSampling !== false && traits.family !== "openai";
}

/** Plans all of it together, as one bears on the other. */
export function planInference(input: InferenceInput): InferencePlan {
  const { conversation, traits } = input;
  const plan = planReasoning(input);
  const limit = conversation.maxOutputTokens;
  // The limit counts thoughts too: one below the budget would leave nothing for the answer.
  const raised = limit !== null && limit <= plan.budget ? limit + plan.budget : limit;
  const samples = takesSampling(traits, plan);
  const { topK, stop } = conversation.sampling;
  return {
    inferenceConfig: {
      ...(raised === null || plan.noLimit ? {} : { maxTokens: raised }),
      ...(samples ? samplingOf(conversation, traits) : {}),
      ...(stop === undefined || stop.length === 0 ? {} : { stopSequences: [...stop] }),
    },
    fields: {
      ...(topK === undefined || !samples ? {} : topKFields(topK, traits)),
      ...plan.fields,
    },
    effort: plan.effort,
  };
}
