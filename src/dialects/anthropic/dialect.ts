/** Anthropic's Messages, joined into one dialect. */
import { eventData } from "../../core/sse.ts";
import type { Usage } from "../../wire/usage.ts";
import type { Dialect } from "../contract.ts";
import { eventModel } from "../event-bytes.ts";
import { anthropicBatches } from "./batches.ts";
import { editBody, reservedParameters } from "./edit.ts";
import { readError, renderError, renderErrorEvent } from "./errors.ts";
import { renderModel, renderModels, renderTokenCount } from "./models.ts";
import { anthropicFront } from "./front-codec.ts";
import { findMediaUrls } from "./media-urls.ts";
import { parseCall } from "./parse.ts";
import { readReply, textBytes } from "./reply.ts";
import { makeEventReader } from "./stream.ts";
import { findUsage } from "./usage.ts";

function eventUsage(event: Buffer, earlier: Usage | null): Usage | null {
  try {
    return findUsage(JSON.parse(eventData(event)?.toString() ?? "null"), earlier);
  } catch {
    return earlier;
  }
}

export const anthropicMessages: Dialect = {
  id: "anthropic-messages",
  front: anthropicFront,
  reservedParameters,
  parse: parseCall,
  edit: editBody,
  findMediaUrls,
  makeEventReader,
  eventModel,
  eventUsage,
  eventError: (event) => readError(eventData(event)?.toString() ?? ""),
  readReply,
  readError: (body) => readError(body.toString()),
  textBytes,
  renderError,
  renderErrorEvent,
  ping: Buffer.from(": ping\n\n"),
  renderModels,
  renderModel,
  batches: anthropicBatches,
  renderTokenCount,
};
