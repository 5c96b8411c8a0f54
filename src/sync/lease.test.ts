// Leases under crashes, pauses, clock jumps and a dead database: never two who may act, always one soon.
import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { silentLogger } from "../core/logger.ts";
import type { LeaseRow } from "../store/sync-store.ts";
import type { VirtualClock } from "../../test/fakes/virtual-clock.ts";
import { makeVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { makeLeaderJobs } from "./leader-jobs.ts";
import { Leadership } from "./lease.ts";

/** The lease table on the database's clock, which is the virtual monotonic one. */
function makeLeaseTable(clock: VirtualClock) {
  let row: { holder: string; fence: number; endsAt: number } | undefined;
  const shown = (): LeaseRow | undefined =>
    row && {
      name: "leader",
      holder: row.holder,
      fence: row.fence,
      leftMs: row.endsAt - clock.monotonic(),
    };
  const table = {
    takes: [] as { holder: string; fence: number; atMs: number }[],
    fence: () => row?.fence ?? 0,
    /** What a fenced transaction checks. */
    accepts: (lease: LeaseRow) =>
      row !== undefined && row.fence === lease.fence && row.endsAt > clock.monotonic(),
    store: (state: { down: boolean }) => {
      const up = (): void => {
        if (state.down) throw new Error("database is down");
      };
      return {
        readLease: async () => (up(), shown()),
        takeLease: async (_name: string, holder: string, ttlMs: number) => {
          up();
          if (row !== undefined && row.endsAt > clock.monotonic()) return undefined;
          row = { holder, fence: (row?.fence ?? 0) + 1, endsAt: clock.monotonic() + ttlMs };
          table.takes.push({ holder, fence: row.fence, atMs: clock.monotonic() });
          return shown();
        },
        renewLease: async (lease: LeaseRow, ttlMs: number) => {
          up();
          if (row === undefined || !table.accepts(lease)) return undefined;
          row.endsAt = clock.monotonic() + ttlMs;
          return shown();
        },
        releaseLease: async (lease: LeaseRow) => {
          up();
          if (row?.fence === lease.fence) row.endsAt = clock.monotonic();
        },
      };
    },
  };
  return table;
}

type LeaseTable = ReturnType<typeof makeLeaseTable>;

/** A node whose process can be stopped (SIGSTOP) or killed: its clock then runs nothing. */
function makeNode(
  clock: VirtualClock,
  table: LeaseTable,
  nodeId: string,
  nodeType: "master" | "slave" | "unset",
) {
  const state = { down: false, paused: false };
  const errors: string[] = [];
  const error = (_fields: object, message: string): void => void errors.push(message);
  const held: (() => void)[] = [];
  const own = {
    ...clock,
    after: (delayMs: number, action: () => void) =>
      clock.after(delayMs, () => void (state.paused ? held.push(action) : action())),
  };
  const leadership = new Leadership({
    clock: own,
    logger: { ...silentLogger, error },
    store: table.store(state),
    random: () => 0.5,
    nodeId,
    incarnation: "1",
    nodeType,
  });
  return {
    state,
    errors,
    leadership,
    clock: own,
    pause: () => {
      state.paused = true;
    },
    resume: () => {
      state.paused = false;
      for (const action of held.splice(0)) action();
    },
  };
}

test("a master leads at once, an unset node after its delay, a slave never", async () => {
  for (const [type, within] of [
    ["master", 100],
    ["unset", 2_500],
    ["slave", undefined],
  ] as const) {
    const clock = makeVirtualClock();
    const node = makeNode(clock, makeLeaseTable(clock), "a", type);
    node.leadership.start();
    await clock.pass(100);
    assert.equal(node.leadership.term() !== undefined, within === 100, type);
    await clock.pass(2_400);
    assert.equal(node.leadership.term() !== undefined, within !== undefined, type);
    await clock.pass(60_000);
    assert.equal(node.leadership.term() !== undefined, within !== undefined, type);
    assert.equal(node.leadership.leader(), within === undefined ? null : "a");
    await node.leadership.close();
  }
});

test("after kill -9 another takes over within 14 s, and everybody knows who", async () => {
  for (const type of ["master", "unset"] as const) {
    const clock = makeVirtualClock();
    const table = makeLeaseTable(clock);
    const [a, b, c] = [
      makeNode(clock, table, "a", "master"),
      makeNode(clock, table, "b", type),
      makeNode(clock, table, "c", "slave"),
    ] as const;
    a.leadership.start();
    await clock.pass(50);
    b.leadership.start();
    c.leadership.start();
    await clock.pass(31_000);
    assert.equal(b.leadership.leader(), "a");
    const killedAt = clock.monotonic();
    a.pause();
    await clock.pass(14_000);
    assert.ok(b.leadership.term() !== undefined, `${type} took over`);
    assert.ok((table.takes[1]?.atMs ?? Infinity) - killedAt <= 14_000);
    await clock.pass(2_000);
    assert.equal(c.leadership.leader(), "b");
  }
});

test("a graceful close hands over within the standby's next look", async () => {
  const clock = makeVirtualClock();
  const table = makeLeaseTable(clock);
  const [a, b] = [
    makeNode(clock, table, "a", "master"),
    makeNode(clock, table, "b", "master"),
  ] as const;
  a.leadership.start();
  await clock.pass(50);
  b.leadership.start();
  await clock.pass(20_000);
  await a.leadership.close();
  assert.equal(a.leadership.term(), undefined);
  await clock.pass(2_000);
  assert.ok(b.leadership.term() !== undefined);
});

test("a leader that was stopped for 20 s does not act when it goes on, and its signal is aborted", async () => {
  const clock = makeVirtualClock();
  const table = makeLeaseTable(clock);
  const [a, b] = [
    makeNode(clock, table, "a", "master"),
    makeNode(clock, table, "b", "master"),
  ] as const;
  a.leadership.start();
  await clock.pass(50);
  b.leadership.start();
  await clock.pass(10_000);
  const term = a.leadership.term();
  assert.ok(term !== undefined);
  a.pause();
  await clock.pass(20_000);
  // Not one turn of a's event loop since: the clock alone must tell.
  assert.equal(a.leadership.term(), undefined);
  assert.equal(table.accepts(term.lease), false);
  a.resume();
  await clock.pass(5_000);
  assert.equal(term.signal.aborted, true);
  assert.equal(a.leadership.term(), undefined);
  assert.ok(b.leadership.term() !== undefined);
  assert.equal(a.leadership.leader(), "b");
});

test("without a database leading ends before the lease does, and begins again after", async () => {
  const clock = makeVirtualClock();
  const table = makeLeaseTable(clock);
  const a = makeNode(clock, table, "a", "master");
  a.leadership.start();
  await clock.pass(10_000);
  const term = a.leadership.term();
  assert.ok(term !== undefined);
  a.state.down = true;
  await clock.pass(7_500);
  assert.equal(a.leadership.term(), undefined);
  assert.equal(term.signal.aborted, true);
  await clock.pass(60_000);
  a.state.down = false;
  await clock.pass(4_000);
  const again = a.leadership.term();
  assert.ok(again !== undefined && again.lease.fence > term.lease.fence);
});

test("a wall clock that leaps ahead ends the term, one set back does not prolong it", async () => {
  const clock = makeVirtualClock();
  const table = makeLeaseTable(clock);
  const a = makeNode(clock, table, "a", "master");
  a.leadership.start();
  await clock.pass(1_000);
  clock.jump(3_600_000);
  assert.equal(a.leadership.term(), undefined);
  await clock.pass(4_000);
  assert.ok(a.leadership.term() !== undefined, "renewed under the new time");
  clock.jump(-7_200_000);
  a.state.down = true;
  await clock.pass(7_500);
  assert.equal(a.leadership.term(), undefined);
});

const event = fc.record({
  node: fc.nat(2),
  action: fc.constantFrom("pause", "resume", "down", "up", "jump", "back", "nothing"),
  passMs: fc.integer({ min: 0, max: 15_000 }),
} as const);

test("whatever is paused, cut or set, no two nodes may act at one instant and no stale fence is accepted", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 25 }), async (events) => {
      const clock = makeVirtualClock();
      const table = makeLeaseTable(clock);
      const nodes = (["master", "master", "unset"] as const).map((type, index) =>
        makeNode(clock, table, `n${index}`, type),
      );
      for (const node of nodes) node.leadership.start();
      const check = (): void => {
        const acting = nodes.filter((node) => node.leadership.term() !== undefined);
        assert.ok(acting.length <= 1, "two lead");
        for (const node of acting) {
          const term = node.leadership.term();
          assert.ok(
            term !== undefined && table.accepts(term.lease),
            "a term that the database does not know",
          );
        }
      };
      for (const { node: index, action, passMs } of events) {
        const node = nodes[index]!;
        if (action === "pause") node.pause();
        if (action === "resume") node.resume();
        if (action === "down") node.state.down = true;
        if (action === "up") node.state.down = false;
        if (action === "jump") clock.jump(5_000);
        if (action === "back") clock.jump(-5_000);
        for (let passed = 0; passed < passMs; passed += 1_500) {
          await clock.pass(Math.min(1_500, passMs - passed));
          check();
        }
      }
      for (const node of nodes) {
        node.resume();
        node.state.down = false;
      }
      await clock.pass(16_000);
      check();
      assert.equal(
        nodes.filter((node) => node.leadership.term() !== undefined).length,
        1,
        "one leads at last",
      );
    }),
    { numRuns: 150 },
  );
});

test("a cluster of slaves alone is told once that nobody leads, and again when it happens again", async () => {
  const clock = makeVirtualClock();
  const table = makeLeaseTable(clock);
  const slave = makeNode(clock, table, "s", "slave");
  const told = slave.errors;
  slave.leadership.start();
  await clock.pass(50_000);
  assert.equal(told.length, 0);
  await clock.pass(60_000);
  assert.equal(told.length, 1);
  const master = makeNode(clock, table, "m", "master");
  master.leadership.start();
  await clock.pass(5_000);
  await master.leadership.close();
  await clock.pass(70_000);
  assert.equal(told.length, 2);
});

test("jobs run on the leader alone, one run at a time, and stop when told", async () => {
  const clock = makeVirtualClock();
  const table = makeLeaseTable(clock);
  const nodes = [
    makeNode(clock, table, "a", "master"),
    makeNode(clock, table, "b", "master"),
  ] as const;
  const runs: string[] = [];
  let running = 0;
  const jobs = nodes.map((node, index) => {
    const made = makeLeaderJobs({
      clock: node.clock,
      logger: silentLogger,
      leadership: node.leadership,
    });
    made.add({
      name: "count",
      everyMs: 5_000,
      run: async (term) => {
        running += 1;
        assert.equal(running, 1);
        runs.push(`${index}:${term.lease.fence}`);
        await new Promise<void>((resolve) => node.clock.after(500, resolve));
        running -= 1;
      },
    });
    made.add({ name: "fails", everyMs: 1_000, run: () => Promise.reject(new Error("always")) });
    return made;
  });
  nodes[0].leadership.start();
  await clock.pass(50);
  nodes[1].leadership.start();
  await clock.pass(20_000);
  assert.deepEqual(new Set(runs), new Set(["0:1"]));
  assert.ok(runs.length >= 3);
  await jobs[0]!.close();
  await nodes[0].leadership.close();
  await clock.pass(10_000);
  assert.ok(runs.includes("1:2"));
});
