/**
 * Reads a caller's body member by member, knowing where it stands. Promise kept here: nothing is taken for what it is
 * not; a wrong value is refused by its path, in the caller's own spelling, with how to mend it.
 */
import type { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { FeatureId, FeatureUse } from "../../wire/feature.ts";
import { refuse as refuseField } from "../refuse.ts";
import { camelCase, snakeCase } from "./spelling.ts";

/** A value and its path (`contents[0].parts[1].inline_data`). */
export interface Spot {
  readonly value: unknown;
  readonly path: string;
}

/** What a request uses, noted while it is read. */
export type Uses = FeatureUse[];

export function note(uses: Uses, feature: FeatureId, spot: Spot): void {
  uses.push({ feature, field: spot.path });
}

/** The error for what stands at a spot. */
export function refuse(spot: Spot, mend: string): GatewayError {
  return refuseField(spot.path, mend);
}

function membersOf(spot: Spot): Readonly<Record<string, unknown>> {
  const { value } = spot;
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw refuse(spot, "must be an object");
  return value as Readonly<Record<string, unknown>>;
}

/** A member in either spelling; undefined where it is left out or null. Throws where the spot is no object. */
export function at(spot: Spot, name: string): Spot | undefined {
  const members = membersOf(spot);
  const prefix = spot.path === "" ? "" : `${spot.path}.`;
  const snake = snakeCase(name);
  const camelValue = Object.hasOwn(members, name) ? members[name] : undefined;
  const snakeValue = snake !== name && Object.hasOwn(members, snake) ? members[snake] : undefined;
  const camelGiven = camelValue !== undefined && camelValue !== null;
  const snakeGiven = snakeValue !== undefined && snakeValue !== null;
  if (camelGiven && snakeGiven)
    throw refuse(
      { value: null, path: prefix + name },
      "stands here in two spellings; send it once",
    );
  if (camelGiven) return { value: camelValue, path: prefix + name };
  return snakeGiven ? { value: snakeValue, path: prefix + snake } : undefined;
}

/** The items of a list; a single object stands for a list of one, as Google's own parser has it. */
export function itemsOf(spot: Spot): Spot[] {
  const { value, path } = spot;
  if (Array.isArray(value))
    return value.map((item: unknown, index) => ({ value: item, path: `${path}[${index}]` }));
  if (typeof value === "object" && value !== null) return [spot];
  throw refuse(spot, "must be a list");
}

/** Members that are none of `names` (in camelCase), null ones left out. */
export function othersOf(spot: Spot, names: readonly string[]): Spot[] {
  const prefix = spot.path === "" ? "" : `${spot.path}.`;
  return Object.entries(membersOf(spot))
    .filter(([name, value]) => value !== null && !names.includes(camelCase(name)))
    .map(([name, value]) => ({ value, path: prefix + name }));
}

export function objectAt(spot: Spot): JsonObject {
  return membersOf(spot) as JsonObject;
}

export function stringAt(spot: Spot): string {
  if (typeof spot.value !== "string") throw refuse(spot, "must be a string");
  return spot.value;
}

export function numberAt(spot: Spot): number {
  const value = typeof spot.value === "string" ? Number(spot.value) : spot.value;
  // Google's JSON writes 64-bit numbers as strings and reads them everywhere.
  if (typeof value !== "number" || !Number.isFinite(value) || spot.value === "")
    throw refuse(spot, "must be a number");
  return value;
}

/** A whole number within bounds. */
export function integerAt(spot: Spot, least: number, most: number): number {
  const value = numberAt(spot);
  if (!Number.isInteger(value) || value < least || value > most)
    throw refuse(spot, `must be a whole number from ${least} to ${most}`);
  return value;
}

export function booleanAt(spot: Spot): boolean {
  if (typeof spot.value !== "boolean") throw refuse(spot, "must be true or false");
  return spot.value;
}

/** One of a table's words, in any case; the word's meaning. */
export function wordAt<T>(spot: Spot, words: Readonly<Record<string, T>>): T {
  const word = stringAt(spot).toUpperCase();
  const meaning = Object.hasOwn(words, word) ? words[word] : undefined;
  if (meaning === undefined) throw refuse(spot, `must be one of ${Object.keys(words).join(", ")}`);
  return meaning;
}

/** The strings of a list. */
export function stringsAt(spot: Spot): string[] {
  if (!Array.isArray(spot.value)) throw refuse(spot, "must be a list of strings");
  return itemsOf(spot).map(stringAt);
}
