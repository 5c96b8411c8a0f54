/** Faults of leaders: static ones, ones like an advisory lock that outlive their turn, and who has what. */
import type { SqlEngine } from "../engines/engines.ts";
import type { Killer, Mutant } from "./planted-tree.ts";

const lease = (test: string): Killer => ({ file: "src/sync/lease.test.ts", test });
const registry = (test: string): Killer => ({ file: "src/sync/registry.test.ts", test });

function stored(engine: SqlEngine): Killer {
  const test =
    "gives a lease to one holder, raises the fence with each change, and stops what came late";
  return {
    file: "src/store/sync-sql.test.ts",
    test: `the sync store on ${engine} > ${test}`,
    engine,
  };
}

export const leaderFaults: readonly Mutant[] = [
  {
    name: "advisory lock: what a former leader still sends is accepted",
    edits: [
      {
        file: "src/store/leases.ts",
        find: "    if ((await query.executeTakeFirst()) === undefined) throw new LeaseLost(lease.name);\n",
        replace: "    await query.executeTakeFirst();\n",
      },
    ],
    killers: [stored("sqlite"), stored("postgres")],
  },
  {
    name: "the fence does not rise",
    edits: [
      {
        file: "src/store/leases.ts",
        find: "fence: sql<bigint>`fence + 1`,",
        replace: "fence: sql<bigint>`case when fence < 1 then 1 else fence end`,",
      },
    ],
    killers: [stored("sqlite")],
  },
  {
    name: "advisory lock: who led once leads as long as the process lives",
    edits: [
      {
        file: "src/sync/lease.ts",
        find: "    if (open === undefined || this.#usableLeft(open.sent) <= 0) return undefined;\n",
        replace: "    if (open === undefined) return undefined;\n",
      },
    ],
    killers: [
      lease(
        "a leader that was stopped for 20 s does not act when it goes on, and its signal is aborted",
      ),
      lease(
        "whatever is paused, cut or set, no two nodes may act at one instant and no stale fence is accepted",
      ),
    ],
  },
  {
    name: "a lease is renewed by this node's word alone",
    edits: [
      {
        file: "src/sync/lease.ts",
        find: "await inTime(clock, usableMs, store.renewLease(open.lease, ttlMs));",
        replace:
          "await inTime(clock, usableMs, store.readLease(leaseName).then(() => open.lease));",
      },
    ],
    killers: [
      lease(
        "whatever is paused, cut or set, no two nodes may act at one instant and no stale fence is accepted",
      ),
    ],
  },
  {
    name: "a term is measured from the answer, not from the question",
    edits: [
      {
        file: "src/sync/lease.ts",
        find: "    else this.#begin(lease, sent);",
        replace: "    else this.#begin(lease, this.#now());",
      },
    ],
    killers: [
      {
        file: "src/sync/lease-late.test.ts",
        test: "a lease that was granted late counts from when it was asked for",
      },
    ],
  },
  {
    name: "a term ends by the monotonic clock alone",
    edits: [
      {
        file: "src/sync/lease.ts",
        find: "    return usableMs - Math.max(monotonic - sent.monotonic, wall - sent.wall);",
        replace: "    return usableMs - (monotonic - sent.monotonic) + 0 * wall;",
      },
    ],
    killers: [
      lease("a wall clock that leaps ahead ends the term, one set back does not prolong it"),
    ],
  },
  {
    name: "leases end by the nodes' clocks",
    edits: [
      {
        file: "src/store/leases.ts",
        find: "  const engine = engineOf(db);\n  const now = nowMs(engine);\n",
        replace: "  const now = sql<bigint>`${BigInt(Date.now())}`;\n",
      },
    ],
    killers: [
      {
        file: "src/store/lease-clock.test.ts",
        test: "a node whose clock is an hour off takes no lease that another holds: sqlite",
      },
    ],
  },
  {
    name: "one-hub 10: a slave may lead, a master is not needed",
    edits: [
      {
        file: "src/sync/lease.ts",
        find: ' || nodeType === "slave") return standbyMs;',
        replace: ") return standbyMs;",
      },
    ],
    killers: [lease("a master leads at once, an unset node after its delay, a slave never")],
  },
  {
    name: "one-hub 10: only masters lead, and a lost one is not replaced",
    edits: [
      {
        file: "src/sync/lease.ts",
        find: ' || nodeType === "slave") return standbyMs;',
        replace: ' || nodeType !== "master") return standbyMs;',
      },
    ],
    killers: [
      lease("a master leads at once, an unset node after its delay, a slave never"),
      lease("after kill -9 another takes over within 14 s, and everybody knows who"),
    ],
  },
  {
    name: "a revision of a lost timeline counts as the revision",
    edits: [
      {
        file: "src/sync/registry.ts",
        find: "  return row.appliedRevision !== mine.appliedRevision || row.commitId === mine.commitId;",
        replace: "  return true;",
      },
    ],
    killers: [registry("the same revision of another commit or epoch is not the revision")],
  },
  {
    name: "a node that is dead is waited for",
    edits: [
      {
        file: "src/sync/registry.ts",
        find: '  return row.ageMs < liveMs && row.state !== "stopped";',
        replace: "  return row.ageMs >= 0;",
      },
    ],
    killers: [registry("a node killed is waited for 30 s, one that stopped gracefully not at all")],
  },
];
