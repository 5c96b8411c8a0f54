/**
 * Reads members of a caller's body, which may hold anything.
 * Promise kept here: every fault names its field by a path and says how to mend it.
 */
import { isObject, type Json, type JsonObject } from "../core/json-value.ts";
import type { FeatureId } from "../wire/feature.ts";
import { refuse } from "./refuse.ts";

/** Notes that a feature is used, with the caller's own path of the member. */
export type Note = (feature: FeatureId, field: string) => void;

/** Path of a member: `messages[0]` and `content` make `messages[0].content`. */
export function pathTo(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** A table's own entry; names that every object has (`constructor`) are none. */
export function entryOf<Entry>(
  table: Readonly<Record<string, Entry>>,
  name: Json | undefined,
): Entry | undefined {
  return typeof name === "string" && Object.hasOwn(table, name) ? table[name] : undefined;
}

/** Whether a member is left out or null. */
export function isUnset(value: Json | undefined): value is null | undefined {
  return value === undefined || value === null;
}

/** The object that must stand at a path. */
export function requireObject(value: Json | undefined, path: string): JsonObject {
  if (!isObject(value)) throw refuse(path, "must be an object");
  return value;
}

/** The list that must stand at a path. */
export function requireList(value: Json | undefined, path: string): readonly Json[] {
  if (!Array.isArray(value)) throw refuse(path, "must be a list");
  return value as readonly Json[];
}

/** The text that must stand at a path. */
export function asText(value: Json | undefined, path: string): string {
  if (typeof value !== "string") throw refuse(path, "must be a string");
  return value;
}

/** The text of a member, which must be there. */
export function requireText(object: JsonObject, name: string, path: string): string {
  return asText(object[name], pathTo(path, name));
}

/** The text of a member, which must be there and not be empty. */
export function requireName(object: JsonObject, name: string, path: string): string {
  const text = requireText(object, name, path);
  if (text === "") throw refuse(pathTo(path, name), "must not be empty");
  return text;
}

/** Undefined where the member is absent or null. */
export function findText(object: JsonObject, name: string, path: string): string | undefined {
  return isUnset(object[name]) ? undefined : requireText(object, name, path);
}

/** Undefined where the member is absent or null. */
export function findObject(object: JsonObject, name: string, path: string): JsonObject | undefined {
  const value = object[name];
  return isUnset(value) ? undefined : requireObject(value, pathTo(path, name));
}

/** Undefined where the member is absent or null. */
export function findList(
  object: JsonObject,
  name: string,
  path: string,
): readonly Json[] | undefined {
  const value = object[name];
  return isUnset(value) ? undefined : requireList(value, pathTo(path, name));
}

/** Undefined where the member is absent or null. */
export function findBoolean(object: JsonObject, name: string, path: string): boolean | undefined {
  const value = object[name];
  if (isUnset(value)) return undefined;
  if (typeof value !== "boolean") throw refuse(pathTo(path, name), "must be true or false");
  return value;
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
  { from, to, whole }: Bounds,
  path = "",
): number | undefined {
  const value = object[name];
  if (isUnset(value)) return undefined;
  const field = pathTo(path, name);
  if (typeof value !== "number" || (whole === true && !Number.isSafeInteger(value)))
    throw refuse(field, whole === true ? "must be a whole number" : "must be a number");
  if (value >= from && value <= to) return value;
  throw refuse(
    field,
    to === Infinity ? `must be at least ${from}` : `must be between ${from} and ${to}`,
  );
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
    if (known.includes(name) || isUnset(value) || value === false) continue;
    note("unknown-member", pathTo(path, name));
  }
}
