/** Ollama's own chat (`/api/chat`), as an upstream. */
import type { UpstreamCodec } from "../codec.ts";
import { decodeError, decodeReply } from "./decode.ts";
import { encodeRequest } from "./encode.ts";
import { makeEventDecoder } from "./stream.ts";

export const ollamaChat: UpstreamCodec = {
  framing: "ndjson",
  encodeRequest,
  inlines: ({ medium }) => medium === "image",
  decodeReply,
  makeEventDecoder,
  decodeError,
};
