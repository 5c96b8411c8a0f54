/** Adds up what many requests used. Promise kept here: the sum is a usage like any other, bucket by bucket and bounded. */
import type { Usage, UsageKinds } from "../wire/usage.ts";
import { countOf } from "./charge-lines.ts";

/** Both together: an estimate where either is one, under the later one's tier, without the vendors' own objects. */
export function addUsage(one: Usage, other: Usage): Usage {
  const tier = other.serviceTier ?? one.serviceTier;
  const kinds = addKinds(one.kinds, other.kinds);
  return {
    input: sum(one.input, other.input),
    cacheRead: sum(one.cacheRead, other.cacheRead),
    cacheWrite5m: sum(one.cacheWrite5m, other.cacheWrite5m),
    cacheWrite1h: sum(one.cacheWrite1h, other.cacheWrite1h),
    output: sum(one.output, other.output),
    reasoning: sum(one.reasoning, other.reasoning),
    estimated: one.estimated || other.estimated,
    ...(kinds === undefined ? {} : { kinds }),
    ...(tier === undefined ? {} : { serviceTier: tier }),
  };
}

/** Seconds have three decimals. */
function sum(one: number | undefined, other: number | undefined): number {
  const all = countOf(countOf(one) + countOf(other));
  return Number.isInteger(all) ? all : Math.round(all * 1000) / 1000;
}

function addKinds(
  one: UsageKinds | undefined,
  other: UsageKinds | undefined,
): UsageKinds | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  const { imageSizes, ...counts } = other;
  const sums: { -readonly [Name in keyof UsageKinds]: UsageKinds[Name] } = { ...one };
  for (const name of Object.keys(counts) as (keyof typeof counts)[])
    sums[name] = sum(one[name], counts[name]);
  if (imageSizes !== undefined) sums.imageSizes = addSizes(one.imageSizes ?? {}, imageSizes);
  return sums;
}

type Sizes = Readonly<Record<string, number>>;

/** Sizes beyond these are words that a vendor makes up; their pictures are counted among all pictures alone. */
const maxSizes = 100;

function addSizes(one: Sizes, other: Sizes): Sizes {
  const sizes = new Map(Object.entries(one));
  for (const [look, images] of Object.entries(other))
    if (sizes.has(look) || sizes.size < maxSizes) sizes.set(look, sum(sizes.get(look), images));
  return Object.fromEntries(sizes);
}
