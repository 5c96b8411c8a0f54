/**
 * Budgets over real nodes. Promises: however many nodes spend it, one after another or all at once, a budget for ten
 * calls at a price per call lets ten of them pass; what is overspent where costs differ from what was set aside is that
 * difference and nothing else; and rows, roll-ups and counters agree to the nano-dollar.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { freshDatabase, engineUrls, skipReason } from "../engines/engines.ts";
import { startRedis } from "../engines/start-redis.ts";
import { type FakeUpstream, openFakeUpstream } from "../fakes/upstream.ts";
import { openBooks } from "./books.ts";
import { applied, channelTo, write } from "./cluster.ts";
import { type GatewayNode, type Reply, startNode } from "./nodes.ts";

const perCallNano = 10_000_000n;
const tokenNano = 1_000n;

interface Yard {
  readonly nodes: readonly GatewayNode[];
  /** Makes a key with a budget (dollars); answers it when every node knows it. */
  key(amount: string): Promise<{ readonly id: number; readonly key: string }>;
  readonly upstream: FakeUpstream;
}

/** The vendor answers as many tokens as it is asked to by the last word of the question. */
function openCounting(): Promise<FakeUpstream> {
  return openFakeUpstream((request, response) => {
    const asked = JSON.parse(request.body.toString()) as {
      model: string;
      messages: { content: string }[];
    };
    const tokens = Number(asked.messages[0]?.content ?? 0);
    response.writeHead(200, { "content-type": "application/json" });
    response.end(
      JSON.stringify({
        id: "c",
        object: "chat.completion",
        created: 1,
        model: asked.model,
        choices: [
          { index: 0, message: { role: "assistant", content: "ok" }, finish_reason: "stop" },
        ],
        usage: { prompt_tokens: 0, completion_tokens: tokens, total_tokens: tokens },
      }),
    );
  });
}

async function openYard(
  t: TestContext,
  count: number,
  dsn: string | undefined,
  env: Readonly<Record<string, string>> = {},
): Promise<Yard> {
  const upstream = await openCounting();
  t.after(() => upstream.close());
  const nodes: GatewayNode[] = [];
  t.after(() => Promise.all(nodes.map((node) => node[Symbol.asyncDispose]())));
  const start = (): Promise<GatewayNode> => startNode({ ...(dsn !== undefined && { dsn }), env });
  const first = await start();
  nodes.push(first);
  nodes.push(...(await Promise.all(Array.from({ length: count - 1 }, start))));
  await write(first, "POST", "/api/channels", channelTo(upstream, ["flat", "metered"]));
  await write(first, "POST", "/api/prices", { model: "flat", mode: "call", perCall: "0.01" });
  const price = { model: "metered", mode: "tokens", input: "0", output: "1" };
  const { revision } = await write(first, "POST", "/api/prices", price);
  await Promise.all(nodes.map((node) => applied(node, revision)));
  return {
    nodes,
    upstream,
    key: async (amount) => {
      const made = await write<{ id: number; key: string }>(first, "POST", "/api/keys", {
        name: `budget of ${amount}`,
        budget: { amount },
      });
      await Promise.all(nodes.map((node) => applied(node, made.revision)));
      return made.data;
    },
  };
}

function ask(node: GatewayNode, model: string, key: string, more: object = {}): Promise<Reply> {
  const messages = [{ role: "user", content: "0" }];
  return node.call("/v1/chat/completions", { model, messages, ...more }, { key });
}

function passedOf(replies: readonly Reply[]): number {
  for (const reply of replies.filter(({ status }) => status !== 200)) {
    assert.equal(reply.status, 429, reply.text);
    assert.equal(reply.json<{ error: { code: string } }>().error.code, "insufficient_quota");
    assert.equal(reply.headers.get("x-should-retry"), "false");
  }
  return replies.filter(({ status }) => status === 200).length;
}

async function spendFlat(
  t: TestContext,
  yard: Yard,
  dsn: string | undefined,
  meanwhile?: () => Promise<void>,
): Promise<void> {
  const { nodes } = yard;
  await using books = await openBooks(dsn, `${nodes[0]?.dataDir}/switchyard.db`);
  await t.test("one after another round the nodes exactly ten pass", async () => {
    const { id, key } = await yard.key("0.1");
    const replies: Reply[] = [];
    for (let index = 0; index < 20; index += 1)
      replies.push(await ask(nodes[index % nodes.length]!, "flat", key));
    assert.equal(passedOf(replies), 10);
    const told = await books.settled({ keyId: id, kind: "key", id, calls: 20 });
    const cost = 10n * perCallNano;
    assert.deepEqual([told.rows.cost, told.rollups.cost, told.counted], [cost, cost, cost]);
    assert.equal(told.rollups.calls, 20n);
  });
  await t.test("of three hundred at once nine or ten pass", async () => {
    const { id, key } = await yard.key("0.1");
    const asking = Promise.all(
      Array.from({ length: 300 }, (_, index) => ask(nodes[index % nodes.length]!, "flat", key)),
    );
    await meanwhile?.();
    const passed = passedOf(await asking);
    assert.ok(passed === 9 || passed === 10, `${passed} passed`);
    const told = await books.settled({ keyId: id, kind: "key", id, calls: 300 });
    const cost = BigInt(passed) * perCallNano;
    assert.deepEqual([told.rows.cost, told.rollups.cost, told.counted], [cost, cost, cost]);
  });
}

/** Calls reserve 1,000 tokens and cost a tenth to ten times of that. */
async function spendMetered(yard: Yard, dsn: string | undefined): Promise<void> {
  const { nodes } = yard;
  await using books = await openBooks(dsn, `${nodes[0]?.dataDir}/switchyard.db`);
  const { id, key } = await yard.key("0.02");
  const limit = 20_000_000n;
  const replies = await Promise.all(
    Array.from({ length: 120 }, async (_, index) => {
      const tokens = Math.round(100 * 10 ** ((index % 20) / 9.5));
      const messages = [{ role: "user", content: String(tokens) }];
      const more = { messages, max_tokens: 1000 };
      return { tokens, reply: await ask(nodes[index % nodes.length]!, "metered", key, more) };
    }),
  );
  passedOf(replies.map(({ reply }) => reply));
  const passed = replies.filter(({ reply }) => reply.status === 200);
  const spent = passed.reduce((sum, { tokens }) => sum + BigInt(tokens) * tokenNano, 0n);
  const overdraw = passed.reduce(
    (sum, { tokens }) => sum + BigInt(Math.max(0, tokens - 1000)) * tokenNano,
    0n,
  );
  assert.ok(spent <= limit + overdraw, `${spent} spent of ${limit}, at most ${overdraw} beyond`);
  assert.ok(spent > limit / 2n, `only ${spent} of ${limit} could be spent`);
  const told = await books.settled({ keyId: id, kind: "key", id, calls: 120 });
  assert.deepEqual([told.rows.cost, told.rollups.cost, told.counted], [spent, spent, spent]);
}

test("a budget on one node over SQLite", { timeout: 120_000 }, async (t) => {
  const yard = await openYard(t, 1, undefined);
  await spendFlat(t, yard, undefined);
  await t.test("costs of 0.1 to 10 times what was set aside", () => spendMetered(yard, undefined));
});

for (const engine of ["postgres", "mysql"] as const) {
  const title = `a budget on five nodes over ${engine}`;
  test(title, { skip: skipReason(engine), timeout: 180_000 }, async (t) => {
    const database = await freshDatabase(engine);
    t.after(() => database[Symbol.asyncDispose]());
    const yard = await openYard(t, 5, database.dsn);
    await spendFlat(t, yard, database.dsn);
    await t.test("costs of 0.1 to 10 times what was set aside", () =>
      spendMetered(yard, database.dsn),
    );
  });
}

test(
  "a budget on five nodes with Redis",
  { skip: skipReason("postgres") || skipReason("redis"), timeout: 180_000 },
  async (t) => {
    const database = await freshDatabase("postgres");
    t.after(() => database[Symbol.asyncDispose]());
    const env = { REDIS_CONN_STRING: engineUrls().redis ?? "" };
    await spendFlat(t, await openYard(t, 5, database.dsn, env), database.dsn);
  },
);

test(
  "a budget on five nodes whose Redis dies midway",
  { skip: skipReason("postgres") || skipReason("redis", "own"), timeout: 180_000 },
  async (t) => {
    const database = await freshDatabase("postgres");
    t.after(() => database[Symbol.asyncDispose]());
    const redis = await startRedis();
    t.after(() => redis[Symbol.asyncDispose]());
    const yard = await openYard(t, 5, database.dsn, { REDIS_CONN_STRING: redis.url });
    await spendFlat(t, yard, database.dsn, () => redis.stop("crash"));
  },
);
