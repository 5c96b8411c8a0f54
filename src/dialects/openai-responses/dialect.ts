/** OpenAI's Responses API, joined into one dialect. */
import type { UpstreamCodec } from "../codec.ts";
import type { Dialect } from "../contract.ts";
import { renderModel, renderModels } from "../openai-models.ts";
import { decodeErrorBody, decodeReply } from "./decode-reply.ts";
import { decodeRequest } from "./decode-request.ts";
import { makeEventDecoder } from "./decode-stream.ts";
import { editBody, reservedParameters } from "./edit.ts";
import { encodeReply } from "./encode-reply.ts";
import { encodeRequest } from "./encode-request.ts";
import { makeResponseStream } from "./encode-stream.ts";
import { decodeError, decodeErrorEvent, renderError, renderErrorEvent } from "./errors.ts";
import { parseCall } from "./parse.ts";
import { readReply, textBytes } from "./reply.ts";
import { eventModel, makeEventReader } from "./stream.ts";
import { renderTokenCount } from "./token-count.ts";
import { eventUsage } from "./usage.ts";
import { unsigned } from "./unsigned.ts";

export const openaiResponses: Dialect = {
  id: "openai-responses",
  front: {
    decodeRequest,
    encodeReply,
    makeEventEncoder: (context) => makeResponseStream(context).encode,
  },
  reservedParameters,
  parse: parseCall,
  edit: editBody,
  makeEventReader,
  eventModel,
  eventUsage: (event, earlier) => eventUsage(event) ?? earlier,
  eventError: decodeErrorEvent,
  readReply,
  readError: (body) => decodeError(body.toString()),
  textBytes,
  renderError,
  renderErrorEvent,
  ping: Buffer.from(": ping\n\n"),
  renderModels,
  renderModel,
  renderTokenCount,
};

export const openaiResponsesCodec: UpstreamCodec = {
  framing: "sse",
  encodeRequest,
  unsigned,
  decodeReply,
  makeEventDecoder,
  decodeError: decodeErrorBody,
};
