// A whole node's sync on real databases: start, write, follow, outage, restart without a database, refusal.
import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { skipReason, SQL_ENGINES } from "../../test/engines/engines.ts";
import { openFresh, until } from "../../test/store/open-fresh.ts";
import type { TestNode } from "../../test/sync/open-node.ts";
import {
  addChannel,
  addKey,
  addUser,
  makeFolder,
  openNode,
  testAuthor,
} from "../../test/sync/open-node.ts";

async function lookUp(node: TestNode, key: string): Promise<string> {
  const hash = node.sync.hashKey(key);
  if (hash === undefined) return "no secrets";
  const found = await node.sync.findCaller(hash);
  return found.found ? (found.key.enabled ? "enabled" : "disabled") : found.reason;
}

function names(node: TestNode): string[] {
  return [...(node.sync.current()?.channels.values() ?? [])].map((channel) => channel.name).sort();
}

async function copyFiles(dataDir: string): Promise<string[]> {
  const ids = await readdir(join(dataDir, "nodes")).catch(() => []);
  const lists = await Promise.all(ids.map((id) => readdir(join(dataDir, "nodes", id))));
  return lists.flat().filter((name) => name.endsWith(".copy"));
}

for (const engine of SQL_ENGINES) {
  describe(`sync on ${engine}`, { skip: skipReason(engine) }, () => {
    it("serves, writes, and lets another node and the registry follow", async () => {
      await using store = await openFresh(engine);
      await using folder = await makeFolder();
      const options = { dataDir: folder.path };
      await using a = await openNode(engine, store.fresh.dsn, options);
      await using b = await openNode(engine, store.fresh.dsn, {
        ...options,
        config: { nodeType: "slave", memoryCacheEnabled: false },
      });
      assert.notEqual(a.sync.nodeId, b.sync.nodeId);
      assert.ok(await a.sync.whenServing(5_000));
      assert.ok(await b.sync.whenServing(5_000));
      const { id, revision } = await addChannel(a.sync, "first");
      assert.deepEqual(names(a), ["first"]);
      const convergence = await b.sync.convergence(revision, 5_000);
      assert.deepEqual(convergence, { revision, converged: true, pending: [] });
      assert.deepEqual(names(b), ["first"]);
      assert.equal(a.sync.current()?.digest, b.sync.current()?.digest);
      await b.sync.write(testAuthor, (tx) => tx.remove("channel", id));
      await until(() => names(a).length === 0, 2_000);
      const nodes = await a.sync.nodes();
      assert.deepEqual(nodes.map((node) => node.type).sort(), ["slave", "unset"]);
      await until(() => a.sync.status().leader === a.sync.nodeId, 6_000);
      await until(() => b.sync.status().leader === a.sync.nodeId, 6_000);
      const said = (node: TestNode): string[] => node.log.map((line) => line.message);
      assert.ok(said(a).includes("memory cache enabled"));
      assert.ok(said(a).includes("sync frequency: 60 seconds"));
      assert.ok(said(b).includes("slave sync enabled, frequency: 60 seconds"));
      assert.ok(!said(b).includes("memory cache enabled"));
      await b.close();
      const stopped = (await a.sync.nodes()).find((node) => node.nodeId === b.sync.nodeId);
      assert.equal(stopped?.state, "stopped");
    });

    it("refuses a revoked key everywhere at once, and goes on with known ones while the database is down", async () => {
      await using store = await openFresh(engine);
      await using folder = await makeFolder();
      const options = { dataDir: folder.path };
      await using a = await openNode(engine, store.fresh.dsn, options);
      await using b = await openNode(engine, store.fresh.dsn, options);
      assert.ok((await a.sync.whenServing(5_000)) && (await b.sync.whenServing(5_000)));
      const owner = await addUser(a.sync, "owner");
      const [kept, disabled, deleted] = [
        await addKey(a.sync, owner, "sk-kept"),
        await addKey(a.sync, owner, "sk-disabled"),
        await addKey(a.sync, owner, "sk-deleted"),
      ];
      assert.ok(kept > 0);
      for (const key of ["sk-kept", "sk-disabled", "sk-deleted"])
        assert.equal(await lookUp(b, key), "enabled");
      assert.equal(await lookUp(b, "sk-none"), "unknown");
      await a.sync.write(testAuthor, async (tx) => {
        await tx.update("key", disabled, { status: "disabled" });
        await tx.remove("key", deleted);
      });
      const revision = a.sync.current()?.revision ?? 0;
      assert.equal((await a.sync.convergence(revision, 5_000)).converged, true);
      b.down = true;
      assert.equal(await lookUp(b, "sk-disabled"), "disabled");
      assert.equal(await lookUp(b, "sk-deleted"), "unknown");
      assert.equal(await lookUp(b, "sk-kept"), "enabled");
      assert.equal(await lookUp(b, "sk-never-seen"), "unavailable");
      await until(() => b.sync.status().state === "degraded");
      b.down = false;
      await until(() => b.sync.status().state === "live");
    });

    it("starts without its database from the copy on disk, revocations included, and follows again after", async () => {
      await using store = await openFresh(engine);
      await using folder = await makeFolder();
      const options = { dataDir: folder.path };
      const first = await openNode(engine, store.fresh.dsn, options);
      assert.ok(await first.sync.whenServing(5_000));
      await addChannel(first.sync, "kept");
      const owner = await addUser(first.sync, "owner");
      await addKey(first.sync, owner, "sk-kept");
      const deleted = await addKey(first.sync, owner, "sk-deleted");
      for (const key of ["sk-kept", "sk-deleted"])
        assert.equal(await lookUp(first, key), "enabled");
      await first.sync.write(testAuthor, (tx) => tx.remove("key", deleted));
      const before = first.sync.status();
      await first.close();
      assert.ok((await copyFiles(folder.path)).length > 0);

      await using second = await openNode(engine, store.fresh.dsn, { ...options, down: true });
      assert.equal(second.sync.nodeId, first.sync.nodeId);
      assert.ok(await second.sync.whenServing(2_000));
      assert.deepEqual(names(second), ["kept"]);
      const { state, source, appliedRevision, digest } = second.sync.status();
      assert.deepEqual(
        { state, source, appliedRevision, digest },
        {
          state: "stale",
          source: "disk",
          appliedRevision: before.appliedRevision,
          digest: before.digest,
        },
      );
      assert.equal(await lookUp(second, "sk-kept"), "enabled");
      assert.equal(await lookUp(second, "sk-deleted"), "unknown");
      assert.equal(await lookUp(second, "sk-new"), "unavailable");
      second.down = false;
      await until(() => second.sync.status().state === "live");
      assert.equal(second.sync.status().source, "database");
      assert.equal(await lookUp(second, "sk-kept"), "enabled");
    });

    it("waits for a database that is not set up yet, and says when its secret is another's", async () => {
      await using store = await openFresh(engine, { migrated: false });
      await using folder = await makeFolder();
      await using early = await openNode(engine, store.fresh.dsn, { dataDir: folder.path });
      await until(() => early.sync.status().lastError !== null);
      assert.equal(early.sync.current(), undefined);
      assert.equal(early.sync.status().state, "boot");
      assert.equal(await lookUp(early, "sk-x"), "no secrets");
      const { migrate } = await import("../store/migrate.ts");
      const { testSecret } = await import("../../test/store/open-fresh.ts");
      await migrate(store.database, { secretKey: testSecret });
      assert.ok(await early.sync.whenServing(10_000));
      const refusals: Error[] = [];
      await using wrong = await openNode(engine, store.fresh.dsn, {
        dataDir: folder.path,
        secretKey: "another secret",
        onRefused: (error) => void refusals.push(error),
      });
      await until(() => refusals.length > 0);
      assert.equal(refusals[0]?.name, "WrongSecret");
      assert.equal(wrong.sync.current(), undefined);
    });
  });
}
