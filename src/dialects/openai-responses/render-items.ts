/** Writes output items and what they hold, for whole replies and for streams alike. */
import type { Json, JsonObject } from "../../core/json-value.ts";
import type { TokenLogprob } from "../../wire/chat-reply.ts";
import type { AssistantPart, Citation, MediaPart } from "../../wire/conversation.ts";
import { dialectId } from "./carried-slot.ts";
import type { CallerName } from "./tool-names.ts";

export type ItemStatus = "in_progress" | "completed" | "incomplete";

/** Item ids: a prefix that says the kind, the call, and the item's place in the output. */
export function itemId(prefix: string, callId: string, place: number): string {
  return `${prefix}_${callId}_${place}`;
}

export function renderLogprobs(tokens: readonly TokenLogprob[]): Json[] {
  const one = ({ token, logprob, bytes }: Omit<TokenLogprob, "top">): JsonObject => ({
    token,
    logprob,
    bytes: bytes ?? [...Buffer.from(token)],
  });
  return tokens.map((entry) => ({ ...one(entry), top_logprobs: entry.top.map(one) }));
}

/** Undefined for citations that no annotation of this API can say. `length`: of the text so far. */
export function renderAnnotation(citation: Citation, length: number): JsonObject | undefined {
  const { raw, url, title, start, end } = citation;
  if (raw?.dialect === dialectId) return raw.value;
  if (url === null) return undefined;
  return {
    type: "url_citation",
    url,
    title: title ?? url,
    start_index: start ?? 0,
    end_index: end ?? length,
  };
}

export function renderText(
  text: string,
  annotations: readonly JsonObject[],
  logprobs: readonly Json[],
): JsonObject {
  return { type: "output_text", text, annotations, logprobs };
}

export function renderRefusal(refusal: string): JsonObject {
  return { type: "refusal", refusal };
}

export function renderMessage(
  id: string,
  content: readonly JsonObject[],
  status: ItemStatus,
): JsonObject {
  return { id, type: "message", status, role: "assistant", content };
}

export function renderReasoning(
  id: string,
  text: string,
  encrypted: string | null,
  status: ItemStatus,
): JsonObject {
  const summary = text === "" ? [] : [{ type: "summary_text", text }];
  return {
    id,
    type: "reasoning",
    status,
    summary,
    ...(encrypted === null ? {} : { encrypted_content: encrypted }),
  };
}

/** A call as it is told to the caller. */
export interface RenderedCall {
  readonly id: string;
  readonly callId: string;
  /** By its flat name. */
  readonly name: string;
  readonly custom: boolean;
}

export function renderCall(
  call: RenderedCall,
  input: string,
  status: ItemStatus,
  names: ReadonlyMap<string, CallerName>,
): JsonObject {
  const told = names.get(call.name) ?? { name: call.name, namespace: null };
  const named = {
    call_id: call.callId,
    name: told.name,
    ...(told.namespace === null ? {} : { namespace: told.namespace }),
  };
  return call.custom
    ? { id: call.id, type: "custom_tool_call", ...named, input }
    : { id: call.id, type: "function_call", status, ...named, arguments: input };
}

/** An image that a model made; undefined for other media, which this API cannot tell. */
function renderImage(id: string, part: MediaPart): JsonObject | undefined {
  if (part.medium !== "image" || part.source.kind !== "data") return undefined;
  return { id, type: "image_generation_call", status: "completed", result: part.source.data };
}

/** Items that come whole; undefined for parts of other dialects. */
export function renderWhole(
  part: AssistantPart,
  callId: string,
  place: number,
): JsonObject | undefined {
  if (part.kind === "media") return renderImage(itemId("ig", callId, place), part);
  return part.kind === "foreign" && part.dialect === dialectId ? part.value : undefined;
}
