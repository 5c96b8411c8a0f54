/** Reads an upstream's whole response. */
import { GatewayError } from "../../core/errors.ts";
import { isObject, type JsonObject } from "../../core/json-value.ts";
import type { ChatReply, ReplyError } from "../../wire/chat-reply.ts";
import type { ReadContext } from "../codec.ts";
import {
  decodeErrorObject,
  decodeFinish,
  decodeLogprobs,
  decodeOutputItem,
  objectsOf,
  textOf,
} from "./decode-output.ts";
import { decodeUsage } from "./usage.ts";

function nameOrNull(value: unknown): string | null {
  return textOf(value) || null;
}

/** The kind of failure that a response of status `failed` tells. */
function failureOf(response: JsonObject): GatewayError {
  const { message, status } = decodeErrorObject(response["error"]);
  if (status === 429 || status === 503) return new GatewayError("upstream_overloaded", message);
  if (status === 400)
    return new GatewayError("upstream_refused", message, { values: { detail: message } });
  return new GatewayError("upstream_failed", message);
}

function logprobsOf(items: readonly JsonObject[]): ChatReply["choices"][number]["logprobs"] {
  const parts = items.flatMap((item) => objectsOf(item["content"]));
  const tokens = parts.flatMap((part) => decodeLogprobs(part["logprobs"]));
  return tokens.length === 0 ? null : tokens;
}

/** Throws `upstream_invalid` for what is no finished response, and what a failed one tells. */
export function decodeReply(body: JsonObject, context: ReadContext): ChatReply {
  if (body["status"] === "failed" || (isObject(body["error"]) && !Array.isArray(body["output"])))
    throw failureOf(body["status"] === "failed" ? body : { error: body["error"] ?? null });
  if (!Array.isArray(body["output"]))
    throw new GatewayError("upstream_invalid", "the response has no output");
  const items = objectsOf(body["output"]);
  const parts = items.flatMap((item, place) => decodeOutputItem(item, place, context));
  const kinds = new Set(parts.map(({ kind }) => kind));
  const createdAtS = body["created_at"];
  return {
    id: nameOrNull(body["id"]),
    model: nameOrNull(body["model"]),
    createdAtS: typeof createdAtS === "number" ? Math.floor(createdAtS) : null,
    choices: [{ index: 0, parts, finish: decodeFinish(body, kinds), logprobs: logprobsOf(items) }],
    usage: decodeUsage(body),
    serviceTier: nameOrNull(body["service_tier"]),
  };
}

/** An error body, plain JSON or not. */
export function decodeErrorBody(body: Buffer): ReplyError {
  const text = body.toString();
  try {
    const parsed: unknown = JSON.parse(text);
    if (isObject(parsed)) return decodeErrorObject(parsed);
  } catch {
    // Told as text below.
  }
  return { message: text.slice(0, 500), type: null, code: null, status: null };
}
