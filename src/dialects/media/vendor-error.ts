/** Reads a vendor's error wherever it puts its words: the shapes of all codecs here are small and tell little else. */
import type { JsonObject } from "../../core/json-value.ts";
import type { ReplyError } from "../../wire/chat-reply.ts";
import { findObject } from "../parse-object.ts";

const messageNames = [
  "message",
  "detail",
  "error",
  "title",
  "errors",
  "msg",
  "status_msg",
] as const;

/** The first words found in any of the members in which vendors put them, one level deep. */
function wordsIn(value: unknown, depth = 0): string | null {
  if (typeof value === "string") return value === "" ? null : value;
  if (depth > 3 || typeof value !== "object" || value === null) return null;
  if (Array.isArray(value))
    return (
      value.map((item: unknown) => wordsIn(item, depth + 1)).find((words) => words !== null) ?? null
    );
  const fields = value as Readonly<Record<string, unknown>>;
  for (const name of messageNames) {
    const words = wordsIn(fields[name], depth + 1);
    if (words !== null) return words;
  }
  return null;
}

function codeOf(fields: JsonObject): string | null {
  const { error } = fields;
  const inner = typeof error === "object" && error !== null ? (error as JsonObject) : {};
  const code = inner["code"] ?? inner["status"] ?? fields["code"] ?? fields["name"];
  return typeof code === "string" ? code : typeof code === "number" ? String(code) : null;
}

/** An error body of any vendor, plain text included. */
export function decodeVendorError(body: Buffer): ReplyError {
  const fields = findObject(body);
  const message = (fields && wordsIn(fields)) ?? body.toString("utf8", 0, 500);
  return { message, type: null, code: fields === undefined ? null : codeOf(fields), status: null };
}
