/**
 * Sums of usage in pages. Promise: pages of one answer are of one stretch of time, and together hold each row once, as
 * long as its sums stay; what still grows may move over a page's end.
 */
import type { Sql } from "./database.ts";
import type { Page } from "./pages.ts";
import { InvalidCursor, toPage } from "./pages.ts";
import type { UsageDimension, UsageFilters, UsagePlace, UsageRow } from "./rollups.ts";
import { sumUsage, usageDimensions } from "./rollups.ts";

/** Letters of the longest cursor: a group of 64 and a model of 255 letters, in their longest spelling. */
export const longestUsageCursor = 4_000;

/** A page of {@link sumUsage}. With `after`, the time of the first page counts, and that of `filters` does not. */
export async function listUsage(
  db: Sql,
  ask: {
    readonly filters: UsageFilters;
    readonly by: readonly UsageDimension[];
    /** Milliseconds that buckets are brought together by; undefined: all are one. */
    readonly everyMs: number | undefined;
    readonly limit: number;
    readonly after?: string | undefined;
  },
): Promise<Page<UsageRow>> {
  const { by, limit } = ask;
  const from = ask.after === undefined ? undefined : parseCursor(ask.after, by);
  const filters = { ...ask.filters, ...from?.time };
  const rows = await sumUsage(db, { ...ask, filters, limit: limit + 1, after: from?.place });
  return toPage(rows, limit, (row) => renderCursor(row, by, filters));
}

/** The time of the first page and the place of the last row: `[from, to, bucket, cost, …values]`. */
function renderCursor(row: UsageRow, by: readonly UsageDimension[], time: UsageFilters): string {
  const values = by.map((dimension) => String(row[usageDimensions[dimension]]));
  const parts = [time.fromMs, time.toMs, String(row.bucket), String(row.cost), ...values];
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

interface Cursor {
  readonly time: Pick<UsageFilters, "fromMs" | "toMs">;
  readonly place: UsagePlace;
}

function parseCursor(text: string, by: readonly UsageDimension[]): Cursor {
  const parts = parseParts(text);
  if (parts.length !== 4 + by.length) throw new InvalidCursor();
  const [fromMs, toMs, bucket, cost, ...values] = parts;
  return {
    time: { fromMs: parseMs(fromMs), toMs: parseMs(toMs) },
    place: {
      bucket: parseWhole(bucket),
      cost: parseWhole(cost),
      values: values.map((value, index) => parseValue(value, by[index])),
    },
  };
}

function parseParts(text: string): readonly unknown[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(text, "base64url").toString());
    if (Array.isArray(parts)) return parts;
  } catch {
    // No JSON either.
  }
  throw new InvalidCursor();
}

function parseMs(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value)) throw new InvalidCursor();
  return value;
}

/** As wide as BIGINT: what is wider, no engine compares. */
function parseWhole(value: unknown): bigint {
  if (typeof value !== "string" || !/^-?\d{1,19}$/.test(value)) throw new InvalidCursor();
  const whole = BigInt(value);
  if (whole !== BigInt.asIntN(64, whole)) throw new InvalidCursor();
  return whole;
}

function parseValue(value: unknown, dimension: UsageDimension | undefined): bigint | string {
  if (dimension !== "group" && dimension !== "model") return parseWhole(value);
  // PostgreSQL knows no NUL in a text.
  if (typeof value !== "string" || value.includes("\0")) throw new InvalidCursor();
  return value;
}
