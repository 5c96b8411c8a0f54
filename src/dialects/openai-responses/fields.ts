/** Reads members of a caller's body. Promise kept here: a value of the wrong kind is named by its path, with the mend. */
import { isObject, type Json, type JsonObject } from "../../core/json-value.ts";
import { refuse } from "../refuse.ts";
import { pathTo } from "../request-members.ts";

/** The value itself where it is an object. */
export function asObject(value: Json | undefined, path: string): JsonObject {
  if (isObject(value)) return value;
  throw refuse(path, "must be an object");
}

/** Null where the member is missing or null; so with all that follow. */
export function optionalObject(from: JsonObject, name: string, path = ""): JsonObject | null {
  const value = from[name] ?? null;
  return value === null ? null : asObject(value, pathTo(path, name));
}

export function optionalArray(from: JsonObject, name: string, path = ""): readonly Json[] | null {
  const value = from[name] ?? null;
  if (value === null || Array.isArray(value)) return value as readonly Json[] | null;
  throw refuse(pathTo(path, name), "must be an array");
}

export function optionalString(from: JsonObject, name: string, path = ""): string | null {
  const value = from[name] ?? null;
  if (value === null || typeof value === "string") return value;
  throw refuse(pathTo(path, name), "must be a string");
}

export function optionalBoolean(from: JsonObject, name: string, path = ""): boolean | null {
  const value = from[name] ?? null;
  if (value === null || typeof value === "boolean") return value;
  throw refuse(pathTo(path, name), "must be true or false");
}

/** Bounds of a number, both inclusive. */
export interface Bounds {
  readonly least: number;
  readonly most: number;
  readonly whole?: boolean;
}

export function optionalNumber(
  from: JsonObject,
  name: string,
  { least, most, whole = false }: Bounds,
): number | null {
  const value = from[name] ?? null;
  if (value === null) return null;
  const fits = typeof value === "number" && value >= least && value <= most;
  if (fits && (!whole || Number.isInteger(value))) return value;
  const kind = whole ? "a whole number" : "a number";
  const range = most >= Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `${least} to ${most}`;
  throw refuse(name, `must be ${kind} ${range}`);
}

/** A string that must be there and not be empty. */
export function requiredString(from: JsonObject, name: string, path: string): string {
  const value = optionalString(from, name, path);
  if (value === null || value === "")
    throw refuse(pathTo(path, name), "must be a non-empty string");
  return value;
}

/** One of some words; null where the member is missing or null. */
export function optionalWord<Word extends string>(
  from: JsonObject,
  name: string,
  words: readonly Word[],
  path = "",
): Word | null {
  const value = optionalString(from, name, path);
  if (value === null) return null;
  const word = words.find((one) => one === value);
  if (word === undefined) throw refuse(pathTo(path, name), `must be one of ${words.join(", ")}`);
  return word;
}
