/**
 * The data of genai-prices: bundled with its package, or a newer file of the same form. Promise kept here: the price of a
 * bare name is that of the vendor to whom the list itself gives the name, else of the one that makes the model.
 */
import { isObject } from "../../../core/json-value.ts";
import { lookUp } from "../../../core/look-up.ts";
import { type ListedVendor, genaiVendors } from "../../../providers/listed-vendors.ts";
import { modelPattern } from "../../../sync/name-fields.ts";
import { EntryReader } from "../entry-reader.ts";
import { everywhere, isWished, modeOf, noTerms, readAtOnce } from "../listed-price.ts";
import type {
  ListedPrice,
  ListReading,
  ParsedList,
  Remark,
  VendorWishes,
} from "../listed-price.ts";
import { fault, memberOf } from "../read-document.ts";
import type { DatedRates } from "./genai-dates.ts";
import { readDatedRates } from "./genai-dates.ts";
import type { Clause, NamePattern } from "./genai-names.ts";
import { clauseFits, namesOf, parseClause } from "./genai-names.ts";

/** The book that comes with the gateway: the package's own data, loaded when first asked for. */
export async function loadBundledBook(): Promise<unknown> {
  const { waitForUpdate } = await import("@pydantic/genai-prices");
  return await waitForUpdate();
}

interface Vendor {
  readonly id: string;
  readonly models: readonly Model[];
  /** Bare names that are this vendor's. */
  readonly owns: Clause | undefined;
  readonly known: ListedVendor;
}

interface Model {
  readonly id: string;
  readonly clause: Clause;
  readonly prices: unknown;
}

const unknownVendor: ListedVendor = { providers: [], makes: [] };

/** Reads the data. Throws `validation_failed` where it is something else. */
export function* readGenaiPrices(data: unknown, wishes: VendorWishes): ListReading {
  if (!Array.isArray(data)) throw fault("must be genai-prices' list of providers");
  const vendors = data.map(readVendor);
  const remarks: Remark[] = [];
  const prices: ListedPrice[] = [];
  const passedOver = new Map<string, number>();
  const passOver = (vendor: Vendor, count: number): void =>
    void passedOver.set(vendor.id, (passedOver.get(vendor.id) ?? 0) + count);
  for (const vendor of vendors) {
    if (
      vendor.owns === undefined &&
      vendor.known.makes.length === 0 &&
      wishes(vendor.id) !== "all"
    ) {
      passOver(vendor, vendor.models.length);
      continue;
    }
    for (const model of vendor.models) {
      const reader = new EntryReader({ vendor: vendor.id, model: model.id }, remarks);
      const names = patternsOf(model, vendor, vendors).filter((name) => isWished(name, wishes));
      if (names.length === 0) passOver(vendor, 1);
      else prices.push(...pricesOf(model, names, reader));
      yield;
    }
  }
  return { prices, remarks, passedOver: Object.fromEntries(passedOver) };
}

/** As {@link readGenaiPrices}, at once. */
export function parseGenaiPrices(data: unknown, wishes: VendorWishes): ParsedList {
  return readAtOnce(readGenaiPrices(data, wishes));
}

function readVendor(value: unknown): Vendor {
  const id = memberOf(value, "id");
  const models = memberOf(value, "models");
  if (typeof id !== "string" || !Array.isArray(models))
    throw fault("must be genai-prices' list of providers, each with `id` and `models`");
  const owns = memberOf(value, "model_match");
  const known = lookUp(genaiVendors, id);
  return {
    id,
    models: models.map(readModel),
    owns: isObject(owns) ? parseClause(owns) : undefined,
    known: known ?? unknownVendor,
  };
}

function readModel(value: unknown): Model {
  const id = memberOf(value, "id");
  return {
    id: typeof id === "string" ? id : "",
    clause: parseClause(memberOf(value, "match")),
    prices: memberOf(value, "prices"),
  };
}

function pricesOf(
  model: Model,
  names: readonly MeantName[],
  reader: EntryReader,
): readonly ListedPrice[] {
  const dated = readDatedRates(reader, model.prices);
  if (!reader.failed && dated.some(({ rates }) => Object.keys(rates).length === 0))
    reader.remark("prices", "row-left-out", "names no amount");
  if (reader.failed) return [];
  remarkOnNames(model, names, reader);
  return names.flatMap(({ vendor, isMaker, pattern }) =>
    dated.map((one) => row(one, { vendor, isMaker, model: pattern })),
  );
}

/** What the list means by the model where that cannot be said in names and prefixes, in one remark. */
function remarkOnNames(model: Model, names: readonly MeantName[], reader: EntryReader): void {
  const untold: string[] = [];
  namesOf(model.clause, (clause) => untold.push(`what its "${clause}" means`));
  const broader = names.flatMap((name) => (name.broader === undefined ? [] : [name.broader]));
  const missing = [...new Set([...broader, ...untold])];
  if (missing.length > 0)
    reader.remark(
      "match",
      "approximated",
      `${names.map((name) => name.pattern).join(", ")} is taken; the list means ${missing.join(", ")}`,
    );
}

function row(
  { fromMs, ...rates }: DatedRates,
  entry: Pick<ListedPrice, "vendor" | "isMaker" | "model">,
): ListedPrice {
  const terms = { ...noTerms, ...rates };
  return { ...everywhere, ...entry, effectiveFromMs: fromMs, ...terms, mode: modeOf(terms) };
}

/** To whom the list gives a bare name; where to nobody, who makes the model. */
function isMadeBy(vendor: Vendor, name: string, vendors: readonly Vendor[]): boolean {
  const small = name.toLowerCase();
  const owner = vendors.find((one) => one.owns !== undefined && clauseFits(one.owns, small));
  if (owner !== undefined) return owner === vendor;
  return vendor.known.makes.some((prefix) => name.startsWith(prefix));
}

interface MeantName extends NamePattern {
  readonly vendor: string;
  readonly isMaker: boolean;
}

/** Its names and prefixes, without those that belong to an earlier model of the vendor. */
function patternsOf(
  model: Model,
  vendor: Vendor,
  vendors: readonly Vendor[],
): readonly MeantName[] {
  const own = clauseFits(model.clause, model.id.toLowerCase()) ? [{ pattern: model.id }] : [];
  const meant = new Map<string, MeantName>();
  for (const name of [...own, ...namesOf(model.clause, () => undefined)]) {
    const { pattern } = name;
    if (meant.has(pattern) || !modelPattern.safeParse(pattern).success) continue;
    if (!isFirst(model, vendor, pattern)) continue;
    const isMaker = isMadeBy(vendor, pattern.replace(/\*$/, ""), vendors);
    meant.set(pattern, { ...name, vendor: vendor.id, isMaker });
  }
  // A name that its own prefix covers needs no row.
  return [...meant.values()].filter(({ pattern }) => !meant.has(`${pattern}*`));
}

function isFirst(model: Model, vendor: Vendor, pattern: string): boolean {
  // A dated edition's prefix is tried with a date.
  const name = pattern.endsWith("-20*")
    ? `${pattern.slice(0, -1)}260101`
    : pattern.replace(/\*$/, "");
  const small = name.toLowerCase();
  return vendor.models.find((one) => clauseFits(one.clause, small)) === model;
}
