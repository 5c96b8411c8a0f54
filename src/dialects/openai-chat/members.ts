/**
 * Reads members of a caller's body, which may hold anything.
 * Promise kept here: every fault names its field by a path and says how to mend it.
 */
import { GatewayError } from "../../core/errors.ts";
import type { Json, JsonObject } from "../../core/json-value.ts";
import type { FeatureId } from "../../wire/feature.ts";

/** Notes that a feature is used, with the caller's own path of the member. */
export type Note = (feature: FeatureId, field: string) => void;

/** The error for a field at fault. */
export function refuse(field: string, message: string): GatewayError {
  return new GatewayError("invalid_request", message, {
    fields: [{ field, message }],
    values: { detail: message },
  });
}

/** Path of a member: `messages[0]` and `content` make `messages[0].content`. */
export function pathTo(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** Whether a value is an object (no list, not null). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A table's own entry; names that every object has (`constructor`) are none. */
export function entryOf<Entry>(
  table: Readonly<Record<string, Entry>>,
  name: Json | undefined,
): Entry | undefined {
  return typeof name === "string" && Object.hasOwn(table, name) ? table[name] : undefined;
}

/** The object that must stand at a path. */
export function requireObject(value: Json | undefined, path: string): JsonObject {
  if (!isObject(value)) throw refuse(path, `\`${path}\` must be an object`);
  return value;
}

/** The text that must stand at a path. */
export function requireText(value: Json | undefined, path: string): string {
  if (typeof value !== "string") throw refuse(path, `\`${path}\` must be a string`);
  return value;
}

/** A text that must not be empty. */
export function requireName(value: Json | undefined, path: string): string {
  const text = requireText(value, path);
  if (text === "") throw refuse(path, `\`${path}\` must not be empty`);
  return text;
}

/** Undefined where the member is absent or null. */
export function findText(object: JsonObject, name: string, path: string): string | undefined {
  const value = object[name];
  return value === undefined || value === null ? undefined : requireText(value, pathTo(path, name));
}

/** Undefined where the member is absent or null. */
export function findBoolean(object: JsonObject, name: string, path: string): boolean | undefined {
  const value = object[name];
  if (value === undefined || value === null) return undefined;
  const field = pathTo(path, name);
  if (typeof value !== "boolean") throw refuse(field, `\`${field}\` must be true or false`);
  return value;
}

/** Undefined where the member is absent or null. */
export function findObject(object: JsonObject, name: string, path: string): JsonObject | undefined {
  const value = object[name];
  return value === undefined || value === null
    ? undefined
    : requireObject(value, pathTo(path, name));
}

/** Undefined where the member is absent or null. */
export function findList(
  object: JsonObject,
  name: string,
  path: string,
): readonly Json[] | undefined {
  const value = object[name];
  if (value === undefined || value === null) return undefined;
  const field = pathTo(path, name);
  if (!Array.isArray(value)) throw refuse(field, `\`${field}\` must be a list`);
  return value as readonly Json[];
}

/** What a number may be. */
export interface Bounds {
  readonly from: number;
  readonly to: number;
  readonly whole?: true;
}

/** Undefined where the member is absent or null. */
export function findNumber(
  object: JsonObject,
  name: string,
  bounds: Bounds,
  path = "",
): number | undefined {
  const value = object[name];
  if (value === undefined || value === null) return undefined;
  const field = pathTo(path, name);
  const kind = bounds.whole === true ? "whole number" : "number";
  if (typeof value !== "number" || (bounds.whole === true && !Number.isSafeInteger(value)))
    throw refuse(field, `\`${field}\` must be a ${kind}`);
  const { from, to } = bounds;
  if (value >= from && value <= to) return value;
  const range = to === Infinity ? `at least ${from}` : `between ${from} and ${to}`;
  throw refuse(field, `\`${field}\` must be ${range}`);
}

/** Notes members that nobody here reads. What says nothing (null, false) is no loss. */
export function noteUnknown(
  object: JsonObject,
  known: readonly string[],
  path: string,
  note: Note,
): void {
  for (const name of Object.keys(object)) {
    const value = object[name];
    if (known.includes(name) || value === null || value === false) continue;
    note("unknown-member", pathTo(path, name));
  }
}
