/** OpenAI's images, audio and moderations, joined into one dialect. */
import { eventData } from "../../core/sse.ts";
import type { Dialect } from "../contract.ts";
import { decodeError, renderError, renderErrorEvent } from "../openai-errors.ts";
import { renderModel, renderModels } from "../openai-models.ts";
import { decodeRequest } from "./decode-request.ts";
import { editBody, reservedParameters } from "./edit.ts";
import { encodeReply } from "./encode-reply.ts";
import { parseCall, requestKinds } from "./parse.ts";
import { readReply, textBytes } from "./reply.ts";
import { eventUsage, makeEventReader } from "./stream.ts";

export const openaiMedia: Dialect = {
  id: "openai-media",
  front: null,
  media: { decodeRequest, encodeReply },
  reservedParameters,
  parse: parseCall,
  edit: editBody,
  makeEventReader,
  eventModel: () => null,
  eventUsage,
  usageAddsUp: true,
  eventError: (event) => decodeError(eventData(event)?.toString() ?? ""),
  readReply,
  readError: (body) => decodeError(body.toString()),
  textBytes,
  requestKinds,
  renderError,
  renderErrorEvent,
  ping: Buffer.from(": ping\n\n"),
  renderModels,
  renderModel,
};
