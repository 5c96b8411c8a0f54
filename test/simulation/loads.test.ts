/** What a load may make of a database that answers in part, at several moments, or with nothing, in virtual time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RowValues, SnapshotKind, SyncStore } from "../../src/store/sync-store.ts";
import { snapshotKinds } from "../../src/store/sync-store.ts";
import { sealCredential } from "../../src/sync/credential-row.ts";
import { author, Cluster, rememberingLogger, replacing } from "./cluster.ts";
import { channelValues } from "./memory-store.ts";
import type { SimNode } from "./node.ts";
import { dataKey, saveCopy } from "./node.ts";

const times = { created_at: 0n, updated_at: 0n };

function priceValues(input: bigint): RowValues {
  const none = { output: null, cache_read: null, cache_write_5m: null, cache_write_1h: null };
  return { model: "gpt-4o", mode: "tokens", input, per_call: null, ...none, ...times };
}

/** A row of each kind: as it is made first, and what changes in it. */
const examples: Readonly<
  Record<SnapshotKind, (channel: number) => { values: RowValues; change: RowValues }>
> = {
  group: () => ({
    values: { symbol: "vip", name: "VIP", ratio: 1n, public: 1, enabled: 1, ...times },
    change: { ratio: 2n },
  }),
  channel: () => ({ values: channelValues("second"), change: { name: "renamed" } }),
  credential: (channel) => ({
    values: {
      channel_id: BigInt(channel),
      position: 0,
      sealed: sealCredential(dataKey, channel, "sk-1"),
      status: "enabled",
    },
    change: { sealed: sealCredential(dataKey, channel, "sk-2") },
  }),
  price: () => ({ values: priceValues(1n), change: { input: 2n } }),
  model: () => ({
    values: {
      model: "gpt-4o",
      owner: "first",
      context: null,
      modalities: null,
      description: null,
      ...times,
    },
    change: { owner: "second" },
  }),
  setting: () => ({
    values: { name: "retryTimes", value: "1", updated_at: 0n },
    change: { value: "2" },
  }),
};

function contentOf(node: SimNode): readonly string[] | undefined {
  const edition = node.follower.edition();
  return edition && saveCopy(edition);
}

for (const kind of snapshotKinds)
  test(`${kind} rows that cannot be read are an error, not an empty table and not the old one`, async () => {
    const cluster = new Cluster();
    const { logger, lines } = rememberingLogger();
    let fails = false;
    const failing = (real: SyncStore): Partial<SyncStore> => ({
      read: (work) =>
        real.read((tx) =>
          work({
            ...tx,
            rows: (asked, ids) =>
              fails && asked === kind
                ? Promise.reject(new Error("disk I/O error"))
                : tx.rows(asked, ids),
          }),
        ),
    });
    const a = cluster.start("a");
    const b = cluster.start("b", { store: replacing(failing), logger });
    await cluster.clock.pass(100);
    const { value: channel } = await cluster.addChannel(a, "first");
    const { values, change } = examples[kind](channel);
    const { value: id, revision } = await cluster.write(a, (tx) => tx.insert(kind, values));
    await cluster.clock.pass(400);
    assert.equal(b.follower.current()?.revision, revision);
    const before = contentOf(b);
    lines.length = 0;
    fails = true;
    await cluster.write(a, (tx) => tx.update(kind, id, change));
    const cold = cluster.start("cold", { store: replacing(failing) });
    await cluster.clock.pass(5000);
    const reconciled = b.follower.reconcile();
    await cluster.clock.pass(5000);
    assert.deepEqual(contentOf(b), before, "what serves is what was read last");
    assert.match(b.follower.status().lastError ?? "", /disk I\/O error/);
    assert.equal(b.follower.status().state, "degraded");
    assert.ok(lines.every(({ message }) => message !== "channels Load success"));
    assert.equal(cold.follower.current(), undefined, "nothing complete was ever read");
    fails = false;
    await cluster.clock.until(reconciled, 3000);
    await cluster.clock.pass(3000);
    for (const node of [b, cold]) assert.deepEqual(contentOf(node), contentOf(a));
  });

test("all kinds are of one instant, although they are read one after another", async () => {
  const cluster = new Cluster();
  let whileReading: (() => Promise<unknown>) | undefined;
  const store = replacing((real) => ({
    read: (work) =>
      real.read((tx) =>
        work({
          ...tx,
          rows: async (kind, ids) => {
            const rows = await tx.rows(kind, ids);
            const now = kind === "channel" ? whileReading : undefined;
            if (now !== undefined) whileReading = undefined;
            await now?.();
            return rows;
          },
        }),
      ),
  }));
  const seen = new Set<string>();
  const watch = (node: SimNode): void =>
    void node.follower.onApplied(({ edition }) => {
      const { channels, prices } = edition.snapshot;
      const names = [...channels.values()].map((channel) => channel.name);
      const inputs = [...prices.values()].map((price) => price.input);
      seen.add(`${node.name}: ${names.join()} at ${inputs.join()}`);
    });
  const a = cluster.start("a");
  const b = cluster.start("b", { store });
  await cluster.clock.pass(100);
  const { value: ids } = await cluster.write(a, async (tx) => [
    await tx.insert("channel", channelValues("cheap")),
    await tx.insert("price", priceValues(1n)),
  ]);
  await cluster.clock.pass(1000);
  const [channel, price] = ids as [number, number];
  const change = (name: string, input: bigint): Promise<unknown> =>
    a.door.write(author, async (tx) => {
      await tx.update("channel", channel, { name });
      await tx.update("price", price, { input });
    });
  watch(b);
  whileReading = () => change("dearest", 3n);
  await cluster.clock.until(change("dear", 2n), 1000);
  await cluster.clock.pass(2000);
  assert.equal(whileReading, undefined, "the change came in the middle of b's reading");
  whileReading = () => change("free", 0n);
  watch(cluster.start("cold", { store }));
  await cluster.clock.pass(2000);
  assert.equal(whileReading, undefined, "the change came in the middle of the first load");
  assert.deepEqual([...seen].sort(), [
    "b: dear at 2",
    "b: dearest at 3",
    "b: free at 0",
    "cold: dearest at 3",
    "cold: free at 0",
  ]);
});

test("what is deleted goes, the last row of a kind too, and also where everything is read anew", async () => {
  const cluster = new Cluster();
  const [a, delta, full] = await cluster.settled("a", "delta", "full");
  assert.ok(a && delta && full);
  const { value: rows } = await cluster.write(a, async (tx) => {
    const channel = await tx.insert("channel", channelValues("last"));
    const made: [SnapshotKind, number][] = [["channel", channel]];
    for (const kind of ["credential", "price", "model", "setting"] as const)
      made.push([kind, await tx.insert(kind, examples[kind](channel).values)]);
    return made;
  });
  await cluster.clock.pass(500);
  for (const node of [delta, full]) {
    assert.equal(node.follower.current()?.findPrice("gpt-4o")?.input, 1n);
    assert.equal(node.follower.current()?.settings.retryTimes, 1);
  }
  full.link.up = false;
  await cluster.write(a, async (tx) => {
    for (const [kind, id] of rows.toReversed()) await tx.remove(kind, id);
  });
  await cluster.clock.pass(500);
  cluster.database.compact(0);
  full.link.up = true;
  await cluster.clock.pass(5000);
  for (const node of [a, delta, full]) {
    const snapshot = node.follower.current();
    assert.ok(snapshot);
    const sizes = [snapshot.channels.size, snapshot.prices.size, snapshot.models.size];
    assert.deepEqual(sizes, [0, 0, 0], node.name);
    assert.equal(snapshot.findPrice("gpt-4o"), undefined, node.name);
    assert.deepEqual(snapshot.routes.models("default"), [], node.name);
    assert.equal(snapshot.settings.retryTimes, 3, `${node.name}: the default again`);
    assert.deepEqual(snapshot.settingValues, {}, node.name);
  }
});
