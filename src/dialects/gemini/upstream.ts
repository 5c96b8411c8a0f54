/** Google's generateContent as an upstream: requests encoded, replies decoded. */
import type { UpstreamCodec } from "../codec.ts";
import { decodeReply, makeEventDecoder } from "./decode-reply.ts";
import { encodeRequest } from "./encode-request.ts";
import { decodeReplyError } from "./errors.ts";

export const geminiUpstream: UpstreamCodec = {
  framing: "sse",
  encodeRequest,
  decodeReply,
  makeEventDecoder,
  decodeError: (body) => decodeReplyError(body.toString()),
};
