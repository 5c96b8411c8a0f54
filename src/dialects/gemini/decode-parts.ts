/** Parts of a caller's contents as parts of our own, one by one; calls and their results are joined elsewhere. */
import type {
  AssistantPart,
  MediaPart,
  MediaSource,
  TextPart,
  UserPart,
} from "../../wire/conversation.ts";
import { guessType, isGoogleFile, mediumOf } from "./media-types.ts";
import {
  at,
  booleanAt,
  note,
  objectAt,
  refuse,
  type Spot,
  stringAt,
  type Uses,
} from "./request-spots.ts";
import { dialectId, readSignature, type ReadSignature } from "./signature.ts";

/** Parts that only Google's own models know: tools that Google runs. */
const foreign: readonly string[] = [
  "executableCode",
  "codeExecutionResult",
  "toolCall",
  "toolResponse",
  "audioTranscription",
];

const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Base64 in the usual alphabet; callers may use the one for URLs, and leave out the padding. */
function base64At(spot: Spot): string {
  const given = stringAt(spot);
  const text = /[-_]/.test(given) ? given.replaceAll("-", "+").replaceAll("_", "/") : given;
  if (text === "" || !base64.test(text)) throw refuse(spot, "must be base64 that holds something");
  return text.length % 4 === 0 ? text : text.padEnd(Math.ceil(text.length / 4) * 4, "=");
}

function typeAt(spot: Spot | undefined): string | null {
  const type = spot === undefined ? "" : stringAt(spot);
  return type === "" ? null : type;
}

function noteMedium(uses: Uses, medium: MediaPart["medium"], spot: Spot): void {
  if (medium === "document") note(uses, "document-input", spot);
  if (medium === "audio") note(uses, "audio-input", spot);
  if (medium === "video") note(uses, "video-input", spot);
}

function decodeInline(spot: Spot, uses: Uses): MediaPart {
  const type = at(spot, "mimeType");
  if (type === undefined) throw refuse(spot, "needs `mimeType`");
  const data = at(spot, "data");
  if (data === undefined) throw refuse(spot, "needs `data`");
  const mediaType = stringAt(type);
  const medium = mediumOf(mediaType);
  noteMedium(uses, medium, spot);
  const title = at(spot, "displayName");
  return {
    kind: "media",
    medium,
    source: { kind: "data", mediaType, data: base64At(data) },
    ...(title === undefined ? {} : { title: stringAt(title) }),
  };
}

function decodeFile(spot: Spot, uses: Uses): MediaPart {
  const uri = at(spot, "fileUri");
  if (uri === undefined) throw refuse(spot, "needs `fileUri`");
  const text = stringAt(uri);
  if (text === "") throw refuse(uri, "must not be empty");
  const mediaType = typeAt(at(spot, "mimeType")) ?? guessType(text);
  const medium = mediumOf(mediaType);
  const kept = isGoogleFile(text);
  const source: MediaSource = kept
    ? { kind: "file", fileId: text, mediaType }
    : { kind: "url", url: text, mediaType };
  noteMedium(uses, medium, spot);
  if (kept) note(uses, "file-id", uri);
  else if (medium === "image") note(uses, "image-url", uri);
  else if (medium === "document") note(uses, "document-url", uri);
  return { kind: "media", medium, source };
}

/** Media of a part or of a function's response; undefined: it holds none. */
export function decodeMedia(spot: Spot, uses: Uses): MediaPart | undefined {
  const inline = at(spot, "inlineData");
  if (inline !== undefined) return decodeInline(inline, uses);
  const file = at(spot, "fileData");
  return file === undefined ? undefined : decodeFile(file, uses);
}

function signatureOf(spot: Spot): ReadSignature | undefined {
  const given = at(spot, "thoughtSignature");
  return given === undefined ? undefined : readSignature(stringAt(given));
}

function decodeText(spot: Spot, text: string, uses: Uses): AssistantPart | undefined {
  const signature = signatureOf(spot);
  const thought = at(spot, "thought");
  const thinks = thought !== undefined && booleanAt(thought);
  if (thinks || signature !== undefined) note(uses, "reasoning-history", spot);
  const carried = signature === undefined ? {} : { carried: signature.carried };
  // A signature by itself comes in a part without text.
  if (thinks || (text === "" && signature !== undefined)) {
    if (text === "" && signature === undefined) return undefined;
    const redacted = signature?.redacted === true ? { redacted: true } : {};
    return { kind: "reasoning", text, ...carried, ...redacted };
  }
  return text === "" ? undefined : { kind: "text", text, ...carried };
}

/** What of a part has no place in our own shape but changes the answer little. */
function noteHints(spot: Spot, uses: Uses): void {
  for (const name of ["videoMetadata", "mediaProcessing", "speechMetadata", "partMetadata"]) {
    const hint = at(spot, name);
    if (hint !== undefined) note(uses, "unknown-member", hint);
  }
  const resolution = at(spot, "mediaResolution");
  if (resolution !== undefined) note(uses, "image-detail", resolution);
}

/** A part of a model's turn other than a call; undefined: it says nothing. */
export function decodeModelPart(spot: Spot, uses: Uses): AssistantPart | undefined {
  const media = decodeMedia(spot, uses);
  if (media !== undefined) {
    const signature = signatureOf(spot);
    return signature === undefined ? media : { ...media, carried: signature.carried };
  }
  if (foreign.some((name) => at(spot, name) !== undefined)) {
    note(uses, "foreign-content", spot);
    return { kind: "foreign", dialect: dialectId, value: objectAt(spot) };
  }
  const text = at(spot, "text");
  if (text === undefined && at(spot, "thoughtSignature") === undefined) throw refuseEmpty(spot);
  return decodeText(spot, text === undefined ? "" : stringAt(text), uses);
}

/** A part of a user's turn other than a function's response; undefined: it says nothing. */
export function decodeUserPart(spot: Spot, uses: Uses): UserPart | undefined {
  noteHints(spot, uses);
  const media = decodeMedia(spot, uses);
  if (media !== undefined) return media;
  if (foreign.some((name) => at(spot, name) !== undefined)) {
    note(uses, "foreign-content", spot);
    return { kind: "foreign", dialect: dialectId, value: objectAt(spot) };
  }
  if (at(spot, "functionCall") !== undefined)
    throw refuse(spot, "holds a `functionCall`, which belongs in a content of role `model`");
  const text = at(spot, "text");
  if (text === undefined) throw refuseEmpty(spot);
  return stringAt(text) === "" ? undefined : textPart(text);
}

function textPart(spot: Spot): TextPart {
  return { kind: "text", text: stringAt(spot) };
}

/** Text parts of instructions. */
export function decodeTextPart(spot: Spot): TextPart {
  const text = at(spot, "text");
  if (text === undefined) throw refuse(spot, "must hold `text`");
  return textPart(text);
}

function refuseEmpty(spot: Spot): Error {
  return refuse(
    spot,
    "must hold one of `text`, `inlineData`, `fileData`, `functionCall`, `functionResponse`",
  );
}

/** The signature of a part that is a call. */
export function callSignature(spot: Spot, uses: Uses): ReadSignature | undefined {
  const signature = signatureOf(spot);
  if (signature !== undefined) note(uses, "reasoning-history", spot);
  return signature;
}
