/** What may go wrong between a finished call and its row: each put back in, and found by the simulation. */
import type { Killer, Mutant } from "./planted-tree.ts";

const simulated: readonly Killer[] = [
  {
    file: "test/simulation/ledger.test.ts",
    test: "every answered call is settled once, through kills, power cuts, refusing disks and a breaking database",
  },
];
/** Some need several things to go wrong in one schedule. */
const env = { SIM_SCHEDULES: "150" };

export const ledgerFaults: readonly Mutant[] = [
  {
    name: "double replay: neither cursor nor call id stops what was settled from being settled again",
    edits: [
      {
        file: "src/store/settlement.ts",
        find: "return numUpdatedRows === 1n;",
        replace: "return numUpdatedRows <= 1n;",
      },
      {
        file: "src/store/settlement.ts",
        find: `await bulkInsert(trx, { table: "calls", columns: callColumns }, batch.calls.map(rowOf));`,
        replace: `for (const { row } of batch.calls) await insertUnlessThere(trx, "calls", row);`,
      },
    ],
    killers: simulated,
    env,
  },
  {
    name: "lost cursor: after an answer that was lost, nobody asks where the cursor stands",
    edits: [
      {
        file: "src/log/settler.ts",
        find: `    forget: () => {
      cursor = undefined;`,
        replace: `    forget: () => {`,
      },
    ],
    killers: simulated,
    env,
  },
  {
    name: "repriced replay: what is read back costs something else",
    edits: [
      {
        file: "src/log/journal-line.ts",
        find: "cost: BigInt(close.cost),",
        replace: "cost: BigInt(close.cost) + BigInt(close.usage.input),",
      },
    ],
    killers: simulated,
    env,
  },
  {
    name: "dropped close: a call that was over soon is not written at all",
    edits: [
      {
        file: "src/log/journal.ts",
        find: `    this.#unwritten.delete(call.callId);
    return new Promise(`,
        replace: `    if (this.#unwritten.delete(call.callId)) return Promise.resolve();
    return new Promise(`,
      },
    ],
    killers: simulated,
    env,
  },
  {
    name: "the caller has the last byte before the system has the call",
    edits: [
      {
        file: "src/log/journal.ts",
        find: "    this.#lines.push(line);",
        replace: "    this.#lines.push(line);\n    line.done();",
      },
    ],
    killers: simulated,
    env,
  },
  {
    name: "segments go before they are settled",
    edits: [
      {
        file: "src/log/segment-writer.ts",
        find: "      if (positionAt(segment.number, segment.bytes) > position) return;",
        replace: "      if (position < 0n) return;",
      },
    ],
    killers: simulated,
    env,
  },
  {
    name: "what the disk refused takes the place of what it had taken",
    edits: [
      {
        file: "src/log/segment-writer.ts",
        find: "        this.#leave(segment);\n      }\n    }",
        replace: "        segment.refused = [];\n      }\n    }",
      },
    ],
    killers: simulated,
    env,
  },
  {
    name: "what the disk would not keep is only logged",
    edits: [
      {
        file: "src/log/segment-writer.ts",
        find: "if (segment !== undefined) this.#leave(segment);",
        replace: "",
      },
    ],
    killers: [
      {
        file: "src/log/call-log.test.ts",
        test: "a file that the disk would not keep is written to no more, and the node is not writable until one is kept",
      },
    ],
  },
  {
    name: "calls beyond what memory holds are forgotten",
    edits: [
      {
        file: "src/log/journal.ts",
        find: "    else this.#held = undefined;",
        replace: "    else this.#held.shift();",
      },
    ],
    killers: simulated,
    env,
  },
  {
    name: "a failed settlement counts as done",
    edits: [
      {
        file: "src/store/transaction.ts",
        find: "if (attempt >= most || !isRetryable(error)) throw error;",
        replace: "if (attempt < most) return true as T;",
      },
    ],
    killers: simulated,
    env,
  },
  {
    name: "a journal is sealed at the end whatever is left of it",
    edits: [
      {
        file: "src/log/settler.ts",
        find: "return failures === 0 && (await own.seal());",
        replace: "return await own.seal();",
      },
      {
        file: "src/log/settler.ts",
        find: "      if (!done || cursor === undefined || journal.oldestOpenMs < Infinity) return false;",
        replace: "      cursor ??= await store.openCursor(nodeId, incarnation);",
      },
    ],
    killers: simulated,
    env,
  },
  {
    name: "a living twin's journal is sealed by a process of the same name",
    edits: [
      {
        file: "src/store/settlement.ts",
        find: ".set({ settled_until: sealedPosition })",
        replace: ".set({ position: sealedPosition })",
      },
    ],
    killers: simulated,
    env,
  },
  {
    name: "calls that a dead process began are told nowhere",
    edits: [
      {
        file: "src/log/left-journals.ts",
        find: "const cut = [...running.values()]",
        replace: "const cut = [...running.values()].slice(1)",
      },
    ],
    killers: simulated,
    env,
  },
  {
    name: "calls that run are not told again when the segment that tells of them goes",
    edits: [
      {
        file: "src/log/segment-writer.ts",
        find: "      const lines = carried();",
        replace: "      const lines = carried().slice(0, 0);",
      },
    ],
    killers: simulated,
    env,
  },
  {
    name: "a journal is said to be settled beyond calls that run",
    edits: [
      {
        file: "src/log/settler.ts",
        find: "Math.min(journal.oldestOpenMs, clock.now() - heardWithinMs)",
        replace: "clock.now()",
      },
    ],
    killers: simulated,
    env,
  },
  {
    name: "lines that stand twice block their journal for ever",
    edits: [
      {
        file: "src/store/settlement.ts",
        find: "return calls.filter(({ row }) => !known.has(row.call_id));",
        replace: 'return calls.filter(({ row }) => known.size >= 0 && row.call_id !== "");',
      },
    ],
    killers: simulated,
    env,
  },
];
