/** Reads the blocks that both sides of a conversation may hold: text, images, documents, search results, marks. */
import { isObject, type Json, type JsonObject } from "../../core/json-value.ts";
import type { CacheMark, MediaPart, MediaSource, TextPart } from "../../wire/conversation.ts";
import { refuse } from "../refuse.ts";
import {
  findObject,
  findText,
  isUnset,
  type Note,
  requireList,
  requireName,
  requireObject,
  requireText,
} from "../request-members.ts";

/** The mark on a block, to be spread into its part. */
export function decodeMark(
  block: JsonObject,
  path: string,
  note: Note,
): { readonly cache?: CacheMark } {
  const mark = findObject(block, "cache_control", path);
  if (mark === undefined) return {};
  const field = `${path}.cache_control`;
  note("cache-mark", field);
  return { cache: { ttl: findText(mark, "ttl", field) ?? null } };
}

export function decodeText(block: JsonObject, path: string, note: Note): TextPart {
  return { kind: "text", text: requireText(block, "text", path), ...decodeMark(block, path, note) };
}

const dataUrl = /^data:([^;,]+);base64,(.*)$/su;

function decodeUrl(source: JsonObject, path: string, note: () => void): MediaSource {
  const url = requireName(source, "url", path);
  const [, mediaType, data] = dataUrl.exec(url) ?? [];
  if (mediaType !== undefined && data !== undefined) return { kind: "data", mediaType, data };
  note();
  return { kind: "url", url, mediaType: null };
}

/** Sources that images and documents share; undefined: another type. */
function decodeSource(
  source: JsonObject,
  path: string,
  noteUrl: () => void,
  noteFile: () => void,
): MediaSource | undefined {
  switch (source["type"]) {
    case "base64":
      return {
        kind: "data",
        mediaType: requireName(source, "media_type", path),
        data: requireName(source, "data", path),
      };
    case "url":
      return decodeUrl(source, path, noteUrl);
    case "file":
      noteFile();
      return { kind: "file", fileId: requireName(source, "file_id", path), mediaType: null };
    default:
      return undefined;
  }
}

export function decodeImage(block: JsonObject, path: string, note: Note): MediaPart {
  const field = `${path}.source`;
  const source = decodeSource(
    requireObject(block["source"], field),
    field,
    () => note("image-url", `${field}.url`),
    () => note("file-id", `${field}.file_id`),
  );
  if (source === undefined) throw refuse(`${field}.type`, 'must be "base64", "url" or "file"');
  return { kind: "media", medium: "image", source, ...decodeMark(block, path, note) };
}

/** A document whose content is a list of blocks: its text in one part, its images behind it. */
function decodeBlocksOf(content: Json | undefined, path: string, note: Note) {
  if (typeof content === "string") return { text: content, images: [] };
  const texts: string[] = [];
  const images: MediaPart[] = [];
  for (const [index, item] of requireList(content, path).entries()) {
    const field = `${path}[${index}]`;
    const block = requireObject(item, field);
    if (block["type"] === "image") images.push(decodeImage(block, field, note));
    else texts.push(requireText(block, "text", field));
  }
  return { text: texts.join("\n\n"), images };
}

export function decodeDocument(block: JsonObject, path: string, note: Note): MediaPart[] {
  const field = `${path}.source`;
  const from = requireObject(block["source"], field);
  const title = findText(block, "title", path);
  const context = findText(block, "context", path);
  const cited = findObject(block, "citations", path)?.["enabled"] === true;
  if (cited) note("citations-asked", `${path}.citations`);
  const about = {
    ...(title === undefined ? {} : { title }),
    ...(context === undefined ? {} : { context }),
    ...(cited ? { citationsAsked: true } : {}),
    ...decodeMark(block, path, note),
  };
  const part = (source: MediaSource): MediaPart => ({
    kind: "media",
    medium: "document",
    source,
    ...about,
  });
  const shared = decodeSource(
    from,
    field,
    () => note("document-url", `${field}.url`),
    () => note("file-id", `${field}.file_id`),
  );
  if (shared === undefined || shared.kind === "data") note("document-input", path);
  if (shared !== undefined) return [part(shared)];
  if (from["type"] === "text")
    return [part({ kind: "text", text: requireText(from, "data", field) })];
  if (from["type"] !== "content")
    throw refuse(`${field}.type`, 'must be "base64", "text", "content", "url" or "file"');
  const { text, images } = decodeBlocksOf(from["content"], `${field}.content`, note);
  return [...(text === "" ? [] : [part({ kind: "text", text })]), ...images];
}

/** A search result becomes text that names its source. */
export function decodeSearchResult(block: JsonObject, path: string, note: Note): TextPart {
  if (findObject(block, "citations", path)?.["enabled"] === true)
    note("citations-asked", `${path}.citations`);
  const lines = [findText(block, "title", path), findText(block, "source", path)];
  const { text } = decodeBlocksOf(block["content"], `${path}.content`, note);
  const told = [...lines, text].filter((line) => line !== undefined && line !== "").join("\n");
  return { kind: "text", text: told, ...decodeMark(block, path, note) };
}

/** Instructions: `system` itself, or a message of that role. */
export function decodeInstructions(value: Json | undefined, path: string, note: Note): TextPart[] {
  if (isUnset(value) || value === "") return [];
  if (typeof value === "string") return [{ kind: "text", text: value }];
  if (!Array.isArray(value)) throw refuse(path, "must be a string or a list of text blocks");
  return value.flatMap((item: unknown, index): TextPart[] => {
    const field = `${path}[${index}]`;
    if (!isObject(item)) throw refuse(field, "must be an object");
    if (item["type"] === "text")
      return isAccounting(item, field, note) ? [] : [decodeText(item, field, note)];
    note("unknown-member", field);
    return [];
  });
}

/** Claude Code tells its version here, for Anthropic's accounts: no instruction, and no two calls have the same. */
function isAccounting(block: JsonObject, path: string, note: Note): boolean {
  const { text } = block;
  if (typeof text !== "string" || !text.startsWith("x-anthropic-billing-header:")) return false;
  note("unknown-member", path);
  return true;
}
