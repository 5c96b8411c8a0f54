/** Reads a caller's wish for reasoning, in OpenAI's words and in those of the vendors that clients write for. */
import type { JsonObject } from "../../core/json-value.ts";
import type { Effort, ReasoningWish } from "../../wire/conversation.ts";
import { refuse } from "../refuse.ts";
import {
  findBoolean,
  findNumber,
  findObject,
  findText,
  type Note,
  noteUnknown,
  pathTo,
} from "../request-members.ts";

const efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;

/** A wish while it is put together; null: not said. */
interface Draft {
  effort: Effort | null;
  budgetTokens: number | null;
  /** Whether reasoning is switched on or off, without saying how much. */
  on: boolean | null;
  show: boolean | null;
  summary: string | null;
}

/** Null for Groq's `default`. */
function readEffort(object: JsonObject, name: string, path: string, note: Note): Effort | null {
  const word = findText(object, name, path);
  if (word === undefined || word === "default") return null;
  const field = pathTo(path, name);
  const effort = efforts.find((known) => known === word);
  if (effort === undefined) throw refuse(field, `must be one of ${efforts.join(", ")}`);
  note("reasoning-effort", field);
  return effort;
}

/** Tokens to think with. A zero switches reasoning off. */
function takeBudget(draft: Draft, object: JsonObject, path: readonly [string, string], note: Note) {
  const [outer, name] = path;
  const budget = findNumber(object, name, { from: -1, to: Infinity, whole: true }, outer);
  if (budget === undefined) return;
  note("reasoning-budget", pathTo(outer, name));
  if (budget === 0) draft.on = false;
  else draft.budgetTokens ??= budget;
}

/** OpenRouter's `reasoning: {effort, max_tokens, exclude, enabled}`, and the Responses' `summary` within. */
function takeReasoning(draft: Draft, body: JsonObject, note: Note): void {
  const reasoning = findObject(body, "reasoning", "");
  if (reasoning === undefined) return;
  draft.effort ??= readEffort(reasoning, "effort", "reasoning", note);
  takeBudget(draft, reasoning, ["reasoning", "max_tokens"], note);
  draft.on ??= findBoolean(reasoning, "enabled", "reasoning") ?? null;
  const exclude = findBoolean(reasoning, "exclude", "reasoning");
  if (exclude !== undefined) {
    note("reasoning-summary", "reasoning.exclude");
    draft.show = !exclude;
  }
  draft.summary = findText(reasoning, "summary", "reasoning") ?? null;
  if (draft.summary !== null) note("reasoning-summary", "reasoning.summary");
  const known = ["effort", "max_tokens", "enabled", "exclude", "summary"];
  noteUnknown(reasoning, known, "reasoning", note);
}

/** `thinking: {type, budget_tokens}` (Anthropic's, DeepSeek's, Zhipu's, Moonshot's, Volcano's). */
function takeThinking(draft: Draft, body: JsonObject, note: Note): void {
  const thinking = findObject(body, "thinking", "");
  if (thinking === undefined) return;
  const type = findText(thinking, "type", "thinking");
  if (type !== undefined) {
    note("reasoning-effort", "thinking.type");
    draft.on ??= type !== "disabled";
  }
  takeBudget(draft, thinking, ["thinking", "budget_tokens"], note);
  noteUnknown(thinking, ["type", "budget_tokens"], "thinking", note);
}

/** Qwen's and SiliconFlow's `enable_thinking` and `thinking_budget`; vLLM's the same within `chat_template_kwargs`. */
function takeSwitches(draft: Draft, body: JsonObject, note: Note): void {
  const enabled = findBoolean(body, "enable_thinking", "");
  if (enabled !== undefined) {
    note("reasoning-effort", "enable_thinking");
    draft.on ??= enabled;
  }
  takeBudget(draft, body, ["", "thinking_budget"], note);
  const template = findObject(body, "chat_template_kwargs", "");
  if (template === undefined) return;
  for (const name of ["enable_thinking", "thinking"]) {
    const value = template[name];
    if (typeof value !== "boolean") continue;
    note("reasoning-effort", `chat_template_kwargs.${name}`);
    draft.on ??= value;
  }
  noteUnknown(template, ["enable_thinking", "thinking"], "chat_template_kwargs", note);
}

/** OpenRouter's `include_reasoning` and Groq's `reasoning_format`. */
function takeShow(draft: Draft, body: JsonObject, note: Note): void {
  const included = findBoolean(body, "include_reasoning", "");
  const format = findText(body, "reasoning_format", "");
  if (included !== undefined) note("reasoning-summary", "include_reasoning");
  if (format !== undefined) note("reasoning-summary", "reasoning_format");
  draft.show ??= included ?? (format === undefined ? null : format !== "hidden");
}

/** Null where the caller wishes nothing. Of two members that say the same the more exact one counts. */
export function decodeReasoningWish(body: JsonObject, note: Note): ReasoningWish | null {
  const draft: Draft = { effort: null, budgetTokens: null, on: null, show: null, summary: null };
  draft.effort = readEffort(body, "reasoning_effort", "", note);
  takeReasoning(draft, body, note);
  takeThinking(draft, body, note);
  takeSwitches(draft, body, note);
  takeShow(draft, body, note);
  const { budgetTokens, on, show, summary } = draft;
  const effort = draft.effort ?? (on === false ? "none" : null);
  const adaptive = on === true && effort === null && budgetTokens === null;
  const saysNothing = effort === null && budgetTokens === null && show === null && summary === null;
  if (saysNothing && !adaptive) return null;
  return { effort, budgetTokens, adaptive, show, summary };
}
