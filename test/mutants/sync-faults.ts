/** The faults of the field in following, writing and adopting, each put back into our code by a small edit. */
import type { Killer, Mutant } from "./planted-tree.ts";

const follow = (test: string): Killer => ({ file: "test/simulation/follow.test.ts", test });
const loads = (test: string): Killer => ({ file: "test/simulation/loads.test.ts", test });
const door = (test: string): Killer => ({ file: "test/simulation/door.test.ts", test });
const handEdits = (test: string): Killer => ({ file: "test/simulation/hand-edits.test.ts", test });

/** Random schedules with faults, kills and lost bells. */
const anyFaults: Killer = {
  file: "test/simulation/faults.test.ts",
  test: "nodes agree with the database through faults, kills and lost bells",
};

/** One edit in one file of src/sync. */
function fault(
  name: string,
  killers: readonly Killer[],
  file: string,
  [find, replace]: readonly [find: string, replace: string],
): Mutant {
  return { name, killers, edits: [{ file: `src/sync/${file}`, find, replace }] };
}

export const syncFaults: readonly Mutant[] = [
  // What makes a load whole.
  fault(
    "a short answer is believed",
    [
      follow(
        "an empty answer that the database does not count as empty is an error, not an empty table",
      ),
    ],
    "read-rows.ts",
    ["    if (read.length !== count)\n", "    if (count < 0)\n"],
  ),
  fault(
    "a delta is not counted against the database",
    [handEdits("a change by hand beside logged ones waits for its own revision")],
    "read-rows.ts",
    [
      "    if ((await tx.count(kind)) !== expected) return false;",
      "    if ((await tx.count(kind)) < 0 && expected < 0) return false;",
    ],
  ),
  fault(
    "a load that hangs is waited for",
    [follow("calls that hang do not hang the follower")],
    "load.ts",
    [
      "        const cancel = parts.clock.after(stepMs, () => {",
      "        const cancel = parts.clock.after(stepMs * 1e9, () => {",
    ],
  ),

  // The cursor.
  fault(
    "naive cursor: the head is asked after the rows",
    [anyFaults, loads("all kinds are of one instant, although they are read one after another")],
    "load.ts",
    [
      '  if (read.outcome !== "read") return read;\n',
      `  if (read.outcome !== "read") return read;
  Object.assign(read, { head: await parts.store.read((tx) => tx.head()) });
`,
    ],
  ),
  fault("naive cursor: changes beyond the first are passed over", [anyFaults], "read-rows.ts", [
    "await tx.changesAfter(revision, changeLimit + 1);",
    "await tx.changesAfter(revision, 1);",
  ]),
  fault("naive cursor: a revision is skipped", [anyFaults], "read-rows.ts", [
    "await tx.changesAfter(revision, changeLimit + 1);",
    "await tx.changesAfter(revision + 1, changeLimit + 1);",
  ]),
  fault(
    "naive cursor: a log that was cut off is read as far as it goes",
    [follow("a log that was compacted away, or is too long, is no obstacle")],
    "read-rows.ts",
    [
      '  if (logged !== commitId)\n    return readAll(tx, request, { head, reason: logged === undefined ? "compacted" : "fork" });\n  if (head.minRetained > revision)',
      '  if (logged !== undefined && logged !== commitId)\n    return readAll(tx, request, { head, reason: "fork" });\n  if (head.minRetained > revision * 1e9)',
    ],
  ),
  fault(
    "apisix: a bell moves the cursor",
    [follow("a bell moves no cursor: what it tells of is read, or not known")],
    "follow.ts",
    [
      "    const applied = this.#edition?.rowSet.position.revision;\n",
      `    const applied = this.#edition?.rowSet.position.revision;
    if (revision !== undefined && this.#edition !== undefined && revision > (applied ?? 0)) {
      const { rowSet } = this.#edition;
      const position = { ...rowSet.position, revision };
      this.#edition = { ...this.#edition, rowSet: { ...rowSet, position } };
    }
`,
    ],
  ),
  fault(
    "a bell stands for the look at the head",
    [follow("a bell moves no cursor: what it tells of is read, or not known")],
    "follow.ts",
    [
      "    if (revision === undefined || applied === undefined || revision > applied) this.#loop.ring();",
      `    if (this.#edition !== undefined && revision !== undefined && revision > (applied ?? 0)) {
      const { snapshot } = this.#edition;
      this.#edition = { ...this.#edition, snapshot: { ...snapshot, revision } };
    }
    this.#loop.ring();`,
    ],
  ),
  fault(
    "a bell that rings during a look is lost",
    [follow("a bell that rings while the head is being read is not lost")],
    "tick-loop.ts",
    [
      "    if (this.#running !== undefined) this.#dirty = true;\n    else this.#planBell();",
      "    if (this.#running === undefined) this.#planBell();",
    ],
  ),
  fault(
    "polls grow rare where bells work",
    [follow("a bell brings a change at once and never slows the poll")],
    "follow.ts",
    [
      "    return pollDelay(liveNodes(), random);",
      "    return pollDelay(liveNodes(), random) * 20;",
    ],
  ),
  fault(
    "backoff has no bound",
    [
      follow(
        "an error keeps what serves, is told once, and is over within 3 s of the database's return",
      ),
    ],
    "pacing.ts",
    [
      "Math.min(1000, pollMs * 2 ** Math.min(errorsInARow - 1, 8))",
      "pollMs * 2 ** Math.min(errorsInARow - 1, 8)",
    ],
  ),

  // Which timeline.
  fault(
    "no commit id is compared where the head has moved on",
    [follow("a lost timeline is noticed although the head has moved on beyond it")],
    "read-rows.ts",
    ["  if (logged !== commitId)\n", "  if (logged === undefined)\n"],
  ),
  fault(
    "no commit id is compared at an equal revision",
    [follow("a reused revision number is told from the true one by its commit")],
    "follow.ts",
    [" && at.commitId === head.commitId;", ";"],
  ),
  fault(
    "a head that went back once is followed at once",
    [follow("a head that went back is followed only when three looks over three seconds agree")],
    "regression-watch.ts",
    ["const readings = 3;\nconst overMs = 3000;", "const readings = 1;\nconst overMs = 0;"],
  ),
  fault(
    "a head that went back is never followed",
    [follow("a head that went back is followed only when three looks over three seconds agree")],
    "regression-watch.ts",
    ["const readings = 3;", "const readings = Number.POSITIVE_INFINITY;"],
  ),
  fault(
    "a new epoch is not noticed",
    [follow("a new epoch after a restore is followed at the first look")],
    "read-rows.ts",
    [
      '  if (head.epoch !== at.epoch) return readAll(tx, request, { head, reason: "epoch" });\n',
      "",
    ],
  ),

  // The swap.
  fault(
    "aws: what was read is applied onto whatever serves now",
    [follow("what was read is applied only onto what it was read for")],
    "follow.ts",
    ["    if (this.#edition !== base) return this.#loop.ring();\n", ""],
  ),
  fault(
    "a deleted channel keeps its routes",
    [follow("without any bell a change is served within one poll, a deletion too")],
    "route-index.ts",
    [
      "    if (before?.enabled === true)",
      "    if (before?.enabled === true && after !== undefined)",
    ],
  ),
  fault(
    "a channel without a usable credential is called without any",
    [door("a channel whose credentials cannot be used is not called without any")],
    "snapshot.ts",
    ["enabled: body.enabled && credentials.length > 0", "enabled: body.enabled"],
  ),

  // Changes by hand.
  fault(
    "equal revisions are taken for equal content",
    [handEdits("a row changed by hand gets a revision within SYNC_FREQUENCY, and one only")],
    "row-set.ts",
    [
      "  const names = Object.keys(a);",
      "  if (a.id === b.id && a.rev === b.rev) return true;\n  const names = Object.keys(a);",
    ],
  ),
  fault(
    "a change by hand is served without a revision",
    [handEdits("a row changed by hand gets a revision within SYNC_FREQUENCY, and one only")],
    "row-set.ts",
    [
      "    const next = input.isLogged(kind, id, row)",
      "    const next = input.isLogged(kind, id, row) || row !== undefined",
    ],
  ),
  fault(
    "every node that finds a hand's change makes a revision",
    [handEdits("two nodes that find the same change at the same moment make one revision")],
    "reconcile.ts",
    ["  if (held !== undefined && sameRow(held.served, row)) return false;\n", ""],
  ),
  fault(
    "one change by hand that is invalid holds up all others",
    [handEdits("of several changes by hand the valid ones are adopted, whatever the others break")],
    "reconcile.ts",
    [
      "        if (!(await this.#adoptTogether(some))) await this.#adoptEach(some);",
      "        if (!(await this.#adoptTogether(some))) return;",
    ],
  ),

  // The door.
  fault(
    "the door checks against this node's own snapshot",
    [door("rules between entities see the locked head, not what this node happens to know")],
    "door.ts",
    [
      "    const base = await this.#loadBase(tx);",
      "    const base = this.#parts.follower.edition() ?? (await this.#loadBase(tx));",
    ],
  ),
  fault(
    "the door lets its own bad rows into quarantine",
    [door("a write names the field at fault and leaves nothing behind")],
    "check-writes.ts",
    [
      '    if (held?.status !== "quarantined") return [];',
      "    if (held?.status !== undefined) return [];",
    ],
  ),
  fault(
    "the door does not log deletions",
    [follow("without any bell a change is served within one poll, a deletion too")],
    "door-writes.ts",
    ['    this.#note(kind, before ?? ({ id: BigInt(id), rev: 0n } as RawRow), "d");\n', ""],
  ),
  fault(
    "an uncertain commit is taken for done",
    [door("a commit whose outcome was lost is made once: it did not happen")],
    "door.ts",
    ["        return found === undefined ? undefined : pending;", "        return pending;"],
  ),
  {
    name: "an uncertain commit is made again without asking for it",
    killers: [door("a commit whose outcome was lost is made once: it happened")],
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
];
