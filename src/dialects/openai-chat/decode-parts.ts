/** Reads the content of a caller's messages: a string, or a list of parts. */
import { isObject, type Json, type JsonObject } from "../../core/json-value.ts";
import type {
  AssistantPart,
  CacheMark,
  ForeignPart,
  MediaPart,
  TextPart,
  UserPart,
} from "../../wire/conversation.ts";
import { refuse } from "../refuse.ts";
import { findText, type Note, requireObject, requireText } from "../request-members.ts";
import { decodeMedia } from "./decode-media.ts";
import { decodeThinkingPart } from "./decode-thoughts.ts";

/** A wish to cache up to a part: OpenAI's `prompt_cache_breakpoint`, or `cache_control` as OpenRouter and others take it. */
export function decodeCache(
  part: JsonObject,
  path: string,
  note: Note,
): { readonly cache?: CacheMark } {
  const name = isObject(part["prompt_cache_breakpoint"])
    ? "prompt_cache_breakpoint"
    : "cache_control";
  const mark = part[name];
  if (!isObject(mark)) return {};
  note("cache-mark", `${path}.${name}`);
  return { cache: { ttl: findText(mark, "ttl", `${path}.${name}`) ?? null } };
}

function decodeText(part: JsonObject, path: string, note: Note): TextPart {
  const text = requireText(part, "text", path);
  return { kind: "text", text, ...decodeCache(part, path, note) };
}

/** What only an upstream of this dialect may know. */
function foreign(part: JsonObject, path: string, note: Note): ForeignPart {
  note("foreign-content", path);
  return { kind: "foreign", dialect: "openai-chat", value: part };
}

type DecodePart<Part> = (part: JsonObject, path: string, note: Note) => Part;

/** Reads content by the given reader of parts. Text that says nothing is left out: other dialects refuse it. */
function decodeContent<Part extends { readonly kind: string }>(
  content: Json | undefined,
  path: string,
  note: Note,
  decodePart: DecodePart<Part>,
): (Part | TextPart)[] {
  if (typeof content === "string") return content === "" ? [] : [{ kind: "text", text: content }];
  if (!Array.isArray(content)) throw refuse(path, "must be a string or a list of content parts");
  const items = content as readonly Json[];
  return items.flatMap((item, index): readonly (Part | TextPart)[] => {
    const at = `${path}[${index}]`;
    const part = requireObject(item, at);
    if (part["type"] !== "text") return [decodePart(part, at, note)];
    const text = decodeText(part, at, note);
    return text.text === "" ? [] : [text];
  });
}

/** Content of system and developer messages, and of functions' results: text alone. */
export function decodeTexts(content: Json | undefined, path: string, note: Note): TextPart[] {
  return decodeContent<TextPart>(content, path, note, (part, at) => {
    throw refuse(`${at}.type`, `must be "text", not ${JSON.stringify(part["type"])}`);
  });
}

function decodeUserPart(part: JsonObject, path: string, note: Note): UserPart {
  const media = decodeMedia(part, path, note);
  if (media !== undefined) return { ...media, ...decodeCache(part, path, note) };
  requireText(part, "type", path);
  return foreign(part, path, note);
}

/** Content of a user's message. */
export function decodeUserContent(content: Json | undefined, path: string, note: Note): UserPart[] {
  return decodeContent(content, path, note, decodeUserPart);
}

function decodeResultPart(part: JsonObject, path: string, note: Note): MediaPart {
  const media = decodeMedia(part, path, note);
  if (media === undefined) throw refuse(`${path}.type`, `of a tool's result must be "text"`);
  note("tool-result-media", path);
  return media;
}

/** Content of a tool's result: text, and with clients that dare, media. */
export function decodeResultContent(
  content: Json | undefined,
  path: string,
  note: Note,
): (TextPart | MediaPart)[] {
  return decodeContent(content, path, note, decodeResultPart);
}

function decodeAssistantPart(part: JsonObject, path: string, note: Note): AssistantPart {
  if (part["type"] === "refusal")
    return { kind: "refusal", text: requireText(part, "refusal", path) };
  if (part["type"] === "thinking") return decodeThinkingPart(part, path, note);
  requireText(part, "type", path);
  return decodeMedia(part, path, note) ?? foreign(part, path, note);
}

/** Content of an assistant's message; none where it is absent or null. */
export function decodeAssistantContent(
  content: Json | undefined,
  path: string,
  note: Note,
): AssistantPart[] {
  if (content === undefined || content === null) return [];
  return decodeContent(content, path, note, decodeAssistantPart);
}
