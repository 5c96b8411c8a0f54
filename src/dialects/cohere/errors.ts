/** Errors in Cohere's shape, both ways: `{"id", "message"}`. */
import type { GatewayError } from "../../core/errors.ts";
import type { RenderedReply, Telling, UpstreamError } from "../contract.ts";
import { renderMessage } from "../messages.ts";
import { findObject } from "../parse-object.ts";
import { retryAfterHeader } from "../retry-after.ts";

/** The whole reply that tells an error. */
export function renderError(error: GatewayError, telling: Telling): RenderedReply {
  const body = Buffer.from(
    JSON.stringify({
      ...(telling.requestId === "" ? {} : { id: telling.requestId }),
      message: renderMessage(error, telling.locale),
      code: error.kind,
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

/** Reads an upstream's error in Cohere's shape. */
export function decodeError(body: Buffer): UpstreamError {
  const message = findObject(body)?.["message"];
  const native = typeof message === "string";
  return {
    message: native ? message : body.toString("utf8", 0, 500),
    type: null,
    code: null,
    native,
  };
}
