/** Amazon Bedrock's Converse and ConverseStream, as an upstream. */
import type { UpstreamCodec } from "../codec.ts";
import { decodeError, decodeReply } from "./decode.ts";
import { encodeRequest } from "./encode.ts";
import { makeEventDecoder } from "./stream.ts";
import { unsigned } from "./unsigned.ts";

export const bedrockConverse: UpstreamCodec = {
  framing: "aws-event-stream",
  encodeRequest,
  unsigned,
  // What lies in S3 it fetches by itself; audio it does not take at all.
  inlines: ({ medium }) => medium !== "audio",
  decodeReply,
  makeEventDecoder,
  decodeError,
};
