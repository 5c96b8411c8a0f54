/**
 * Somebody else's price list as a tree. Promises kept here: a number keeps the digits it was written with, and a text
 * that is hostile (no JSON, too deep, too long) is refused by name before anything is built of it.
 */
import { GatewayError } from "../../core/errors.ts";
import { nestsTooDeep } from "../../core/json-depth.ts";
import { isObject } from "../../core/json-value.ts";
import { invalid } from "../parse-fields.ts";

/** Several times the largest list there is. */
export const maxDocumentBytes = 8 * 1024 * 1024;

const written = Symbol("a number as it was written");

/** A number whose digits a float would lose. */
interface WrittenNumber {
  readonly [written]: string;
}

/** The list, from the text of its file, or as it stood in the request's JSON. Throws `validation_failed` on `document`. */
export function readDocument(document: unknown): unknown {
  if (typeof document !== "string") return document;
  if (Buffer.byteLength(document) > maxDocumentBytes)
    throw new GatewayError(
      "request_too_large",
      `The document is larger than ${maxDocumentBytes} bytes`,
      { values: { maxBytes: String(maxDocumentBytes) } },
    );
  if (nestsTooDeep(document)) throw fault("nests too deep");
  try {
    return mayLoseDigits(document)
      ? (JSON.parse(document, keepDigits as (name: string, value: unknown) => unknown) as unknown)
      : (JSON.parse(document) as unknown);
  } catch {
    throw fault("must be the text of a JSON file");
  }
}

/** Sixteen digits in a row, or an exponent that only a float's limits know: nearly no list has one. */
function mayLoseDigits(text: string): boolean {
  return /[\d.]{16}|[eE][+-]?\d{3}/.test(text);
}

function keepDigits(
  _name: string,
  value: unknown,
  context: { readonly source?: string } = {},
): unknown {
  if (typeof value !== "number" || context.source === undefined) return value;
  return { [written]: context.source } satisfies WrittenNumber;
}

/** A number's decimal text, also of one that the list holds as text; undefined: it is none. */
export function numberText(value: unknown): string | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : undefined;
  if (typeof value === "string")
    return /^[+-]?\d[\d.]*(?:[eE][+-]?\d+)?$/.test(value) ? value : undefined;
  return isWritten(value) ? value[written] : undefined;
}

/** Whether a value stands where a number is expected and says that there is none. */
export function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function isWritten(value: unknown): value is WrittenNumber {
  return typeof value === "object" && value !== null && written in value;
}

/** Members of an object; none where it is no object. */
export function membersOf(value: unknown): readonly (readonly [string, unknown])[] {
  return isObject(value) && !isWritten(value) ? Object.entries(value) : [];
}

/** A member that the object itself has. */
export function memberOf(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** `validation_failed` on the document. */
export function fault(message: string): GatewayError {
  return invalid([{ field: "document", message }]);
}
