/**
 * A listed row as a row of the table. Promise kept here: what a list brings passes the very rules that an operator's own
 * prices pass; a row that does not is left out by name, so that it never makes the others fail.
 */
import type { Json, JsonObject } from "../../core/json-value.ts";
import { formatDollars, formatRatio } from "../../core/money.ts";
import type { RowValues } from "../../store/sync-store.ts";
import { priceFaults } from "../../sync/price-fields.ts";
import { priceColumns } from "../../sync/price-row.ts";
import { wordIssue } from "../issue-words.ts";
import { presentPrice } from "../prices/present.ts";
import { priceSchema } from "../prices/schema.ts";
import type { ListedChange, ListedPrice, Remark } from "./listed-price.ts";

/** A row as it would lie in the table, and as it is shown. */
export interface BookRow {
  readonly columns: RowValues;
  /** Only what is named; `source` included. */
  readonly shown: JsonObject;
}

/** The row; undefined (and a remark) where the rules of prices refuse it. */
export function renderRow(
  price: ListedPrice,
  source: string,
  remarks: Remark[],
): BookRow | undefined {
  const parsed = priceSchema.safeParse(renderFields(price), { error: wordIssue });
  const { vendor, model } = price;
  const refuse = (field: string, reason: string): void =>
    void remarks.push({ vendor, model, field, effect: "row-left-out", reason });
  if (!parsed.success) {
    for (const issue of parsed.error.issues) refuse(issue.path.join("."), issue.message);
    return undefined;
  }
  const faults = priceFaults(parsed.data);
  for (const { field, message } of faults) refuse(field, message);
  if (faults.length > 0) return undefined;
  const columns = priceColumns(parsed.data, source);
  return { columns, shown: showRow(columns) };
}

/** A row of the table as it is shown, without what it does not name. */
export function showRow(row: RowValues): JsonObject {
  return Object.fromEntries(
    Object.entries(presentPrice(row)).filter(([, value]) => !isEmpty(value)),
  );
}

function isEmpty(value: Json): boolean {
  if (value === null || value === false) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** As `POST /api/prices` takes it. */
function renderFields(price: ListedPrice): JsonObject {
  const { model, mode, side, channelId, effectiveFromMs, locked } = price;
  return {
    model,
    mode,
    side,
    channelId: channelId === 0 ? null : channelId,
    effectiveFrom: effectiveFromMs === 0 ? null : new Date(effectiveFromMs).toISOString(),
    locked,
    ...dollarsOf(price.rates),
    perImage: price.perImage === null ? null : dollarsOf(price.perImage),
    tiers: price.tiers.map((tier) => ({ above: tier.above, ...renderChange(tier) })),
    times: price.times.map((time) => ({
      zone: "UTC",
      from: clockText(time.fromMinute),
      to: clockText(time.toMinute),
      ...renderChange(time),
    })),
    serviceTiers: Object.fromEntries(
      Object.entries(price.serviceTiers).map(([name, one]) => [name, renderChange(one)]),
    ),
  };
}

function renderChange({ rates, factor }: ListedChange): JsonObject {
  return { ...dollarsOf(rates), ...(factor !== null && { factor: formatRatio(factor) }) };
}

function dollarsOf(amounts: Readonly<Record<string, bigint | undefined>>): JsonObject {
  return Object.fromEntries(
    Object.entries(amounts).flatMap(([name, amount]) =>
      amount === undefined ? [] : [[name, formatDollars(amount)]],
    ),
  );
}

function clockText(minutes: number): string {
  const two = (count: number): string => String(count).padStart(2, "0");
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
