/** Reads a caller's Responses request into a conversation. */
import type { Json, JsonObject } from "../../core/json-value.ts";
import type {
  Conversation,
  ReasoningWish,
  ResponseFormat,
  Sampling,
  TextPart,
} from "../../wire/conversation.ts";
import type { FeatureId } from "../../wire/feature.ts";
import type { DecodeContext } from "../codec.ts";
import { refuse } from "../refuse.ts";
import { type Note, makeNotes } from "./decode-content.ts";
import { decodeItems } from "./decode-items.ts";
import { decodeToolChoice, decodeTools } from "./decode-tools.ts";
import {
  asObject,
  optionalArray,
  optionalBoolean,
  optionalNumber,
  optionalObject,
  optionalString,
  optionalWord,
  requiredString,
} from "./fields.ts";

const efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;
const summaries = ["auto", "concise", "detailed"] as const;
const verbosities = ["low", "medium", "high"] as const;

/** Members that carry meaning but are nothing to translate. */
const silent: readonly string[] = [
  "model",
  "stream",
  "stream_options",
  "input",
  "instructions",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "temperature",
  "top_p",
  "top_logprobs",
  "max_output_tokens",
  "reasoning",
  "text",
  "include",
  "truncation",
  "service_tier",
  "user",
  "safety_identifier",
  "metadata",
  "prompt_cache_key",
];

/** Members whose mere presence is a feature. */
const presence: Readonly<Record<string, FeatureId>> = {
  previous_response_id: "previous-response",
  conversation: "conversation-object",
  prompt: "prompt-template",
  context_management: "context-management",
};

function noteMembers(body: JsonObject, note: Note): void {
  if (optionalBoolean(body, "background") === true) note("background", "background");
  if (optionalBoolean(body, "store") === true) note("store", "store");
  if (optionalWord(body, "truncation", ["auto", "disabled"]) === "auto")
    note("truncation", "truncation");
  for (const [name, value] of Object.entries(body)) {
    if (value === null || silent.includes(name) || name === "store" || name === "background")
      continue;
    note(
      Object.hasOwn(presence, name) ? (presence[name] ?? "unknown-member") : "unknown-member",
      name,
    );
  }
}

/** Whether log probabilities are asked for by `include`; other wishes are noted. */
function decodeInclude(body: JsonObject, note: Note): boolean {
  const wishes = optionalArray(body, "include") ?? [];
  for (const [index, wish] of wishes.entries()) {
    if (typeof wish !== "string") throw refuse(`include[${index}]`, "must be a string");
    if (wish !== "reasoning.encrypted_content" && wish !== "message.output_text.logprobs")
      note("include", `include[${index}]`);
  }
  return wishes.includes("message.output_text.logprobs");
}

function decodeSampling(body: JsonObject, note: Note): Sampling {
  const temperature = optionalNumber(body, "temperature", { least: 0, most: 2 });
  const topP = optionalNumber(body, "top_p", { least: 0, most: 1 });
  const top = optionalNumber(body, "top_logprobs", { least: 0, most: 20, whole: true });
  const asked = decodeInclude(body, note);
  if (temperature !== null) note("temperature", "temperature");
  if (topP !== null) note("top-p", "top_p");
  const wanted = asked || (top !== null && top > 0);
  if (wanted) note("logprobs", top === null ? "include" : "top_logprobs");
  return {
    ...(temperature === null ? {} : { temperature }),
    ...(topP === null ? {} : { topP }),
    ...(wanted ? { topLogprobs: top ?? 0 } : {}),
  };
}

function decodeReasoning(body: JsonObject, note: Note): ReasoningWish | null {
  const wish = optionalObject(body, "reasoning");
  if (wish === null) return null;
  const effort = optionalWord(wish, "effort", efforts, "reasoning");
  const summary =
    optionalWord(wish, "summary", summaries, "reasoning") ??
    optionalWord(wish, "generate_summary", summaries, "reasoning");
  if (effort !== null) note("reasoning-effort", "reasoning.effort");
  if (summary !== null) note("reasoning-summary", "reasoning.summary");
  for (const name of ["context", "mode"])
    if ((wish[name] ?? null) !== null) note("unknown-member", `reasoning.${name}`);
  if (effort === null && summary === null) return null;
  const show = summary === null ? null : true;
  return { effort, budgetTokens: null, adaptive: false, show, summary };
}

function decodeFormat(format: JsonObject, note: Note): ResponseFormat {
  const path = "text.format";
  const type = optionalWord(format, "type", ["text", "json_object", "json_schema"], path);
  if (type === "json_object") {
    note("response-json", path);
    return { kind: "json" };
  }
  if (type !== "json_schema") return { kind: "text" };
  note("response-schema", path);
  return {
    kind: "schema",
    name: requiredString(format, "name", path),
    description: optionalString(format, "description", path),
    schema: asObject(format["schema"], `${path}.schema`),
    strict: optionalBoolean(format, "strict", path),
  };
}

function decodeText(
  body: JsonObject,
  note: Note,
): Pick<Conversation, "responseFormat" | "verbosity"> {
  const text = optionalObject(body, "text") ?? {};
  const format = optionalObject(text, "format", "text");
  const verbosity = optionalWord(text, "verbosity", verbosities, "text");
  if (verbosity !== null) note("verbosity", "text.verbosity");
  return { responseFormat: format === null ? null : decodeFormat(format, note), verbosity };
}

function decodeAccount(
  body: JsonObject,
  note: Note,
): Pick<Conversation, "serviceTier" | "endUser" | "metadata" | "cacheKey"> {
  const user = optionalString(body, "user");
  const endUser = user ?? optionalString(body, "safety_identifier");
  const serviceTier = optionalString(body, "service_tier");
  const metadata = optionalObject(body, "metadata");
  const cacheKey = optionalString(body, "prompt_cache_key");
  if (endUser !== null) note("end-user", user === null ? "safety_identifier" : "user");
  if (serviceTier !== null && serviceTier !== "auto") note("service-tier", "service_tier");
  if (metadata !== null && Object.keys(metadata).length > 0) note("metadata", "metadata");
  if (cacheKey !== null) note("cache-key", "prompt_cache_key");
  return { serviceTier, endUser, metadata, cacheKey };
}

/** Members that stand for an input which is elsewhere. */
const inputElsewhere = ["previous_response_id", "conversation", "prompt"];

function inputOf(body: JsonObject): Json {
  const input = body["input"] ?? null;
  const empty = input === null || (Array.isArray(input) && input.length === 0);
  if (!empty) return input;
  if (inputElsewhere.some((name) => (body[name] ?? null) !== null)) return [];
  throw refuse("input", "is missing; give a string or an array of items");
}

/** Throws `invalid_request` naming the field and the mend. */
export function decodeRequest(body: JsonObject, context: DecodeContext): Conversation {
  const { uses, note } = makeNotes();
  const instructions = optionalString(body, "instructions");
  const own: TextPart[] =
    instructions === null || instructions === "" ? [] : [{ kind: "text", text: instructions }];
  const { system, messages } = decodeItems(inputOf(body), note);
  const tools = decodeTools(body, note);
  const parallelToolCalls = optionalBoolean(body, "parallel_tool_calls");
  if (parallelToolCalls === false && tools.length > 0)
    note("no-parallel-tool-calls", "parallel_tool_calls");
  noteMembers(body, note);
  return {
    model: context.model,
    stream: context.stream,
    system: [...own, ...system],
    messages,
    tools,
    toolChoice: decodeToolChoice(body["tool_choice"], tools, note),
    parallelToolCalls,
    sampling: decodeSampling(body, note),
    maxOutputTokens: optionalNumber(body, "max_output_tokens", {
      least: 1,
      most: Number.MAX_SAFE_INTEGER,
      whole: true,
    }),
    reasoning: decodeReasoning(body, note),
    ...decodeText(body, note),
    ...decodeAccount(body, note),
    modalities: [],
    audio: null,
    uses,
  };
}
