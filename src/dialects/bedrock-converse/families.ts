/**
 * What the models behind Converse take: one API, but each family refuses members that another wants.
 * Read from the name sent, in which vendor and version stand whatever region or profile is before them.
 */

export type Family =
  | "claude"
  | "nova"
  | "mistral"
  | "gpt-oss"
  | "openai"
  | "qwen"
  /** An application inference profile: its name does not tell the model. */
  | "profile"
  | "other";

/** How a Claude thinks: not at all, with a budget of tokens, or as long as it sees fit. */
export type ClaudeThinking = "none" | "budget" | "adaptive";

export interface ClaudeTraits {
  readonly thinking: ClaudeThinking;
  /** Whether one that thinks as long as it sees fit takes a budget too. */
  readonly takesBudget: boolean;
  readonly canStopThinking: boolean;
  readonly takesSampling: boolean;
  /** Whether temperature and top_p may come together. */
  readonly takesBothSamplings: boolean;
  readonly takesForcedTools: boolean;
  readonly takesHighestEfforts: boolean;
}

export interface ModelTraits {
  readonly family: Family;
  /** Null: no Claude. */
  readonly claude: ClaudeTraits | null;
  /** Nova of the second generation, which reasons. */
  readonly novaReasons: boolean;
  /** Whether `outputConfig.textFormat` is taken. */
  readonly takesSchema: boolean;
  /** Whether cache points are taken, and among tools too. */
  readonly caches: boolean;
  readonly cachesTools: boolean;
  /** Whether `status: "error"` of a tool result is taken. */
  readonly takesResultStatus: boolean;
}

/** Name and version, in both orders that Anthropic has used: `claude-sonnet-4-5-…`, `claude-3-7-sonnet-…`. */
const newNames = /claude-(opus|sonnet|haiku|fable|mythos)-(\d{1,2})(?!\d)(?:-(\d{1,2})(?!\d))?/u;
const oldNames = /claude-(\d)(?:-(\d))?-(opus|sonnet|haiku)/u;

/** Above every version there is. */
const newest = 990;

/** Versions that Bedrock takes a schema for; it refuses one to all that came behind them. */
const schemaVersions = [41, 45, 46];

interface ClaudeName {
  readonly kind: string;
  /** 45 for 4.5. */
  readonly version: number;
}

function readClaudeName(model: string): ClaudeName {
  const fresh = newNames.exec(model);
  if (fresh !== null)
    return { kind: fresh[1] ?? "", version: Number(fresh[2]) * 10 + Number(fresh[3] ?? 0) };
  const old = oldNames.exec(model);
  if (old !== null)
    return { kind: old[3] ?? "", version: Number(old[1]) * 10 + Number(old[2] ?? 0) };
  // A name that is newer than this table is read as the newest; those before Claude 3 have no such words.
  return { kind: "", version: /claude-(?:v?2|instant)/u.test(model) ? 0 : newest };
}

function thinkingOf({ version }: ClaudeName): ClaudeThinking {
  if (version < 37) return "none";
  return version < 46 ? "budget" : "adaptive";
}

function claudeTraits(name: ClaudeName): ClaudeTraits {
  const { kind, version } = name;
  const fable = kind === "fable" || kind === "mythos";
  const alwaysThinks = version >= 55 && kind !== "haiku";
  return {
    thinking: thinkingOf(name),
    takesBudget: !fable && version < 55,
    canStopThinking: !fable && !alwaysThinks,
    takesSampling: version < 47,
    takesBothSamplings: version < 41,
    takesForcedTools: !alwaysThinks && !(fable && version > 50),
    takesHighestEfforts: version >= 47,
  };
}

/** Vendors and models whose structured output Bedrock has besides Claude's. */
const schemaModels =
  /qwen3|gpt-oss|openai\.|deepseek\.v3|gemma-3|minimax|magistral|ministral|mistral-large-3|voxtral|kimi|nemotron/u;

function familyOf(model: string): Family {
  if (model.includes("claude")) return "claude";
  if (model.includes("amazon.nova")) return "nova";
  if (model.includes("mistral.")) return "mistral";
  if (model.includes("gpt-oss")) return "gpt-oss";
  if (model.includes("openai.")) return "openai";
  if (model.includes("qwen.")) return "qwen";
  return model.includes("application-inference-profile/") ? "profile" : "other";
}

/** Traits of a model by the name that is sent. */
export function traitsOf(model: string): ModelTraits {
  const family = familyOf(model);
  const name = family === "claude" ? readClaudeName(model) : null;
  const likelyClaude = family === "claude" || family === "profile";
  return {
    family,
    claude: name === null ? null : claudeTraits(name),
    novaReasons: model.includes("amazon.nova-2"),
    takesSchema: name === null ? schemaModels.test(model) : schemaVersions.includes(name.version),
    caches: likelyClaude || family === "nova",
    cachesTools: likelyClaude,
    takesResultStatus: likelyClaude || family === "nova",
  };
}
