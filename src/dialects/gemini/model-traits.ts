/** What Google's models differ in, told by their names; unknown names are taken for the newest kind. */
import type { Effort, ReasoningWish } from "../../wire/conversation.ts";
import type { JsonObject } from "../../core/json-value.ts";

export interface ModelTraits {
  /** How thinking is wished for: by tokens (2.5), by a level (3 and later), or not at all. */
  readonly thinking: "budget" | "level" | "none";
  /** Bounds of the budget; whether it may be 0. */
  readonly leastBudget: number;
  readonly mostBudget: number;
  readonly mayStop: boolean;
  /** Levels that the model knows, in rising order. */
  readonly levels: readonly string[];
  /** Refuses calls in the history that lack a signature. */
  readonly checksSignatures: boolean;
  /** Takes media inside a function's response. */
  readonly resultMedia: boolean;
}

const plain: ModelTraits = {
  thinking: "none",
  leastBudget: 0,
  mostBudget: 0,
  mayStop: true,
  levels: [],
  checksSignatures: false,
  resultMedia: false,
};

function budgetTraits(name: string): ModelTraits {
  const pro = name.includes("pro");
  const least = pro ? 128 : name.includes("lite") ? 512 : 1;
  return {
    ...plain,
    thinking: "budget",
    leastBudget: least,
    mostBudget: pro ? 32_768 : 24_576,
    mayStop: !pro,
  };
}

function levelTraits(name: string): ModelTraits {
  const pro = name.includes("pro");
  const firstPro = pro && /gemini-3-pro/.test(name);
  const levels = firstPro
    ? ["low", "high"]
    : pro
      ? ["low", "medium", "high"]
      : ["minimal", "low", "medium", "high"];
  return {
    ...plain,
    thinking: "level",
    leastBudget: pro ? 128 : 1,
    mostBudget: 32_768,
    mayStop: !pro,
    levels,
    checksSignatures: true,
    resultMedia: true,
  };
}

/** Traits of a model by the name that is sent. */
export function traitsOf(model: string): ModelTraits {
  const name = model.toLowerCase();
  const version = /gemini-(\d+)(?:[.-](\d+))?/.exec(name);
  if (version === null) return /gemini/.test(name) ? levelTraits(name) : plain;
  const major = Number(version[1]);
  const speaks = /tts|live|native-audio|embedding|robotics/.test(name);
  if (major >= 3)
    return name.includes("image") ? { ...levelTraits(name), thinking: "none" } : levelTraits(name);
  if (major === 2 && version[2] === "5" && !speaks && !name.includes("image"))
    return budgetTraits(name);
  return plain;
}

const budgets: Readonly<Record<Exclude<Effort, "none">, number>> = {
  minimal: 512,
  low: 1024,
  medium: 8192,
  high: 24_576,
  xhigh: 32_768,
  max: 32_768,
};

const strengths: Readonly<Record<Effort, number>> = {
  none: 0,
  minimal: 0,
  low: 1,
  medium: 2,
  high: 3,
  xhigh: 3,
  max: 3,
};

const allLevels = ["minimal", "low", "medium", "high"] as const;

/** The level nearest to an effort: itself, else the next stronger one that the model knows. */
function levelOf(effort: Effort, { levels }: ModelTraits): string | undefined {
  const stronger = allLevels.slice(strengths[effort]).find((level) => levels.includes(level));
  return stronger ?? levels.at(-1);
}

function fitted(tokens: number, traits: ModelTraits): number {
  if (tokens < 0) return -1;
  if (tokens === 0) return traits.mayStop ? 0 : traits.leastBudget;
  return Math.min(Math.max(tokens, traits.leastBudget), traits.mostBudget);
}

function budgetOf({ effort, budgetTokens, adaptive }: ReasoningWish): number | null {
  if (budgetTokens !== null) return budgetTokens;
  if (effort === null) return adaptive ? -1 : null;
  return effort === "none" ? 0 : budgets[effort];
}

function amount(wish: ReasoningWish, traits: ModelTraits): JsonObject {
  const said = wish.effort !== null && wish.effort !== "none" ? wish.effort : null;
  if (traits.thinking === "level" && (said !== null || wish.budgetTokens === null)) {
    const level = wish.effort === null ? undefined : levelOf(wish.effort, traits);
    return level === undefined ? {} : { thinkingLevel: level.toUpperCase() };
  }
  const tokens = budgetOf(wish);
  return tokens === null ? {} : { thinkingBudget: fitted(tokens, traits) };
}

/** `thinkingConfig` for a wish; undefined where there is nothing to say or the model does not think. */
export function encodeThinking(
  wish: ReasoningWish | null,
  traits: ModelTraits,
): JsonObject | undefined {
  if (wish === null || traits.thinking === "none") return undefined;
  const shown = wish.show ?? (wish.summary === null ? null : true);
  const config = {
    ...(shown === null || wish.effort === "none" ? {} : { includeThoughts: shown }),
    ...amount(wish, traits),
  };
  return Object.keys(config).length === 0 ? undefined : config;
}
