/** One entry of LiteLLM's file as terms. Promise kept here: every member that speaks of money is in the terms or in a remark. */
import { lookUp } from "../../../core/look-up.ts";
import { ratioOne } from "../../../core/money.ts";
import type { EntryReader } from "../entry-reader.ts";
import { unitsOf } from "../entry-reader.ts";
import type { Fraction } from "../exact-amount.ts";
import { exactRatio } from "../exact-amount.ts";
import { modeOf, noTerms } from "../listed-price.ts";
import type { ListedChange, ListedRates, ListedTerms, RateName } from "../listed-price.ts";
import { isAbsent, memberOf, membersOf } from "../read-document.ts";
import { findRateField, isMoneyField } from "./litellm-fields.ts";
import { readRangePrices } from "./litellm-ranges.ts";
import type { EntryAmount } from "./litellm-tiers.ts";
import { serviceTiersOf, tiersOf } from "./litellm-tiers.ts";

/** Members that are not a plain rate, each with what it comes to. */
type Special = (reader: EntryReader, value: unknown, entry: unknown) => Part;
interface Part {
  readonly rates?: ListedRates;
  readonly amounts?: readonly EntryAmount[];
  readonly serviceTiers?: Readonly<Record<string, ListedChange>>;
}

/** Dollars for so many units of a rate. */
const forUnits =
  (field: string, name: RateName, per: bigint): Special =>
  (reader, value) => {
    const amount = reader.rate(field, value, { name, per });
    return amount === undefined || amount === 0n ? {} : { rates: { [name]: amount } };
  };

const specials: Readonly<Record<string, Special>> = {
  search_context_cost_per_query: readSearch,
  file_search_cost_per_1k_calls: forUnits("file_search_cost_per_1k_calls", "perFileSearch", 1000n),
  input_cost_per_query: readQuery,
  tiered_pricing: (reader, value) => ({ amounts: readRangePrices(reader, value) }),
  provider_specific_entry: readSpecific,
};

/** Members of images, which litellm-images.ts reads. */
const imageFields: readonly string[] = [
  "input_cost_per_image",
  "output_cost_per_image",
  "input_cost_per_pixel",
  "output_cost_per_pixel",
];

/** The terms without those of images. */
export function readEntry(reader: EntryReader, entry: unknown): ListedTerms {
  const amounts: EntryAmount[] = [];
  const extra: Record<string, bigint> = {};
  const tiers: Record<string, ListedChange> = {};
  for (const [field, value] of membersOf(entry)) {
    if (isAbsent(value) || imageFields.includes(field)) continue;
    const rate = findRateField(field);
    const special = lookUp(specials, field);
    if (rate !== undefined) {
      const dollars = reader.fraction(field, value);
      if (dollars !== undefined) amounts.push({ ...rate, field, dollars });
    } else if (special !== undefined) {
      const part = special(reader, value, entry);
      amounts.push(...(part.amounts ?? []));
      Object.assign(extra, part.rates);
      Object.assign(tiers, part.serviceTiers);
    } else if (isMoneyField(field) && !isNothing(reader, value))
      reader.remark(field, "field-left-out", "is nothing that is charged for here");
  }
  const terms = {
    ...noTerms,
    rates: { ...plainRates(reader, amounts), ...extra },
    tiers: tiersOf(reader, amounts),
    serviceTiers: { ...serviceTiersOf(reader, amounts), ...tiers },
  };
  return { ...terms, mode: modeOf(terms) };
}

function plainRates(reader: EntryReader, amounts: readonly EntryAmount[]): ListedRates {
  const rates: { [Name in RateName]?: bigint } = {};
  for (const { field, name, dollars, above, serviceTier } of amounts) {
    if (above !== undefined || serviceTier !== undefined) continue;
    const nano = reader.nano(field, dollars, { units: unitsOf(name) });
    if (nano === undefined) continue;
    const before = rates[name];
    // One of two members for the same unit that is zero says that the other one counts.
    if (before !== undefined && before !== 0n && nano !== 0n && before !== nano)
      reader.remark(field, "row-left-out", `differs from another price of ${name}`);
    if (before === undefined || nano !== 0n) rates[name] = nano;
  }
  return rates;
}

/** Zero, a word or a flag: nothing that a call would cost. */
function isNothing(reader: EntryReader, value: unknown): boolean {
  if (typeof value === "boolean" || value === "per_query") return true;
  return typeof value === "number" && value === 0 && !reader.failed;
}

const contextSizes = ["low", "medium", "high"] as const;

/** Dollars for one search, by the size of the context that it fills. */
function readSearch(reader: EntryReader, value: unknown): Part {
  const field = "search_context_cost_per_query";
  const prices = contextSizes.flatMap((size) => {
    const dollars = memberOf(value, `search_context_size_${size}`);
    const name = "perWebSearch" as const;
    const amount = isAbsent(dollars) ? undefined : reader.rate(field, dollars, { name, per: 1n });
    return amount === undefined ? [] : [{ size, amount }];
  });
  const taken = prices.find(({ size }) => size === "medium") ?? prices.at(-1);
  if (taken === undefined) return {};
  if (prices.some(({ amount }) => amount !== taken.amount))
    reader.remark(field, "approximated", `the price of size ${taken.size} is taken for all sizes`);
  return { rates: { perWebSearch: taken.amount } };
}

/** A query of a reranker is a search unit; of a search engine it is the call. */
function readQuery(reader: EntryReader, value: unknown, entry: unknown): Part {
  const name = memberOf(entry, "mode") === "search" ? "perCall" : "perSearchUnit";
  const amount = reader.rate("input_cost_per_query", value, { name, per: 1n });
  return amount === undefined ? {} : { rates: { [name]: amount } };
}

const one: Fraction = { top: 1n, bottom: 1n };

/** Multiples of the whole price: of the fast mode, which replies state, and of regions, which they do not. */
function readSpecific(reader: EntryReader, value: unknown): Part {
  let serviceTiers: Record<string, ListedChange> = {};
  for (const [name, multiple] of membersOf(value)) {
    const field = `provider_specific_entry.${name}`;
    if (name !== "fast") {
      reader.remark(field, "field-left-out", "replies do not state it");
      continue;
    }
    const dollars = reader.fraction(field, multiple);
    const factor = dollars && exactRatio(dollars, one);
    if (factor === undefined) reader.remark(field, "field-left-out", "is no exact multiple");
    else if (factor !== ratioOne) serviceTiers = { fast: { rates: {}, factor } };
  }
  return { serviceTiers };
}
