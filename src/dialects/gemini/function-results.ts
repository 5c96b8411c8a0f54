/**
 * What a function answered: Google wants an object, everybody else a text. Promise kept here: there and back again
 * gives the same text, and no number is rounded on the way.
 */
import { parseJson } from "../../core/json-depth.ts";
import type { Json, JsonObject } from "../../core/json-value.ts";

export interface ResultText {
  readonly text: string;
  readonly isError: boolean;
}

/** Members by which an object holds nothing but a result, or nothing but an error. */
const resultNames: readonly string[] = ["result", "output"];
const errorName = "error";

function asText(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function onlyMember(response: JsonObject): readonly [string, Json] | undefined {
  const entries = Object.entries(response);
  return entries.length === 1 ? entries[0] : undefined;
}

/** The text that a response says. */
export function readResult(response: JsonObject): ResultText {
  const [name, value] = onlyMember(response) ?? [];
  if (name === undefined || value === undefined || value === null)
    return { text: JSON.stringify(response), isError: false };
  if (name === errorName) return { text: asText(value), isError: true };
  if (resultNames.includes(name)) return { text: asText(value), isError: false };
  return { text: JSON.stringify(response), isError: false };
}

/** The object of a text that is one, if nothing is lost by reading it as one. */
function objectIn(text: string): JsonObject | undefined {
  if (!text.startsWith("{")) return undefined;
  // A number of so many digits would be rounded.
  if (/\d{16}|[\d.][eE][+-]?\d/.test(text)) return undefined;
  try {
    const parsed = parseJson(text);
    return typeof parsed === "object" && parsed !== null ? (parsed as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

/** The response that says a text. */
export function writeResult({ text, isError }: ResultText): JsonObject {
  if (isError) return { [errorName]: text };
  const object = objectIn(text);
  const only = object === undefined ? undefined : onlyMember(object)?.[0];
  const ambiguous = only === errorName || (only !== undefined && resultNames.includes(only));
  return object === undefined || ambiguous ? { result: text } : object;
}
