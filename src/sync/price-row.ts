/** A row of `prices` parsed by the rules of price-fields.ts, and a price as columns. */
import { z } from "zod";
import type { Json, JsonObject } from "../core/json-value.ts";
import { type NanoDollars, formatDollars, formatRatio, ratioOne } from "../core/money.ts";
import { makeZoneClock } from "../core/zone-clock.ts";
import type { RawRow } from "../store/sync-store.ts";
import { nanoField } from "./money-fields.ts";
import {
  type PriceFields,
  type RateValues,
  namedRates,
  priceFaults,
  priceFields,
  rateFields,
} from "./price-fields.ts";
import { type Price, type RateChange, noConditions, tokenRates, unitRates } from "./price-rates.ts";
import {
  type ColumnRule,
  RowFault,
  bigInteger,
  entityId,
  flag,
  integer,
  json,
  parseColumns,
  plain,
} from "./row-columns.ts";

/** Rates that have a column of their own. */
export const classicRates = {
  input: "input",
  output: "output",
  cacheRead: "cache_read",
  cacheWrite5m: "cache_write_5m",
  cacheWrite1h: "cache_write_1h",
  perCall: "per_call",
} as const;
type Classic = keyof typeof classicRates;
const classicNames = Object.keys(classicRates) as Classic[];

const further = z.strictObject(rateFields).omit({
  input: true,
  output: true,
  cacheRead: true,
  cacheWrite5m: true,
  cacheWrite1h: true,
  perCall: true,
});

/** A column that older rows do not have. */
function orElse(rule: ColumnRule, absent: unknown): ColumnRule {
  return { ...rule, decode: (value) => (value === null ? absent : rule.decode(value)) };
}

const nano = nanoField.nullable();
const schema = z.object({
  model: priceFields.model,
  mode: priceFields.mode,
  channelId: z.int().min(0),
  isCost: z.boolean(),
  effectiveFrom: z.int(),
  locked: z.boolean(),
  source: z.string().max(64).nullable(),
  input: nano,
  output: nano,
  cacheRead: nano,
  cacheWrite5m: nano,
  cacheWrite1h: nano,
  perCall: nano,
});
const ratesSchema = z.object({ rates: further });
/** Of rows whose prices all have columns: most of a book. */
const noRates = further.parse({});
const columns = {
  model: plain("model"),
  mode: plain("mode"),
  channelId: orElse(integer("channel_id"), 0),
  isCost: orElse(flag("is_cost"), false),
  effectiveFrom: orElse(integer("effective_from"), 0),
  locked: orElse(flag("locked"), false),
  source: plain("source"),
  ...Object.fromEntries(classicNames.map((name) => [name, bigInteger(classicRates[name])])),
};
const ratesColumns = { rates: json("rates") };

/** Throws RowFault. */
export function parsePriceRow(row: RawRow): Price {
  const id = entityId(row);
  const own = parseColumns(row, schema, columns);
  const rates =
    (row["rates"] ?? null) === null ? noRates : parseColumns(row, ratesSchema, ratesColumns).rates;
  const values: RateValues = { ...own, ...rates };
  const faults = priceFaults({ ...values, mode: own.mode });
  if (faults.length > 0)
    throw new RowFault(faults.map((fault) => ({ ...fault, column: columnOf(fault.field) })));
  return Object.freeze({
    id,
    rev: Number(row.rev),
    model: own.model,
    mode: own.mode,
    channelId: own.channelId,
    side: own.isCost ? "cost" : "charge",
    effectiveFromMs: own.effectiveFrom,
    locked: own.locked,
    source: own.source,
    ...namedRates([...tokenRates, ...unitRates], values),
    ...readConditions(values),
  });
}

function columnOf(field: string): string {
  return Object.hasOwn(classicRates, field) ? classicRates[field as Classic] : "rates";
}

/** Prices that say nothing more share one object's parts: a book has thousands of them. */
function readConditions(values: RateValues): typeof noConditions {
  const { perImage, tiers, times, serviceTiers } = values;
  const hasServiceTiers = Object.keys(serviceTiers).length > 0;
  if (perImage === null && tiers.length === 0 && times.length === 0 && !hasServiceTiers)
    return noConditions;
  return {
    perImage,
    tiers: tiers.map((tier) => ({ above: tier.above, ...readChange(tier) })),
    times: times.map((time) => ({
      zone: time.zone,
      fromMinute: time.from,
      toMinute: time.to,
      weekdays: time.weekdays,
      clock: makeZoneClock(time.zone),
      ...readChange(time),
    })),
    serviceTiers: Object.fromEntries(
      Object.entries(serviceTiers).map(([name, change]) => [name, readChange(change)]),
    ),
  };
}

type Change = RateValues["serviceTiers"][string];

function readChange(change: Change): RateChange {
  return { rates: namedRates(tokenRates, change), factor: change.factor };
}

/** The columns of a price; `source`: where it came from, null: an operator wrote it. */
export function priceColumns(
  fields: PriceFields,
  source: string | null,
): Readonly<Record<string, string | number | bigint | null>> {
  const classic = classicNames.map((name) => [classicRates[name], fields[name]] as const);
  const rates = renderRates(fields);
  return {
    model: fields.model,
    mode: fields.mode,
    ...Object.fromEntries(classic),
    channel_id: BigInt(fields.channelId ?? 0),
    is_cost: fields.side === "cost" ? 1 : 0,
    effective_from: BigInt(fields.effectiveFrom ?? 0),
    locked: fields.locked ? 1 : 0,
    source,
    rates: Object.keys(rates).length === 0 ? null : JSON.stringify(rates),
  };
}

/** The rates without columns as JSON that the field rules read back; what is not named is left out. */
function renderRates(fields: RateValues): JsonObject {
  const rendered: Record<string, Json> = {};
  for (const name of Object.keys(further.shape) as (keyof typeof further.shape)[]) {
    const value = renderers[name]?.(fields) ?? renderAmount(fields[name]);
    if (value !== null) rendered[name] = value;
  }
  return rendered;
}

function renderAmount(amount: unknown): string | null {
  return typeof amount === "bigint" ? formatDollars(amount) : null;
}

const renderers: Partial<Record<keyof RateValues, (fields: RateValues) => Json>> = {
  perImage: ({ perImage }) => (perImage === null ? null : renderAmounts(perImage)),
  tiers: ({ tiers }) =>
    tiers.length === 0
      ? null
      : tiers.map(({ above, ...change }) => ({ above, ...renderChange(change) })),
  times: ({ times }) =>
    times.length === 0
      ? null
      : times.map(({ zone, from, to, weekdays, ...change }) => ({
          zone,
          from: clockText(from),
          to: clockText(to),
          weekdays,
          ...renderChange(change),
        })),
  serviceTiers: ({ serviceTiers }) =>
    Object.keys(serviceTiers).length === 0
      ? null
      : Object.fromEntries(
          Object.entries(serviceTiers).map(([name, change]) => [name, renderChange(change)]),
        ),
};

function renderAmounts(amounts: Readonly<Record<string, NanoDollars>>): JsonObject {
  return Object.fromEntries(
    Object.entries(amounts).map(([name, amount]) => [name, formatDollars(amount)]),
  );
}

function renderChange({ factor, ...rates }: Change): JsonObject {
  return {
    ...(factor === ratioOne ? {} : { factor: formatRatio(factor) }),
    ...renderAmounts(namedRates(tokenRates, rates) as Record<string, NanoDollars>),
  };
}

function clockText(minutes: number): string {
  const two = (count: number): string => String(count).padStart(2, "0");
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
