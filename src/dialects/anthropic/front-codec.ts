/** Messages as the caller's side of a translation. */
import type { FrontCodec } from "../codec.ts";
import { decodeRequest } from "./decode-request.ts";
import { makeEventEncoder } from "./encode-events.ts";
import { encodeReply } from "./encode-reply.ts";

export const anthropicFront: FrontCodec = { decodeRequest, encodeReply, makeEventEncoder };
