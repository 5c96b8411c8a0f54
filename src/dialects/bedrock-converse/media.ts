/** Images, documents and videos as Converse wants them: bytes, a format's name, and neutral, unlike document names. */
import type { JsonObject } from "../../core/json-value.ts";
import { lookUp } from "../../core/look-up.ts";
import type { MediaPart, MediaSource } from "../../wire/conversation.ts";
import { fieldFault } from "../refuse.ts";

const imageFormats: Readonly<Record<string, string>> = {
  "image/png": "png",
  "image/jpeg": "jpeg",
  "image/jpg": "jpeg",
  "image/gif": "gif",
  "image/webp": "webp",
};

const videoFormats: Readonly<Record<string, string>> = {
  "video/mp4": "mp4",
  "video/quicktime": "mov",
  "video/x-matroska": "mkv",
  "video/webm": "webm",
  "video/x-flv": "flv",
  "video/mpeg": "mpeg",
  "video/mpg": "mpg",
  "video/x-ms-wmv": "wmv",
  "video/3gpp": "three_gp",
};

const documentFormats: Readonly<Record<string, string>> = {
  "application/pdf": "pdf",
  "text/csv": "csv",
  "application/msword": "doc",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
  "application/vnd.ms-excel": "xls",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
  "text/html": "html",
  "text/markdown": "md",
  "application/json": "txt",
  "application/xml": "txt",
};

/** Formats that a document's title may end in, where its media type tells nothing. */
const extensions = ["pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"];

/** Longest document name; Converse takes 200 characters. */
const maxNameLength = 180;

function bareType(mediaType: string | null): string {
  return (mediaType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

function typeOf(source: MediaSource): string {
  return source.kind === "text" ? "text/plain" : bareType(source.mediaType);
}

function documentFormat(type: string, title: string | undefined): string | undefined {
  const known = lookUp(documentFormats, type);
  if (known !== undefined) return known;
  const extension = title?.split(".").at(-1)?.toLowerCase() ?? "";
  if (extensions.includes(extension)) return extension;
  return type.startsWith("text/") ? "txt" : undefined;
}

function encodeSource(source: MediaSource, medium: string): JsonObject {
  if (source.kind === "data") return { bytes: source.data };
  if (source.kind === "text") return { bytes: Buffer.from(source.text).toString("base64") };
  if (source.kind === "url" && source.url.startsWith("s3://"))
    return { s3Location: { uri: source.url } };
  throw fieldFault(
    "messages",
    `The upstream of this model cannot fetch the ${medium}; send it inline, as base64`,
  );
}

/** Gives document names: each only once in a request, in characters that Converse takes. */
export type NameDocument = (title: string | undefined) => string;

/** Names follow the order of the documents, so that a growing conversation keeps those it had. */
export function makeDocumentNames(): NameDocument {
  const used: string[] = [];
  let count = 0;
  return (title) => {
    count += 1;
    const plain = (title ?? "")
      .replace(/\.[A-Za-z0-9]{1,5}$/u, "")
      .replaceAll(/[^A-Za-z0-9\s()[\]-]+/gu, " ")
      .replaceAll(/\s+/gu, " ")
      .trim()
      .slice(0, maxNameLength)
      .trim();
    const name = plain === "" ? `Document ${count}` : plain;
    const unlike = used.includes(name) ? `${name} (${count})` : name;
    used.push(unlike);
    return unlike;
  };
}

function encodeDocument(part: MediaPart, nameDocument: NameDocument): JsonObject {
  const type = typeOf(part.source);
  const format = documentFormat(type, part.title);
  if (format === undefined)
    throw fieldFault(
      "messages",
      `A document of type \`${type}\` cannot be sent; pdf, docx, xlsx, csv, html, md and txt can`,
    );
  return {
    format,
    name: nameDocument(part.title),
    source: encodeSource(part.source, "document"),
    ...(part.context === undefined ? {} : { context: part.context }),
    ...(part.citationsAsked === true ? { citations: { enabled: true } } : {}),
  };
}

function encodeFormatted(part: MediaPart, formats: Readonly<Record<string, string>>): JsonObject {
  const type = typeOf(part.source);
  const format = lookUp(formats, type);
  if (format === undefined) {
    const known = [...new Set(Object.values(formats))].join(", ");
    throw fieldFault(
      "messages",
      `A ${part.medium} of type \`${type}\` cannot be sent; ${known} can`,
    );
  }
  return { format, source: encodeSource(part.source, part.medium) };
}

/** The content block of a part. Throws `invalid_request` for formats that Converse does not have. */
export function encodeMedia(part: MediaPart, nameDocument: NameDocument): JsonObject {
  if (part.medium === "image") return { image: encodeFormatted(part, imageFormats) };
  if (part.medium === "video") return { video: encodeFormatted(part, videoFormats) };
  if (part.medium === "document") return { document: encodeDocument(part, nameDocument) };
  throw fieldFault("messages", "The upstream of this model takes no audio");
}
