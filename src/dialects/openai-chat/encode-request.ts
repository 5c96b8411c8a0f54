/**
 * Writes a conversation as a chat completions body. Promise kept here: the same conversation gives the same bytes,
 * members always in the order below (else vendors' prompt caches miss).
 */
import { createHash } from "node:crypto";
import type { JsonObject } from "../../core/json-value.ts";
import type { Conversation, ResponseFormat, Tool, ToolChoice } from "../../wire/conversation.ts";
import { fitToolCallId } from "../call-ids.ts";
import type { EncodeTarget } from "../codec.ts";
import { objectsOf } from "../loose-fields.ts";
import { type Encoding, writeCache } from "./encode-content.ts";
import { writeMessages } from "./encode-messages.ts";
import { type ModelTraits, findTraits, sentEffort, takesSampling } from "./model-traits.ts";
import { applyQuirks, wishMembers } from "./quirks.ts";

/** Members whose value is undefined or null are left out. */
function compact(members: Readonly<Record<string, unknown>>): JsonObject {
  const told = Object.entries(members).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(told) as JsonObject;
}

function writeTool(tool: Tool, encoding: Encoding): JsonObject {
  const { name, description, parameters, strict, custom } = tool;
  if (custom !== undefined)
    return { type: "custom", custom: compact({ name, description, format: custom.format }) };
  const schema = parameters ?? { type: "object", properties: {} };
  const fields = compact({ name, description, parameters: schema, strict });
  return { type: "function", function: fields, ...writeCache(tool.cache, encoding) };
}

function named(name: string, tools: readonly Tool[]): JsonObject {
  const isCustom = tools.some((tool) => tool.name === name && tool.custom !== undefined);
  return isCustom ? { type: "custom", custom: { name } } : { type: "function", function: { name } };
}

function writeChoice(choice: ToolChoice, tools: readonly Tool[]): string | JsonObject {
  if (choice.kind === "named") return named(choice.name, tools);
  if (choice.kind !== "allowed") return choice.kind;
  const mode = choice.required ? "required" : "auto";
  const allowed = choice.names.map((name) => named(name, tools));
  return { type: "allowed_tools", allowed_tools: { mode, tools: allowed } };
}

/** Tools and choice; vendors that know no `allowed_tools` are only told of those that are allowed. */
function writeTools(conversation: Conversation, encoding: Encoding): Record<string, unknown> {
  const { toolChoice, parallelToolCalls } = conversation;
  const narrows = toolChoice?.kind === "allowed" && !encoding.traits.openai;
  const tools = narrows
    ? conversation.tools.filter(({ name }) => toolChoice.names.includes(name))
    : conversation.tools;
  if (tools.length === 0) return {};
  const choice: ToolChoice | null = narrows
    ? { kind: toolChoice.required ? "required" : "auto" }
    : toolChoice;
  return {
    tools: tools.map((tool) => writeTool(tool, encoding)),
    tool_choice: choice === null ? null : writeChoice(choice, tools),
    parallel_tool_calls: encoding.traits.parallelMember ? parallelToolCalls : null,
  };
}

function writeFormat(format: ResponseFormat | null): JsonObject | null {
  if (format === null) return null;
  if (format.kind !== "schema") return { type: format.kind === "text" ? "text" : "json_object" };
  const { name, description, schema, strict } = format;
  const fields = compact({ name: name ?? "response", description, schema, strict });
  return { type: "json_schema", json_schema: fields };
}

function writeSampling(conversation: Conversation, traits: ModelTraits): Record<string, unknown> {
  const { sampling } = conversation;
  const free = takesSampling(traits, sentEffort(conversation, traits));
  const top = free ? sampling.topLogprobs : undefined;
  return {
    temperature: free ? sampling.temperature : undefined,
    top_p: free ? sampling.topP : undefined,
    seed: sampling.seed,
    presence_penalty: traits.penalties ? sampling.presencePenalty : undefined,
    frequency_penalty: traits.penalties ? sampling.frequencyPenalty : undefined,
    stop: sampling.stop,
    n: sampling.choices,
    logit_bias: traits.penalties ? sampling.logitBias : undefined,
    logprobs: top === undefined ? undefined : true,
    top_logprobs: top === 0 ? undefined : top,
  };
}

/** Spoken answers want a voice; in a stream they come as raw samples alone. */
function writeSpeech({ modalities, audio, stream }: Conversation): Record<string, unknown> {
  if (modalities.length === 0) return {};
  const format = stream ? "pcm16" : (audio?.format ?? "wav");
  const speech = modalities.includes("audio") ? { voice: audio?.voice ?? "alloy", format } : null;
  return { modalities: ["text", ...modalities], audio: speech };
}

/** Longest `user` and `prompt_cache_key` that OpenAI takes. */
const maxKeyLength = 64;

/** The key itself, or its hash where it is too long: the same key stays the same. */
function shortKey(key: string | null): string | null {
  if (key === null || key.length <= maxKeyLength) return key;
  return createHash("sha256").update(key).digest("base64url");
}

function writeReasoning(conversation: Conversation, encoding: Encoding): JsonObject {
  const vendors = wishMembers(conversation.reasoning, encoding.quirks);
  const effort = sentEffort(conversation, encoding.traits);
  return vendors ?? (effort === undefined ? {} : { reasoning_effort: effort });
}

/** OpenAI's limit; longer ids come from other vendors. */
const openaiId = /^.{1,40}$/u;

function fitIds(messages: readonly JsonObject[]): JsonObject[] {
  const fit = (message: JsonObject, name: string): JsonObject => {
    const id = message[name];
    return typeof id === "string" ? { ...message, [name]: fitToolCallId(id, openaiId) } : message;
  };
  return messages.map((message) => {
    const calls = objectsOf(message["tool_calls"]);
    const fitted = calls.length === 0 ? {} : { tool_calls: calls.map((call) => fit(call, "id")) };
    return { ...fit(message, "tool_call_id"), ...fitted };
  });
}

/** The body to send. The judge has passed the conversation (dialects/fidelity.ts). */
export function encodeRequest(conversation: Conversation, target: EncodeTarget): JsonObject {
  const traits = findTraits(target.model);
  const { model, quirks } = target;
  const isMarked = conversation.uses.some(({ feature }) => feature === "cache-mark");
  const marks = isMarked && (traits.cacheBreakpoints || quirks.includes("cache-control"));
  const encoding: Encoding = { model, traits, quirks, marks };
  const messages = writeMessages(conversation, encoding);
  const body = compact({
    model: target.model,
    messages: traits.openai ? fitIds(messages) : messages,
    ...writeTools(conversation, encoding),
    response_format: writeFormat(conversation.responseFormat),
    ...writeReasoning(conversation, encoding),
    verbosity: traits.verbosity ? conversation.verbosity : null,
    max_completion_tokens: conversation.maxOutputTokens,
    ...writeSampling(conversation, traits),
    ...writeSpeech({ ...conversation, stream: target.stream }),
    prediction: conversation.prediction,
    service_tier: conversation.serviceTier,
    user: shortKey(conversation.endUser),
    // OpenAI refuses metadata of completions that it does not store.
    metadata: traits.openai ? null : conversation.metadata,
    prompt_cache_key: shortKey(conversation.cacheKey),
    stream: target.stream ? true : null,
    stream_options: target.stream && target.askUsage ? { include_usage: true } : null,
  });
  return applyQuirks(body, target.quirks);
}
