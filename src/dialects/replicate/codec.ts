/**
 * Conversations with language models on Replicate, as an upstream: each is a prediction (`POST /v1/predictions`) that is
 * waited for (`Prefer: wait`, a minute at most). Facts: replicate.com/docs/topics/predictions/create-a-prediction and
 * its neighbours, 2026-11. Its streams lie at an address that the reply tells, so that whole replies alone are read;
 * callers who want a stream are told the whole as one.
 */
import { GatewayError } from "../../core/errors.ts";
import type { UpstreamCodec } from "../codec.ts";
import { decodeError, decodeReply } from "./decode.ts";
import { droppedBy, encodeRequest } from "./encode.ts";

export const replicateChat: UpstreamCodec = {
  framing: "sse",
  encodeRequest,
  droppedBy,
  decodeReply,
  makeEventDecoder: () => () => {
    throw new GatewayError("upstream_invalid", "the reply is a stream, not a prediction");
  },
  decodeError,
};
