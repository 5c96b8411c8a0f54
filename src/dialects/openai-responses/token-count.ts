/** Tells a count of tokens in the shape of `POST /v1/responses/input_tokens`. */
import type { RenderedReply } from "../contract.ts";

/** Counted by us, for upstreams that cannot. */
export function renderTokenCount(inputTokens: number): RenderedReply {
  const value = { object: "response.input_tokens", input_tokens: inputTokens };
  const body = Buffer.from(JSON.stringify(value));
  const headers = {
    "content-type": "application/json; charset=utf-8",
    "content-length": String(body.length),
  };
  return { status: 200, headers, body };
}
