/**
 * The one place where numbers of an upstream become counts. Promise kept here: whatever an upstream tells, a count is a
 * whole number from 0 to 10^12; what cannot be one (negative, fractional, not a number, beyond) is told as odd, so that
 * the usage is marked as an estimate.
 */
import { isObject } from "../core/json-value.ts";
import type { Fields } from "./loose-fields.ts";

/** Most of anything that one call is believed to use; all its buckets together stay far below 2^53. */
export const maxUsage = 1_000_000_000_000;

/** Reads the numbers of one usage object. */
export interface UsageReader {
  /** Whether a number was told that cannot be one. */
  readonly isOdd: boolean;
  /** The first of the named members that holds a count; undefined: none does. */
  count(fields: Fields, ...names: readonly string[]): number | undefined;
  /** As `count`, in seconds, to the millisecond; verbose transcripts tell them as text too. */
  seconds(fields: Fields, ...names: readonly string[]): number | undefined;
}

function isAmount(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= maxUsage;
}

/** Lives as long as one usage object is read; every call makes one, so it holds no more than its flag. */
class NumberReader implements UsageReader {
  isOdd = false;

  #amount(value: unknown): number | undefined {
    if (value === undefined || value === null) return undefined;
    if (isAmount(value)) return value;
    this.isOdd = true;
    return undefined;
  }

  count(fields: Fields, ...names: readonly string[]): number | undefined {
    for (const name of names) {
      const told = this.#amount(fields[name]);
      if (told === undefined) continue;
      // Adding nothing makes a nought of a negative one.
      const whole = Math.floor(told) + 0;
      if (whole !== told) this.isOdd = true;
      return whole;
    }
    return undefined;
  }

  seconds(fields: Fields, ...names: readonly string[]): number | undefined {
    for (const name of names) {
      const value = fields[name];
      const isText = typeof value === "string" && /^\d{1,12}(?:\.\d{1,20})?$/.test(value);
      const told = this.#amount(isText ? Number(value) : value);
      if (told !== undefined) return toMilliseconds(told);
    }
    return undefined;
  }
}

/** A reader for one usage object. */
export function makeUsageReader(): UsageReader {
  return new NumberReader();
}

/** Seconds to the millisecond. */
export function toMilliseconds(seconds: number): number {
  return Math.round(Math.min(seconds, maxUsage) * 1000) / 1000;
}

/** Tokens of one modality in a list of details (`[{modality, tokenCount}]`); null: all of them. */
export function countModality(reader: UsageReader, list: unknown, modality: string | null): number {
  if (!Array.isArray(list)) return 0;
  let sum = 0;
  for (const item of list as unknown[])
    if (isObject(item) && (modality === null || item["modality"] === modality))
      sum += reader.count(item, "tokenCount") ?? 0;
  return Math.min(sum, maxUsage);
}
