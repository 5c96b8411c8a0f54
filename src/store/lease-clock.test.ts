// Leases are by the database's clock: a node whose own is wrong neither takes one early nor keeps one longer.
import assert from "node:assert/strict";
import { test } from "node:test";
import { skipReason, SQL_ENGINES } from "../../test/engines/engines.ts";
import { openFresh } from "../../test/store/open-fresh.ts";
import { makeSyncStore } from "./sync-sql.ts";

const hourMs = 3_600_000;

for (const engine of SQL_ENGINES)
  test(
    `a node whose clock is an hour off takes no lease that another holds: ${engine}`,
    { skip: skipReason(engine) },
    async (context) => {
      await using store = await openFresh(engine);
      const sync = makeSyncStore(store.database);
      const realNow = Date.now;
      let offMs = 0;
      context.mock.method(Date, "now", () => realNow.call(Date) + offMs);
      const lease = await sync.takeLease("lead", "right", 60_000);
      assert.ok(lease);
      offMs = hourMs;
      assert.equal(await sync.takeLease("lead", "ahead", 60_000), undefined);
      assert.equal((await sync.readLease("lead"))?.holder, "right");
      assert.ok(await sync.renewLease(lease, 60_000), "it is the holder's all the same");
      offMs = -hourMs;
      assert.ok(await sync.renewLease(lease, 60_000));
      await sync.releaseLease(lease);
      const late = await sync.takeLease("lead", "behind", 60_000);
      assert.equal(late?.fence, 2);
      assert.ok((await sync.readLease("lead"))!.leftMs > 50_000, "for as long as it asked");
    },
  );
