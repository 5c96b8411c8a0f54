/** Cohere's chat (`/v2/chat`), as an upstream. */
import type { ReplyError } from "../../wire/chat-reply.ts";
import type { UpstreamCodec } from "../codec.ts";
import { decodeReply } from "./decode.ts";
import { encodeRequest } from "./encode.ts";
import { decodeError } from "./errors.ts";
import { makeEventDecoder } from "./stream.ts";

function readError(body: Buffer): ReplyError {
  const { message, type, code } = decodeError(body);
  return { message, type, code, status: null };
}

export const cohereChat: UpstreamCodec = {
  framing: "sse",
  encodeRequest,
  decodeReply,
  makeEventDecoder,
  decodeError: readError,
};
