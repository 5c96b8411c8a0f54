/**
 * Arguments of tool calls for dialects that want them parsed.
 * Promise kept here: what cannot be parsed (cut off by an output limit) still arrives, as text in an object.
 */
import { parseJson } from "../core/json-depth.ts";
import type { JsonObject } from "../core/json-value.ts";

/** Name under which unreadable arguments travel. */
const unreadableName = "unreadable_arguments";

/** An object whatever the text: none and `null` are an empty one. */
export function argumentsObject(text: string): JsonObject {
  if (text.trim() === "") return {};
  let parsed: unknown;
  try {
    parsed = parseJson(text);
  } catch {
    return { [unreadableName]: text };
  }
  if (parsed === null) return {};
  if (typeof parsed === "object" && !Array.isArray(parsed)) return parsed as JsonObject;
  return { [unreadableName]: text };
}
