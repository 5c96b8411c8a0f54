/** Google's generateContent as callers speak it: requests decoded, replies encoded. */
import type { FrontCodec } from "../codec.ts";
import { decodeRequest } from "./decode-request.ts";
import { makeEventEncoder } from "./encode-events.ts";
import { encodeReply } from "./encode-reply.ts";

export const geminiFront: FrontCodec = { decodeRequest, encodeReply, makeEventEncoder };
