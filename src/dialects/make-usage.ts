/**
 * Makes a usage out of what a vendor told. Promises kept here: no bucket is negative or beyond bounds, kinds are never
 * more than the bucket they are of, what was not told is left out, and nothing told at all is null, never zero.
 */
import { isObject, type JsonObject } from "../core/json-value.ts";
import { lookUp } from "../core/look-up.ts";
import type { Usage, UsageKinds } from "../wire/usage.ts";
import { maxUsage, toMilliseconds, type UsageReader } from "./usage-number.ts";

/** Longest usage object that is kept for a call's details, in characters of JSON. */
const maxRawLength = 8192;
/** Longest word that is taken for a tier. */
const maxTierLength = 32;

/** What a vendor told; left out: nothing. Counts must not overlap, kinds may. */
export interface ToldUsage {
  readonly input?: number | undefined;
  readonly cacheRead?: number | undefined;
  readonly cacheWrite5m?: number | undefined;
  readonly cacheWrite1h?: number | undefined;
  readonly output?: number | undefined;
  readonly reasoning?: number | undefined;
  readonly kinds?: ToldKinds | undefined;
  /** In the vendor's words, or in ours. */
  readonly tier?: unknown;
  /** The vendor's own object. */
  readonly raw?: unknown;
}

/** Kinds as they are told: none may be told as undefined or 0. */
export type ToldKinds = { readonly [Name in keyof UsageKinds]: UsageKinds[Name] | undefined };

type Counts = { -readonly [Name in Exclude<keyof UsageKinds, "imageSizes">]?: number };

const partsOf = {
  input: ["inputAudio", "inputImage", "inputVideo"],
  cacheRead: ["cacheReadAudio", "cacheReadImage", "cacheReadVideo"],
  output: ["outputAudio", "outputImage", "outputVideo", "acceptedPrediction", "rejectedPrediction"],
} as const satisfies Readonly<Record<string, readonly (keyof UsageKinds)[]>>;

/** Cuts the parts of a bucket one by one, so that together they are never more than it holds. */
function fitParts(counts: Counts, whole: number, names: readonly (keyof Counts)[]): void {
  let left = whole;
  for (const name of names) {
    const taken = Math.min(left, counts[name] ?? 0);
    left -= taken;
    if (taken === 0) delete counts[name];
    else counts[name] = taken;
  }
}

function sizesOf(told: UsageKinds["imageSizes"]): Readonly<Record<string, number>> | undefined {
  const sizes = Object.entries(told ?? {}).filter(([, images]) => images > 0);
  return sizes.length === 0 ? undefined : Object.fromEntries(sizes);
}

function fitKinds(
  told: ToldKinds,
  buckets: { readonly input: number; readonly cacheRead: number; readonly output: number },
): UsageKinds | undefined {
  const { imageSizes, ...numbers } = told;
  const counts: Counts = {};
  for (const [name, value] of Object.entries(numbers))
    if (value !== undefined && value > 0)
      counts[name as keyof Counts] =
        name === "seconds" ? toMilliseconds(value) : Math.min(Math.floor(value), maxUsage);
  fitParts(counts, buckets.input, partsOf.input);
  fitParts(counts, buckets.input, ["inputTool"]);
  fitParts(counts, buckets.cacheRead, partsOf.cacheRead);
  fitParts(counts, buckets.output, partsOf.output);
  const sizes = sizesOf(imageSizes);
  const kinds: UsageKinds = sizes === undefined ? counts : { ...counts, imageSizes: sizes };
  return Object.keys(kinds).length === 0 ? undefined : kinds;
}

const tierWords: Readonly<Record<string, string>> = {
  standard: "default",
  standard_only: "default",
  on_demand: "default",
  on_demand_priority: "priority",
  on_demand_flex: "flex",
  provisioned_throughput: "scale",
  reserved: "scale",
};

/** A tier in OpenAI's words; null: none is told. */
export function tierWord(told: unknown): string | null {
  if (typeof told !== "string" || told === "" || told.length > maxTierLength) return null;
  const word = told.toLowerCase();
  if (word.endsWith("unspecified")) return null;
  return lookUp(tierWords, word) ?? word;
}

/** Characters that a number, a word or the signs around a member take at most. */
const maxNumberLength = 25;
/** An escaped character of JSON takes up to six. */
const maxEscaped = 6;
const deepest = 6;

/** What is left of so many characters when a value is written into them, at most; below 0: it does not fit. */
function roomBehind(value: unknown, room: number, depth: number): number {
  if (typeof value === "string") return room - value.length * maxEscaped - 3;
  if (typeof value !== "object" || value === null) return room - maxNumberLength;
  if (depth > deepest) return -1;
  let left = room - 2;
  for (const name in value) {
    left -= name.length * maxEscaped + 4;
    if (left < 0) return left;
    left = roomBehind((value as Readonly<Record<string, unknown>>)[name], left, depth + 1);
  }
  return left;
}

/** A vendor's usage object, if it is one and not too long to keep. It is weighed, not written: every call comes by here. */
export function boundedRaw(value: unknown): JsonObject | undefined {
  return isObject(value) && roomBehind(value, maxRawLength, 0) >= 0 ? value : undefined;
}

/** Usage told in units alone (seconds, characters); null where they are none. */
export function unitUsage(kinds: ToldKinds): Usage | null {
  return makeUsage({ kinds }, { isOdd: false });
}

const bound = (count: number | undefined): number => Math.min(count ?? 0, maxUsage);

/** Null where nothing was counted; `reader`: what the numbers were read with. */
export function makeUsage(told: ToldUsage, reader: Pick<UsageReader, "isOdd">): Usage | null {
  const input = bound(told.input);
  const cacheRead = bound(told.cacheRead);
  const cacheWrite5m = bound(told.cacheWrite5m);
  const cacheWrite1h = bound(told.cacheWrite1h);
  const output = bound(told.output);
  const kinds =
    told.kinds === undefined ? undefined : fitKinds(told.kinds, { input, cacheRead, output });
  const tokens = input + cacheRead + cacheWrite5m + cacheWrite1h + output;
  if (tokens === 0 && kinds === undefined) return null;
  const serviceTier = tierWord(told.tier);
  const raw = boundedRaw(told.raw);
  return {
    input,
    cacheRead,
    cacheWrite5m,
    cacheWrite1h,
    output,
    reasoning: Math.min(told.reasoning ?? 0, output),
    estimated: reader.isOdd,
    ...(kinds === undefined ? {} : { kinds }),
    ...(serviceTier === null ? {} : { serviceTier }),
    ...(raw === undefined ? {} : { raw }),
  };
}
