/** Reads what a client sent through a noun's rules. Promise: nothing unknown or unenforced is accepted and ignored. */
import type { z } from "zod";
import { GatewayError } from "../core/errors.ts";
import type { FieldFault } from "../core/errors.ts";
import { scanMembers } from "../core/json.ts";
import { isObject, type Json, type JsonObject } from "../core/json-value.ts";
import { wordIssue } from "./issue-words.ts";

/** Fields that will mean something one day; until then they are refused by name. */
export interface LaterFields {
  readonly [field: string]: string;
}

export const notEnforced = "is not enforced yet, so it is not accepted";
export const readOnly = "is read-only";

/**
 * The request's body as a JSON object; an empty one is `{}`. Throws `invalid_request`, also for a repeated member (one
 * of the two would be ignored) and for text that no database could give back as it came.
 */
export function parseBody(body: Buffer): JsonObject {
  if (body.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw new GatewayError("invalid_request", "The body is not valid JSON in UTF-8");
  }
  if (!isObject(value)) throw new GatewayError("invalid_request", "The body must be a JSON object");
  scanMembers(body, Object.keys(value));
  checkText(value);
  return value;
}

/** Throws `validation_failed` for text with a NUL or half a character: PostgreSQL refuses it, others would change it. */
export function checkText(value: Json): void {
  const faults = textFaults(value, []);
  if (faults.length > 0) throw invalid(faults);
}

function textFaults(value: Json, path: readonly PropertyKey[]): readonly FieldFault[] {
  if (typeof value === "string")
    return isStorable(value) ? [] : [{ field: fieldPath(path), message: notStorable }];
  if (Array.isArray(value))
    return value.flatMap((item: Json, index) => textFaults(item, [...path, index]));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const inner = [...path, name];
    // Copies of objects lose it, so it would be accepted and ignored; at the top it is an unknown field.
    if (name === "__proto__" && path.length > 0)
      return [{ field: fieldPath(inner), message: "is a name that cannot be used" }];
    return isStorable(name) ? textFaults(member, inner) : textFaults(name, inner);
  });
}

const notStorable = "must be valid text without NUL characters";

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes("\0");
}

/** Checks by a schema; throws `validation_failed` naming every field at fault. */
export function parseFields<S extends z.ZodType>(
  schema: S,
  value: unknown,
  later: LaterFields = {},
): z.output<S> {
  const result = schema.safeParse(value, { error: wordIssue });
  if (result.success) return result.data;
  throw invalid(result.error.issues.flatMap((issue) => faultsOf(issue, later)));
}

/** `validation_failed` with its fields. */
export function invalid(fields: readonly FieldFault[]): GatewayError {
  const first = fields[0];
  const message =
    first === undefined ? "The request is not valid" : `${first.field} ${first.message}`;
  return new GatewayError(
    "validation_failed",
    fields.length > 1 ? `${message} (and ${fields.length - 1} more)` : message,
    { fields },
  );
}

function faultsOf(issue: z.core.$ZodIssue, later: LaterFields): FieldFault[] {
  const path = fieldPath(issue.path);
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({
      field: path === "" ? key : `${path}.${key}`,
      message:
        (path === "" && Object.hasOwn(later, key) ? later[key] : undefined) ??
        "is not a known field",
    }));
  // A record's own message says only that some name is wrong; what is wrong with it lies inside.
  const inner = issue.code === "invalid_key" ? issue.issues[0]?.message : undefined;
  return [{ field: path === "" ? "body" : path, message: inner ?? issue.message }];
}

function fieldPath(path: readonly PropertyKey[]): string {
  let text = "";
  for (const part of path)
    text += typeof part === "number" ? `[${part}]` : `${text === "" ? "" : "."}${String(part)}`;
  return text;
}

/** RFC 7396: members replace, null removes, objects merge, arrays are replaced whole. */
export function mergePatch(target: Json, patch: Json): Json {
  if (!isObject(patch)) return patch;
  // Through a map, so that a member named `__proto__` stays a member like any other.
  const merged = new Map<string, Json>(isObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name) ?? null, value));
  }
  return Object.fromEntries(merged);
}
