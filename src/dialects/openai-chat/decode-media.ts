/** Reads media in a caller's content parts: images, spoken input, files and video, by data URL, URL or file id. */
import { isObject, type Json, type JsonObject } from "../../core/json-value.ts";
import type { MediaPart, MediaSource } from "../../wire/conversation.ts";
import { refuse } from "../refuse.ts";
import { entryOf, findText, type Note, requireObject, requireText } from "../request-members.ts";
import { documentName } from "./media-names.ts";

/** Media by URL: a data URL's content, or the address itself. Throws for anything else, naming `path`. */
function readUrl(url: string, path: string): MediaSource {
  if (/^https?:\/\//i.test(url)) return { kind: "url", url, mediaType: null };
  const found = /^data:([^,]{0,200}),/i.exec(url);
  if (found === null)
    throw refuse(path, "must be an https URL or a data URL (data:image/png;base64,…)");
  const [mediaType = "", ...options] = (found[1] ?? "").split(";");
  const data = url.slice(found[0].length);
  if (options.at(-1)?.trim().toLowerCase() !== "base64" || data === "")
    throw refuse(path, "must hold base64 behind `;base64,`");
  return { kind: "data", mediaType: mediaType.toLowerCase() || "application/octet-stream", data };
}

function urlMember(part: JsonObject, name: string, path: string): [string, JsonObject] {
  const value = part[name];
  const field = `${path}.${name}`;
  // Mistral takes the bare URL in place of an object.
  if (typeof value === "string") return [value, {}];
  const object = requireObject(value, field);
  return [requireText(object, "url", field), object];
}

function decodeImage(part: JsonObject, path: string, note: Note): MediaPart {
  const [url, options] = urlMember(part, "image_url", path);
  const source = readUrl(url, `${path}.image_url.url`);
  if (source.kind === "url") note("image-url", `${path}.image_url.url`);
  const detail = findText(options, "detail", `${path}.image_url`);
  if (detail === undefined) return { kind: "media", medium: "image", source };
  if (detail !== "auto") note("image-detail", `${path}.image_url.detail`);
  return { kind: "media", medium: "image", source, detail };
}

/** Audio formats whose media type is not just their name. */
const audioTypes: Readonly<Record<string, string>> = { mp3: "audio/mpeg", pcm16: "audio/pcm" };

function decodeAudio(part: JsonObject, path: string, note: Note): MediaPart {
  const audio = requireObject(part["input_audio"], `${path}.input_audio`);
  const data = requireText(audio, "data", `${path}.input_audio`);
  const format = findText(audio, "format", `${path}.input_audio`) ?? "wav";
  note("audio-input", `${path}.input_audio`);
  const mediaType = entryOf(audioTypes, format) ?? `audio/${format}`;
  // Qwen and Gemini's own compatible endpoint take URLs here.
  const source: MediaSource = /^(https?|data):/i.test(data)
    ? readUrl(data, `${path}.input_audio.data`)
    : { kind: "data", mediaType, data };
  return { kind: "media", medium: "audio", source };
}

function fileSource(file: JsonObject, path: string, note: Note): MediaSource {
  const data = findText(file, "file_data", path);
  if (data === undefined) {
    const fileId = requireText(file, "file_id", path);
    note("file-id", `${path}.file_id`);
    return { kind: "file", fileId, mediaType: null };
  }
  if (!/^(https?|data):/i.test(data)) {
    note("document-input", `${path}.file_data`);
    return { kind: "data", mediaType: "application/pdf", data };
  }
  const source = readUrl(data, `${path}.file_data`);
  note(source.kind === "url" ? "document-url" : "document-input", `${path}.file_data`);
  return source;
}

function decodeFile(part: JsonObject, path: string, note: Note): MediaPart {
  const file = requireObject(part["file"], `${path}.file`);
  const source = fileSource(file, `${path}.file`, note);
  const title = findText(file, "filename", `${path}.file`);
  const named = title !== undefined && title !== documentName(source);
  return { kind: "media", medium: "document", source, ...(named ? { title } : {}) };
}

/** Mistral's way to give a document. */
function decodeDocumentUrl(part: JsonObject, path: string, note: Note): MediaPart {
  const [url] = urlMember(part, "document_url", path);
  const source = readUrl(url, `${path}.document_url`);
  note(source.kind === "url" ? "document-url" : "document-input", `${path}.document_url`);
  const title = findText(part, "document_name", path);
  return { kind: "media", medium: "document", source, ...(title === undefined ? {} : { title }) };
}

/** OpenRouter's and Qwen's way to give a video. */
function decodeVideo(part: JsonObject, path: string, note: Note): MediaPart {
  const [url] = urlMember(part, "video_url", path);
  note("video-input", `${path}.video_url`);
  return { kind: "media", medium: "video", source: readUrl(url, `${path}.video_url.url`) };
}

const decoders: Readonly<
  Record<string, (part: JsonObject, path: string, note: Note) => MediaPart>
> = {
  image_url: decodeImage,
  input_audio: decodeAudio,
  file: decodeFile,
  document_url: decodeDocumentUrl,
  video_url: decodeVideo,
};

/** The media of a content part; undefined where its type is none of media. */
export function decodeMedia(part: JsonObject, path: string, note: Note): MediaPart | undefined {
  return entryOf(decoders, part["type"])?.(part, path, note);
}

/** Images that an assistant made, as OpenRouter and we tell them: `images: [{type:"image_url",…}]`. */
export function decodeImages(list: readonly Json[], path: string, note: Note): MediaPart[] {
  return list.map((item, index) => {
    const part = isObject(item) ? item : {};
    return decodeImage(part, `${path}[${index}]`, note);
  });
}
