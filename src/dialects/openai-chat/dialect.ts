/** OpenAI's chat completions, legacy completions and embeddings, joined into one dialect. */
import { eventData } from "../../core/sse.ts";
import type { Dialect } from "../contract.ts";
import { eventModel } from "../event-bytes.ts";
import { openaiBatches } from "../openai-batches.ts";
import { editBody, reservedParameters } from "./edit.ts";
import { decodeError, renderError, renderErrorEvent } from "./errors.ts";
import { renderModel, renderModels } from "./models.ts";
import { parseCall } from "./parse.ts";
import { openaiChatFront } from "./front.ts";
import { readReply, textBytes } from "./reply.ts";
import { makeEventReader } from "./stream.ts";
import { findUsage } from "./usage.ts";

function eventUsage(event: Buffer): ReturnType<typeof findUsage> {
  try {
    return findUsage(JSON.parse(eventData(event)?.toString() ?? "null"));
  } catch {
    return null;
  }
}

export const openaiChat: Dialect = {
  id: "openai-chat",
  front: openaiChatFront,
  reservedParameters,
  parse: parseCall,
  edit: editBody,
  makeEventReader,
  eventModel,
  eventUsage,
  eventError: (event) => decodeError(eventData(event)?.toString() ?? ""),
  readReply,
  readError: (body) => decodeError(body.toString()),
  textBytes,
  renderError,
  renderErrorEvent,
  ping: Buffer.from(": ping\n\n"),
  renderModels,
  renderModel,
  batches: openaiBatches,
};
