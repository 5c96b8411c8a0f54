/** Replies of Ollama's chat in our own shape: whole ones, and what streamed ones share with them. */
import { GatewayError } from "../../core/errors.ts";
import { isObject, type JsonObject } from "../../core/json-value.ts";
import { lookUp } from "../../core/look-up.ts";
import type { ChatReply, Finish, FinishReason, ReplyError } from "../../wire/chat-reply.ts";
import type { AssistantPart, Carried, ToolCallPart } from "../../wire/conversation.ts";
import type { Usage } from "../../wire/usage.ts";
import { mintToolCallId } from "../call-ids.ts";
import { issuerOf } from "../carried.ts";
import type { ReadContext } from "../codec.ts";
import { type Fields, fieldsOf, findText, listOf, textOf } from "../loose-fields.ts";
import { makeUsage } from "../make-usage.ts";
import { findObject } from "../parse-object.ts";
import { makeUsageReader } from "../usage-number.ts";

/** Most bytes of an error that is no JSON. */
const maxErrorLength = 500;

const reasons: Readonly<Record<string, FinishReason>> = { stop: "stop", length: "length" };

/** Why the answer ended; that it calls tools is not told by its reason. */
export function readFinish(doneReason: unknown, called: boolean): Finish {
  const raw = findText(doneReason);
  const reason = raw === null ? "stop" : (lookUp(reasons, raw) ?? "other");
  return { reason: called && reason === "stop" ? "tool-calls" : reason, stopSequence: null, raw };
}

/**
 * Null where nothing was counted. The prompt's count is left out where all of it was read from a cache: what is told is
 * half of it then, and no more than an estimate.
 */
export function readUsage(fields: Fields): Usage | null {
  const reader = makeUsageReader();
  const input = reader.count(fields, "prompt_eval_count");
  const output = reader.count(fields, "eval_count");
  const raw = { prompt_eval_count: input ?? null, eval_count: output ?? null };
  const isOdd = reader.isOdd || input === undefined || output === undefined;
  return makeUsage({ input, output, raw }, { isOdd });
}

/** Seconds since 1970; null for what is no time. */
export function readTime(createdAt: unknown): number | null {
  const milliseconds = Date.parse(textOf(createdAt));
  return Number.isNaN(milliseconds) ? null : Math.floor(milliseconds / 1000);
}

/** Marks thoughts as this model's own: it wants to see them again beside its calls. */
export function markThoughts(model: string): Carried {
  return { issuer: issuerOf("ollama-chat", model), data: "thinking" };
}

/** A tool call; undefined for one without a name. `index` counts all calls of the reply. */
export function readCall(value: unknown, index: number, seed: string): ToolCallPart | undefined {
  const fields = fieldsOf(value);
  const told = fieldsOf(fields["function"]);
  const name = findText(told["name"]);
  if (name === null) return undefined;
  const given = isObject(told["arguments"]) ? JSON.stringify(told["arguments"]) : null;
  const id = findText(fields["id"]) ?? mintToolCallId(seed, index);
  return { kind: "tool-call", id, name, arguments: given ?? findText(told["arguments"]) ?? "{}" };
}

function readParts(message: Fields, context: ReadContext): AssistantPart[] {
  const thinking = textOf(message["thinking"]);
  const text = textOf(message["content"]);
  const calls = listOf(message["tool_calls"]).flatMap((value, index) => {
    const call = readCall(value, index, context.callId);
    return call === undefined ? [] : [call];
  });
  const carried = markThoughts(context.model);
  return [
    ...(thinking === "" ? [] : [{ kind: "reasoning" as const, text: thinking, carried }]),
    ...(text === "" ? [] : [{ kind: "text" as const, text }]),
    ...calls,
  ];
}

/** Decodes a whole reply; see codec.ts. */
export function decodeReply(body: JsonObject, context: ReadContext): ChatReply {
  const message: unknown = body["message"];
  if (!isObject(message)) {
    const error = findText(body["error"]);
    if (error !== null) throw new GatewayError("upstream_failed", error);
    throw new GatewayError("upstream_invalid", "The reply has no `message`");
  }
  // The first line of a stream that broke off behind it.
  if (body["done"] === false)
    throw new GatewayError("upstream_truncated", "The reply ends before it is done");
  const parts = readParts(message, context);
  const called = parts.some(({ kind }) => kind === "tool-call");
  const finish = readFinish(body["done_reason"], called);
  return {
    id: null,
    model: findText(body["model"]),
    createdAtS: readTime(body["created_at"]),
    choices: [{ index: 0, parts, finish, logprobs: null }],
    usage: readUsage(body),
    serviceTier: null,
  };
}

/** Decodes an error's body. */
export function decodeError(body: Buffer): ReplyError {
  const message = findText(findObject(body)?.["error"]);
  return {
    message: message ?? body.toString("utf8", 0, maxErrorLength),
    type: null,
    code: null,
    status: null,
  };
}
