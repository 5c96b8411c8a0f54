/** What a cluster's database says of money, added up: rows of calls, roll-ups, and what budgets have counted. */
import assert from "node:assert/strict";
import { sql } from "kysely";
import { openDatabase } from "../../src/store/open-database.ts";
import { waitFor } from "./nodes.ts";

/** Nano-dollars and calls of one key, by every place that tells them. */
export interface Books {
  readonly rows: { readonly calls: bigint; readonly cost: bigint };
  readonly rollups: { readonly calls: bigint; readonly cost: bigint };
  /** Of the budget `kind`: what it has counted, over all periods. */
  readonly counted: bigint;
}

export interface BooksReader extends AsyncDisposable {
  read(of: { readonly keyId: number; readonly kind: string; readonly id: number }): Promise<Books>;
  /** Waits until so many calls of a key are settled, and answers what the books say then. */
  settled(of: {
    readonly keyId: number;
    readonly kind: string;
    readonly id: number;
    readonly calls: number;
  }): Promise<Books>;
}

/** Reads the database itself, past every node. */
export async function openBooks(dsn: string | undefined, sqlitePath: string): Promise<BooksReader> {
  const database = await openDatabase({ dsn, sqlitePath });
  const { reads } = database;
  const sumOf = async (table: "calls" | "usage_rollups", keyId: number) => {
    const count = table === "calls" ? sql<bigint>`count(*)` : sql<bigint | null>`sum(calls)`;
    const row = await reads
      .selectFrom(table)
      .select([count.as("calls"), sql<bigint | null>`sum(cost)`.as("cost")])
      .where("key_id", "=", BigInt(keyId))
      .executeTakeFirstOrThrow();
    return { calls: BigInt(row.calls ?? 0), cost: BigInt(row.cost ?? 0) };
  };
  const counted = async (kind: string, id: number): Promise<bigint> => {
    const where = sql`kind = ${kind} and entity_id = ${BigInt(id)}`;
    const { rows } = await sql<{ sum: bigint | null }>`
      select (select coalesce(sum(settled), 0) from budgets where ${where}) +
        (select coalesce(sum(spent), 0) from budget_leases where ${where}) as sum`.execute(reads);
    return BigInt(rows[0]?.sum ?? 0);
  };
  const read: BooksReader["read"] = async ({ keyId, kind, id }) => ({
    rows: await sumOf("calls", keyId),
    rollups: await sumOf("usage_rollups", keyId),
    counted: await counted(kind, id),
  });
  return {
    read,
    settled: async ({ calls, ...of }) =>
      await waitFor(`${calls} calls are settled`, 60_000, async () => {
        const books = await read(of);
        assert.equal(books.rows.calls, BigInt(calls), "rows of calls");
        return books;
      }),
    [Symbol.asyncDispose]: () => database.close(),
  };
}
