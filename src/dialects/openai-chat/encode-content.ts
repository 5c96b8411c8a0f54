/** Writes the parts of messages as chat completions have them; a single text is a plain string. */
import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import { lookUp } from "../../core/look-up.ts";
import type { CacheMark, MediaPart, TextPart, UserPart } from "../../wire/conversation.ts";
import type { QuirkId } from "../quirk-ids.ts";
import { audioFormat, documentName } from "./media-names.ts";
import type { ModelTraits } from "./model-traits.ts";

/** What the encoders of a request need to know of its target. */
export interface Encoding {
  readonly model: string;
  readonly traits: ModelTraits;
  readonly quirks: readonly QuirkId[];
  /** Whether marks of caching are written, which wander from turn to turn: what bears one is a list in all turns. */
  readonly marks: boolean;
}

/** Lifetimes of OpenAI's caches by those of Anthropic's: the longer one for an hour. */
const lifetimes: Readonly<Record<string, string>> = { "5m": "30m", "1h": "12h" };
const shortLifetimes: Readonly<Record<string, string>> = { "30m": "5m", "12h": "1h" };

/** The member that wishes for a cache up to here, where the target knows one. */
export function writeCache(cache: CacheMark | undefined, encoding: Encoding): JsonObject {
  if (cache === undefined) return {};
  const { ttl } = cache;
  if (encoding.quirks.includes("cache-control")) {
    const short = ttl === null ? {} : { ttl: lookUp(shortLifetimes, ttl) ?? ttl };
    return { cache_control: { type: "ephemeral", ...short } };
  }
  if (!encoding.traits.cacheBreakpoints) return {};
  const long = ttl === null ? {} : { ttl: lookUp(lifetimes, ttl) ?? ttl };
  return { prompt_cache_breakpoint: { mode: "explicit", ...long } };
}

function writeText(part: TextPart, encoding: Encoding): JsonObject {
  return { type: "text", text: part.text, ...writeCache(part.cache, encoding) };
}

function unsendable(what: string): GatewayError {
  const message = `${what} cannot be sent to the upstream of this model; send its data instead`;
  return new GatewayError("invalid_request", message, { values: { detail: message } });
}

/** Address of media: a data URL or the URL. */
function urlOf({ source, medium }: MediaPart): string {
  if (source.kind === "data") return `data:${source.mediaType};base64,${source.data}`;
  if (source.kind === "url") return source.url;
  throw unsendable(`An ${medium} by file id`);
}

/** An image as a content part; also how replies tell images. */
export function writeImage(part: MediaPart): JsonObject {
  const detail = part.detail === undefined ? {} : { detail: part.detail };
  return { type: "image_url", image_url: { url: urlOf(part), ...detail } };
}

function writeAudio({ source }: MediaPart): JsonObject {
  if (source.kind !== "data") throw unsendable("Audio by URL or file id");
  return {
    type: "input_audio",
    input_audio: { data: source.data, format: audioFormat(source.mediaType) },
  };
}

/** Documents given as text are text, headed by their title. */
function writeDocument(part: MediaPart): JsonObject {
  const { source, title } = part;
  if (source.kind === "text")
    return { type: "text", text: title === undefined ? source.text : `${title}\n\n${source.text}` };
  if (source.kind === "file") return { type: "file", file: { file_id: source.fileId } };
  const filename = title ?? documentName(source);
  return { type: "file", file: { filename, file_data: urlOf(part) } };
}

const writers: Readonly<Record<MediaPart["medium"], (part: MediaPart) => JsonObject>> = {
  image: writeImage,
  audio: writeAudio,
  document: writeDocument,
  video: (part) => ({ type: "video_url", video_url: { url: urlOf(part) } }),
};

function writeMedia(part: MediaPart, encoding: Encoding): JsonObject {
  return { ...writers[part.medium](part), ...writeCache(part.cache, encoding) };
}

/** A user's part; undefined for what only another dialect knows. */
function writePart(part: UserPart, encoding: Encoding): JsonObject | undefined {
  if (part.kind === "text") return writeText(part, encoding);
  if (part.kind === "media") return writeMedia(part, encoding);
  return part.dialect === "openai-chat" ? part.value : undefined;
}

/** What stands between texts that are joined to one. */
export const paragraph = "\n\n";

/**
 * Content of a message: a string where one text is all, else the list of its parts. Where `joint` is given, several
 * plain texts are joined by it for all vendors but OpenAI: Groq, Cerebras and others take no lists there.
 */
export function writeContent(
  parts: readonly UserPart[],
  encoding: Encoding,
  joint?: string,
): string | readonly JsonObject[] {
  const written = parts
    .map((part) => writePart(part, encoding))
    .filter((part) => part !== undefined);
  const texts = written.flatMap(({ type, text }): readonly string[] =>
    type === "text" && typeof text === "string" ? [text] : [],
  );
  const isText = texts.length === written.length;
  if (isText && encoding.quirks.includes("string-content")) return texts.join(joint ?? paragraph);
  const isPlain = isText && written.every((part) => Object.keys(part).length === 2);
  if (isPlain && texts.length === 1 && joint === undefined && encoding.marks) return written;
  if (isPlain && texts.length <= 1) return texts[0] ?? "";
  return isPlain && joint !== undefined && !encoding.traits.openai ? texts.join(joint) : written;
}
