/**
 * LiteLLM's `model_prices_and_context_window.json`: an object of entries by name, dollars for one unit. Promise kept here:
 * the price of a bare name is that of the vendor that makes the model, whichever others are listed beside it.
 */
import { isObject } from "../../../core/json-value.ts";
import { lookUp } from "../../../core/look-up.ts";
import { type ListedVendor, liteLlmVendors } from "../../../providers/listed-vendors.ts";
import { modelPattern } from "../../../sync/name-fields.ts";
import { EntryReader } from "../entry-reader.ts";
import { everywhere, isWished, modeOf } from "../listed-price.ts";
import type {
  ListedPrice,
  ListedTerms,
  ListReading,
  Remark,
  VendorWishes,
} from "../listed-price.ts";
import { fault, memberOf, membersOf } from "../read-document.ts";
import { readEntry } from "./litellm-entry.ts";
import { completeForms, parseSizedName, readImagePrice } from "./litellm-images.ts";
import type { SizedName } from "./litellm-images.ts";

/** Explains the members of the others. */
const sample = "sample_spec";

interface Entry {
  readonly key: string;
  readonly value: unknown;
  readonly vendor: string;
  readonly isMaker: boolean;
  /** Without the vendor's prefix and the form of an image. */
  readonly model: string;
  readonly sized: SizedName | undefined;
}

/** Reads the file. Throws `validation_failed` where it is something else. */
export function* readLiteLlm(data: unknown, wishes: VendorWishes): ListReading {
  const entries = membersOf(data)
    .filter(([key]) => key !== sample)
    .map(nameEntry);
  if (!isObject(data) || entries.every(({ vendor }) => vendor === ""))
    throw fault("must be LiteLLM's object of models, each with `litellm_provider`");
  const remarks: Remark[] = [];
  const passedOver = new Map<string, number>();
  const wished = entries.filter((entry) => {
    if (isWished(entry, wishes)) return true;
    passedOver.set(entry.vendor, (passedOver.get(entry.vendor) ?? 0) + 1);
    return false;
  });
  const prices: ListedPrice[] = [];
  for (const group of groupByModel(wished).values()) {
    prices.push(...pricesOf(group, remarks));
    yield;
  }
  return { prices, remarks, passedOver: Object.fromEntries(passedOver) };
}

function nameEntry([key, value]: readonly [string, unknown]): Entry {
  const told = memberOf(value, "litellm_provider");
  const name = typeof told === "string" ? told : "";
  const [vendor, known] = findVendor(name);
  const bare = [name, vendor].reduce((text, prefix) => withoutPrefix(text, `${prefix}/`), key);
  const sizedName = parseSizedName(bare);
  const model = sizedName?.model ?? bare;
  const isMaker = known.makes.some((prefix) => model.startsWith(prefix));
  // A model that was tuned is called by the base's name and more.
  const pattern = model.startsWith("ft:") ? `${model}*` : model;
  return { key, value, vendor, isMaker, model: pattern, sized: sizedName };
}

function withoutPrefix(text: string, prefix: string): string {
  return prefix !== "/" && text.startsWith(prefix) ? text.slice(prefix.length) : text;
}

const unknownVendor: ListedVendor = { providers: [], makes: [] };

/** `vertex_ai-language-models` is `vertex_ai`. */
function findVendor(name: string): readonly [string, ListedVendor] {
  for (const vendor of [name, name.replace(/-.*$/s, "")]) {
    const known = lookUp(liteLlmVendors, vendor);
    if (known !== undefined) return [vendor, known];
  }
  return [name, unknownVendor];
}

/** Entries of one vendor for one model. */
function groupByModel(entries: readonly Entry[]): ReadonlyMap<string, readonly Entry[]> {
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) {
    const key = JSON.stringify([entry.vendor, entry.model]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [entry]);
    else group.push(entry);
  }
  return groups;
}

function pricesOf(group: readonly Entry[], remarks: Remark[]): readonly ListedPrice[] {
  const [first] = group;
  if (first === undefined) return [];
  const { vendor, isMaker, model } = first;
  const [whole, ...others] = group.filter((entry) => entry.sized === undefined);
  const readers = new Map(
    group.map((entry) => [entry, new EntryReader({ vendor, model: entry.key }, remarks)] as const),
  );
  const readerOf = (entry: Entry): EntryReader => readers.get(entry) as EntryReader;
  for (const other of others)
    readerOf(other).remark("", "row-left-out", `${whole?.key ?? ""} has the same name already`);
  const read = whole === undefined ? undefined : readWhole(readerOf(whole), whole);
  const terms = withForms(read, group, readerOf);
  const reader = readerOf(whole ?? first);
  if (!reader.failed && !modelPattern.safeParse(model).success)
    reader.remark("", "row-left-out", "is no name that a model can have");
  if (!reader.failed && Object.keys(terms.rates).length === 0 && terms.perImage === null)
    reader.remark("", "row-left-out", "names no amount that is charged for here");
  return reader.failed ? [] : [{ ...everywhere, vendor, isMaker, model, ...terms }];
}

interface Whole {
  readonly terms: ListedTerms;
  /** Price of an image of any form. */
  readonly image: bigint | undefined;
}

function readWhole(reader: EntryReader, entry: Entry): Whole {
  if (!isObject(entry.value)) reader.remark("", "row-left-out", "is no object");
  const terms = readEntry(reader, entry.value);
  return { terms, image: readImagePrice(reader, entry.value, undefined) };
}

/** The terms with the prices of images that entries of their own tell. */
function withForms(
  whole: Whole | undefined,
  group: readonly Entry[],
  readerOf: (entry: Entry) => EntryReader,
): ListedTerms {
  const { rates = {}, ...others } = whole?.terms ?? {};
  const paidByTokens = Object.values(rates).some((amount) => amount > 0n);
  const forms: Record<string, bigint> = {};
  for (const entry of group) {
    const { sized } = entry;
    if (sized === undefined) continue;
    const reader = readerOf(entry);
    if (paidByTokens) {
      reader.remark("", "field-left-out", "the model's images are charged by their tokens");
      continue;
    }
    const price = readImagePrice(reader, entry.value, sized.pixels);
    if (price !== undefined) forms[sized.form] = price;
  }
  const any = paidByTokens ? undefined : whole?.image;
  if (paidByTokens && whole?.image !== undefined) {
    const entry = group.find((one) => one.sized === undefined);
    if (entry !== undefined)
      readerOf(entry).remark("output_cost_per_image", "field-left-out", "tokens are charged");
  }
  const hasForms = any !== undefined || Object.keys(forms).length > 0;
  const perImage = hasForms ? completeForms(forms, any) : null;
  const terms = { tiers: [], times: [], serviceTiers: {}, ...others, rates, perImage };
  return { ...terms, mode: modeOf(terms) };
}
