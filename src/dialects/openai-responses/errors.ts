/** Errors of the Responses API: OpenAI's shape before a reply; within a stream an `error` event and a failed response. */
import type { GatewayError } from "../../core/errors.ts";
import { isObject } from "../../core/json-value.ts";
import { eventData, renderEvent } from "../../core/sse.ts";
import type { Telling, UpstreamError } from "../contract.ts";
import { decodeError, errorFields } from "../openai-errors.ts";
import { emptyState, renderResponse } from "./response-object.ts";

export { decodeError, renderError } from "../openai-errors.ts";

/** Words of our own errors for which this API has one that its clients act upon. */
function responseCode(error: GatewayError): string {
  if (error.kind === "upstream_overloaded" || error.status === 429) return "rate_limit_exceeded";
  return error.status >= 400 && error.status < 500 ? "invalid_prompt" : "server_error";
}

/**
 * The error as the last events of a stream that has begun: `error`, which SDKs raise, then `response.failed`, by which
 * agents know that no more comes. The stream's own count of events is not known here, nor is it needed by any reader.
 */
export function renderErrorEvent(error: GatewayError, telling: Telling): Buffer {
  const { message, type, param, code } = errorFields(error, telling);
  const event = {
    type: "error",
    sequence_number: 0,
    code,
    message,
    param,
    error: { type, code, message, param },
  };
  const context = {
    callId: telling.requestId,
    replyId: null,
    model: "",
    createdAtS: 0,
    request: {},
    usageAsked: true,
    inputTokensEstimate: 0,
  };
  const state = {
    ...emptyState,
    status: "failed",
    error: { code: responseCode(error), message },
  } as const;
  const failed = {
    type: "response.failed",
    sequence_number: 1,
    response: renderResponse(context, state, false),
  };
  return Buffer.concat([
    renderEvent(JSON.stringify(event), "error"),
    renderEvent(JSON.stringify(failed), "response.failed"),
  ]);
}

/** The error told by an `error` event or by a failed response. */
export function decodeErrorEvent(event: Buffer): UpstreamError {
  const text = eventData(event)?.toString() ?? "";
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return decodeError(text);
  }
  const response = isObject(parsed) ? parsed["response"] : undefined;
  if (!isObject(response) || !isObject(response["error"])) return decodeError(text);
  return decodeError(JSON.stringify({ error: response["error"] }));
}
