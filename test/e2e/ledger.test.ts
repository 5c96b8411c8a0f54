/**
 * The ledger of real gateways: kill -9 in the midst of calls and settlements loses nothing that was answered and charges
 * nothing twice; the command line finds what was tampered with; a vendor's export is compared with what was booked.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { SqlEngine } from "../engines/engines.ts";
import { freshDatabase, SQL_ENGINES, skipReason } from "../engines/engines.ts";
import { openDsn } from "../store/open-fresh.ts";
import { channelTo, write } from "./cluster.ts";
import type { GatewayNode } from "./nodes.ts";
import { rootToken, startNode, waitFor } from "./nodes.ts";
import { type Ran, runCommand } from "./run-command.ts";
import { openVendor } from "./vendor.ts";

async function run(node: GatewayNode, ...line: readonly string[]): Promise<Ran> {
  const env = { SWITCHYARD_URL: node.url, SWITCHYARD_TOKEN: rootToken };
  return await runCommand(["ledger", ...line], env);
}

const models = ["cheap", "dear"];

async function prepare(
  node: GatewayNode,
  upstream: Parameters<typeof channelTo>[0],
): Promise<void> {
  const budget = { amount: "1000", period: "day", timeZone: "Asia/Kathmandu" };
  await write(node, "POST", "/api/channels", channelTo(upstream, models, { budget }));
  await write(node, "POST", "/api/prices", {
    model: "cheap",
    mode: "call",
    perCall: "0.000000003",
  });
  await write(node, "POST", "/api/prices", {
    model: "dear",
    mode: "tokens",
    input: "75",
    output: "600",
  });
  const { data } = (await node.api("GET", "/api/keys")).json<{ data: { id: number }[] }>();
  const total = { budget: { amount: "500" } };
  for (const { id } of data) await write(node, "PATCH", `/api/keys/${id}`, total);
}

/** Calls as fast as eight callers can, until the node is gone; the ids of those that were answered whole. */
async function callUntilGone(node: GatewayNode): Promise<string[]> {
  const answered: string[] = [];
  const caller = async (start: number): Promise<void> => {
    for (let index = start; ; index += 1) {
      const model = models[index % 2] as string;
      const reply = await node.chat(model).catch(() => undefined);
      if (reply === undefined) return;
      const id = reply.headers.get("x-request-id");
      if (reply.status === 200 && id !== null) answered.push(id);
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, index) => caller(index)));
  return answered;
}

interface ShownCall {
  readonly id: string;
  readonly outcome: string;
  readonly recovered: boolean;
}

async function allCalls(node: GatewayNode): Promise<ShownCall[]> {
  const calls: ShownCall[] = [];
  for (let cursor = ""; ;) {
    const page = (await node.api("GET", `/api/calls?limit=1000${cursor}`)).json<{
      data: ShownCall[];
      nextCursor: string | null;
    }>();
    calls.push(...page.data);
    if (page.nextCursor === null) return calls;
    cursor = `&cursor=${encodeURIComponent(page.nextCursor)}`;
  }
}

for (const engine of SQL_ENGINES)
  test(
    `kill -9 in the midst of calls and settlements: every answered call once, and all views agree: ${engine}`,
    { skip: skipReason(engine), timeout: 120_000 },
    () => killedAgain(engine),
  );

async function killedAgain(engine: SqlEngine): Promise<void> {
  await using database = await freshDatabase(engine);
  const upstream = await openVendor();
  const folder = mkdtempSync(join(tmpdir(), "switchyard-ledger-"));
  const env = { DRAIN_GRACE: "0", ...(engine === "sqlite" && { SQLITE_PATH: database.dsn }) };
  const options = { dataDir: folder, env, ...(engine !== "sqlite" && { dsn: database.dsn }) };
  try {
    const answered: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      await using node = await startNode(options);
      if (round === 0) await prepare(node, upstream);
      await node.chat("dear");
      const calls = callUntilGone(node);
      await new Promise((wake) => setTimeout(wake, 700 + round * 311));
      await node.kill();
      answered.push(...(await calls));
    }
    assert.ok(answered.length > 100, `${answered.length} calls were answered`);
    await using node = await startNode(options);
    const rows = await waitFor("what was journalled is settled", 60_000, async () => {
      const found = await allCalls(node);
      const complete = new Set(found.filter((c) => c.outcome === "complete").map(({ id }) => id));
      return answered.every((id) => complete.has(id)) ? found : undefined;
    });
    assert.equal(new Set(rows.map(({ id }) => id)).size, rows.length);
    const charged = rows.filter(({ outcome }) => outcome === "complete").length;
    assert.ok(charged <= upstream.requests.length, "nothing is charged that the vendor did not do");
    assert.ok(rows.some(({ recovered }) => recovered));
    await verified(node);
    await tampered(engine, database.dsn, node);
    assert.equal(await node.stop(), 0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await upstream.close();
  }
}

async function verified(node: GatewayNode): Promise<void> {
  const ran = await run(node, "verify");
  assert.equal(ran.code, 0, `${ran.out}\n${ran.error}`);
  assert.match(ran.out, /all views of the money agree/);
}

async function tampered(engine: SqlEngine, dsn: string, node: GatewayNode): Promise<void> {
  const other = await openDsn(engine, dsn);
  try {
    const row = await other.reads
      .selectFrom("calls")
      .selectAll()
      .where("model_billed", "=", "dear")
      .limit(1)
      .executeTakeFirstOrThrow();
    const here = { day: row.day, call_id: row.call_id };
    const change = other.writes.updateTable("calls").where((where) => where.and(here));
    await change.set({ cost: row.cost + 1n }).execute();
    const ran = await run(node, "verify");
    assert.equal(ran.code, 1);
    assert.match(ran.out, /rollups .*dear .*-0\.000000001/);
    assert.match(ran.out, /budget +- +key \d+ total .*-0\.000000001/);
    await change.set({ cost: row.cost }).execute();
    await verified(node);
  } finally {
    await other.close();
  }
}

test(
  "a vendor's export agrees with what was booked, or each day and model that differs is named",
  { timeout: 180_000 },
  async () => {
    const upstream = await openVendor();
    const folder = mkdtempSync(join(tmpdir(), "switchyard-export-"));
    await using node = await startNode();
    try {
      await prepare(node, upstream);
      const before = new Date().toISOString().slice(0, 10);
      for (let index = 0; index < 6; index += 1) await node.chat(models[index % 2] as string);
      const costs = await waitFor("rows", 5000, async () => {
        const rows = (
          await node.api("GET", `/api/ledger/channel-costs?from=${before}&to=${before}`)
        ).json<{
          data: { model: string; calls: number; channelCost: string; inputTokens: number }[];
        }>();
        return rows.data.reduce((sum, row) => sum + row.calls, 0) === 6 ? rows.data : undefined;
      });
      const file = join(folder, "export.csv");
      const line = (row: (typeof costs)[0], cost = row.channelCost): string =>
        `${before}T00:00:00Z,"${row.model}",${cost}`;
      writeFileSync(
        file,
        ["\u{feff}Day,Model,Cost", ...costs.map((row) => line(row))].join("\r\n"),
      );
      const same = await run(node, "reconcile", "--file", file, "--tolerance", "0");
      assert.equal(same.code, 0, same.error + same.out);
      const changed = costs.map((row) => line(row, row.model === "dear" ? "1.5" : row.channelCost));
      writeFileSync(file, ["Day,Model,Cost", ...changed, `${before},other,0.25`].join("\n"));
      const differs = await run(node, "reconcile", "--file", file);
      assert.equal(differs.code, 1);
      assert.match(differs.out, /dear +1\.5/);
      assert.match(differs.out, /other +0\.25 +0 +-0\.25/);
      assert.doesNotMatch(differs.out, /cheap/);
      writeFileSync(file, `Day,Model,Tokens\n${before},dear,1`);
      assert.equal((await run(node, "reconcile", "--file", file)).code, 2);
      writeFileSync(file, `Day,Model,Cost\n${before},dear,much`);
      assert.match((await run(node, "reconcile", "--file", file)).error, /line 2.*much/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
      await upstream.close();
    }
  },
);

test(
  "corrections are entries, each once, and move a user's balance",
  { timeout: 180_000 },
  async () => {
    await using node = await startNode();
    const users = (await node.api("GET", "/api/users")).json<{ data: { id: number }[] }>().data;
    const account = users[0]?.id ?? 0;
    const correction = {
      accountKind: "user",
      account,
      amount: "1.25",
      remark: "charged twice",
      reference: "r1",
    };
    assert.equal((await node.api("POST", "/api/ledger/corrections", correction)).status, 201);
    assert.equal((await node.api("POST", "/api/ledger/corrections", correction)).status, 200);
    const other = { ...correction, amount: "2" };
    assert.equal((await node.api("POST", "/api/ledger/corrections", other)).status, 409);
    const channel = { ...correction, accountKind: "channel", account: 3, amount: "-0.5" };
    assert.equal((await node.api("POST", "/api/ledger/corrections", channel)).status, 201);
    const { data } = (await node.api("GET", "/api/ledger/entries?kind=correction")).json<{
      data: { accountKind: string; amount: string }[];
    }>();
    assert.deepEqual(
      data.map(({ accountKind, amount }) => [accountKind, amount]),
      [
        ["channel", "-0.5"],
        ["user", "1.25"],
      ],
    );
    await verified(node);
  },
);

test(
  "usage is told by time and by what one asks, members their own",
  { timeout: 180_000 },
  async () => {
    const upstream = await openVendor();
    await using node = await startNode();
    try {
      await prepare(node, upstream);
      for (let index = 0; index < 5; index += 1) await node.chat(models[index % 2] as string);
      interface Sum {
        readonly model?: string;
        readonly calls: number;
        readonly input: number;
        readonly cost: string;
      }
      const ask = async (query: string): Promise<Sum[]> =>
        (await node.api("GET", `/api/usage?${query}`)).json<{ data: Sum[] }>().data;
      await waitFor("sums", 5000, async () => (await ask(""))[0]?.calls === 5);
      const byModel = await ask("by=model");
      assert.deepEqual(
        byModel.map(({ model, calls, input }) => [model, calls, input]),
        [
          ["dear", 2, 18],
          ["cheap", 3, 27],
        ],
      );
      assert.equal(byModel[1]?.cost, "0.000000009");
      assert.equal(byModel[0]?.cost, "0.00495");
      const timed = await ask("every=quarter&by=model,channel,key,user,group");
      assert.equal(
        timed.reduce((sum, { calls }) => sum + calls, 0),
        5,
      );
      assert.equal((await node.api("GET", "/api/usage?by=nothing")).status, 422);
    } finally {
      await upstream.close();
    }
  },
);
