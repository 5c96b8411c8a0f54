/** Faults of databases and of how they are asked: no common instant, no lock, revisions out of order. */
import type { SqlEngine } from "../engines/engines.ts";
import type { Killer, Mutant } from "./planted-tree.ts";

function syncStore(engine: SqlEngine, test: string): Killer {
  const file = "src/store/sync-sql.test.ts";
  return { file, test: `the sync store on ${engine} > ${test}`, engine };
}

const oneInstant = "reads all of one instant, while writers go on";
const eightWriters = "orders eight writers without a gap, a loss or a double";

const noTransaction = {
  file: "src/store/sync-sql.ts",
  find: `  return await db
    .transaction()
    .setIsolationLevel("repeatable read")
    .setAccessMode("read only")
    .execute((trx) => work(makeSyncReads(trx)));`,
  replace: "  return await work(makeSyncReads(db));",
};

const readCommitted = {
  file: "src/store/sync-sql.ts",
  find: '    .setIsolationLevel("repeatable read")',
  replace: '    .setIsolationLevel("read committed")',
};

const noLock = {
  file: "src/store/sync-sql.ts",
  find: '    const head = await readHead(trx, "lock");',
  replace: "    const head = await readHead(trx);",
};

export const storeFaults: readonly Mutant[] = [
  ...(["sqlite", "postgres", "mysql"] as const).map((engine) => ({
    name: `one-hub 7: reads without a transaction: ${engine}`,
    edits: [noTransaction],
    killers: [syncStore(engine, oneInstant)],
  })),
  ...(["postgres", "mysql"] as const).map((engine) => ({
    name: `reads at the isolation that servers have unless told: ${engine}`,
    edits: [readCommitted],
    killers: [syncStore(engine, oneInstant)],
  })),
  ...(["postgres", "mysql"] as const).map((engine) => ({
    name: `writers do not lock the head: ${engine}`,
    edits: [noLock],
    killers: [syncStore(engine, eightWriters)],
  })),
  {
    name: "naive cursor: revisions are numbered before the commit and seen out of order",
    edits: [
      {
        file: "src/store/sync-sql.ts",
        find: '    const head = await readHead(trx, "lock");\n    return await work(makeSyncWrites(trx), head);',
        replace: `    const seen = await readHead(trx);
    const sequence = globalThis as { drawn?: number };
    sequence.drawn = Math.max(sequence.drawn ?? 0, seen.revision) + 1;
    return await work(makeSyncWrites(trx), { ...seen, revision: sequence.drawn - 1 });`,
      },
      {
        file: "src/store/sync-sql/sync-writes.ts",
        find: '    .where("revision", "=", revision - 1n)\n',
        replace: '    .where("revision", "<", revision)\n',
      },
      {
        file: "src/store/sync-sql/sync-writes.ts",
        find: "  if (numUpdatedRows !== 1n)\n",
        replace: "  if (numUpdatedRows > 1n)\n",
      },
    ],
    killers: (["postgres", "mysql"] as const).map((engine) => ({
      file: "src/store/commit-order.test.ts",
      test: `a reader that goes by revisions misses no change, however long one writer takes: ${engine}`,
      engine,
    })),
  },
  {
    name: "an uncertain commit is asked for while it may still be on its way",
    edits: [
      {
        file: "src/store/sync-sql.ts",
        find: '    await readHead(trx, "lock");\n    const row = await trx\n      .selectFrom("sync_commit")',
        replace: '    const row = await trx\n      .selectFrom("sync_commit")',
      },
    ],
    killers: (["postgres", "mysql"] as const).map((engine) => ({
      file: "src/store/find-commit.test.ts",
      test: `a commit that is under way is waited for, not taken for lost: ${engine}`,
      engine,
    })),
  },
];
