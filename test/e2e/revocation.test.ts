/** A revoked key is refused everywhere in under a second, under load, and stays refused by a node restarted in an outage. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { freshDatabase, freshDatabaseOn, skipReason } from "../engines/engines.ts";
import { startPostgres } from "../engines/start-postgres.ts";
import { channelTo, everywhereMs, startCluster, write } from "./cluster.ts";
import { type GatewayNode, startNode, waitFor } from "./nodes.ts";
import { openVendor } from "./vendor.ts";

async function makeKey(node: GatewayNode): Promise<{ id: number; key: string }> {
  return (
    await write<{ id: number; key: string }>(node, "POST", "/api/keys", { name: "to revoke" })
  ).data;
}

for (const engine of ["postgres", "mysql"] as const) {
  test(
    `a key disabled on one node is refused on all: ${engine}`,
    { skip: skipReason(engine), timeout: 60_000 },
    async () => {
      await using database = await freshDatabase(engine);
      await using cluster = await startCluster({
        dsn: database.dsn,
        env: { SYNC_FREQUENCY: "600" },
      });
      await write(
        cluster.master,
        "POST",
        "/api/channels?wait=converged&timeout=5s",
        channelTo(cluster.upstream, ["m"]),
      );
      const { id, key } = await makeKey(cluster.master);
      const stopping = new AbortController();
      let answeredAt = Number.POSITIVE_INFINITY;
      const late: string[] = [];
      const admitted = cluster.nodes.map(() => 0);
      const load = cluster.nodes.map(async (node, index) => {
        while (!stopping.signal.aborted) {
          const sent = performance.now();
          const reply = await node.chat("m", key);
          if (reply.status === 200) admitted[index] = (admitted[index] ?? 0) + 1;
          if (reply.status === 200 && sent > answeredAt + everywhereMs) late.push(node.url);
          if (reply.status !== 200) assert.equal(reply.status, 401, reply.text);
        }
      });
      await waitFor("each node admits the key", 5000, () => admitted.every((count) => count > 5));
      await write(cluster.slaves[0] as GatewayNode, "PATCH", `/api/keys/${id}`, {
        status: "disabled",
      });
      answeredAt = performance.now();
      await new Promise((wake) => setTimeout(wake, everywhereMs + 500));
      stopping.abort();
      await Promise.all(load);
      assert.deepEqual(late, []);
      for (const node of cluster.nodes) {
        const reply = await node.chat("m", key);
        assert.equal(reply.status, 401);
        assert.equal(reply.json<{ error: { code: string } }>().error.code, "key_disabled");
      }
    },
  );
}

test(
  "a disabled key and a deleted key stay refused by a node restarted with the database down",
  { skip: skipReason("postgres", "own"), timeout: 60_000 },
  async () => {
    await using server = await startPostgres();
    // Gone with its server: while that is down it could not be dropped.
    const database = await freshDatabaseOn("postgres", server.url);
    const upstream = await openVendor();
    const folder = mkdtempSync(join(tmpdir(), "switchyard-revoked-"));
    try {
      await using master = await startNode({ dsn: database.dsn, type: "master" });
      const slaveOptions = { dsn: database.dsn, type: "slave", dataDir: folder } as const;
      await using before = await startNode(slaveOptions);
      await write(
        master,
        "POST",
        "/api/channels?wait=converged&timeout=5s",
        channelTo(upstream, ["m"]),
      );
      const keys = [await makeKey(master), await makeKey(master), await makeKey(master)] as const;
      for (const { key } of keys) assert.equal((await before.chat("m", key)).status, 200);
      // Long enough for a copy that still holds all three as good.
      await new Promise((wake) => setTimeout(wake, 2500));
      await write(master, "PATCH", `/api/keys/${keys[0].id}`, { status: "disabled" });
      await write(master, "DELETE", `/api/keys/${keys[1].id}`);
      for (const { key } of keys.slice(0, 2))
        await waitFor(
          "refused",
          everywhereMs,
          async () => (await before.chat("m", key)).status === 401,
        );
      // Revocations reach the copy within a second; after that the node may die.
      await new Promise((wake) => setTimeout(wake, 1000));
      await before.kill();
      await server.stop("crash");
      await using slave = await startNode(slaveOptions);
      assert.equal(
        (await slave.chat("m", keys[2].key)).status,
        200,
        "the good key is served from the copy",
      );
      for (const { key } of keys.slice(0, 2))
        assert.equal((await slave.chat("m", key)).status, 401);
    } finally {
      rmSync(folder, { recursive: true, force: true });
      await upstream.close();
    }
  },
);
