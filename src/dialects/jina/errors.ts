/** Errors in Jina's shape, both ways: `{"detail": …}`, as FastAPI servers tell them. */
import type { GatewayError } from "../../core/errors.ts";
import type { RenderedReply, Telling, UpstreamError } from "../contract.ts";
import { renderMessage } from "../messages.ts";
import { findObject } from "../parse-object.ts";
import { retryAfterHeader } from "../retry-after.ts";

/** The whole reply that tells an error. */
export function renderError(error: GatewayError, telling: Telling): RenderedReply {
  const body = Buffer.from(
    JSON.stringify({
      detail: renderMessage(error, telling.locale),
      code: error.kind,
      ...(telling.requestId === "" ? {} : { request_id: telling.requestId }),
    }),
  );
  return {
    status: error.status,
    headers: {
      "content-type": "application/json; charset=utf-8",
      "content-length": String(body.length),
      ...retryAfterHeader(error),
    },
    body,
  };
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : null;
}

/** FastAPI tells faults of a body as a list of `{loc, msg, type}`. */
function detailOf(detail: unknown): string | null {
  if (!Array.isArray(detail)) return textOf(detail);
  const messages = detail.map((item: unknown) => {
    const fields = typeof item === "object" && item !== null ? item : {};
    return "msg" in fields ? textOf(fields.msg) : textOf(item);
  });
  return messages.filter((message) => message !== null).join("; ") || null;
}

/** Reads an upstream's error in Jina's shape or one of those seen beside it. */
export function decodeError(body: Buffer): UpstreamError {
  const fields = findObject(body);
  if (fields === undefined)
    return { message: body.toString("utf8", 0, 500), type: null, code: null, native: false };
  const detail = detailOf(fields["detail"]);
  const { error } = fields;
  const inner = typeof error === "object" && error !== null ? (error as typeof fields) : {};
  const message = detail ?? textOf(inner["message"]) ?? textOf(fields["message"]) ?? textOf(error);
  return {
    message: message ?? body.toString("utf8", 0, 500),
    type: textOf(inner["type"]) ?? textOf(fields["type"]),
    code: textOf(inner["code"]) ?? textOf(fields["code"]),
    native: detail !== null,
  };
}
