/** Google's generateContent, countTokens and embeddings, joined into one dialect. */
import { eventData } from "../../core/sse.ts";
import type { Usage } from "../../wire/usage.ts";
import type { Dialect } from "../contract.ts";
import { eventModel } from "../event-bytes.ts";
import { editBody, reservedParameters } from "./edit.ts";
import { decodeError, renderError, renderErrorEvent } from "./errors.ts";
import { geminiFront } from "./front.ts";
import { renderModel, renderModels, renderTokenCount } from "./models.ts";
import { parseCall } from "./parse.ts";
import { readReply, textBytes } from "./reply.ts";
import { makeEventReader } from "./stream.ts";
import { findUsage, joinUsage } from "./usage.ts";

function eventUsage(event: Buffer, earlier: Usage | null): Usage | null {
  try {
    const usage = findUsage(JSON.parse(eventData(event)?.toString() ?? "null"));
    return usage === null ? null : joinUsage(usage, earlier);
  } catch {
    return null;
  }
}

export const geminiContent: Dialect = {
  id: "gemini-content",
  front: geminiFront,
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
  ping: Buffer.from(": ping\r\n\r\n"),
  renderModels,
  renderModel,
  renderTokenCount,
};
