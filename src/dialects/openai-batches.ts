/**
 * Reads OpenAI's batches: the lines of their files, their state, and what each answer used. Promise kept here: a request
 * goes to the dialect that its path names, as the same bytes; a line that is no answer costs nothing.
 *
 * developers.openai.com/api/reference/resources/batches and OpenAI's OpenAPI document, both of 2026-08: the body is
 * `{input_file_id, endpoint, completion_window}`, a line of the file `{custom_id, method, url, body}`, a line of the
 * results `{id, custom_id, response: {status_code, request_id, body}, error}`. What failed or expired is told in a file
 * of its own (`error_file_id`) and is not billed. Azure leaves `/v1` out of the paths (learn.microsoft.com/azure/
 * foundry/openai/how-to/batch, 2026-11), others write the version of their own API.
 */
import { type ByteRange, readNumber, readString, scanMembers } from "../core/json.ts";
import type { JsonObject } from "../core/json-value.ts";
import { lookUp } from "../core/look-up.ts";
import type { FrontId, Operation } from "../wire/call.ts";
import { batchTier, findMembers, findObject, readAnswer, type ReplyReader } from "./batch-lines.ts";
import type { BatchInput, BatchReader, BatchRequest, BatchResult, BatchState } from "./contract.ts";
import { findText, textOf } from "./loose-fields.ts";
import * as chat from "./openai-chat/reply.ts";
import * as media from "./openai-media/reply.ts";
import { decodeUsage } from "./openai-responses/usage.ts";
import * as responses from "./openai-responses/reply.ts";
import { isList, isTold } from "./reply-members.ts";

export const openaiBatches: BatchReader = { inputOf, readRequest, readState, readResult };

/** Throws `invalid_request` for a body that is no object, or names its file more than once. */
function inputOf(body: Buffer): BatchInput {
  const { input_file_id: file, endpoint } = scanMembers(body, [
    "input_file_id",
    "endpoint",
  ]).members;
  return { file: textAt(body, file), requests: [], path: textAt(body, endpoint) };
}

function textAt(body: Buffer, range: ByteRange | undefined): string | null {
  return range === undefined ? null : findText(readString(body, range));
}

type Target = readonly [dialect: FrontId, operation: Operation];

/** By the path behind the version. Films (`/videos`) are not metered. */
const targets: Readonly<Record<string, Target>> = {
  "/chat/completions": ["openai-chat", "chat"],
  "/completions": ["openai-chat", "completions"],
  "/embeddings": ["openai-chat", "embeddings"],
  "/responses": ["openai-responses", "chat"],
  "/moderations": ["openai-media", "moderations"],
  "/images/generations": ["openai-media", "image-generation"],
  "/images/edits": ["openai-media", "image-edit"],
};

function findTarget(path: string | null): Target | undefined {
  return lookUp(targets, path?.replace(/^(?:\/openai)?(?:\/v\d)?(?=\/)/, ""));
}

/** Undefined too where the line and the batch name two places: nobody can say which of them the vendor asks. */
function readRequest(line: Buffer, input: BatchInput): BatchRequest | undefined {
  const members = findMembers(line, ["custom_id", "method", "url", "body"]);
  const body = findObject(line, members["body"]);
  const url = textAt(line, members["url"]);
  const target = findTarget(url ?? input.path);
  if (body === undefined || target === undefined) return undefined;
  if (input.path !== null && findTarget(input.path) !== target) return undefined;
  const [dialect, operation] = target;
  return { name: textAt(line, members["custom_id"]) ?? "", dialect, operation, body };
}

/** In whichever case: Together writes them large (docs.together.ai/docs/inference/batch/manage, 2026-11). */
const endStates: readonly string[] = ["completed", "failed", "expired", "cancelled"];

/** A batch that expired or was cancelled has answers, too, and they are billed. */
function readState(document: JsonObject): BatchState {
  const ended = endStates.includes(textOf(document["status"]).toLowerCase());
  const file = findText(document["output_file_id"]);
  return { ended, results: ended && file !== null ? { file } : null, told: toldOf(document) };
}

/** Batches of newer days tell all that they used (OpenAI's OpenAPI document of 2026-08, `Batch.usage`). */
function toldOf(document: JsonObject): BatchResult | null {
  const usage = decodeUsage({ usage: document["usage"] });
  if (usage === null) return null;
  return {
    name: "",
    model: findText(document["model"]),
    usage: { ...usage, serviceTier: batchTier },
  };
}

const leastFailure = 400;

function readResult(line: Buffer): BatchResult | undefined {
  const {
    custom_id: name,
    response,
    error,
  } = findMembers(line, ["custom_id", "response", "error"]);
  if (response === undefined || isTold(line, error)) return undefined;
  const { status_code: status, body: range } = findMembers(line, ["status_code", "body"], response);
  if (status !== undefined && (readNumber(line, status) ?? 0) >= leastFailure) return undefined;
  const body = findObject(line, range);
  return body === undefined
    ? undefined
    : readAnswer(textAt(line, name) ?? "", body, replyReaderOf(body));
}

/** Answers do not say which path they came from; their members do. */
function replyReaderOf(body: Buffer): ReplyReader {
  const { object, output, results, data, created } = findMembers(body, [
    "object",
    "output",
    "results",
    "data",
    "created",
  ]);
  const kind = textAt(body, object);
  if (kind === "response" || isList(body, output)) return responses;
  if (isList(body, results)) return media;
  // A list of vectors calls itself one, a list of pictures tells when it was made.
  const isDrawn = isList(body, data) && kind !== "list" && created !== undefined;
  return isDrawn ? media : chat;
}
