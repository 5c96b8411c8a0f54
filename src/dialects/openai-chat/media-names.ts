/** Names and formats of media in OpenAI's words, by media type and back. */
import { lookUp } from "../../core/look-up.ts";
import type { MediaSource } from "../../wire/conversation.ts";

const extensions: Readonly<Record<string, string>> = {
  "application/pdf": "pdf",
  "text/plain": "txt",
  "text/markdown": "md",
  "text/csv": "csv",
  "text/html": "html",
  "application/json": "json",
};

/** Name of a document that has none of its own: OpenAI wants one beside the data. */
export function documentName(source: MediaSource): string {
  const type = source.kind === "text" ? "text/plain" : source.mediaType;
  return `document.${lookUp(extensions, type) ?? "pdf"}`;
}

const audioFormats: Readonly<Record<string, string>> = {
  "audio/mpeg": "mp3",
  "audio/mp3": "mp3",
  "audio/wav": "wav",
  "audio/x-wav": "wav",
  "audio/wave": "wav",
  "audio/l16": "pcm16",
  "audio/pcm": "pcm16",
};

/** OpenAI's `format` of a media type. */
export function audioFormat(mediaType: string): string {
  const [type = ""] = mediaType.toLowerCase().split(";");
  return lookUp(audioFormats, type.trim()) ?? (type.trim().split("/")[1] || "wav");
}

/** Beginnings of base64 text by which audio tells what it is. */
const audioSigns: readonly (readonly [RegExp, string])[] = [
  [/^UklGR/, "audio/wav"],
  [/^(SUQz|\/\/[M-Ps-v])/, "audio/mpeg"],
  [/^ZkxhQ/, "audio/flac"],
  [/^T2dnU/, "audio/ogg"],
];

/** Media type of audio told in base64 without one; raw samples where nothing else is seen. */
export function sniffAudio(data: string): string {
  return audioSigns.find(([sign]) => sign.test(data))?.[1] ?? "audio/pcm";
}
