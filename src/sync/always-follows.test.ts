// No role, cache switch or frequency keeps a node from following: the bug that this gateway was founded on.
import { test } from "node:test";
import assert from "node:assert/strict";
import { sql } from "kysely";
import { openFresh, until } from "../../test/store/open-fresh.ts";
import { addChannel, makeFolder, openNode, testAuthor } from "../../test/sync/open-node.ts";
import type { TestNode } from "../../test/sync/open-node.ts";

/** No bell, and so seldom that reconciliation cannot help. */
const seldom = { syncFrequencyMs: 600_000, syncBell: "none" } as const;

function names(node: TestNode): string[] {
  return [...(node.sync.current()?.channels.values() ?? [])].map((channel) => channel.name).sort();
}

for (const nodeType of ["master", "slave", "unset"] as const)
  for (const memoryCacheEnabled of [true, false]) {
    const cache = memoryCacheEnabled ? "with" : "without";
    test(`${nodeType} ${cache} MEMORY_CACHE_ENABLED follows another node from its first moment`, async () => {
      await using store = await openFresh("sqlite");
      await using folder = await makeFolder();
      const options = { dataDir: folder.path };
      await using other = await openNode("sqlite", store.fresh.dsn, { ...options, config: seldom });
      assert.ok(await other.sync.whenServing(5_000));
      const { id } = await addChannel(other.sync, "first");
      const config = { ...seldom, nodeType, memoryCacheEnabled };
      await using node = await openNode("sqlite", store.fresh.dsn, { ...options, config });
      assert.ok(await node.sync.whenServing(3_000), "loads at once");
      assert.deepEqual(names(node), ["first"]);
      await addChannel(other.sync, "second");
      await until(() => names(node).join() === "first,second", 3_000);
      await other.sync.write(testAuthor, (tx) => tx.remove("channel", id));
      await until(() => names(node).join() === "second", 3_000);
      const { appliedRevision, headRevision } = node.sync.status();
      assert.equal(appliedRevision, other.sync.current()?.revision);
      assert.equal(headRevision, appliedRevision);
    });
  }

test("every node takes in what was changed by hand within SYNC_FREQUENCY, whatever its cache", async () => {
  await using store = await openFresh("sqlite");
  await using folder = await makeFolder();
  const config = { syncFrequencyMs: 1_000, nodeType: "slave", memoryCacheEnabled: false } as const;
  await using node = await openNode("sqlite", store.fresh.dsn, { dataDir: folder.path, config });
  assert.ok(await node.sync.whenServing(5_000));
  const { id } = await addChannel(node.sync, "first");
  await sql`update channels set name = 'by hand' where id = ${id}`.execute(store.database.writes);
  await until(() => names(node).join() === "by hand", 5_000);
});
