/**
 * Sums of usage for reading. Promises: folding moves sums and neither loses nor doubles any, whatever is settled at the
 * same time; a sum that comes late is folded at the next turn.
 */
import type { RawBuilder, Selectable } from "kysely";
import { sql } from "kysely";
import { bulkInsert } from "./bulk-insert.ts";
import type { NanoDollars } from "../core/money.ts";
import type { Sql } from "./database.ts";
import { engineOf } from "./dialect.ts";
import type { UsageRollupTable } from "./tables.ts";

export type RollupRow = Selectable<UsageRollupTable>;

/** Minutes of a bucket: as calls are settled, and as they are kept in the long run. */
export const rollupSpan = 15;
export const daySpan = 1440;

export const rollupKey = [
  "span",
  "bucket",
  "key_id",
  "user_id",
  "group",
  "model",
  "channel_id",
  "node_id",
] as const;

const rollupSums = [
  "calls",
  "failed",
  "input_tokens",
  "cache_read_tokens",
  "cache_write_tokens",
  "output_tokens",
  "reasoning_tokens",
  "cost",
  "channel_cost",
] as const;

const rollupColumns = [...rollupKey, ...rollupSums] as const;

/** Adds to the rows that bear the same keys. */
export async function addRollupRows(trx: Sql, rows: readonly RollupRow[]): Promise<void> {
  const ordered = [...sumByKey(rows).entries()].sort(([left], [right]) => (left < right ? -1 : 1));
  const values = ordered.map(([, row]) => rollupColumns.map((column) => row[column]));
  const onConflict = { key: rollupKey, add: rollupSums };
  await bulkInsert(trx, { table: "usage_rollups", columns: rollupColumns, onConflict }, values);
}

function sumByKey(rows: readonly RollupRow[]): ReadonlyMap<string, RollupRow> {
  const sums = new Map<string, RollupRow>();
  for (const row of rows) {
    const key = JSON.stringify(rollupKey.map((column) => String(row[column])));
    const before = sums.get(key);
    sums.set(key, before === undefined ? row : plus(before, row));
  }
  return sums;
}

function plus(left: RollupRow, right: RollupRow): RollupRow {
  const sums = Object.fromEntries(
    rollupSums.map((column) => [column, left[column] + right[column]]),
  );
  return { ...left, ...sums };
}

/**
 * Within a transaction: moves rows of nodes, of buckets that begin before `beforeMs`, into those of no node. Answers
 * how many rows went, at most `limit`.
 */
export async function foldNodes(trx: Sql, beforeMs: number, limit: number): Promise<number> {
  const rows = await lockRows(
    trx,
    trx
      .selectFrom("usage_rollups")
      .selectAll()
      .where("node_id", ">", "")
      .where("bucket", "<", BigInt(beforeMs))
      .orderBy("node_id")
      .orderBy("bucket")
      .limit(limit),
  );
  await moveRows(trx, rows, (row) => ({ ...row, node_id: "" }));
  return rows.length;
}

/** Within a transaction: moves folded quarter-hours before `beforeMs` into days; `startOfDay` of an instant, ms UTC. */
export async function foldDays(
  trx: Sql,
  fold: {
    readonly beforeMs: number;
    readonly limit: number;
    readonly startOfDay: (atMs: number) => number;
  },
): Promise<number> {
  const rows = await lockRows(
    trx,
    trx
      .selectFrom("usage_rollups")
      .selectAll()
      .where("node_id", "=", "")
      .where("span", "=", rollupSpan)
      .where("bucket", "<", BigInt(fold.beforeMs))
      .orderBy("bucket")
      .limit(fold.limit),
  );
  await moveRows(trx, rows, (row) => ({
    ...row,
    span: daySpan,
    bucket: BigInt(fold.startOfDay(Number(row.bucket))),
  }));
  return rows.length;
}

interface RowsQuery {
  forUpdate(): { execute(): Promise<RollupRow[]> };
  execute(): Promise<RollupRow[]>;
}

/** What a node settles meanwhile waits for the move, and then begins a new row. */
async function lockRows(trx: Sql, query: RowsQuery): Promise<readonly RollupRow[]> {
  return await (engineOf(trx) === "sqlite" ? query : query.forUpdate()).execute();
}

async function moveRows(
  trx: Sql,
  rows: readonly RollupRow[],
  moved: (row: RollupRow) => RollupRow,
): Promise<void> {
  if (rows.length === 0) return;
  await addRollupRows(trx, rows.map(moved));
  for (let at = 0; at < rows.length; at += 50) {
    const some = rows.slice(at, at + 50);
    await trx
      .deleteFrom("usage_rollups")
      .where((where) =>
        where.or(
          some.map((row) =>
            where.and(Object.fromEntries(rollupKey.map((column) => [column, row[column]]))),
          ),
        ),
      )
      .execute();
  }
}

/** What the quarter-hours of a UTC day, which are kept for 40 days, say of its calls. */
export async function sumRolledDay(
  db: Sql,
  day: number,
): Promise<{
  readonly calls: bigint;
  readonly cost: NanoDollars;
  /** What the operator pays. */
  readonly channelCost: NanoDollars;
}> {
  const fromMs = BigInt(day) * 86_400_000n;
  const row = await db
    .selectFrom("usage_rollups")
    .select(sql<bigint | null>`sum(calls)`.as("calls"))
    .select(sql<bigint | null>`sum(cost)`.as("cost"))
    .select(sql<bigint | null>`sum(channel_cost)`.as("channelCost"))
    .where("span", "=", rollupSpan)
    .where("bucket", ">=", fromMs)
    .where("bucket", "<", fromMs + 86_400_000n)
    .executeTakeFirst();
  return {
    calls: row?.calls ?? 0n,
    cost: row?.cost ?? 0n,
    channelCost: row?.channelCost ?? 0n,
  };
}

export interface UsageFilters {
  readonly fromMs: number;
  readonly toMs: number;
  readonly keyId?: bigint | undefined;
  readonly userId?: bigint | undefined;
  readonly channelId?: bigint | undefined;
  readonly group?: string | undefined;
  readonly model?: string | undefined;
}

export const usageDimensions = {
  key: "key_id",
  user: "user_id",
  group: "group",
  model: "model",
  channel: "channel_id",
} as const;

export type UsageDimension = keyof typeof usageDimensions;

/** Sums of one bucket, and of what they were asked by. */
export type UsageRow = Pick<RollupRow, "bucket" | (typeof rollupSums)[number]> &
  Partial<Pick<RollupRow, (typeof usageDimensions)[UsageDimension]>>;

/** Where a row stands among those of one answer. */
export interface UsagePlace {
  readonly bucket: bigint;
  readonly cost: NanoDollars;
  /** Of what the sums were asked by, in its order. */
  readonly values: readonly (bigint | string)[];
}

/** Exact sums by bucket and dimensions, oldest first, then by what they cost, dearest first; at most `limit` rows. */
export async function sumUsage(
  db: Sql,
  ask: {
    readonly filters: UsageFilters;
    readonly by: readonly UsageDimension[];
    /** Milliseconds that buckets are brought together by; undefined: all are one. */
    readonly everyMs: number | undefined;
    readonly limit: number;
    /** Only what follows this place. */
    readonly after?: UsagePlace | undefined;
  },
): Promise<readonly UsageRow[]> {
  const { filters, by, everyMs, after } = ask;
  const columns = by.map((dimension) => usageDimensions[dimension]);
  const start =
    everyMs === undefined
      ? sql<bigint>`cast(0 as ${castType(db)})`
      : sql<bigint>`bucket - bucket % ${sql.raw(String(everyMs))}`;
  let query = db
    .selectFrom("usage_rollups")
    .select(start.as("start"))
    .select(columns)
    .select(rollupSums.map((column) => sql<bigint>`sum(${sql.ref(column)})`.as(column)))
    .where("bucket", ">=", BigInt(filters.fromMs))
    .where("bucket", "<", BigInt(filters.toMs));
  if (filters.keyId !== undefined) query = query.where("key_id", "=", filters.keyId);
  if (filters.userId !== undefined) query = query.where("user_id", "=", filters.userId);
  if (filters.channelId !== undefined) query = query.where("channel_id", "=", filters.channelId);
  if (filters.group !== undefined) query = query.where("group", "=", filters.group);
  if (filters.model !== undefined) query = query.where("model", "=", filters.model);
  // What was shown already need not be summed again.
  if (after !== undefined && everyMs !== undefined)
    query = query.where("bucket", ">=", after.bucket);
  // PostgreSQL takes a number in `group by` for a column's place.
  const timed = everyMs === undefined ? query : query.groupBy(start);
  const grouped = columns.length === 0 ? timed : timed.groupBy(columns);
  let page = db.selectFrom(grouped.as("sums")).selectAll();
  if (after !== undefined) page = page.where(follows(after, columns));
  page = page.orderBy("start").orderBy("cost", "desc");
  for (const column of columns) page = page.orderBy(sql.ref(column));
  const rows = await page.limit(ask.limit).execute();
  return rows
    .filter((row) => row.calls !== null)
    .map(({ start: bucket, ...row }) => ({ ...row, bucket }) as unknown as UsageRow);
}

/** Equal sums are told apart by what they were asked by: without that, a page might begin anywhere among them. */
function follows(
  { bucket, cost, values }: UsagePlace,
  columns: readonly string[],
): RawBuilder<boolean> {
  let rest = sql<boolean>`1 = 0`;
  const behind = (column: string, sign: ">" | "<", value: bigint | string): RawBuilder<boolean> => {
    const name = sql.ref(column);
    return sql`(${name} ${sql.raw(sign)} ${value} or (${name} = ${value} and ${rest}))`;
  };
  for (const [index, value] of [...values.entries()].toReversed())
    rest = behind(columns[index] ?? "", ">", value);
  rest = behind("cost", "<", cost);
  return behind("start", ">", bucket);
}

function castType(db: Sql) {
  return sql.raw(engineOf(db) === "mysql" ? "signed" : "bigint");
}
