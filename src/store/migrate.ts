/**
 * Brings a database to this release's tables. Promises: any number of nodes may start at once, a kill between any two
 * statements is mended by the next run, and a database that is not ours is left untouched.
 */
import { sql } from "kysely";
import { systemRandom } from "../core/ids.ts";
import type { Database, Engine, Sql } from "./database.ts";
import { createTable, nowMs } from "./dialect.ts";
import { insertUnlessThere } from "./insert-unless-there.ts";
import type { Migration, Seed } from "./migrations/migration.ts";
import { migrationList, migrationTable } from "./migrations/migration-list.ts";
import { readSchema } from "./read-schema.ts";
import { isRetryable } from "./sql-errors.ts";
import { sleep, systemClock } from "../core/clock.ts";
import type { Clock } from "../core/clock.ts";

export interface MigrateOptions {
  /** Root secret that the cluster's own secrets are sealed with at the first migration. */
  readonly secretKey: string;
  readonly random?: (length: number) => Uint8Array;
  readonly clock?: Clock;
  /** Longest wait for another node that migrates. */
  readonly waitMs?: number;
  /** Called before each step, for progress. */
  readonly onStep?: (name: string) => void;
}

/**
 * Runs what is missing and answers the names of the steps done (empty: it was current, or newer).
 * Throws ForeignDatabase, SchemaTooNew, or what the database says.
 */
export async function migrate(
  database: Database,
  options: MigrateOptions,
): Promise<readonly string[]> {
  const { state } = await readSchema(database.schema);
  if (state === "current" || state === "newer") return [];
  const run: Run = {
    engine: database.engine,
    seed: { secretKey: options.secretKey, random: options.random ?? systemRandom },
    onStep: options.onStep ?? (() => undefined),
  };
  if (database.engine === "mysql") return await migrateMysql(database, run, options);
  return await migrateInOneTransaction(database, run, options);
}

interface Run {
  readonly engine: Engine;
  readonly seed: Seed;
  readonly onStep: (name: string) => void;
}

const defaultWaitMs = 60_000;
// Any number, the same for all releases: "swyd" in ASCII.
const lockNumber = 0x73777964;

async function migrateInOneTransaction(
  database: Database,
  run: Run,
  options: MigrateOptions,
): Promise<readonly string[]> {
  const clock = options.clock ?? systemClock;
  const giveUpAt = clock.monotonic() + (options.waitMs ?? defaultWaitMs);
  for (;;) {
    try {
      // On SQLite the transaction begins by taking the write lock.
      return await database.schema.transaction().execute(async (trx) => {
        if (run.engine === "postgres")
          await sql`select pg_advisory_xact_lock(${lockNumber})`.execute(trx);
        return await runMissing(trx, run);
      });
    } catch (error) {
      if (!isRetryable(error) || clock.monotonic() > giveUpAt) throw error;
      await sleep(clock, 100);
    }
  }
}

async function migrateMysql(
  database: Database,
  run: Run,
  options: MigrateOptions,
): Promise<readonly string[]> {
  const seconds = Math.ceil((options.waitMs ?? defaultWaitMs) / 1000);
  // One connection for all: the lock is the session's, and ends with it when this process is killed.
  return await database.schema.connection().execute(async (connection) => {
    const name = sql`concat('switchyard:', left(sha1(database()), 40))`;
    const { rows } = await sql<{
      taken: number | bigint | null;
    }>`select get_lock(${name}, ${seconds}) as taken`.execute(connection);
    if (Number(rows[0]?.taken ?? 0) !== 1)
      throw new Error(`another node has been migrating the database for ${seconds} seconds`);
    try {
      return await runMissing(connection, run);
    } finally {
      await sql`select release_lock(${name})`.execute(connection);
    }
  });
}

async function runMissing(db: Sql, run: Run): Promise<readonly string[]> {
  // Read again under the lock: another node may have done it all meanwhile.
  const { state, missing } = await readSchema(db);
  if (state === "empty") {
    run.onStep(migrationTable.name);
    for (const statement of createTable(run.engine, migrationTable))
      await sql.raw(statement).execute(db);
  }
  for (const migration of migrationList) {
    if (!missing.includes(migration.name)) continue;
    run.onStep(migration.name);
    await runOne(db, run, migration);
  }
  return missing;
}

async function runOne(db: Sql, run: Run, migration: Migration): Promise<void> {
  await migration.up(db, run.engine, run.seed);
  await insertUnlessThere(db, "switchyard_migrations", {
    name: migration.name,
    applied_at: nowMs(run.engine),
  });
}
