/** Messages as the upstream's side of a translation. */
import type { UpstreamCodec } from "../codec.ts";
import { makeEventDecoder } from "./decode-events.ts";
import { decodeReply } from "./decode-reply.ts";
import { encodeRequest } from "./encode-request.ts";
import { decodeError } from "./errors.ts";
import { unsigned } from "./unsigned.ts";

export const anthropicUpstream: UpstreamCodec = {
  framing: "sse",
  encodeRequest,
  unsigned,
  decodeReply,
  makeEventDecoder,
  decodeError: (body) => decodeError(body.toString()),
};
