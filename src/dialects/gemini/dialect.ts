/** Google's generateContent, countTokens and embeddings, joined into one dialect. */
import { eventData } from "../../core/sse.ts";
import type { Usage } from "../../wire/usage.ts";
import type { Dialect } from "../contract.ts";
import { editBody, reservedParameters } from "./edit.ts";
import { decodeError, renderError, renderErrorEvent } from "./errors.ts";
import { geminiFront } from "./front.ts";
import { renderModel, renderModels, renderTokenCount } from "./models.ts";
import { parseCall } from "./parse.ts";
import { readReply, textBytes } from "./reply.ts";
import { eventModel, makeEventReader } from "./stream.ts";
import { findUsage } from "./usage.ts";

/** Counts grow from chunk to chunk: the last ones hold. Searches are told once. */
function eventUsage(event: Buffer, earlier: Usage | null): Usage | null {
  let usage: Usage | null = null;
  try {
    usage = findUsage(JSON.parse(eventData(event)?.toString() ?? "null"));
  } catch {
    return null;
  }
  const webSearches = usage?.kinds?.webSearches ?? earlier?.kinds?.webSearches;
  if (usage === null || webSearches === undefined) return usage;
  return { ...usage, kinds: { ...usage.kinds, webSearches } };
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
