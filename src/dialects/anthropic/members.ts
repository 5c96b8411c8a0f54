/**
 * Reads members of a caller's body, which may hold anything.
 * Promise kept here: every fault names its field by a path and says how to mend it.
 */
import { GatewayError } from "../../core/errors.ts";
import type { Json, JsonObject } from "../../core/json-value.ts";
import type { FeatureId } from "../../wire/feature.ts";

/** Notes that a feature is used, with the caller's own path of the member. */
export type Note = (feature: FeatureId, field: string) => void;

/** The error for a field at fault; `mend` says what it must be. */
export function refuse(field: string, mend: string): GatewayError {
  const message = `\`${field}\` ${mend}`;
  return new GatewayError("invalid_request", message, {
    fields: [{ field, message }],
    values: { detail: message },
  });
}

function pathTo(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** Whether a value is an object (no list, not null). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
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

/** The text of a member, which must be there. */
export function requireText(object: JsonObject, name: string, path: string): string {
  const value = object[name];
  if (typeof value !== "string") throw refuse(pathTo(path, name), "must be a string");
  return value;
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
  path: string,
  { from, to, whole }: Bounds,
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
