/** Rows changed by hand in SQL: never served without a revision, adopted once, told when invalid. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RawRow } from "../../src/store/sync-store.ts";
import { Cluster, countingMeters } from "./cluster.ts";
import { channelValues } from "./memory-store.ts";
import { syncFrequencyMs } from "./node.ts";

test("a row changed by hand gets a revision within SYNC_FREQUENCY, and one only", async () => {
  const cluster = new Cluster();
  const counted = countingMeters();
  const a = cluster.start("a", { meters: counted.meters });
  const b = cluster.start("b", { meters: counted.meters });
  await cluster.clock.pass(100);
  const { value: id } = await cluster.addChannel(a, "one");
  cluster.edit("channel", id, { name: "by hand" });
  const names = new Map<number, string | undefined>();
  a.follower.onApplied(({ edition }) =>
    names.set(edition.snapshot.revision, edition.snapshot.channels.get(id)?.name),
  );
  await cluster.clock.pass(syncFrequencyMs + 1000);
  for (const node of [a, b]) {
    assert.equal(node.follower.current()?.revision, 3);
    assert.equal(node.follower.current()?.channels.get(id)?.name, "by hand");
    assert.equal(node.follower.current()?.channels.get(id)?.rev, 3);
  }
  assert.equal(names.get(2), "one", "the change was served under the old revision");
  assert.deepEqual(counted.adopted, [1]);
  await cluster.clock.pass(2 * syncFrequencyMs);
  assert.equal(cluster.database.state.revision, 3);
});

test("two nodes that find the same change at the same moment make one revision", async () => {
  const cluster = new Cluster();
  const [a, b] = await cluster.settled("a", "b");
  assert.ok(a && b);
  const { value: id } = await cluster.addChannel(a, "one");
  await cluster.clock.pass(500);
  cluster.edit("channel", id, { name: "by hand" });
  await cluster.clock.until(Promise.all([a.reconciler.runNow(), b.reconciler.runNow()]), 10_000);
  await cluster.clock.pass(1000);
  assert.equal(cluster.database.state.revision, 3);
  assert.equal(b.follower.current()?.channels.get(id)?.name, "by hand");
});

test("rows inserted and deleted by hand are adopted too", async () => {
  const cluster = new Cluster();
  const [a, b] = await cluster.settled("a", "b");
  assert.ok(a && b);
  const { value: gone } = await cluster.addChannel(a, "gone");
  await cluster.clock.pass(500);
  const id = cluster.database.freshId();
  cluster.database.handEdit("channel", id, { ...channelValues("new"), id, rev: 0n } as RawRow);
  cluster.database.handEdit("channel", BigInt(gone), undefined);
  await cluster.clock.until(a.reconciler.runNow(), 10_000);
  await cluster.clock.pass(500);
  for (const node of [a, b])
    assert.deepEqual(
      [...(node.follower.current()?.channels.values() ?? [])].map((channel) => channel.name),
      ["new"],
    );
  const logged = cluster.database.state.changes.filter((change) => change.revision === 3);
  assert.deepEqual(logged.map(({ entityId, op }) => `${op} ${entityId}`).sort(), [
    `d ${gone}`,
    `u ${id}`,
  ]);
});

test("an invalid change by hand harms no other row, is told, and is not adopted", async () => {
  const cluster = new Cluster();
  const [a] = await cluster.settled("a");
  assert.ok(a);
  const { value: one } = await cluster.addChannel(a, "one");
  const { value: two } = await cluster.addChannel(a, "two");
  cluster.edit("channel", one, { weight: null });
  cluster.edit("channel", two, { models: '["gpt-5"' });
  await cluster.clock.until(a.reconciler.runNow(), 10_000);
  assert.equal(cluster.database.state.revision, 3);
  assert.equal(a.follower.current()?.channels.size, 2);
  assert.deepEqual(
    a.follower.rejected().map(({ id, reason, servingPrevious }) => [id, reason, servingPrevious]),
    [
      [one, "weight: Invalid input: expected number, received null", true],
      [two, "models: is not valid JSON", true],
    ],
  );
  // A node that starts cold has nothing good of them: they are absent there, and told.
  const b = cluster.start("b");
  await cluster.addChannel(a, "three");
  await cluster.clock.pass(500);
  assert.deepEqual(
    [...(b.follower.current()?.channels.values() ?? [])].map((c) => c.name),
    ["three"],
  );
  assert.deepEqual(
    b.follower.rejected().map((row) => row.servingPrevious),
    [false, false],
  );
  assert.notEqual(b.follower.current()?.digest, a.follower.current()?.digest);
  cluster.edit("channel", one, { weight: 5 });
  await cluster.clock.until(a.reconciler.runNow(), 10_000);
  await cluster.clock.pass(500);
  assert.equal(b.follower.current()?.channels.get(one)?.weight, 5);
  assert.equal(a.follower.rejected().length, 1);
});

test("of several changes by hand the valid ones are adopted, whatever the others break", async () => {
  const cluster = new Cluster();
  const a = cluster.start("a", {
    validateConfig: (next) =>
      [...next.channels.values()]
        .filter((channel) => channel.name === "forbidden")
        .map(() => ({ field: "name", message: "is forbidden" })),
  });
  await cluster.clock.pass(100);
  const { value: one } = await cluster.addChannel(a, "one");
  const { value: two } = await cluster.addChannel(a, "two");
  cluster.edit("channel", one, { name: "forbidden" });
  cluster.edit("channel", two, { name: "allowed" });
  await cluster.clock.until(a.reconciler.runNow(), 10_000);
  await cluster.clock.pass(500);
  assert.equal(a.follower.current()?.channels.get(one)?.name, "one");
  assert.equal(a.follower.current()?.channels.get(two)?.name, "allowed");
  assert.deepEqual(
    a.follower.rejected().map(({ id, reason }) => [id, reason]),
    [[one, "name: is forbidden"]],
  );
});

test("a thousand rows changed by hand are adopted in portions, groups before the channels that name them", async () => {
  const cluster = new Cluster();
  const a = cluster.start("a", {
    validateConfig: (next) =>
      [...next.channels.values()]
        .filter((channel) => channel.groups.some((group) => !next.groups.has(group)))
        .map(() => ({ field: "groups", message: "is unknown" })),
  });
  await cluster.clock.pass(100);
  for (let count = 0; count < 500; count += 1) {
    const id = cluster.database.freshId();
    const values = channelValues(`c${count}`, { groups: '["vip"]' });
    cluster.database.handEdit("channel", id, { ...values, id, rev: 0n } as RawRow);
  }
  const id = cluster.database.freshId();
  const group = { symbol: "vip", name: "VIP", ratio: 1n, public: 1, enabled: 1 };
  const times = { created_at: 0n, updated_at: 0n };
  cluster.database.handEdit("group", id, { ...group, ...times, id, rev: 0n } as RawRow);
  await cluster.clock.until(a.reconciler.runNow(), 60_000);
  await cluster.clock.pass(500);
  assert.equal(a.follower.current()?.channels.size, 500);
  assert.equal(a.follower.current()?.revision, 4);
});

test("a fresh node adopts at once what no revision can have written", async () => {
  const cluster = new Cluster();
  const id = cluster.database.freshId();
  cluster.database.handEdit("channel", id, { ...channelValues("new"), id, rev: 0n } as RawRow);
  const a = cluster.start("a");
  await cluster.clock.pass(500);
  assert.equal(a.follower.current()?.revision, 2);
  assert.equal(a.follower.current()?.channels.get(Number(id))?.name, "new");
});

test("a change by hand beside logged ones waits for its own revision", async () => {
  const cluster = new Cluster();
  const [a, b] = await cluster.settled("a", "b");
  assert.ok(a && b);
  const { value: one } = await cluster.addChannel(a, "one");
  const { value: two } = await cluster.addChannel(a, "two");
  await cluster.clock.pass(500);
  cluster.edit("channel", one, { name: "by hand" });
  const id = cluster.database.freshId();
  // Makes the counts differ, so that the next delta becomes a full load.
  cluster.database.handEdit("channel", id, { ...channelValues("new"), id, rev: 0n } as RawRow);
  const seen: string[] = [];
  b.follower.onApplied(({ edition }) => {
    const name = edition.snapshot.channels.get(one)?.name ?? "";
    seen.push(`${edition.snapshot.revision} ${name} ${edition.snapshot.channels.size}`);
  });
  await cluster.write(a, (tx) => tx.update("channel", two, { name: "2" }));
  await cluster.clock.pass(1500);
  assert.deepEqual([...new Set(seen)], ["4 one 2", "5 by hand 3"]);
});

test("an admin's write to a row that was changed by hand takes the change along", async () => {
  const cluster = new Cluster();
  const [a] = await cluster.settled("a");
  assert.ok(a);
  const { value: id } = await cluster.addChannel(a, "one");
  cluster.edit("channel", id, { weight: 7 });
  await cluster.write(a, (tx) => tx.update("channel", id, { name: "two" }));
  const channel = a.follower.current()?.channels.get(id);
  assert.deepEqual([channel?.name, channel?.weight, channel?.rev], ["two", 7, 3]);
});

test("a change that is put back by hand leaves no trace", async () => {
  const cluster = new Cluster();
  const [a] = await cluster.settled("a");
  assert.ok(a);
  const { value: id } = await cluster.addChannel(a, "one");
  cluster.edit("channel", id, { weight: null });
  await cluster.clock.until(a.reconciler.runNow(), 10_000);
  assert.equal(a.follower.rejected().length, 1);
  cluster.edit("channel", id, { weight: 1 });
  await cluster.clock.until(a.reconciler.runNow(), 10_000);
  assert.equal(a.follower.rejected().length, 0);
  assert.equal(cluster.database.state.revision, 2);
});

test("a key and a user disabled by hand are refused after the next reconciliation", async () => {
  const cluster = new Cluster();
  const [a] = await cluster.settled("a");
  assert.ok(a);
  const times = { created_at: 0n, updated_at: 0n };
  const { value: key } = await cluster.write(a, async (tx) => {
    const fixed = { role: "member", group: "default", billing: "postpaid", status: "enabled" };
    const user = await tx.insert("user", { username: "u", ...fixed, ...times });
    const none = {
      group: null,
      fallback_group: null,
      models: null,
      ip_ranges: null,
      expires_at: null,
    };
    const names = { hash: "h", name: "n", hint: "1234", status: "enabled" };
    return tx.insert("key", { owner_id: BigInt(user), ...names, ...none, ...times });
  });
  const find = async (): Promise<boolean | undefined> => {
    const answer = await cluster.clock.until(Promise.resolve(a.callers.find("h")), 5000);
    return answer.found ? answer.key.enabled && answer.key.owner.enabled : undefined;
  };
  assert.equal(await find(), true);
  cluster.edit("key", key, { status: "disabled" });
  await cluster.clock.until(a.reconciler.runNow(), 10_000);
  assert.equal(await find(), false);
  cluster.database.handEdit("key", BigInt(key), undefined);
  await cluster.clock.until(a.reconciler.runNow(), 10_000);
  assert.equal(await find(), undefined);
  assert.equal(cluster.database.state.revision, 2);
});
