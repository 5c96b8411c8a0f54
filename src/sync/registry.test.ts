// The registry: who counts as live, who has a revision, and how soon it is told.
import { test } from "node:test";
import assert from "node:assert/strict";
import { GatewayError } from "../core/errors.ts";
import { silentLogger } from "../core/logger.ts";
import type { NodeReport, NodeRow } from "../store/sync-store.ts";
import type { VirtualClock } from "../../test/fakes/virtual-clock.ts";
import { makeVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { makeRegistry } from "./registry.ts";

function makeTable(clock: VirtualClock) {
  const rows = new Map<string, NodeReport & { heartbeatAtMs: number }>();
  const state = { down: false, writes: 0 };
  return {
    rows,
    state,
    store: {
      writeReport: async (report: NodeReport) => {
        if (state.down) throw new Error("down");
        state.writes += 1;
        rows.set(report.nodeId, { ...report, heartbeatAtMs: clock.monotonic() });
      },
      readReports: async (): Promise<readonly NodeRow[]> => {
        if (state.down) throw new Error("down");
        return [...rows.values()].map((row) => ({
          ...row,
          ageMs: clock.monotonic() - row.heartbeatAtMs,
        }));
      },
    },
  };
}

function makeNode(clock: VirtualClock, table: ReturnType<typeof makeTable>, nodeId: string) {
  const at = { revision: 1, commitId: "c1", epoch: "e" };
  const registry = makeRegistry({
    clock,
    logger: silentLogger,
    store: table.store,
    random: () => 0.5,
    report: () => ({
      nodeId,
      incarnation: `1 of ${nodeId}`,
      type: "unset",
      version: "0",
      schemaVersion: 1,
      startedAtMs: 0,
      state: "live",
      epoch: at.epoch,
      appliedRevision: at.revision,
      commitId: at.commitId,
      digest: "",
      lagMs: 0,
      stalenessMs: 0,
      lastError: null,
      rejected: "[]",
    }),
  });
  const apply = (revision: number, commitId = `c${revision}`): void => {
    Object.assign(at, { revision, commitId });
    registry.applied();
  };
  return { registry, apply, at };
}

test("what was applied stands in the registry within 50 ms, many swaps in one report", async () => {
  const clock = makeVirtualClock();
  const table = makeTable(clock);
  const node = makeNode(clock, table, "a");
  node.registry.start();
  await clock.pass(1);
  const before = table.state.writes;
  for (let revision = 2; revision <= 10; revision += 1) node.apply(revision);
  await clock.pass(50);
  assert.equal(table.rows.get("a")?.appliedRevision, 10);
  assert.equal(table.state.writes, before + 1);
});

test("convergence names who lacks the revision and waits until nobody does", async () => {
  const clock = makeVirtualClock();
  const table = makeTable(clock);
  const [a, b] = [makeNode(clock, table, "a"), makeNode(clock, table, "b")] as const;
  for (const node of [a, b]) node.registry.start();
  await clock.pass(100);
  a.apply(2);
  assert.deepEqual(await a.registry.convergence(2), {
    revision: 2,
    converged: false,
    pending: ["b"],
  });
  const waiting = a.registry.convergence(2, 5_000);
  await clock.pass(500);
  b.apply(2);
  await clock.pass(150);
  assert.deepEqual(await waiting, { revision: 2, converged: true, pending: [] });
  const late = a.registry.convergence(3, 1_000);
  await clock.pass(1_100);
  assert.deepEqual(await late, { revision: 3, converged: false, pending: ["a", "b"] });
});

test("the same revision of another commit or epoch is not the revision", async () => {
  const clock = makeVirtualClock();
  const table = makeTable(clock);
  const [a, b] = [makeNode(clock, table, "a"), makeNode(clock, table, "b")] as const;
  for (const node of [a, b]) node.registry.start();
  a.apply(2);
  b.apply(2, "other");
  await clock.pass(100);
  assert.deepEqual((await a.registry.convergence(2)).pending, ["b"]);
  b.at.epoch = "f";
  b.apply(9);
  await clock.pass(100);
  assert.deepEqual((await a.registry.convergence(2)).pending, ["b"]);
});

test("a node killed is waited for 30 s, one that stopped gracefully not at all", async () => {
  const clock = makeVirtualClock();
  const table = makeTable(clock);
  const [a, b, c] = [
    makeNode(clock, table, "a"),
    makeNode(clock, table, "b"),
    makeNode(clock, table, "c"),
  ] as const;
  for (const node of [a, b]) node.registry.start();
  await table.store.writeReport({
    ...(await c.registry.nodes())[0]!,
    nodeId: "c",
    incarnation: "c",
  });
  await clock.pass(1_000);
  await b.registry.close();
  a.apply(2);
  assert.deepEqual((await a.registry.convergence(2)).pending, ["c"]);
  assert.equal((await a.registry.nodes()).find((row) => row.nodeId === "b")?.state, "stopped");
  await clock.pass(30_000);
  assert.deepEqual(await a.registry.convergence(2), { revision: 2, converged: true, pending: [] });
  assert.equal(a.registry.liveNodes(), 1);
});

test("heartbeats go on through an outage, and convergence says that it cannot know", async () => {
  const clock = makeVirtualClock();
  const table = makeTable(clock);
  const a = makeNode(clock, table, "a");
  a.registry.start();
  await clock.pass(10_000);
  table.state.down = true;
  await assert.rejects(
    a.registry.convergence(1, 1_000),
    (error) => error instanceof GatewayError && error.kind === "temporarily_unavailable",
  );
  await clock.pass(60_000);
  table.state.down = false;
  await clock.pass(3_000);
  const row = (await a.registry.nodes())[0]!;
  assert.ok(row.ageMs <= 3_000);
  const writes = table.state.writes;
  await clock.pass(60_000);
  const beats = table.state.writes - writes;
  assert.ok(beats >= 5 && beats <= 8, `${beats} heartbeats a minute`);
});

test("a second process under the same id is told of and waited for, an earlier run of this node is not", async () => {
  const clock = makeVirtualClock();
  const table = makeTable(clock);
  const a = makeNode(clock, table, "a");
  const [mine] = await a.registry.nodes();
  assert.ok(mine !== undefined);
  await table.store.writeReport({ ...mine, incarnation: "0", startedAtMs: -1, appliedRevision: 0 });
  assert.deepEqual((await a.registry.convergence(1)).pending, []);
  await table.store.writeReport({ ...mine, incarnation: "2", startedAtMs: 1, appliedRevision: 0 });
  assert.deepEqual((await a.registry.convergence(1)).pending, ["a"]);
});
