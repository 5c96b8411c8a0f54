// Revisions become visible in their order: who has read up to one has nothing to fear from a transaction that is late.
import assert from "node:assert/strict";
import { test } from "node:test";
import { skipReason, SQL_ENGINES } from "../../test/engines/engines.ts";
import { commitSetting, openDsn, openFresh } from "../../test/store/open-fresh.ts";
import { makeSyncStore } from "./sync-sql.ts";

for (const engine of SQL_ENGINES)
  test(
    `a reader that goes by revisions misses no change, however long one writer takes: ${engine}`,
    { skip: skipReason(engine), timeout: 30_000 },
    async () => {
      await using store = await openFresh(engine);
      const [second, third] = [
        await openDsn(engine, store.fresh.dsn),
        await openDsn(engine, store.fresh.dsn),
      ];
      const [slow, quick, reader] = [store.database, second, third].map((one) =>
        makeSyncStore(one),
      );
      assert.ok(slow && quick && reader);
      // Its connection is there before the race begins.
      assert.equal(await quick.findCommit("none"), undefined);
      const seen: number[] = [];
      let cursor = 1;
      const follow = (): Promise<void> =>
        reader.read(async (tx) => {
          const head = await tx.head();
          for (const { revision } of await tx.changesAfter(cursor, 100)) seen.push(revision);
          cursor = head.revision;
        });
      const begun = Promise.withResolvers<void>();
      const held = Promise.withResolvers<void>();
      const slowly = slow.write(async (tx, head) => {
        begun.resolve();
        await held.promise;
        await commitSetting(tx, head.revision + 1, { name: "slow", value: "1" });
      });
      await begun.promise;
      const quickly = quick.write((tx, head) =>
        commitSetting(tx, head.revision + 1, { name: "quick", value: "1" }),
      );
      // Time enough to commit, if it could.
      for (let round = 0; round < 30; round += 1) await follow();
      held.resolve();
      await Promise.all([slowly, quickly]);
      await follow();
      assert.deepEqual(seen, [2, 3]);
      for (const one of [second, third]) await one.close();
    },
  );
