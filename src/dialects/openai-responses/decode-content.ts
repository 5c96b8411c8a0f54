/** Reads the content of a caller's messages and tool results. */
import type { Json, JsonObject } from "../../core/json-value.ts";
import type {
  AssistantPart,
  CacheMark,
  MediaPart,
  MediaSource,
  TextPart,
} from "../../wire/conversation.ts";
import type { FeatureId, FeatureUse } from "../../wire/feature.ts";
import { refuse } from "../refuse.ts";
import { asObject, optionalObject, optionalString, optionalWord } from "./fields.ts";

/** Collects the features a request uses. */
export type Note = (feature: FeatureId, field: string) => void;

/** A collector and what it has collected. */
export function makeNotes(): { readonly uses: FeatureUse[]; readonly note: Note } {
  const uses: FeatureUse[] = [];
  return { uses, note: (feature, field) => void uses.push({ feature, field }) };
}

const details = ["auto", "low", "high", "original"] as const;
const dataUrl = /^data:([^;,]*)((?:;[^;,]*)*?)(;base64)?,/;

/** Reads a `data:` URL with base64; undefined for other URLs. */
function readDataUrl(url: string, path: string): MediaSource | undefined {
  if (!url.startsWith("data:")) return undefined;
  const head = dataUrl.exec(url);
  if (head === null || head[3] === undefined)
    throw refuse(path, "must be a data URL with base64: data:<media type>;base64,<data>");
  return {
    kind: "data",
    mediaType: head[1] === undefined || head[1] === "" ? "text/plain" : head[1].toLowerCase(),
    data: url.slice(head[0].length),
  };
}

function readUrl(url: string, path: string): MediaSource {
  const data = readDataUrl(url, path);
  if (data !== undefined) return data;
  if (!/^https?:\/\//i.test(url)) throw refuse(path, "must be an http, https or data URL");
  return { kind: "url", url, mediaType: null };
}

/** The cache breakpoint of a part, ready to be spread into ours. */
function cacheOf(part: JsonObject, path: string, note: Note): { readonly cache?: CacheMark } {
  const mark = optionalObject(part, "prompt_cache_breakpoint", path);
  if (mark === null) return {};
  const field = `${path}.prompt_cache_breakpoint`;
  note("cache-mark", field);
  // OpenAI keeps what it is asked to keep for half an hour where nothing else is said.
  return { cache: { ttl: optionalString(mark, "ttl", field) ?? "30m" } };
}

function textPart(part: JsonObject, path: string, note: Note): TextPart {
  const text = optionalString(part, "text", path);
  if (text === null) throw refuse(`${path}.text`, "must be a string");
  return { kind: "text", text, ...cacheOf(part, path, note) };
}

function imagePart(part: JsonObject, path: string, note: Note): MediaPart {
  const url = optionalString(part, "image_url", path);
  const fileId = optionalString(part, "file_id", path);
  const detail = optionalWord(part, "detail", details, path);
  if (url === null && fileId === null)
    throw refuse(`${path}.image_url`, "is missing; give the image's URL");
  const source: MediaSource =
    url === null
      ? { kind: "file", fileId: fileId ?? "", mediaType: null }
      : readUrl(url, `${path}.image_url`);
  if (source.kind === "file") note("file-id", `${path}.file_id`);
  if (source.kind === "url") note("image-url", `${path}.image_url`);
  const told = detail !== null && detail !== "auto";
  if (told) note("image-detail", `${path}.detail`);
  return {
    kind: "media",
    medium: "image",
    source,
    ...(told ? { detail } : {}),
    ...cacheOf(part, path, note),
  };
}

function mediumOf(mediaType: string): MediaPart["medium"] {
  const [kind] = mediaType.split("/");
  return kind === "image" || kind === "audio" || kind === "video" ? kind : "document";
}

function fileSource(part: JsonObject, path: string): MediaSource {
  const data = optionalString(part, "file_data", path);
  const url = optionalString(part, "file_url", path);
  const fileId = optionalString(part, "file_id", path);
  if (data !== null && data !== "") {
    const bare = { kind: "data", mediaType: "application/pdf", data } as const;
    return readDataUrl(data, `${path}.file_data`) ?? bare;
  }
  if (url !== null && url !== "") return readUrl(url, `${path}.file_url`);
  if (fileId !== null && fileId !== "") return { kind: "file", fileId, mediaType: null };
  throw refuse(path, "must have file_data, file_url or file_id");
}

const mediumFeatures = {
  image: null,
  document: "document-input",
  audio: "audio-input",
  video: "video-input",
} as const;

function filePart(part: JsonObject, path: string, note: Note): MediaPart {
  const source = fileSource(part, path);
  const medium = source.kind === "data" ? mediumOf(source.mediaType) : "document";
  const title = optionalString(part, "filename", path);
  const feature = mediumFeatures[medium];
  if (source.kind === "file") note("file-id", `${path}.file_id`);
  else if (source.kind === "url") note("document-url", `${path}.file_url`);
  else if (feature !== null) note(feature, `${path}.file_data`);
  return {
    kind: "media",
    medium,
    source,
    ...(title === null ? {} : { title }),
    ...cacheOf(part, path, note),
  };
}

function audioPart(part: JsonObject, path: string, note: Note): MediaPart {
  const audio = asObject(part["input_audio"], `${path}.input_audio`);
  const data = optionalString(audio, "data", `${path}.input_audio`);
  const format = optionalWord(audio, "format", ["mp3", "wav"], `${path}.input_audio`);
  if (data === null) throw refuse(`${path}.input_audio.data`, "must be a string of base64");
  note("audio-input", `${path}.input_audio`);
  const mediaType = format === "mp3" ? "audio/mpeg" : "audio/wav";
  return { kind: "media", medium: "audio", source: { kind: "data", mediaType, data } };
}

type ReadPart<Part> = (part: JsonObject, path: string, note: Note) => Part;

const inputParts: Readonly<Record<string, ReadPart<TextPart | MediaPart>>> = {
  input_text: textPart,
  text: textPart,
  // What a model said may come back as something a user hands on.
  output_text: textPart,
  input_image: imagePart,
  input_file: filePart,
  input_audio: audioPart,
};

const outputParts: Readonly<Record<string, ReadPart<AssistantPart>>> = {
  output_text: textPart,
  input_text: textPart,
  text: textPart,
  refusal: (part, path) => {
    const text = optionalString(part, "refusal", path);
    if (text === null) throw refuse(`${path}.refusal`, "must be a string");
    return { kind: "refusal", text };
  },
};

function readParts<Part>(
  parts: readonly Json[],
  path: string,
  readers: Readonly<Record<string, ReadPart<Part>>>,
  note: Note,
): Part[] {
  return parts.map((value, index) => {
    const here = `${path}[${index}]`;
    const part = asObject(value, here);
    const type = part["type"];
    const read = typeof type === "string" && Object.hasOwn(readers, type) ? readers[type] : null;
    if (read == null)
      throw refuse(`${here}.type`, `must be one of ${Object.keys(readers).join(", ")}`);
    return read(part, here, note);
  });
}

/** What a user, a developer or a tool says. */
export function decodeInput(
  content: Json | undefined,
  path: string,
  note: Note,
): (TextPart | MediaPart)[] {
  if (typeof content === "string") return [{ kind: "text", text: content }];
  if (Array.isArray(content)) return readParts(content as readonly Json[], path, inputParts, note);
  throw refuse(path, "must be a string or an array of content parts");
}

/** What an assistant said. */
export function decodeSaid(content: Json | undefined, path: string, note: Note): AssistantPart[] {
  if (typeof content === "string") return [{ kind: "text", text: content }];
  if (Array.isArray(content)) return readParts(content as readonly Json[], path, outputParts, note);
  throw refuse(path, "must be a string or an array of content parts");
}
