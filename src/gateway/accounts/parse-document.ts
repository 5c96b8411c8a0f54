/** What vendors tell of one thing, as far as it is read here. */
import type { JsonObject } from "../../core/json-value.ts";

/** A JSON object; undefined for anything else. */
export function parseDocument(told: Buffer): JsonObject | undefined {
  try {
    const parsed: unknown = JSON.parse(told.toString());
    return typeof parsed === "object" && parsed !== null ? (parsed as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

/** Its name for itself; undefined: it has none. */
export function idOf(document: JsonObject | undefined): string | undefined {
  const id = document?.["id"] ?? document?.["name"];
  return typeof id === "string" ? id : undefined;
}
