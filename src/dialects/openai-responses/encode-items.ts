/**
 * Writes messages as input items. Promise kept here: reasoning goes back only to the model that made it, and only in
 * front of what it led to, since OpenAI refuses the whole call otherwise.
 */
import { createHash } from "node:crypto";
import type { JsonObject } from "../../core/json-value.ts";
import { lookUp } from "../../core/look-up.ts";
import type {
  AssistantPart,
  CacheMark,
  MediaPart,
  Message,
  ReasoningPart,
  TextPart,
  ToolResultPart,
  UserPart,
} from "../../wire/conversation.ts";
import { canRead } from "../carried.ts";
import type { EncodeTarget } from "../codec.ts";
import { orderResults } from "../order-results.ts";
import { dialectId, readNative } from "./carried-slot.ts";

/** Longest `call_id` that OpenAI takes. */
const maxCallIdLength = 64;

/** The lifetimes OpenAI knows; marks of other vendors are left out, as OpenAI caches by itself. */
const cacheLifetimes: readonly (string | null)[] = ["30m", "12h"];

function callIdOf(id: string): string {
  if (id.length <= maxCallIdLength) return id;
  return `call_${createHash("sha256").update(id).digest("hex").slice(0, 40)}`;
}

function breakpoint(cache: CacheMark | undefined): JsonObject {
  if (cache === undefined || !cacheLifetimes.includes(cache.ttl)) return {};
  return { prompt_cache_breakpoint: { mode: "explicit", ttl: cache.ttl } };
}

const extensions: Readonly<Record<string, string>> = {
  "application/pdf": "pdf",
  "text/plain": "txt",
  "text/markdown": "md",
  "text/csv": "csv",
  "text/html": "html",
  "application/json": "json",
};

function imageItem(part: MediaPart): JsonObject {
  const { source } = part;
  const place =
    source.kind === "file"
      ? { file_id: source.fileId }
      : {
          image_url:
            source.kind === "data"
              ? `data:${source.mediaType};base64,${source.data}`
              : source.kind === "url"
                ? source.url
                : "",
        };
  return {
    type: "input_image",
    detail: part.detail ?? "auto",
    ...place,
    ...breakpoint(part.cache),
  };
}

function fileItem(part: MediaPart): JsonObject {
  const { source, title } = part;
  const mark = breakpoint(part.cache);
  if (source.kind === "text") {
    const head = title === undefined ? "" : `${title}\n\n`;
    return { type: "input_text", text: head + source.text, ...mark };
  }
  const named = title === undefined ? {} : { filename: title };
  if (source.kind === "url") return { type: "input_file", file_url: source.url, ...named, ...mark };
  if (source.kind === "file")
    return { type: "input_file", file_id: source.fileId, ...named, ...mark };
  const filename = title ?? `document.${lookUp(extensions, source.mediaType) ?? "bin"}`;
  const data = `data:${source.mediaType};base64,${source.data}`;
  return { type: "input_file", filename, file_data: data, ...mark };
}

function audioItem(part: MediaPart): JsonObject {
  if (part.source.kind !== "data" || part.title !== undefined) return fileItem(part);
  const format = part.source.mediaType === "audio/mpeg" ? "mp3" : "wav";
  return { type: "input_audio", input_audio: { data: part.source.data, format } };
}

function textItem(part: TextPart): JsonObject {
  return { type: "input_text", text: part.text, ...breakpoint(part.cache) };
}

function inputItems(parts: readonly UserPart[]): JsonObject[] {
  return parts.flatMap((part) => {
    if (part.kind === "text") return [textItem(part)];
    if (part.kind === "foreign") return [];
    if (part.medium === "image") return [imageItem(part)];
    return [part.medium === "audio" ? audioItem(part) : fileItem(part)];
  });
}

/** A thought that this model can read; undefined for all others, which it could only refuse. */
function reasoningItem(part: ReasoningPart, target: EncodeTarget): JsonObject | undefined {
  const { carried, text } = part;
  const replayed = target.quirks.includes("replay-reasoning");
  const native =
    carried !== undefined && canRead(carried, dialectId, target.model)
      ? readNative(carried)
      : undefined;
  if (native === undefined && !replayed) return undefined;
  const content = text === "" ? [] : [{ type: "reasoning_text", text }];
  const summary = text === "" ? [] : [{ type: "summary_text", text }];
  if (native === undefined) return { type: "reasoning", summary: [], content };
  const { id, encrypted } = native;
  if (encrypted === null) return { type: "reasoning", id, summary: [], content };
  return { type: "reasoning", id, summary, encrypted_content: encrypted };
}

/** What an assistant's part becomes; undefined for what this dialect has no item for. */
function saidItem(part: AssistantPart, target: EncodeTarget): JsonObject | undefined {
  switch (part.kind) {
    case "text":
      return { type: "message", role: "assistant", content: part.text };
    case "refusal": {
      const content = [{ type: "refusal", refusal: part.text }];
      const id = `msg_${createHash("sha256").update(part.text).digest("hex").slice(0, 32)}`;
      return { type: "message", id, role: "assistant", status: "completed", content };
    }
    case "reasoning":
      return reasoningItem(part, target);
    case "tool-call": {
      const { name } = part;
      const callId = callIdOf(part.id);
      return part.custom === true
        ? { type: "custom_tool_call", call_id: callId, name, input: part.arguments }
        : { type: "function_call", call_id: callId, name, arguments: part.arguments };
    }
    case "foreign":
      return part.dialect === dialectId ? part.value : undefined;
    case "media":
      return undefined;
    default:
      return part satisfies never;
  }
}

/** Reasoning at the end of a turn led to nothing that could stand behind it. */
function withoutTail(items: readonly JsonObject[]): readonly JsonObject[] {
  const last = items.findLastIndex((item) => item["type"] !== "reasoning");
  return items.slice(0, last + 1);
}

function errorText(text: string): string {
  return /^\W*error/i.test(text) ? text : `Error: ${text}`;
}

function resultItem(part: ToolResultPart): JsonObject {
  const [first, ...rest] = part.content;
  const texts =
    part.isError && first?.kind === "text"
      ? [{ ...first, text: errorText(first.text) }, ...rest]
      : part.content;
  const only = texts.length === 1 ? texts[0] : undefined;
  const plain = only?.kind === "text" && only.cache === undefined ? only.text : undefined;
  const empty = part.isError ? "Error" : "";
  return {
    type: part.custom === true ? "custom_tool_call_output" : "function_call_output",
    call_id: callIdOf(part.callId),
    output: texts.length === 0 ? empty : (plain ?? inputItems(texts)),
  };
}

function messageItems(message: Message, target: EncodeTarget): readonly JsonObject[] {
  switch (message.role) {
    case "system": {
      const role = target.quirks.includes("no-developer-role") ? "system" : "developer";
      return [{ type: "message", role, content: message.parts.map(textItem) }];
    }
    case "user":
      return [{ type: "message", role: "user", content: inputItems(message.parts) }];
    case "assistant":
      return withoutTail(
        message.parts.map((part) => saidItem(part, target)).filter((item) => item !== undefined),
      );
    case "tool":
      return message.parts.map(resultItem);
    default:
      return message satisfies never;
  }
}

/** The items of a history, in its order. */
export function encodeItems(messages: readonly Message[], target: EncodeTarget): JsonObject[] {
  return orderResults(messages).flatMap((message) => messageItems(message, target));
}

/**
 * Instructions before the first turn: the first is `instructions`, unless it bears a cache mark, which only content
 * parts can; all others are a developer's message.
 */
export function encodeSystem(
  system: readonly TextPart[],
  target: EncodeTarget,
): { readonly instructions: string | null; readonly items: readonly JsonObject[] } {
  const [first, ...rest] = system;
  const plain = first !== undefined && Object.keys(breakpoint(first.cache)).length === 0;
  const parts = plain ? rest : system;
  return {
    instructions: plain ? first.text : null,
    items: parts.length === 0 ? [] : messageItems({ role: "system", parts }, target),
  };
}
