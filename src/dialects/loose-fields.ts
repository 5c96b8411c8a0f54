/** Reads what upstreams send: whatever is missing, null or of another type than expected reads as nothing. */
import { isObject, type JsonObject } from "../core/json-value.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** The members of an object; none for anything else. */
export function fieldsOf(value: unknown): Fields {
  return isObject(value) ? value : {};
}

/** The items of a list; none for anything else. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

/** A string; empty for anything else. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** A string that is not empty; null for anything else. */
export function findText(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

/** A count of whole things; undefined for anything else. */
export function findCount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0
    ? Math.floor(value)
    : undefined;
}

const nothing: JsonObject = {};

/** The object that a value is; an empty one where it is none. */
export function jsonOf(value: unknown): JsonObject {
  return isObject(value) ? value : nothing;
}

/** The objects of a list; none where it is no list. */
export function objectsOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
