/** Media types of parts: which medium they are, and what a URL's ending tells where nobody says. */
import { lookUp } from "../../core/look-up.ts";
import type { MediaPart } from "../../wire/conversation.ts";

type Medium = MediaPart["medium"];

const byEnding: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  webp: "image/webp",
  gif: "image/gif",
  heic: "image/heic",
  heif: "image/heif",
  pdf: "application/pdf",
  txt: "text/plain",
  md: "text/markdown",
  html: "text/html",
  csv: "text/csv",
  json: "application/json",
  mp3: "audio/mpeg",
  wav: "audio/wav",
  ogg: "audio/ogg",
  flac: "audio/flac",
  aac: "audio/aac",
  mp4: "video/mp4",
  mov: "video/quicktime",
  webm: "video/webm",
  mpeg: "video/mpeg",
  mkv: "video/x-matroska",
};

const byMedium: Readonly<Record<Medium, string>> = {
  image: "image/jpeg",
  audio: "audio/mpeg",
  video: "video/mp4",
  document: "application/pdf",
};

/** Whether a URL leads to Google's own site of videos, which its models can watch. */
export function isVideoSite(url: string): boolean {
  return /^https?:\/\/(?:www\.|m\.)?(?:youtube\.com|youtu\.be)\//i.test(url);
}

/** What a URL's ending tells; null: nothing. */
export function guessType(url: string): string | null {
  if (isVideoSite(url)) return "video/mp4";
  const ending = /\.([A-Za-z0-9]+)(?:[?#].*)?$/.exec(url)?.[1]?.toLowerCase();
  return lookUp(byEnding, ending) ?? null;
}

/** The type to send for media at a URL. */
export function typeOfUrl(url: string, medium: Medium): string {
  const guessed = guessType(url);
  return guessed !== null && mediumOf(guessed) === medium ? guessed : byMedium[medium];
}

export function mediumOf(mediaType: string | null): Medium {
  const family = (mediaType ?? "").toLowerCase().split("/")[0];
  return family === "image" || family === "audio" || family === "video" ? family : "document";
}

/** Whether a URI names a file that Google keeps for its owner, not one that anybody can fetch. */
export function isGoogleFile(uri: string): boolean {
  return (
    !/^https?:\/\//i.test(uri) || /^https:\/\/[a-z0-9.-]*googleapis\.com\/[^?]*\/files\//i.test(uri)
  );
}
