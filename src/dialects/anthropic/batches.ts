/**
 * Reads Anthropic's Message Batches. Promise kept here: each request is the bytes that stand in the body, and a result
 * that is no answer costs nothing.
 *
 * platform.claude.com/docs/en/api/messages/batches, 2026-11: the body is `{requests: [{custom_id, params}]}`, the
 * document tells `processing_status` (`in_progress`, `canceling`, `ended`) and, once it ended, `results_url`; a line of
 * the results is `{custom_id, result: {type, message}}`, its type `succeeded`, `errored`, `canceled` or `expired`, of
 * which only the first is billed. Results are gone 29 days after the batch was made (`archived_at`).
 */
import { GatewayError } from "../../core/errors.ts";
import { readString, scanMembers } from "../../core/json.ts";
import { type JsonObject, isObject } from "../../core/json-value.ts";
import { findMembers, findObject, readAnswer } from "../batch-lines.ts";
import type {
  BatchInput,
  BatchReader,
  BatchRequest,
  BatchResult,
  BatchState,
} from "../contract.ts";
import { listItems } from "../list-items.ts";
import { isList } from "../reply-members.ts";
import * as messages from "./reply.ts";

export const anthropicBatches: BatchReader = { inputOf, readRequest, readState, readResult };

/** Throws `invalid_request` for a body that is no object, or has not one list of requests. */
function inputOf(body: Buffer): BatchInput {
  const { requests: list } = scanMembers(body, ["requests"]).members;
  if (list === undefined || !isList(body, list)) {
    const message = "`requests` must be a list of requests";
    const fields = [{ field: "requests", message }];
    throw new GatewayError("invalid_request", message, { fields, values: { detail: message } });
  }
  const requests = [...listItems(body, list)].map(({ start, end }) => body.subarray(start, end));
  return { file: null, requests, path: null };
}

function readRequest(member: Buffer): BatchRequest | undefined {
  const { custom_id: name, params } = findMembers(member, ["custom_id", "params"]);
  const body = findObject(member, params);
  if (body === undefined) return undefined;
  return {
    name: name === undefined ? "" : (readString(member, name) ?? ""),
    dialect: "anthropic-messages",
    operation: "chat",
    body,
  };
}

/** One that was cancelled has answers, too, and they are billed. */
function readState(document: JsonObject): BatchState {
  const ended = document["processing_status"] === "ended";
  const isKept = (document["results_url"] ?? null) !== null;
  // Results that are no longer kept are missing, not none.
  const counts = document["request_counts"];
  const answered = isObject(counts) ? Number(counts["succeeded"] ?? 0) > 0 : false;
  return {
    ended,
    results: ended && (isKept || answered) ? { tail: "/results" } : null,
    told: null,
  };
}

function readResult(line: Buffer): BatchResult | undefined {
  const { custom_id: name, result } = findMembers(line, ["custom_id", "result"]);
  if (result === undefined) return undefined;
  const { type, message } = findMembers(line, ["type", "message"], result);
  const body = findObject(line, message);
  if (body === undefined || type === undefined || readString(line, type) !== "succeeded")
    return undefined;
  return readAnswer(name === undefined ? "" : (readString(line, name) ?? ""), body, messages);
}
