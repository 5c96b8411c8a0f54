// The faults of the field in following, writing and adopting, each put back into our code by a small edit.
import type { Mutant } from "./planted-tree.ts";

const follow = "test/simulation/follow.test.ts";
const door = "test/simulation/door.test.ts";
const handEdits = "test/simulation/hand-edits.test.ts";
const faults = "test/simulation/faults.test.ts";
const timelines = "test/simulation/timelines.test.ts";

/** One edit in one file of src/sync. */
function mutant(
  name: string,
  tests: readonly string[],
  file: string,
  change: readonly [find: string, replace: string],
): Mutant {
  const [find, replace] = change;
  return {
    name,
    tests,
    edits: [{ file: `src/sync/${file}`, find, replace }],
    env: { SIM_SCHEDULES: "150" },
  };
}

export const syncMutants: readonly Mutant[] = [
  mutant("one-hub: the loop sleeps before it loads", [follow], "tick-loop.ts", [
    "    this.#started = true;\n    this.#run();",
    "    this.#started = true;\n    this.#plan(this.#parts.nextDelayMs());",
  ]),
  mutant("one-hub: some nodes do not follow at all", [follow], "follow.ts", [
    "    this.#loop.start();",
    "    if (this.#parts.liveNodes() < 0) this.#loop.start();",
  ]),
  mutant("one-hub: an error while reading gives an empty table", [follow], "read-rows.ts", [
    "    const read = await tx.rows(kind);\n    const count = await tx.count(kind);",
    "    const read = await tx.rows(kind).catch(() => []);\n    const count = read.length;",
  ]),
  mutant("a short answer is believed", [follow], "read-rows.ts", [
    "    if (read.length !== count)\n",
    "    if (count < 0)\n",
  ]),
  mutant("one-hub: deletions never arrive", [follow], "row-set.ts", [
    "  if (row === undefined) return undefined;\n  const { id } = row;",
    "  if (row === undefined) return held;\n  const { id } = row;",
  ]),
  mutant("one-hub: tables are loaded at different instants", [faults], "load.ts", [
    "        return readRows(guardReads(tx, step), request);",
    `        const alone = <T>(ask: (one: SyncReads) => Promise<T>): Promise<T> => parts.store.read(ask);
        const torn: SyncReads = { ...tx, head: () => alone((one) => one.head()), commitId: (at) => alone((one) => one.commitId(at)), changesAfter: (at, most) => alone((one) => one.changesAfter(at, most)), rows: (kind, ids) => alone((one) => one.rows(kind, ids)), count: (kind) => alone((one) => one.count(kind)) };
        return readRows(guardReads(torn, step), request);`,
  ]),
  {
    name: "one-hub: each load makes all entities anew",
    tests: [follow],
    edits: [
      {
        file: "src/sync/row-set.ts",
        find: '  if (held?.status === "good" && sameRow(held.served, row)) return held;\n',
        replace: "",
      },
      {
        file: "src/sync/row-set.ts",
        find: "  if (held !== undefined && sameRow(held.seen, row)) return held;\n",
        replace: "",
      },
    ],
  },
  mutant("one-hub: a NULL in one row stops the load of all", [handEdits], "row-set.ts", [
    "    const fields = error instanceof RowFault ? error.fields : undefined;",
    "    if (error instanceof RowFault) throw error;\n    const fields = undefined;",
  ]),
  mutant("kong: the cursor passes changes that were not read", [follow, door], "read-rows.ts", [
    "await tx.changesAfter(revision, changeLimit + 1);",
    "await tx.changesAfter(revision, 1);",
  ]),
  mutant("apisix: a bell moves the cursor", [follow], "follow.ts", [
    "    const applied = this.#edition?.rowSet.position.revision;\n",
    `    const applied = this.#edition?.rowSet.position.revision;
    if (revision !== undefined && this.#edition !== undefined && revision > (applied ?? 0)) {
      const { rowSet } = this.#edition;
      const position = { ...rowSet.position, revision };
      this.#edition = { ...this.#edition, rowSet: { ...rowSet, position } };
    }
`,
  ]),
  mutant("no commit id is compared where the head has moved on", [timelines], "read-rows.ts", [
    "  if (logged !== commitId)",
    "  if (logged === undefined)",
  ]),
  mutant("no commit id is compared at an equal revision", [follow], "follow.ts", [
    " && at.commitId === head.commitId;",
    ";",
  ]),
  mutant("aws: what was read is applied onto whatever serves now", [follow], "follow.ts", [
    "    if (this.#edition !== base) return this.#loop.ring();\n",
    "",
  ]),
  mutant("a head that went back once is followed at once", [follow], "regression-watch.ts", [
    "const readings = 3;\nconst overMs = 3000;",
    "const readings = 1;\nconst overMs = 0;",
  ]),
  mutant("a head that went back is never followed", [follow], "regression-watch.ts", [
    "const readings = 3;",
    "const readings = Number.POSITIVE_INFINITY;",
  ]),
  mutant("a new epoch is not noticed", [follow], "read-rows.ts", [
    '  if (head.epoch !== at.epoch) return readAll(tx, request, { head, reason: "epoch" });\n',
    "",
  ]),
  mutant("a bell that rings during a look is lost", [follow], "tick-loop.ts", [
    "    if (this.#running !== undefined) this.#dirty = true;\n    else this.#planBell();",
    "    if (this.#running === undefined) this.#planBell();",
  ]),
  mutant("polls grow rare where bells work", [follow], "follow.ts", [
    "    return pollDelay(liveNodes(), random);",
    "    return pollDelay(liveNodes(), random) * 20;",
  ]),
  mutant("backoff has no bound", [follow], "pacing.ts", [
    "Math.min(1000, pollMs * 2 ** Math.min(errorsInARow - 1, 8))",
    "pollMs * 2 ** Math.min(errorsInARow - 1, 8)",
  ]),
  mutant("litellm: callers are not told of a revocation", [faults, handEdits], "follow.ts", [
    "    this.#parts.callers.apply(callers);\n",
    "",
  ]),
  mutant("equal revisions are taken for equal content", [handEdits], "row-set.ts", [
    "  const names = Object.keys(a);",
    "  if (a.id === b.id && a.rev === b.rev) return true;\n  const names = Object.keys(a);",
  ]),
  mutant("a change by hand is served without a revision", [handEdits], "row-set.ts", [
    "    const next = input.isLogged(kind, id, row)",
    "    const next = input.isLogged(kind, id, row) || row !== undefined",
  ]),
  mutant("every node that finds a hand's change makes a revision", [handEdits], "reconcile.ts", [
    "  if (held !== undefined && sameRow(held.served, row)) return false;\n",
    "",
  ]),
  mutant("the door checks against this node's own snapshot", [door], "door.ts", [
    "    const base = await this.#loadBase(tx);",
    "    const base = this.#parts.follower.edition() ?? (await this.#loadBase(tx));",
  ]),
  mutant("the door lets its own bad rows into quarantine", [door], "check-writes.ts", [
    '    if (held?.status !== "quarantined") return [];',
    "    if (held?.status !== undefined) return [];",
  ]),
  mutant("the door does not log deletions", [follow, door], "door-writes.ts", [
    '    this.#note(kind, before ?? ({ id: BigInt(id), rev: 0n } as RawRow), "d");\n',
    "",
  ]),
  mutant("an uncertain commit is taken for done", [door], "door.ts", [
    "        return found === undefined ? undefined : pending;",
    "        return pending;",
  ]),
  {
    name: "an uncertain commit is made again",
    tests: [door],
    edits: [
      {
        file: "src/sync/door.ts",
        find: "      const found = await attempt.settle(error);\n      if (found !== undefined) return found;\n",
        replace: "",
      },
      {
        file: "src/sync/door.ts",
        find: "      if (logged === commitId) return earlier;\n",
        replace: "      if (logged === '') return earlier;\n",
      },
    ],
  },
  mutant("a deleted channel keeps its routes", [follow], "route-index.ts", [
    "    if (before?.enabled === true)",
    "    if (before?.enabled === true && after !== undefined)",
  ]),
  mutant("a channel without a usable credential is called without any", [door], "snapshot.ts", [
    "enabled: body.enabled && credentials.length > 0",
    "enabled: body.enabled",
  ]),
];
