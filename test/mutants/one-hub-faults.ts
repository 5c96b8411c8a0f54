/** The ten defects that One Hub's sync has (its main.go, model/balancer.go, model/option.go, model/pricing.go). */
import type { Killer, Mutant } from "./planted-tree.ts";

const follow = (test: string): Killer => ({ file: "test/simulation/follow.test.ts", test });
const loads = (test: string): Killer => ({ file: "test/simulation/loads.test.ts", test });
const alwaysFollows = (test: string): Killer => ({ file: "src/sync/always-follows.test.ts", test });
const health = (test: string): Killer => ({ file: "src/route/health.test.ts", test });

const cannotBeRead =
  "rows that cannot be read are an error, not an empty table and not the old one";
const allGoes =
  "what is deleted goes, the last row of a kind too, and also where everything is read anew";
const keepsServing =
  "an error keeps what serves, is told once, and is over within 3 s of the database's return";

export const oneHubFaults: readonly Mutant[] = [
  {
    name: "one-hub 1: MEMORY_CACHE_ENABLED=false turns the following off",
    edits: [
      {
        file: "src/sync/open-sync.ts",
        find: "  follower.start();\n",
        replace: "  if (parts.config.memoryCacheEnabled) follower.start();\n",
      },
    ],
    killers: [
      alwaysFollows(
        "slave without MEMORY_CACHE_ENABLED follows another node from its first moment",
      ),
    ],
  },
  {
    name: "one-hub 1: MEMORY_CACHE_ENABLED=false ends the following after the first load",
    edits: [
      {
        file: "src/sync/open-sync.ts",
        find: "  follower.start();\n",
        replace: `  follower.start();
  if (!parts.config.memoryCacheEnabled)
    void follower.waitApplied(0, 60_000).then(() => follower.close());
`,
      },
    ],
    killers: [
      alwaysFollows(
        "slave without MEMORY_CACHE_ENABLED follows another node from its first moment",
      ),
    ],
  },
  {
    name: "one-hub 1: MEMORY_CACHE_ENABLED=false turns reconciliation off",
    edits: [
      {
        file: "src/sync/open-sync.ts",
        find: "  node.reconciler.start();\n",
        replace: "  if (parts.config.memoryCacheEnabled) node.reconciler.start();\n",
      },
    ],
    killers: [
      alwaysFollows(
        "every node takes in what was changed by hand within SYNC_FREQUENCY, whatever its cache",
      ),
    ],
  },
  {
    name: "one-hub 2: the loop sleeps before it loads",
    edits: [
      {
        file: "src/sync/tick-loop.ts",
        find: "    this.#started = true;\n    this.#run();",
        replace: "    this.#started = true;\n    this.#plan(this.#nextDelayMs());",
      },
    ],
    killers: [follow("the database is asked at the first moment, whatever the node is")],
  },
  {
    name: "one-hub 2: the first load comes after SYNC_FREQUENCY",
    edits: [
      {
        file: "src/sync/open-sync.ts",
        find: "  follower.start();\n",
        replace: `  (parts.clock ?? systemClock).after(parts.config.syncFrequencyMs, () => follower.start());
`,
      },
    ],
    killers: [
      alwaysFollows("master with MEMORY_CACHE_ENABLED follows another node from its first moment"),
    ],
  },
  {
    name: "one-hub 2: one look each SYNC_FREQUENCY",
    edits: [
      {
        file: "src/sync/join-node.ts",
        find: "  const following = joinFollower(parts, tools,",
        replace: `  const { after } = tools.clock;
  const slowly: typeof after = (ms, action) =>
    after(ms > 100 && ms < 400 ? config.syncFrequencyMs : ms, action);
  const seldom = { ...tools, clock: { ...tools.clock, after: slowly } };
  const following = joinFollower(parts, seldom,`,
      },
    ],
    killers: [
      alwaysFollows("slave with MEMORY_CACHE_ENABLED follows another node from its first moment"),
    ],
  },
  {
    name: "one-hub 3: a master loads once and does not follow",
    edits: [
      {
        file: "src/sync/open-sync.ts",
        find: "  follower.start();\n",
        replace: `  follower.start();
  if (parts.config.nodeType === "master")
    void follower.waitApplied(0, 60_000).then(() => follower.close());
`,
      },
    ],
    killers: [
      alwaysFollows("master with MEMORY_CACHE_ENABLED follows another node from its first moment"),
    ],
  },
  {
    name: "one-hub 4: an error while all rows are read is an empty table, and a success in the log",
    edits: [
      {
        file: "src/sync/read-rows.ts",
        find: "    const read = await tx.rows(kind);\n    const count = await tx.count(kind);",
        replace:
          "    const read = await tx.rows(kind).catch(() => []);\n    const count = read.length;",
      },
    ],
    killers: [
      loads(`channel ${cannotBeRead}`),
      follow(
        "an empty answer that the database does not count as empty is an error, not an empty table",
      ),
    ],
  },
  {
    name: "one-hub 4: an error while changed rows are read is no rows",
    edits: [
      {
        file: "src/sync/read-rows.ts",
        find: "rows.set(kind, await tx.rows(kind, [...set]));",
        replace: "rows.set(kind, await tx.rows(kind, [...set]).catch(() => []));",
      },
      {
        file: "src/sync/read-rows.ts",
        find: "    if ((await tx.count(kind)) !== expected) return false;",
        replace: "    if ((await tx.count(kind)) < 0 && expected < 0) return false;",
      },
    ],
    killers: [loads(`channel ${cannotBeRead}`)],
  },
  {
    name: "one-hub 5: an error of one kind is swallowed, its old rows serve at the new revision",
    edits: [
      {
        file: "src/sync/read-rows.ts",
        find: "  for (const [kind, set] of ids) rows.set(kind, await tx.rows(kind, [...set]));",
        replace: `  for (const [kind, set] of ids)
    try {
      rows.set(kind, await tx.rows(kind, [...set]));
    } catch (error) {
      if (kind !== "price") throw error;
    }`,
      },
      {
        file: "src/sync/load.ts",
        find: "  for (const [kind, ids] of changedIds(read.changes ?? [])) {\n",
        replace: `  for (const [kind, ids] of changedIds(read.changes ?? [])) {
    if (!read.rows.has(kind)) continue;
`,
      },
      {
        file: "src/sync/read-rows.ts",
        find: "  for (const kind of snapshotKinds) {\n    let expected",
        replace:
          "  for (const kind of snapshotKinds) {\n    if (kind === 'price') continue;\n    let expected",
      },
    ],
    killers: [loads(`price ${cannotBeRead}`)],
  },
  {
    name: "one-hub 5: at the first load one kind is left out when it cannot be read",
    edits: [
      {
        file: "src/sync/read-rows.ts",
        find: "    const read = await tx.rows(kind);\n    const count = await tx.count(kind);",
        replace: `    const isPrice = kind === "price";
    const read = await (isPrice ? tx.rows(kind).catch(() => []) : tx.rows(kind));
    const count = isPrice ? read.length : await tx.count(kind);`,
      },
    ],
    killers: [loads(`price ${cannotBeRead}`)],
  },
  {
    name: "one-hub 6: deletions never arrive",
    edits: [
      {
        file: "src/sync/row-set.ts",
        find: "  if (row === undefined) return undefined;\n  const { id } = row;",
        replace: "  if (row === undefined) return held;\n  const { id } = row;",
      },
    ],
    killers: [
      follow("without any bell a change is served within one poll, a deletion too"),
      loads(allGoes),
    ],
  },
  {
    name: "one-hub 6: where everything is read, what is absent stays",
    edits: [
      {
        file: "src/sync/load.ts",
        find: "      if (!rows.has(id)) yield { kind, id, row: undefined };",
        replace: "      if (rows.has(id) && id < 0n) yield { kind, id, row: undefined };",
      },
    ],
    killers: [loads(allGoes)],
  },
  {
    name: "one-hub 6: zero rows of a kind are nothing to do",
    edits: [
      {
        file: "src/sync/load.ts",
        find: "    for (const [id, row] of rows) yield { kind, id, row };\n",
        replace: `    if (rows.size === 0) continue;
    for (const [id, row] of rows) yield { kind, id, row };
`,
      },
    ],
    killers: [loads(allGoes)],
  },
  {
    name: "one-hub 6: settings are only ever set",
    edits: [
      {
        file: "src/sync/snapshot.ts",
        find: "  const settingValues: Record<string, Json> = {};\n",
        replace: `  const settingValues: Record<string, Json> = {};
  const present = new Set([...rowSet.rows.setting.values()].map((held) => held.parsed?.name));
  for (const [name, value] of Object.entries(before?.settingValues ?? {}))
    if (![...present].some((other) => other === name)) settingValues[name] = value as Json;
`,
      },
    ],
    killers: [loads(allGoes)],
  },
  {
    name: "one-hub 7: each kind is loaded at an instant of its own",
    edits: [
      {
        file: "src/sync/load.ts",
        find: "        return readRows(guardReads(tx, step), request);",
        replace: `        const alone = <T>(ask: (one: SyncReads) => Promise<T>): Promise<T> => parts.store.read(ask);
        const torn: SyncReads = {
          ...tx,
          rows: (kind, ids) => alone((one) => one.rows(kind, ids)),
          count: (kind) => alone((one) => one.count(kind)),
        };
        return readRows(guardReads(torn, step), request);`,
      },
    ],
    killers: [loads("all kinds are of one instant, although they are read one after another")],
  },
  {
    name: "one-hub 8: each swap forgets who rests",
    edits: [
      {
        file: "src/route/health.ts",
        find: "    for (const id of this.#states.keys()) if (!channels.has(id)) this.#states.delete(id);",
        replace: "    if (channels.size >= 0) this.#states.clear();",
      },
    ],
    killers: [
      health(
        "rests and counted failures outlive any number of snapshots, and end with their channel",
      ),
    ],
  },
  {
    name: "one-hub 8: what is known of a channel hangs on the object that each load makes",
    edits: [
      {
        file: "src/route/health.ts",
        find: "  if (before === after) return true;\n",
        replace: "  if (before !== after) return false;\n",
      },
    ],
    killers: [
      {
        file: "src/route/plan.test.ts",
        test: "what was learned outlives a change of configuration, not one of address or credentials",
      },
    ],
  },
  {
    name: "one-hub 8: each load makes all entities anew",
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
    killers: [follow("a reconciliation or a full load keeps the identity of what did not change")],
  },
  {
    name: "one-hub 9: a NULL in one row stops the load of all",
    edits: [
      {
        file: "src/sync/row-set.ts",
        find: "    const fields = error instanceof RowFault ? error.fields : undefined;",
        replace: "    if (error instanceof RowFault) throw error;\n    const fields = undefined;",
      },
    ],
    killers: [
      {
        file: "test/simulation/hand-edits.test.ts",
        test: "an invalid change by hand harms no other row, is told, and is not adopted",
      },
    ],
  },
  {
    name: "one-hub 9: a bad row is passed over without a word",
    edits: [
      {
        file: "src/sync/snapshot.ts",
        find: "    rejected: [...noted.values()].sort(byKindAndId),",
        replace: "    rejected: [...noted.values()].sort(byKindAndId).slice(0, 0),",
      },
    ],
    killers: [
      {
        file: "test/simulation/hand-edits.test.ts",
        test: "an invalid change by hand harms no other row, is told, and is not adopted",
      },
    ],
  },
  {
    name: "one-hub 10: the last error is not kept",
    edits: [
      {
        file: "src/sync/follow.ts",
        find: "      this.#lastError = { message: messageOf(error), atMs: this.businessNowMs() };\n",
        replace: "",
      },
    ],
    killers: [follow(keepsServing)],
  },
  {
    name: "one-hub 10: nobody counts the errors",
    edits: [
      {
        file: "src/sync/follow.ts",
        find: "      this.#log.failed(error, this.#errorsInARow, this.current()?.revision ?? null);\n",
        replace: "",
      },
    ],
    killers: [follow(keepsServing)],
  },
  {
    name: "one-hub 10: lag is not measured",
    edits: [
      {
        file: "src/sync/follow.ts",
        find: "    if (!isCurrent) this.#freshness.behind(head, asked);\n",
        replace: "",
      },
    ],
    killers: [follow("lag is the age of the oldest change that is known and not served")],
  },
  {
    name: "one-hub 10: age is not measured",
    edits: [
      {
        file: "src/sync/freshness.ts",
        find: "    stalenessMs: () => since(confirmedAt),",
        replace: "    stalenessMs: () => Math.min(0, since(confirmedAt)),",
      },
    ],
    killers: [
      follow(keepsServing),
      follow("staleness and lag count what a sleeping machine missed"),
    ],
  },
  {
    name: "one-hub 10: what is applied is not told to the cluster",
    edits: [
      {
        file: "src/sync/join-node.ts",
        find: "  follower.onApplied(() => registry.applied());\n",
        replace: "",
      },
    ],
    killers: [
      {
        file: "src/sync/open-sync.test.ts",
        test: "sync on sqlite > serves, writes, and lets another node and the registry follow",
      },
    ],
  },
];
