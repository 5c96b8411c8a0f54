/** LiteLLM's `tiered_pricing`: a list of ranges of the input's length, each with prices of its own. */
import type { EntryReader } from "../entry-reader.ts";
import { isAbsent, memberOf, membersOf, numberText } from "../read-document.ts";
import { findRateField } from "./litellm-fields.ts";
import type { EntryAmount } from "./litellm-tiers.ts";

const field = "tiered_pricing";

/** The amounts of all ranges; that which begins at nothing is the entry's own. */
export function readRangePrices(reader: EntryReader, value: unknown): readonly EntryAmount[] {
  if (!Array.isArray(value) || value.length === 0)
    return refuse(reader, "must be a list of ranges");
  const ranges = value.map((range: unknown) => readRange(reader, range)).flat();
  if (!reader.failed && !ranges.some(({ above }) => above === undefined))
    return refuse(reader, "has no range that begins at 0");
  return ranges;
}

function readRange(reader: EntryReader, range: unknown): readonly EntryAmount[] {
  const bounds = memberOf(range, "range");
  const from = Array.isArray(bounds) ? Number(numberText(bounds[0])) : Number.NaN;
  if (!Number.isSafeInteger(from) || from < 0)
    return refuse(reader, "has a range that is not one of input tokens");
  return membersOf(range).flatMap(([member, value]): readonly EntryAmount[] => {
    if (member === "range" || isAbsent(value)) return [];
    const rate = findRateField(member);
    if (rate === undefined || rate.above !== undefined || rate.serviceTier !== undefined)
      return refuse(reader, `has a member that is no price: ${member.slice(0, 60)}`);
    const dollars = reader.fraction(`${field}.${member}`, value);
    if (dollars === undefined) return [];
    return [{ ...rate, above: from === 0 ? undefined : from, field, dollars }];
  });
}

function refuse(reader: EntryReader, reason: string): readonly EntryAmount[] {
  reader.remark(field, "row-left-out", reason);
  return [];
}
