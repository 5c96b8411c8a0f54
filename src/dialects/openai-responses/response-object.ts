/**
 * Writes the response object, in which the Responses API echoes the request.
 * Promise kept here: every member that the API's own schema and the Open Responses specification require is there.
 */
import { isObject, type Json, type JsonObject } from "../../core/json-value.ts";
import type { Finish } from "../../wire/chat-reply.ts";
import type { Usage } from "../../wire/usage.ts";
import type { ReplyContext } from "../codec.ts";
import { encodeUsage } from "./usage.ts";

export function responseId(context: ReplyContext): string {
  return context.replyId ?? `resp_${context.callId}`;
}

function echoTool(tool: Json): Json {
  if (!isObject(tool) || tool["type"] !== "function") return tool;
  return { description: null, parameters: null, strict: null, ...tool };
}

function echoText(request: JsonObject): JsonObject {
  const text = isObject(request["text"]) ? request["text"] : {};
  const format = isObject(text["format"]) ? text["format"] : { type: "text" };
  const strict = format["type"] === "json_schema" ? { strict: format["strict"] ?? false } : {};
  const verbosity = text["verbosity"] ?? null;
  return {
    format: { ...format, ...strict },
    ...(verbosity === null ? {} : { verbosity }),
  };
}

function echoReasoning(request: JsonObject): JsonObject {
  const wish = isObject(request["reasoning"]) ? request["reasoning"] : {};
  return { effort: wish["effort"] ?? null, summary: wish["summary"] ?? null };
}

/** Members of the request that are echoed as they are, with what stands where the caller said nothing. */
const echoed: readonly (readonly [name: string, otherwise: Json])[] = [
  ["instructions", null],
  ["max_output_tokens", null],
  ["max_tool_calls", null],
  ["parallel_tool_calls", true],
  ["previous_response_id", null],
  ["prompt_cache_key", null],
  ["safety_identifier", null],
  ["temperature", 1],
  ["tool_choice", "auto"],
  ["top_logprobs", 0],
  ["top_p", 1],
  ["truncation", "disabled"],
];

/** What the response object says of the request. */
function echo(request: JsonObject): JsonObject {
  const tools = Array.isArray(request["tools"]) ? (request["tools"] as readonly Json[]) : [];
  const user = request["user"] ?? null;
  return {
    ...Object.fromEntries(echoed.map(([name, otherwise]) => [name, request[name] ?? otherwise])),
    background: false,
    metadata: isObject(request["metadata"]) ? request["metadata"] : {},
    reasoning: echoReasoning(request),
    text: echoText(request),
    tools: tools.map(echoTool),
    ...(user === null ? {} : { user }),
    // This API has no such wishes; its specification wants to be told so.
    frequency_penalty: 0,
    presence_penalty: 0,
  };
}

/** What differs between the states of a response. */
export interface ResponseState {
  readonly status: "in_progress" | "completed" | "incomplete" | "failed";
  readonly output: readonly JsonObject[];
  readonly usage: Usage | null;
  readonly serviceTier: string | null;
  readonly incompleteReason: string | null;
  readonly error: JsonObject | null;
}

/** The response before anything has come. */
export const emptyState: ResponseState = {
  status: "in_progress",
  output: [],
  usage: null,
  serviceTier: null,
  incompleteReason: null,
  error: null,
};

/** The response object. `stored`: whether the gateway keeps it. */
export function renderResponse(
  context: ReplyContext,
  state: ResponseState,
  stored: boolean,
): JsonObject {
  const { request, createdAtS } = context;
  const tier = request["service_tier"];
  const reason = state.incompleteReason;
  return {
    id: responseId(context),
    object: "response",
    created_at: createdAtS,
    completed_at: state.status === "completed" ? createdAtS : null,
    status: state.status,
    incomplete_details: reason === null ? null : { reason },
    error: state.error,
    model: context.model,
    ...echo(request),
    service_tier: state.serviceTier ?? (typeof tier === "string" ? tier : "default"),
    store: stored,
    output: state.output,
    usage: state.usage === null ? null : encodeUsage(state.usage),
  };
}

/** How a response that ended so is told. */
export function endingOf({ reason }: Finish): Pick<ResponseState, "status" | "incompleteReason"> {
  if (reason === "length" || reason === "context")
    return { status: "incomplete", incompleteReason: "max_output_tokens" };
  if (reason === "content-filter")
    return { status: "incomplete", incompleteReason: "content_filter" };
  return { status: "completed", incompleteReason: null };
}
