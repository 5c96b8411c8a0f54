// Whether a commit happened is asked of the database only when it cannot happen any more.
import assert from "node:assert/strict";
import { test } from "node:test";
import { skipReason, SQL_ENGINES } from "../../test/engines/engines.ts";
import { commitSetting, openDsn, openFresh } from "../../test/store/open-fresh.ts";
import { makeSyncStore } from "./sync-sql.ts";

for (const engine of SQL_ENGINES)
  test(
    `a commit that is under way is waited for, not taken for lost: ${engine}`,
    { skip: skipReason(engine), timeout: 20_000 },
    async () => {
      await using store = await openFresh(engine);
      const other = await openDsn(engine, store.fresh.dsn);
      const [writer, asker] = [makeSyncStore(store.database), makeSyncStore(other)];
      // Its connection is there before the question matters.
      assert.equal(await asker.findCommit("none"), undefined);
      let release: () => void = () => undefined;
      const held = new Promise<void>((resolve) => (release = resolve));
      const written = Promise.withResolvers<void>();
      const writing = writer.write(async (tx, head) => {
        await commitSetting(tx, head.revision + 1, { name: "a", value: "1", txnId: "slow" });
        written.resolve();
        await held;
      });
      await written.promise;
      const finding = asker.findCommit("slow");
      // Many answers later the one to this question must not have come.
      for (let round = 0; round < 30; round += 1) await asker.readHead(2_000);
      release();
      await writing;
      assert.deepEqual(await finding, { revision: 2, commitId: "commit-2" });
      await other.close();
    },
  );
