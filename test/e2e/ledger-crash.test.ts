/**
 * Nodes and the database are killed for real, at random, under load. Promises: every call whose last byte was sent is in
 * the ledger exactly once; what it cost is counted once, in rows, roll-ups and the budget; with a lost disk all but its
 * unsettled tail; and nothing stays set aside for calls that nobody runs any more.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { sql } from "kysely";
import { openDatabase } from "../../src/store/open-database.ts";
import { freshDatabaseOn, skipReason } from "../engines/engines.ts";
import type { ServerInstance } from "../engines/server-process.ts";
import { startMariadb } from "../engines/start-mariadb.ts";
import { startPostgres } from "../engines/start-postgres.ts";
import { type Chance, makeChance } from "../simulation/virtual-clock.ts";
import { applied, channelTo, write } from "./cluster.ts";
import { type GatewayNode, rootKey, startNode, waitFor } from "./nodes.ts";
import { openVendor } from "./vendor.ts";

const long = process.env["CI"] === "true" || process.env["SWITCHYARD_LONG"] === "1";
const loadMs = long ? 60_000 : 12_000;
const staleMs = 10_000;
const callers = 6;
const costNano = 10_000_000n;

interface Answered {
  readonly callId: string;
  readonly node: number;
  /** The process that answered: what it sent may still arrive when it is dead. */
  readonly by: GatewayNode;
  readonly atMs: number;
}

interface Slot {
  node: GatewayNode | undefined;
  dataDir: string;
}

interface YardOptions {
  readonly dsn: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Nodes that come and go under load, and what callers were answered meanwhile. */
class Yard {
  readonly slots: Slot[] = [];
  readonly answered: Answered[] = [];
  readonly #options: YardOptions;
  readonly #stopping = new AbortController();

  constructor(options: YardOptions) {
    this.#options = options;
  }

  async start(index: number): Promise<void> {
    const slot = (this.slots[index] ??= { node: undefined, dataDir: newFolder() });
    const { dataDir } = slot;
    // A node that starts while the database is away takes longer to be ready than it is waited for.
    slot.node = await startNode({ ...this.#options, dataDir, waitReady: false });
  }

  async kill(index: number, losesDisk: boolean): Promise<void> {
    const slot = this.slots[index]!;
    await slot.node?.kill();
    slot.node = undefined;
    if (!losesDisk) return;
    rmSync(slot.dataDir, { recursive: true, force: true });
    slot.dataDir = newFolder();
  }

  /** One caller that asks the nodes in turn until it is stopped; it never waits for a node that is away. */
  async ask(seed: number): Promise<void> {
    for (let turn = seed; !this.#stopping.signal.aborted; turn += 1) {
      const index = turn % this.slots.length;
      const { node } = this.slots[index]!;
      const stream = turn % 3 === 0;
      const body = JSON.stringify({
        model: "flat",
        stream,
        messages: [{ role: "user", content: "hi" }],
      });
      const reply = node && (await send(node, body));
      if (node !== undefined && reply !== undefined)
        this.answered.push({ ...reply, node: index, by: node, atMs: performance.now() });
      else await new Promise((wake) => setTimeout(wake, 20));
    }
  }

  stop(): void {
    this.#stopping.abort();
  }

  async close(): Promise<void> {
    this.stop();
    await Promise.all(this.slots.map(({ node }) => node?.kill()));
    for (const { dataDir } of this.slots) rmSync(dataDir, { recursive: true, force: true });
  }
}

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), "switchyard-ledger-"));
}

/** The id of a call that was answered to its last byte. */
async function send(node: GatewayNode, body: string): Promise<{ callId: string } | undefined> {
  try {
    const reply = await fetch(`${node.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${rootKey}`, "content-type": "application/json" },
      body,
      signal: AbortSignal.timeout(10_000),
    });
    const text = await reply.text();
    const whole = text.includes("[DONE]") || text.endsWith("}");
    if (reply.status !== 200 || !whole || text.includes('"error"')) return undefined;
    return { callId: reply.headers.get("x-request-id") ?? "" };
  } catch {
    return undefined;
  }
}

/** Kills somebody every now and then, nodes more often than the database. */
async function wreak(yard: Yard, server: ServerInstance, chance: Chance): Promise<string[]> {
  const done: string[] = [];
  const end = performance.now() + loadMs;
  while (performance.now() < end) {
    await new Promise((wake) => setTimeout(wake, chance.between(400, 2500)));
    if (chance.happens(0.25)) {
      done.push("database");
      await server.stop("crash");
      await new Promise((wake) => setTimeout(wake, chance.between(100, 2000)));
      await server.restart();
      continue;
    }
    const index = chance.between(0, yard.slots.length - 1);
    done.push(`node ${index}`);
    await yard.kill(index, false);
    await new Promise((wake) => setTimeout(wake, chance.between(0, 800)));
    await yard.start(index);
  }
  return done;
}

interface Tables {
  readonly calls: ReadonlyMap<string, bigint>;
  readonly rollups: { readonly calls: bigint; readonly cost: bigint };
  readonly counted: bigint;
  readonly open: bigint;
}

async function readTables(dsn: string): Promise<Tables> {
  const database = await openDatabase({ dsn, sqlitePath: "" });
  try {
    const { reads } = database;
    const calls = await reads.selectFrom("calls").select(["call_id", "cost", "outcome"]).execute();
    const { rows } = await sql<{ calls: bigint; cost: bigint }>`
      select coalesce(sum(calls), 0) as calls, coalesce(sum(cost), 0) as cost from usage_rollups`.execute(
      reads,
    );
    const { rows: budgets } = await sql<{ counted: bigint; held: bigint }>`
      select (select coalesce(sum(settled), 0) from budgets where kind = 'user') +
          (select coalesce(sum(spent), 0) from budget_leases where kind = 'user') as counted,
        (select coalesce(sum(granted - spent), 0) from budget_leases where granted > spent) as held`.execute(
      reads,
    );
    return {
      calls: new Map(calls.map((row) => [row.call_id, BigInt(row.cost)])),
      rollups: { calls: BigInt(rows[0]?.calls ?? 0), cost: BigInt(rows[0]?.cost ?? 0) },
      counted: BigInt(budgets[0]?.counted ?? 0),
      open: BigInt(budgets[0]?.held ?? 0),
    };
  } finally {
    await database.close();
  }
}

/** Waits until a node serves and has had time to settle what it answered; a second is promised. */
async function settledOn(node: GatewayNode | undefined): Promise<void> {
  assert.ok(node !== undefined);
  await isReady(node);
  await new Promise((wake) => setTimeout(wake, 4000));
}

async function isReady(node: GatewayNode): Promise<void> {
  try {
    await waitFor("ready", 60_000, async () => (await fetch(`${node.url}/readyz`)).status === 200);
  } catch (error) {
    throw new Error(node.output().slice(-2000), { cause: error });
  }
}

async function openYard(t: TestContext, dsn: string): Promise<Yard> {
  const upstream = await openVendor();
  t.after(() => upstream.close());
  const env = { DRAIN_GRACE: "0", BUDGET_MAX_STALE: `${staleMs / 1000}s` };
  const yard = new Yard({ dsn, env });
  t.after(() => yard.close());
  for (const index of [0, 1, 2]) await yard.start(index);
  const node = yard.slots[0]?.node;
  assert.ok(node !== undefined);
  await isReady(node);
  // Three nodes that come up together may keep a busy machine's database from its first write.
  await waitFor("writable", 60_000, async () => await write(node, "PATCH", "/api/settings", {}));
  await write(node, "POST", "/api/channels", channelTo(upstream, ["flat"]));
  await write(node, "POST", "/api/prices", { model: "flat", mode: "call", perCall: "0.01" });
  const budget = { budget: { amount: "1000000" } };
  const { revision } = await write(node, "PATCH", "/api/users/1", budget);
  for (const { node: other } of yard.slots) {
    assert.ok(other !== undefined);
    await isReady(other);
    await applied(other, revision);
  }
  return yard;
}

for (const [engine, startServer] of [
  ["postgres", startPostgres],
  ["mysql", startMariadb],
] as const)
  test(
    `kill -9 of nodes and ${engine} under load: each answered call is in the ledger once`,
    { skip: skipReason(engine, "own"), timeout: loadMs + 180_000 },
    async (t) => {
      const seed = Number(process.env["CRASH_SEED"] ?? 20_261_123);
      const server = await startServer();
      t.after(() => server.close());
      const database = await freshDatabaseOn(engine, server.url);
      const yard = await openYard(t, database.dsn);
      const asking = Array.from({ length: callers }, (_, index) => yard.ask(index));
      const done = await wreak(yard, server, makeChance(seed));
      // Once a dead node's disk is thrown away: what it had not settled within its last second is lost with it.
      const lost = yard.slots[0]?.node;
      await settledOn(lost);
      const lostAtMs = performance.now();
      await yard.kill(0, true);
      await yard.start(0);
      await new Promise((wake) => setTimeout(wake, 2000));
      yard.stop();
      await Promise.all(asking);
      const { answered } = yard;
      t.diagnostic(`${answered.length} answered, seed ${seed}: ${done.join(", ")}`);
      assert.ok(answered.length > 100, `only ${answered.length} answered`);
      const mayBeLost = (call: Answered): boolean =>
        call.by === lost && call.atMs > lostAtMs - 1500;
      const sure = answered.filter((call) => !mayBeLost(call));
      const told = await waitFor("all is settled", 60_000, async () => {
        const tables = await readTables(database.dsn);
        const missing = sure.filter(({ callId }) => !tables.calls.has(callId));
        const where = missing.map(({ node, atMs }) => `${node} at ${Math.round(atMs - lostAtMs)}`);
        const some = [...new Set(where)].slice(0, 8);
        assert.deepEqual(some, [], `${missing.length} of ${sure.length} are missing`);
        return tables;
      });
      assert.equal(new Set(answered.map(({ callId }) => callId)).size, answered.length);
      for (const { callId } of sure) assert.equal(told.calls.get(callId), costNano);
      const held = await waitFor("nothing is left set aside", staleMs * 2 + 30_000, async () => {
        const tables = await readTables(database.dsn);
        assert.equal(tables.open, 0n);
        return tables;
      });
      const sum = [...held.calls.values()].reduce((total, cost) => total + cost, 0n);
      assert.equal(held.rollups.calls, BigInt(held.calls.size));
      assert.deepEqual([held.rollups.cost, held.counted], [sum, sum]);
    },
  );
