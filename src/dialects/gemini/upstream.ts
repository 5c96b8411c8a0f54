/** Google's generateContent as an upstream: requests encoded, replies decoded. */
import type { UpstreamCodec } from "../codec.ts";
import { decodeReply, makeEventDecoder } from "./decode-reply.ts";
import { encodeRequest } from "./encode-request.ts";
import { decodeReplyError } from "./errors.ts";
import { isVideoSite } from "./media-types.ts";
import { unsigned } from "./unsigned.ts";

export const geminiUpstream: UpstreamCodec = {
  framing: "sse",
  encodeRequest,
  unsigned,
  // Google fetches for its newer models alone; videos of its own site it knows.
  inlines: ({ source }) => source.kind === "url" && !isVideoSite(source.url),
  decodeReply,
  makeEventDecoder,
  decodeError: (body) => decodeReplyError(body.toString()),
};
