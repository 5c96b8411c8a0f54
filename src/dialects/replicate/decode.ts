/**
 * Replicate's predictions in our own shape. Promise kept here: only a prediction that succeeded is an answer; what one
 * that still runs, was stopped or failed has said so far never looks like one.
 */
import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { ChatReply, Finish, ReplyError } from "../../wire/chat-reply.ts";
import type { AssistantPart } from "../../wire/conversation.ts";
import type { Usage } from "../../wire/usage.ts";
import type { ReadContext } from "../codec.ts";
import { type Fields, fieldsOf, findCount, findText, textOf } from "../loose-fields.ts";
import { makeUsage } from "../make-usage.ts";
import { makeThoughtSplitter } from "../openai-chat/inline-thoughts.ts";
import { findObject } from "../parse-object.ts";
import { makeUsageReader } from "../usage-number.ts";
import { familyOf } from "./families.ts";

/** Most characters of an error that is no JSON. */
const maxErrorLength = 500;

/** Statuses of predictions without an end of their own (replicate.com/docs/topics/predictions/lifecycle, 2026-11). */
const unfinished: readonly unknown[] = ["starting", "processing", "queued", "canceled", "aborted"];

/** What became of a prediction that is no answer; undefined: it may be one. */
function findTrouble(fields: Fields): ReplyError | undefined {
  const { status, error } = fields;
  if (unfinished.includes(status)) {
    const message = `The prediction did not finish in the time it was waited for: ${textOf(status)}`;
    return { message, type: null, code: null, status: 504 };
  }
  if (status !== "failed") return undefined;
  const message = findText(error) ?? "The prediction failed";
  // `E1001`, in front or in brackets: replicate.com/docs/reference/error-codes, 2026-11.
  const code = /\bE\d{3,4}\b/u.exec(message)?.[0] ?? null;
  return { message, type: null, code, status: 500 };
}

/** Pieces of text, or one. */
function readOutput(output: unknown): string {
  const pieces: readonly unknown[] = Array.isArray(output) ? output : [output];
  if (pieces.every((piece) => typeof piece === "string")) return pieces.join("");
  throw new GatewayError("upstream_invalid", "The output of the prediction is no text");
}

function readParts(text: string, { quirks }: ReadContext): AssistantPart[] {
  if (!quirks.includes("inline-thoughts")) return text === "" ? [] : [{ kind: "text", text }];
  const told = { reasoning: "", text: "" };
  const splitter = makeThoughtSplitter((kind, piece) => void (told[kind] += piece));
  splitter.push(text);
  splitter.end();
  return (["reasoning", "text"] as const).flatMap((kind) =>
    told[kind] === "" ? [] : [{ kind, text: told[kind] }],
  );
}

/** Why it ended is not told; that the limit was met shows by the tokens. */
function readFinish(body: JsonObject, model: string): Finish {
  const { limit, usualLimit } = familyOf(model);
  const input = fieldsOf(body["input"]);
  const asked = limit.map((name) => findCount(input[name])).find((count) => count !== undefined);
  const count = findCount(fieldsOf(body["metrics"])["output_token_count"]);
  const met =
    count !== undefined &&
    (asked === undefined ? count === usualLimit : count >= asked && asked > 0);
  return { reason: met ? "length" : "stop", stopSequence: null, raw: findText(body["status"]) };
}

/** Null where no tokens were counted: models that are paid by the second tell none. */
function readUsage(metrics: unknown): Usage | null {
  const fields = fieldsOf(metrics);
  const reader = makeUsageReader();
  const input = reader.count(fields, "input_token_count");
  const output = reader.count(fields, "output_token_count");
  const isOdd = reader.isOdd || input === undefined || output === undefined;
  return makeUsage({ input, output, raw: metrics }, { isOdd });
}

function readTime(createdAt: unknown): number | null {
  const milliseconds = Date.parse(textOf(createdAt));
  return Number.isNaN(milliseconds) ? null : Math.floor(milliseconds / 1000);
}

/** Decodes a prediction; see codec.ts. Throws `upstream_timeout` for one that did not end, `upstream_failed` too. */
export function decodeReply(body: JsonObject, context: ReadContext): ChatReply {
  const trouble = findTrouble(body);
  if (trouble !== undefined)
    throw new GatewayError(
      trouble.status === 504 ? "upstream_timeout" : "upstream_failed",
      trouble.message,
    );
  if (body["status"] !== "succeeded")
    throw new GatewayError("upstream_invalid", "The reply is no prediction");
  const parts = readParts(readOutput(body["output"]), context);
  return {
    id: findText(body["id"]),
    model: findText(body["model"]),
    createdAtS: readTime(body["created_at"]),
    choices: [{ index: 0, parts, finish: readFinish(body, context.model), logprobs: null }],
    usage: readUsage(body["metrics"]),
    serviceTier: null,
  };
}

/** Decodes an error's body, `{title, detail, status}`, or a prediction that is no answer. */
export function decodeError(body: Buffer): ReplyError {
  const fields = fieldsOf(findObject(body));
  const message =
    findText(fields["detail"]) ??
    findText(fields["title"]) ??
    body.toString("utf8", 0, maxErrorLength);
  return findTrouble(fields) ?? { message, type: null, code: null, status: null };
}
