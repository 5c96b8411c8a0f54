// Copies of a running node: what is taken away reaches the disk within a second, and a new node finds the shared one.
import { test } from "node:test";
import assert from "node:assert/strict";
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
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
import { readHeader } from "./copy-envelope.ts";

async function lookUp(node: TestNode, key: string): Promise<string> {
  const found = await node.sync.findCaller(node.sync.hashKey(key) ?? "");
  return found.found ? "found" : found.reason;
}

/** Revisions in the node's two generations. */
async function copiedRevisions(dataDir: string): Promise<number[]> {
  const [id = ""] = await readdir(join(dataDir, "nodes")).catch(() => []);
  const folder = join(dataDir, "nodes", id);
  const files = (await readdir(folder)).filter((name) => name.endsWith(".copy"));
  const read = await Promise.all(files.map((name) => readFile(join(folder, name))));
  return read.map((bytes) => readHeader(bytes).revision);
}

async function isCopied(dataDir: string, revision: number): Promise<boolean> {
  return (await copiedRevisions(dataDir)).some((copied) => copied >= revision);
}

test("a deleted key and a deleted channel stay deleted after a crash a second later", async () => {
  await using store = await openFresh("sqlite");
  await using folder = await makeFolder();
  await using crashed = await makeFolder();
  await using node = await openNode("sqlite", store.fresh.dsn, { dataDir: folder.path });
  assert.ok(await node.sync.whenServing(5_000));
  const channel = await addChannel(node.sync, "goes");
  const owner = await addUser(node.sync, "owner");
  const key = await addKey(node.sync, owner, "sk-goes");
  await addKey(node.sync, owner, "sk-stays");
  for (const name of ["sk-goes", "sk-stays"]) assert.equal(await lookUp(node, name), "found");
  await until(async () => (await copiedRevisions(folder.path)).length > 0);
  for (const [kind, id] of [
    ["key", key],
    ["channel", channel.id],
  ] as const) {
    const { revision } = await node.sync.write(testAuthor, (tx) => tx.remove(kind, id));
    await until(() => isCopied(folder.path, revision), 1_000);
  }
  // The disk as the crash leaves it; the node itself goes on and would still write.
  await cp(join(folder.path, "nodes"), join(crashed.path, "nodes"), {
    recursive: true,
    filter: (path) => !path.endsWith("lock"),
  });
  await using next = await openNode("sqlite", store.fresh.dsn, {
    dataDir: crashed.path,
    down: true,
  });
  assert.equal(next.sync.nodeId, node.sync.nodeId);
  assert.ok(await next.sync.whenServing(2_000));
  assert.equal(next.sync.current()?.channels.size, 0);
  assert.equal(await lookUp(next, "sk-goes"), "unknown");
  assert.equal(await lookUp(next, "sk-stays"), "found");
});

test("a new node with an empty disk starts from the shared copy; the newest of all copies wins", async () => {
  await using store = await openFresh("sqlite");
  await using a = await makeFolder();
  await using b = await makeFolder();
  await using c = await makeFolder();
  await using shared = await makeFolder();
  const config = { snapshotDir: shared.path };
  const first = await openNode("sqlite", store.fresh.dsn, { dataDir: a.path, config });
  assert.ok(await first.sync.whenServing(5_000));
  await addChannel(first.sync, "one");
  await first.close();
  const second = await openNode("sqlite", store.fresh.dsn, { dataDir: b.path, config, down: true });
  assert.ok(await second.sync.whenServing(2_000));
  assert.equal(second.sync.status().source, "shared-copy");
  assert.equal([...(second.sync.current()?.channels.values() ?? [])][0]?.name, "one");
  const files = await readdir(shared.path);
  await second.close();
  assert.deepEqual(await readdir(shared.path), files, "a node that lives from a copy writes none");
  assert.deepEqual(await copiedRevisions(b.path), []);
  // The first node's disk now falls behind the shared copy.
  const third = await openNode("sqlite", store.fresh.dsn, { dataDir: c.path, config });
  assert.ok(await third.sync.whenServing(5_000));
  await addChannel(third.sync, "two");
  await third.close();
  await using back = await openNode("sqlite", store.fresh.dsn, {
    dataDir: a.path,
    config,
    down: true,
  });
  assert.ok(await back.sync.whenServing(2_000));
  assert.equal(back.sync.current()?.channels.size, 2);
  // And a damaged shared copy does not keep it from its own.
  await back.close();
  for (const name of files) await writeFile(join(shared.path, name), "damaged");
  await using alone = await openNode("sqlite", store.fresh.dsn, {
    dataDir: a.path,
    config,
    down: true,
  });
  assert.ok(await alone.sync.whenServing(2_000));
  assert.equal(alone.sync.status().source, "disk");
});

test("with its database there a restarted node never serves its copy, and knows its callers all the same", async () => {
  await using store = await openFresh("sqlite");
  await using folder = await makeFolder();
  await using other = await makeFolder();
  const first = await openNode("sqlite", store.fresh.dsn, { dataDir: folder.path });
  assert.ok(await first.sync.whenServing(5_000));
  const owner = await addUser(first.sync, "owner");
  const key = await addKey(first.sync, owner, "sk-goes");
  await addKey(first.sync, owner, "sk-stays");
  for (const name of ["sk-goes", "sk-stays"]) assert.equal(await lookUp(first, name), "found");
  await first.close();
  await using writer = await openNode("sqlite", store.fresh.dsn, { dataDir: other.path });
  assert.ok(await writer.sync.whenServing(5_000));
  await writer.sync.write(testAuthor, (tx) => tx.remove("key", key));
  await using back = await openNode("sqlite", store.fresh.dsn, { dataDir: folder.path });
  assert.ok(await back.sync.whenServing(5_000));
  assert.equal(back.sync.status().source, "database");
  assert.equal(
    back.log.some(({ message }) => message.startsWith("serving from a copy")),
    false,
  );
  await until(() => back.answered("findCaller") >= 2);
  back.down = true;
  assert.equal(await lookUp(back, "sk-stays"), "found");
  assert.notEqual(await lookUp(back, "sk-goes"), "found");
});

test("a node cut off from the database alone follows the copies of one that is not", async () => {
  await using store = await openFresh("sqlite");
  await using a = await makeFolder();
  await using b = await makeFolder();
  await using shared = await makeFolder();
  const config = { snapshotDir: shared.path };
  const first = await openNode("sqlite", store.fresh.dsn, { dataDir: a.path, config });
  await using cut = await openNode("sqlite", store.fresh.dsn, {
    dataDir: b.path,
    config,
    down: true,
  });
  assert.ok(await first.sync.whenServing(5_000));
  const owner = await addUser(first.sync, "owner");
  const key = await addKey(first.sync, owner, "sk-goes");
  await addKey(first.sync, owner, "sk-stays");
  // Nothing was there when it started: it looks again.
  assert.ok(await cut.sync.whenServing(20_000));
  await until(async () => (await lookUp(cut, "sk-goes")) === "found", 20_000);
  await first.sync.write(testAuthor, (tx) => tx.remove("key", key));
  await until(async () => (await lookUp(cut, "sk-goes")) === "unknown", 20_000);
  assert.equal(await lookUp(cut, "sk-stays"), "found");
  assert.equal(cut.sync.status().source, "shared-copy");
  assert.equal(cut.sync.status().state, "stale");
  await first.close();
});

test("a copy older than LKG_MAX_AGE is not served", async () => {
  await using store = await openFresh("sqlite");
  await using folder = await makeFolder();
  const first = await openNode("sqlite", store.fresh.dsn, { dataDir: folder.path });
  assert.ok(await first.sync.whenServing(5_000));
  await first.close();
  const config = { lkgMaxAgeMs: 0 };
  const options = { dataDir: folder.path, config, down: true };
  await using second = await openNode("sqlite", store.fresh.dsn, options);
  await until(() => second.log.some(({ message }) => message.includes("LKG_MAX_AGE")));
  assert.equal(second.sync.current(), undefined);
  second.down = false;
  assert.ok(await second.sync.whenServing(10_000));
});

test("a second worker without a copy of its own starts from its neighbour's", async () => {
  await using store = await openFresh("sqlite");
  await using folder = await makeFolder();
  const first = await openNode("sqlite", store.fresh.dsn, { dataDir: folder.path });
  assert.ok(await first.sync.whenServing(5_000));
  await addChannel(first.sync, "one");
  await first.close();
  const options = { dataDir: folder.path, down: true };
  await using again = await openNode("sqlite", store.fresh.dsn, options);
  await using worker = await openNode("sqlite", store.fresh.dsn, options);
  assert.ok(await again.sync.whenServing(2_000));
  assert.ok(await worker.sync.whenServing(2_000));
  assert.notEqual(worker.sync.nodeId, again.sync.nodeId);
  assert.equal(worker.sync.current()?.channels.size, 1);
});
