// A database of a test's own, opened the way a node opens it, and migrated unless told otherwise.
import type { Database } from "../../src/store/database.ts";
import { migrate } from "../../src/store/migrate.ts";
import { openDatabase } from "../../src/store/open-database.ts";
import type { SyncWrites } from "../../src/store/sync-store.ts";
import type { FreshDatabase, SqlEngine } from "../engines/engines.ts";
import { freshDatabase } from "../engines/engines.ts";

/** The root secret that these databases are set up with. */
export const testSecret = "a secret of tests, long enough to be one";

export interface FreshStore extends AsyncDisposable {
  readonly fresh: FreshDatabase;
  readonly database: Database;
}

/** Opens a database by its DSN or, for SQLite, its path. */
export async function openDsn(engine: SqlEngine, dsn: string): Promise<Database> {
  return await openDatabase(
    engine === "sqlite" ? { dsn: undefined, sqlitePath: dsn } : { dsn, sqlitePath: "" },
  );
}

export async function openFresh(
  engine: SqlEngine,
  options: { readonly migrated?: boolean } = {},
): Promise<FreshStore> {
  const fresh = await freshDatabase(engine);
  const database = await openDsn(engine, fresh.dsn);
  if (options.migrated !== false) await migrate(database, { secretKey: testSecret });
  return {
    fresh,
    database,
    [Symbol.asyncDispose]: async () => {
      await database.close();
      await fresh.drop();
    },
  };
}

/** Commits one change of a setting: what a door does, in its least form. */
export async function commitSetting(
  tx: SyncWrites,
  revision: number,
  entry: { readonly name: string; readonly value: string; readonly txnId?: string },
): Promise<bigint> {
  const id = await tx.insert("setting", revision, {
    name: entry.name,
    value: entry.value,
    updated_at: BigInt(await tx.nowMs()),
  });
  await tx.commit({
    revision,
    commitId: `commit-${revision}`,
    txnId: entry.txnId ?? `txn-${entry.name}-${revision}`,
    author: "test",
    nodeId: "test",
    summary: "",
    changes: [{ kind: "setting", entityId: String(id), op: "u" }],
  });
  return id;
}

/** Waits for a condition; throws when it does not come true in time. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 10_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error("the condition did not come true in time");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
