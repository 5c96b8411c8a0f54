/**
 * Coze's chat (`POST /v3/chat`), as an upstream: a bot with instructions and tools of its own, named by its id.
 * Facts: coze.com/open/docs/developer_guides/chat_v3, and the types of the vendor's own clients (coze-dev/coze-js,
 * coze-dev/coze-py), autumn 2026. A whole reply would have to be asked for again and again: streams alone are read.
 */
import { GatewayError } from "../../core/errors.ts";
import type { UpstreamCodec } from "../codec.ts";
import { findObject } from "../parse-object.ts";
import { readError } from "./errors.ts";
import { droppedBy, encodeRequest } from "./encode.ts";
import { makeEventDecoder } from "./stream.ts";

export const cozeChat: UpstreamCodec = {
  framing: "sse",
  encodeRequest,
  droppedBy,
  decodeReply: () => {
    throw new GatewayError("upstream_invalid", "the reply is no stream");
  },
  makeEventDecoder,
  decodeError: (body) => readError(findObject(body), body.toString()),
};
