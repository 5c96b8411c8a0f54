/** Reads lists and objects of an upstream's reply as JSON, where nulls and odd ones are passed over. */
import type { JsonObject } from "../../core/json-value.ts";
import { isObject } from "./members.ts";

const nothing: JsonObject = {};

/** The object that a value is; an empty one where it is none. */
export function jsonOf(value: unknown): JsonObject {
  return isObject(value) ? value : nothing;
}

/** The objects of a list; none where it is no list. */
export function objectsOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
