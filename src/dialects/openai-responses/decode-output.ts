/** Reads what an upstream's output is made of: items, annotations, log probabilities, how it ended. */
import { isObject, type Json, type JsonObject } from "../../core/json-value.ts";
import { lookUp } from "../../core/look-up.ts";
import type { Finish, ReplyError, TokenLogprob } from "../../wire/chat-reply.ts";
import type { AssistantPart, Carried, Citation } from "../../wire/conversation.ts";
import type { ReadContext } from "../codec.ts";
import { unsignedSlot } from "../carried.ts";
import { carryNative, dialectId } from "./carried-slot.ts";

export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function objectsOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** An annotation of a text. */
export function decodeAnnotation(value: JsonObject): Citation {
  const url = textOf(value["url"]);
  const title = textOf(value["title"]) || textOf(value["filename"]);
  return {
    url: url === "" ? null : url,
    title: title === "" ? null : title,
    citedText: null,
    start: numberOf(value["start_index"]),
    end: numberOf(value["end_index"]),
    raw: { dialect: dialectId, value },
  };
}

function bytesOf(value: unknown): readonly number[] | null {
  return Array.isArray(value) && value.every((byte) => typeof byte === "number")
    ? (value as readonly number[])
    : null;
}

/** Log probabilities of a text or of one of its deltas. */
export function decodeLogprobs(value: unknown): TokenLogprob[] {
  return objectsOf(value).map((entry) => ({
    token: textOf(entry["token"]),
    logprob: numberOf(entry["logprob"]) ?? 0,
    bytes: bytesOf(entry["bytes"]),
    top: objectsOf(entry["top_logprobs"]).map((other) => ({
      token: textOf(other["token"]),
      logprob: numberOf(other["logprob"]) ?? 0,
      bytes: bytesOf(other["bytes"]),
    })),
  }));
}

/** What a reasoning item wants back; undefined where there is nothing that could be given back. */
export function carriedOf(item: JsonObject, model: string): Carried | undefined {
  const told = textOf(item["encrypted_content"]);
  const encrypted = told === unsignedSlot ? "" : told;
  const raw = objectsOf(item["content"]).length > 0;
  if (encrypted === "" && !raw) return undefined;
  const native = { id: textOf(item["id"]), encrypted: encrypted === "" ? null : encrypted };
  return carryNative(native, model);
}

/** The thoughts of a reasoning item: its raw text where it has one, else its summary. */
export function reasoningText(item: JsonObject): string {
  const content = objectsOf(item["content"]);
  const parts = content.length > 0 ? content : objectsOf(item["summary"]);
  return parts.map((part) => textOf(part["text"])).join("\n\n");
}

/** The call's id, minted by its place in the output where the upstream gives none. */
export function callIdOf(item: JsonObject, place: number, context: ReadContext): string {
  const id = textOf(item["call_id"]) || textOf(item["id"]);
  return id === "" ? `call_${context.callId}_${place}` : id;
}

function messageParts(item: JsonObject): AssistantPart[] {
  return objectsOf(item["content"]).flatMap((part): AssistantPart[] => {
    if (part["type"] === "refusal") return [{ kind: "refusal", text: textOf(part["refusal"]) }];
    const text = textOf(part["text"]);
    if (text === "") return [];
    const citations = objectsOf(part["annotations"]).map(decodeAnnotation);
    return [{ kind: "text", text, ...(citations.length === 0 ? {} : { citations }) }];
  });
}

/** The parts that an output item is. */
export function decodeOutputItem(
  item: JsonObject,
  place: number,
  context: ReadContext,
): AssistantPart[] {
  const name = textOf(item["name"]);
  switch (item["type"]) {
    case "message":
      return messageParts(item);
    case "reasoning": {
      const text = reasoningText(item);
      const carried = carriedOf(item, context.model);
      if (text === "" && carried === undefined) return [];
      return [{ kind: "reasoning", text, ...(carried === undefined ? {} : { carried }) }];
    }
    case "function_call": {
      const input = textOf(item["arguments"]);
      const id = callIdOf(item, place, context);
      return [{ kind: "tool-call", id, name, arguments: input === "" ? "{}" : input }];
    }
    case "custom_tool_call": {
      const id = callIdOf(item, place, context);
      return [{ kind: "tool-call", id, name, arguments: textOf(item["input"]), custom: true }];
    }
    default:
      return [{ kind: "foreign", dialect: dialectId, value: item }];
  }
}

/** States in which a response holds no answer, or only the beginning of one. */
const unfinished: readonly string[] = ["cancelled", "queued", "in_progress"];

/** Why a response ended, by its status and by what it holds. */
export function decodeFinish(response: JsonObject, kinds: ReadonlySet<string>): Finish {
  const status = textOf(response["status"]);
  const details = response["incomplete_details"];
  const reason = isObject(details) ? textOf(details["reason"]) : "";
  const base = { stopSequence: null, raw: reason === "" ? status || null : reason };
  if (status === "incomplete" || reason !== "") {
    if (reason === "max_output_tokens") return { ...base, reason: "length" };
    return { ...base, reason: reason === "content_filter" ? "content-filter" : "other" };
  }
  if (kinds.has("tool-call")) return { ...base, reason: "tool-calls" };
  if (kinds.has("refusal") && !kinds.has("text")) return { ...base, reason: "refusal" };
  return { ...base, reason: unfinished.includes(status) ? "other" : "stop" };
}

const statuses: Readonly<Record<string, number>> = {
  insufficient_quota: 429,
  rate_limit_exceeded: 429,
  invalid_prompt: 400,
  invalid_request_error: 400,
  context_length_exceeded: 400,
  image_content_policy_violation: 400,
  server_is_overloaded: 503,
  slow_down: 503,
  server_error: 500,
};

/** An error object of a response or an event; OpenAI nests it in one and not in the other. */
export function decodeErrorObject(value: Json | undefined): ReplyError {
  const outer = isObject(value) ? value : {};
  const error = isObject(outer["error"]) ? outer["error"] : outer;
  const code = textOf(error["code"]);
  const type = textOf(error["type"]);
  return {
    message: textOf(error["message"]) || "The upstream told an error without a message",
    type: type === "" || type === "error" ? null : type,
    code: code === "" ? null : code,
    status: lookUp(statuses, code) ?? lookUp(statuses, type) ?? null,
  };
}
