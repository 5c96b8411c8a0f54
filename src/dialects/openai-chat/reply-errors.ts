/** Reads errors of upstreams in a reply's place or in its stream, in OpenAI's shape and those seen beside it. */
import { isObject, type JsonObject } from "../../core/json-value.ts";
import type { ReplyError } from "../../wire/chat-reply.ts";
import { findText, jsonOf } from "../loose-fields.ts";
import { minimaxStatus } from "../minimax-status.ts";
import { explainFaults } from "../openai-errors.ts";
import { entryOf } from "../request-members.ts";

/** Statuses that OpenAI's types and codes stand for, where no number is told. */
const statuses: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  invalid_api_key: 401,
  permission_error: 403,
  not_found_error: 404,
  model_not_found: 404,
  rate_limit_error: 429,
  rate_limit_exceeded: 429,
  insufficient_quota: 429,
  tokens: 429,
  requests: 429,
  server_error: 500,
  api_error: 500,
  internal_server_error: 500,
  overloaded_error: 503,
  service_unavailable: 503,
};

function wordOf(value: unknown): string | null {
  return typeof value === "number" ? String(value) : findText(value);
}

function statusOf(fields: JsonObject, type: string | null, code: string | null): number | null {
  for (const word of [fields["code"], fields["status"], fields["status_code"]]) {
    const status = Number(word);
    if (Number.isInteger(status) && status >= 400 && status < 600) return status;
  }
  return entryOf(statuses, code) ?? entryOf(statuses, type) ?? null;
}

/** The members of an error object; the message is empty where it tells none. */
export function readReplyError(fields: JsonObject): ReplyError {
  const type = wordOf(fields["type"]);
  const code = wordOf(fields["code"]);
  const message =
    findText(fields["message"]) ?? findText(fields["msg"]) ?? explainFaults(fields) ?? "";
  return { message, type, code, status: statusOf(fields, type, code) };
}

/** MiniMax's `base_resp`, Baidu's `error_code`, Tencent's `Response.Error`: errors that come with status 200. */
export function findHiddenError(body: JsonObject): ReplyError | undefined {
  const base = jsonOf(body["base_resp"]);
  if (typeof base["status_code"] === "number" && base["status_code"] !== 0)
    return {
      message: findText(base["status_msg"]) ?? "",
      type: null,
      code: String(base["status_code"]),
      status: minimaxStatus(base["status_code"]),
    };
  if (typeof body["error_code"] === "number" && body["error_code"] !== 0)
    return {
      message: findText(body["error_msg"]) ?? "",
      type: null,
      code: String(body["error_code"]),
      status: null,
    };
  const tencent = jsonOf(jsonOf(body["Response"])["Error"]);
  const code = findText(tencent["Code"]);
  if (code === null) return undefined;
  return { message: findText(tencent["Message"]) ?? "", type: null, code, status: null };
}

/** The error that a body or chunk tells; undefined where it tells none. */
export function findReplyError(body: JsonObject): ReplyError | undefined {
  const { error } = body;
  if (typeof error === "string" && error !== "")
    return { ...readReplyError(body), message: findText(body["message"]) ?? error };
  if (!isObject(error)) return findHiddenError(body);
  const told = readReplyError(error);
  return told.message === "" ? { ...told, message: JSON.stringify(error).slice(0, 500) } : told;
}

/** An error body, whatever it is. */
export function decodeErrorBody(body: Buffer): ReplyError {
  const text = body.toString();
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  // Google's compatible endpoint answers a list of one.
  const fields = jsonOf(Array.isArray(parsed) ? parsed[0] : parsed);
  const told = findReplyError(fields) ?? readReplyError(fields);
  if (told.message !== "") return told;
  const detail = fields["detail"];
  const message = findText(detail) ?? (detail === undefined ? text : JSON.stringify(detail));
  return { ...told, message: message.slice(0, 500) };
}
