/** Chat completions as the caller's side. */
import type { FrontCodec } from "../codec.ts";
import { decodeRequest } from "./decode-request.ts";
import { makeEventEncoder } from "./encode-events.ts";
import { encodeReply } from "./encode-reply.ts";

export const openaiChatFront: FrontCodec = { decodeRequest, encodeReply, makeEventEncoder };
