/**
 * Reads a chat completions request into a conversation. Promise kept here: whatever not every dialect has is noted by
 * the caller's own name for it, and members that nobody knows are noted too; nothing is lost silently.
 */
import { isObject, type JsonObject } from "../../core/json-value.ts";
import type { Conversation, ResponseFormat } from "../../wire/conversation.ts";
import type { FeatureUse } from "../../wire/feature.ts";
import type { DecodeContext } from "../codec.ts";
import { refuse } from "../refuse.ts";
import {
  asText,
  findBoolean,
  findList,
  findNumber,
  findObject,
  findText,
  type Note,
  noteUnknown,
  requireObject,
  requireText,
} from "../request-members.ts";
import { decodeMessages } from "./decode-messages.ts";
import { decodeSampling } from "./decode-sampling.ts";
import { decodeTools } from "./decode-tools.ts";
import { decodeReasoningWish } from "./decode-wishes.ts";

const knownMembers: readonly string[] = [
  "model messages stream stream_options max_tokens max_completion_tokens",
  "temperature top_p top_k seed presence_penalty frequency_penalty stop n",
  "logit_bias logprobs top_logprobs prediction response_format verbosity",
  "tools tool_choice parallel_tool_calls functions function_call modalities audio",
  "user safety_identifier metadata service_tier store prompt_cache_key",
  "web_search_options moderation reasoning_effort reasoning reasoning_format include_reasoning",
  "thinking enable_thinking thinking_budget chat_template_kwargs",
].flatMap((line) => line.split(" "));

function decodeLimit(body: JsonObject): number | null {
  const bounds = { from: 1, to: Infinity, whole: true } as const;
  const legacy = findNumber(body, "max_tokens", bounds);
  return findNumber(body, "max_completion_tokens", bounds) ?? legacy ?? null;
}

function decodeFormat(body: JsonObject, note: Note): ResponseFormat | null {
  const format = findObject(body, "response_format", "");
  if (format === undefined) return null;
  const type = format["type"];
  if (type === "text") return { kind: "text" };
  if (type === "json_object") {
    note("response-json", "response_format");
    return { kind: "json" };
  }
  if (type !== "json_schema")
    throw refuse("response_format.type", "must be text, json_object or json_schema");
  const path = "response_format.json_schema";
  const fields = requireObject(format["json_schema"], path);
  note("response-schema", path);
  return {
    kind: "schema",
    name: findText(fields, "name", path) ?? null,
    description: findText(fields, "description", path) ?? null,
    schema: findObject(fields, "schema", path) ?? {},
    strict: findBoolean(fields, "strict", path) ?? null,
  };
}

function decodeModalities(body: JsonObject, note: Note): readonly string[] {
  const list = findList(body, "modalities", "") ?? [];
  const wanted = list.map((item, index) => asText(item, `modalities[${index}]`));
  const beside = wanted.filter((modality) => modality !== "text");
  if (beside.includes("audio")) note("audio-output", "modalities");
  if (beside.includes("image")) note("image-output", "modalities");
  return beside;
}

/** A voice is named, or given as `{id}` for one's own. */
function decodeAudio(body: JsonObject): Conversation["audio"] {
  const audio = findObject(body, "audio", "");
  if (audio === undefined) return null;
  const { voice } = audio;
  const name = isObject(voice) ? requireText(voice, "id", "audio.voice") : voice;
  return {
    voice: asText(name, "audio.voice"),
    format: findText(audio, "format", "audio") ?? "wav",
  };
}

/** Members that only say something to some dialects and are read as they are. */
function decodeAccount(body: JsonObject, note: Note) {
  const endUser = findText(body, "user", "") ?? findText(body, "safety_identifier", "") ?? "";
  if (endUser !== "")
    note("end-user", typeof body["user"] === "string" ? "user" : "safety_identifier");
  const metadata = findObject(body, "metadata", "") ?? null;
  if (metadata !== null) note("metadata", "metadata");
  const serviceTier = findText(body, "service_tier", "") ?? null;
  if (serviceTier !== null && serviceTier !== "auto") note("service-tier", "service_tier");
  const cacheKey = findText(body, "prompt_cache_key", "") ?? null;
  if (cacheKey !== null) note("cache-key", "prompt_cache_key");
  if (findBoolean(body, "store", "") === true) note("store", "store");
  if (findObject(body, "moderation", "") !== undefined) note("safety-settings", "moderation");
  if (findObject(body, "web_search_options", "") !== undefined)
    note("web-search", "web_search_options");
  return { endUser: endUser === "" ? null : endUser, metadata, serviceTier, cacheKey };
}

function decodeVerbosity(body: JsonObject, note: Note): string | null {
  const verbosity = findText(body, "verbosity", "");
  if (verbosity === undefined) return null;
  if (!["low", "medium", "high"].includes(verbosity))
    throw refuse("verbosity", "must be low, medium or high");
  note("verbosity", "verbosity");
  return verbosity;
}

function decodeParallel(body: JsonObject, note: Note): boolean | null {
  const parallel = findBoolean(body, "parallel_tool_calls", "") ?? null;
  if (parallel === false) note("no-parallel-tool-calls", "parallel_tool_calls");
  return parallel;
}

/** Throws `invalid_request` naming the field at fault by its path and how to mend it. */
export function decodeRequest(body: JsonObject, context: DecodeContext): Conversation {
  const uses: FeatureUse[] = [];
  const note: Note = (feature, field) => uses.push({ feature, field });
  const { system, messages } = decodeMessages(body, note);
  const { tools, toolChoice } = decodeTools(body, note);
  const prediction = findObject(body, "prediction", "");
  if (prediction !== undefined) note("prediction", "prediction");
  const options = findObject(body, "stream_options", "");
  if (options !== undefined) noteUnknown(options, ["include_usage"], "stream_options", note);
  noteUnknown(body, knownMembers, "", note);
  return {
    model: context.model,
    stream: context.stream,
    system,
    messages,
    tools,
    toolChoice,
    parallelToolCalls: decodeParallel(body, note),
    sampling: decodeSampling(body, note),
    maxOutputTokens: decodeLimit(body),
    reasoning: decodeReasoningWish(body, note),
    responseFormat: decodeFormat(body, note),
    verbosity: decodeVerbosity(body, note),
    ...decodeAccount(body, note),
    modalities: decodeModalities(body, note),
    audio: decodeAudio(body),
    ...(prediction === undefined ? {} : { prediction }),
    uses,
  };
}
