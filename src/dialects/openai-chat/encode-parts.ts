/** Writes single parts of an answer as callers of chat completions read them; whole replies and streams share it. */
import type { JsonObject } from "../../core/json-value.ts";
import type { TokenLogprob } from "../../wire/chat-reply.ts";
import type { Carried, Citation, MediaPart } from "../../wire/conversation.ts";
import { packCarried } from "../carried.ts";

/** What an upstream wants back with a call or a text, packed, under the name that clients know from Google's endpoint. */
export function writeSignature(carried: Carried): JsonObject {
  return { extra_content: { google: { thought_signature: packCarried(carried) } } };
}

/** Where the text of a part stands in the whole answer, in UTF-16 units. */
export interface Extent {
  readonly start: number;
  readonly end: number;
}

/** A source as an annotation; undefined where it has no address. What is cited without a range is all of its text. */
export function writeAnnotation(citation: Citation, extent: Extent): JsonObject | undefined {
  const { url, title, start, end } = citation;
  if (url === null) return undefined;
  const place = start === null ? extent.start : extent.start + start;
  return {
    type: "url_citation",
    url_citation: {
      start_index: place,
      end_index: end === null ? extent.end : Math.max(place, extent.start + end),
      url,
      title: title ?? url,
    },
  };
}

/** Log probabilities as OpenAI tells them. */
export function writeLogprobs(tokens: readonly TokenLogprob[]): JsonObject {
  const content = tokens.map(({ token, logprob, bytes, top }) => ({
    token,
    logprob,
    bytes,
    top_logprobs: top.map((other) => ({ ...other })),
  }));
  return { content, refusal: null };
}

/** Spoken output; the words are in the answer's text. */
export function writeSpeech(
  part: MediaPart,
  id: string,
  createdAtS: number,
): JsonObject | undefined {
  if (part.medium !== "audio" || part.source.kind !== "data") return undefined;
  // OpenAI keeps what was said for an hour; nothing can be asked of us by this id.
  return {
    id: `audio_${id}`,
    data: part.source.data,
    expires_at: createdAtS + 3600,
    transcript: "",
  };
}

/** Tiers that OpenAI's clients know. */
const tiers = ["auto", "default", "flex", "scale", "priority", "fast"];

/** The member that tells the tier; nothing where it is none of OpenAI's. */
export function writeTier(serviceTier: string | null): JsonObject {
  return serviceTier !== null && tiers.includes(serviceTier) ? { service_tier: serviceTier } : {};
}

/** Whether the caller offered functions in the legacy form, and so only reads calls in that form. */
export function isLegacy(request: JsonObject): boolean {
  const { functions, tools } = request;
  const hasTools = Array.isArray(tools) && tools.length > 0;
  return Array.isArray(functions) && functions.length > 0 && !hasTools;
}
