/**
 * Conversations that OpenAI's own client continues by `previous_response_id` over upstreams that keep nothing: on any
 * node, streamed and whole, read again, deleted, expired, switched off, and while the database is down.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import OpenAI, { APIError } from "openai";
import type { Response } from "openai/resources/responses/responses";
import { applied, write } from "../e2e/cluster.ts";
import { type GatewayNode, startNode, waitFor } from "../e2e/nodes.ts";
import { withRawSql } from "../e2e/raw-sql.ts";
import { type Tenant, makeChannel, makeTenants } from "../e2e/tenants.ts";
import { freshDatabaseOn, skipReason } from "../engines/engines.ts";
import { startPostgres } from "../engines/start-postgres.ts";
import type { ServerInstance } from "../engines/server-process.ts";
import { type ScriptedUpstream, startScriptedUpstream } from "../fakes/scripted/upstream.ts";
import { asList, textOf } from "../fakes/scripted/turn.ts";

const skip = skipReason("postgres", "own");

interface World {
  readonly nodes: readonly [GatewayNode, GatewayNode];
  readonly ann: Tenant;
  readonly bob: Tenant;
  readonly upstream: ScriptedUpstream;
  readonly server: ServerInstance;
  readonly dsn: string;
}

/** Two nodes over one database; the upstream counts the messages that it hears, and can call a tool. */
async function openWorld(t: TestContext): Promise<World> {
  const upstream = await startScriptedUpstream((heard) => {
    if (heard.tools.length > 0 && heard.toolResults.length === 0)
      return { calls: [{ name: "weather", arguments: { city: "Köln" } }] };
    const { body } = heard;
    const asked = body["messages"] ?? body["input"];
    const messages = typeof asked === "string" ? [{ content: asked }] : asList(asked);
    const said = messages.map((message) => textOf((message as { content: unknown }).content));
    return { text: `heard ${said.length}: ${said.join(" | ")}` };
  });
  t.after(() => upstream.close());
  const server = await startPostgres();
  t.after(() => server[Symbol.asyncDispose]());
  const { dsn } = await freshDatabaseOn("postgres", server.url);
  const first = await startNode({ dsn, type: "master" });
  t.after(() => first[Symbol.asyncDispose]());
  const second = await startNode({ dsn, type: "slave" });
  t.after(() => second[Symbol.asyncDispose]());
  await makeChannel(first, {
    provider: "custom",
    baseUrl: `${upstream.origin}/v1`,
    models: ["chat-model"],
  });
  await makeChannel(first, {
    provider: "anthropic",
    baseUrl: upstream.origin,
    models: ["claude-model"],
    name: "claude",
  });
  const nodes = [first, second] as const;
  return { nodes, upstream, server, dsn, ...(await makeTenants(nodes)) };
}

function client(node: GatewayNode, { key }: Tenant): OpenAI {
  return new OpenAI({ apiKey: key, baseURL: `${node.url}/v1`, maxRetries: 0 });
}

async function failureOf(call: Promise<unknown>): Promise<APIError> {
  const outcome = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(outcome instanceof APIError, String(outcome));
  return outcome;
}

/** The client's types know it of requests only. */
function storeOf(response: Response): unknown {
  return (response as unknown as { store: unknown }).store;
}

type Asked = OpenAI.Responses.ResponseCreateParamsNonStreaming;

/** As a stream that is read to its end, or whole. */
async function turn(openai: OpenAI, asked: Asked, streamed: boolean): Promise<Response> {
  if (!streamed) return await openai.responses.create(asked);
  return await openai.responses.stream({ ...asked, stream: true }).finalResponse();
}

test(
  "three turns over alternating nodes, whole and streamed",
  { skip, timeout: 120_000 },
  async (t) => {
    const { nodes, ann, bob, upstream } = await openWorld(t);
    for (const model of ["chat-model", "claude-model"])
      for (const streamed of [false, true]) {
        let previous: Response | undefined;
        for (const [index, node] of [nodes[0], nodes[1], nodes[0]].entries()) {
          const asked: Asked = { model, input: `turn ${index}` };
          if (previous !== undefined) asked.previous_response_id = previous.id;
          const reply: Response = await turn(client(node, ann), asked, streamed);
          assert.equal(storeOf(reply), true, JSON.stringify(reply));
          assert.equal(reply.previous_response_id, previous?.id ?? null);
          assert.match(reply.output_text, new RegExp(`^heard ${2 * index + 1}: turn 0`));
          previous = reply;
        }
        const heard = upstream.heard.at(-1)?.body["messages"];
        assert.equal(asList(heard).length, 5);
        assert.ok(previous !== undefined);
        const read = client(nodes[1], ann);
        const again = await read.responses.retrieve(previous.id);
        assert.deepEqual(
          [again.id, again.output_text, again.output.map((item) => ("id" in item ? item.id : ""))],
          [previous.id, previous.output_text, previous.output.map((item) => item.id)],
        );
        const items = await read.responses.inputItems.list(previous.id, { order: "asc", limit: 2 });
        const all = [];
        for await (const item of items) all.push(item);
        assert.deepEqual(
          all.map((item) => ("role" in item ? item.role : item.type)),
          ["user", "assistant", "user", "assistant", "user"],
        );
        const cancelled = await failureOf(read.responses.cancel(previous.id));
        assert.equal(cancelled.status, 400);
        const other = client(nodes[0], bob);
        assert.equal((await failureOf(other.responses.retrieve(previous.id))).status, 404);
        assert.equal((await failureOf(other.responses.inputItems.list(previous.id))).status, 404);
        assert.equal((await failureOf(other.responses.delete(previous.id))).status, 404);
        const stolen = { model, input: "?", previous_response_id: previous.id };
        const refused = await failureOf(other.responses.create(stolen));
        assert.deepEqual([refused.status, refused.code], [400, "previous_response_not_found"]);
        await read.responses.delete(previous.id);
        assert.equal((await failureOf(read.responses.retrieve(previous.id))).status, 404);
        assert.equal((await failureOf(read.responses.create(stolen))).status, 400);
      }
  },
);

test(
  "tool calls are answered by what continues them, and items by their ids",
  { skip, timeout: 120_000 },
  async (t) => {
    const { nodes, ann, bob, upstream } = await openWorld(t);
    const tools: OpenAI.Responses.Tool[] = [
      { type: "function", name: "weather", parameters: { type: "object" }, strict: false },
    ];
    const first = await client(nodes[0], ann).responses.create({
      model: "claude-model",
      input: "How is it in Köln?",
      tools,
    });
    const call = first.output.find((item) => item.type === "function_call");
    assert.ok(call?.type === "function_call" && call.id !== undefined);
    const output = {
      type: "function_call_output" as const,
      call_id: call.call_id,
      output: "18 °C",
    };
    const continued = await client(nodes[1], ann).responses.create({
      model: "claude-model",
      previous_response_id: first.id,
      input: [output],
      tools,
    });
    assert.match(continued.output_text, /^heard 3/);
    assert.deepEqual(upstream.heard.at(-1)?.toolResults, ["18 °C"]);
    const byItem = await client(nodes[1], ann).responses.create({
      model: "claude-model",
      input: [
        { role: "user", content: "How is it in Köln?" },
        { type: "item_reference", id: call.id },
        output,
      ],
      tools,
    });
    assert.match(byItem.output_text, /^heard 3/);
    const stolen = await failureOf(
      client(nodes[1], bob).responses.create({
        model: "claude-model",
        input: [{ role: "user", content: "?" }, { type: "item_reference", id: call.id }, output],
        tools,
      }),
    );
    assert.equal(stolen.status, 400, stolen.message);
  },
);

test(
  "a conversation goes on at an upstream that keeps responses itself",
  { skip, timeout: 120_000 },
  async (t) => {
    const { nodes, ann, upstream } = await openWorld(t);
    const [one, two] = nodes;
    const first = await client(one, ann).responses.create({ model: "chat-model", input: "begun" });
    await makeChannel(one, {
      provider: "openai",
      baseUrl: `${upstream.origin}/v1`,
      models: ["native-model"],
      dialects: ["openai-responses"],
      name: "native",
    });
    const asked = { model: "native-model", input: "gone on", previous_response_id: first.id };
    const second = await client(two, ann).responses.create(asked);
    assert.equal(second.output_text, "heard 3: begun | heard 1: begun | gone on");
    const sent = upstream.heard.at(-1)?.body ?? {};
    assert.equal(sent["previous_response_id"], undefined);
    assert.ok(!JSON.stringify(sent).includes(first.id.slice("resp_".length)));
  },
);

test("expired responses are gone, also from the table", { skip, timeout: 120_000 }, async (t) => {
  const { nodes, ann, dsn } = await openWorld(t);
  const openai = client(nodes[1], ann);
  const reply = await openai.responses.create({ model: "chat-model", input: "hi" });
  const rows = () =>
    withRawSql(dsn, (sql) => sql("select id, content from response_states order by id"));
  const [row] = await rows();
  assert.equal(row?.["id"], reply.id);
  assert.ok(!String(row?.["content"]).includes("heard"));
  await withRawSql(dsn, (sql) => sql("update response_states set expires_at = 1"));
  assert.equal((await failureOf(openai.responses.retrieve(reply.id))).status, 404);
  const asked = { model: "chat-model", input: "?", previous_response_id: reply.id };
  assert.equal(
    (await failureOf(openai.responses.create(asked))).code,
    "previous_response_not_found",
  );
  // Its first turn comes soon after a node came to lead.
  await nodes[0].kill();
  const leader = await startNode({ dsn, type: "master" });
  t.after(() => leader[Symbol.asyncDispose]());
  await waitFor("the expired row is deleted", 30_000, async () => (await rows()).length === 0);
});

test(
  "switched off, replies say so and are answered all the same",
  { skip, timeout: 120_000 },
  async (t) => {
    const { nodes, ann, dsn } = await openWorld(t);
    const [one, two] = nodes;
    const { revision } = await write(one, "PATCH", "/api/settings", { responseState: "off" });
    await applied(two, revision);
    for (const streamed of [false, true]) {
      const asked = { model: "chat-model", input: "hi", stream: streamed };
      const reply = await two.call("/v1/responses", asked, { key: ann.key });
      assert.equal(reply.status, 200, reply.text);
      assert.match(reply.headers.get("x-switchyard-warning") ?? "", /switched off/);
      assert.match(reply.text, /"store":false/);
      assert.doesNotMatch(reply.text, /"store":true/);
    }
    const silent = { model: "chat-model", input: "hi", store: false };
    const unasked = await two.call("/v1/responses", silent, { key: ann.key });
    assert.equal(unasked.headers.get("x-switchyard-warning"), null);
    const rows = await withRawSql(dsn, (sql) => sql("select id from response_states"));
    assert.deepEqual(rows, []);
    assert.equal((await one.api("PATCH", "/api/settings", { responseState: "maybe" })).status, 422);
  },
);

test(
  "with the database down a call is answered, and told that it is not kept",
  { skip, timeout: 120_000 },
  async (t) => {
    const { nodes, ann, server } = await openWorld(t);
    const [one] = nodes;
    const before = await client(one, ann).responses.create({ model: "chat-model", input: "hi" });
    await server.stop("crash");
    const whole = await one.call(
      "/v1/responses",
      { model: "chat-model", input: "hi" },
      { key: ann.key },
    );
    assert.equal(whole.status, 200, whole.text);
    assert.equal(whole.json<{ store: boolean }>().store, false);
    assert.match(whole.headers.get("x-switchyard-warning") ?? "", /not stored/);
    const last = await client(one, ann)
      .responses.stream({ model: "chat-model", input: "hi", metadata: { mine: "yes" } })
      .finalResponse();
    assert.equal(storeOf(last), false);
    assert.equal(last.metadata?.["mine"], "yes");
    assert.match(last.metadata?.["switchyard_warning"] ?? "", /not stored/);
    const asked = { model: "chat-model", input: "?", previous_response_id: before.id };
    const refused = await failureOf(client(one, ann).responses.create(asked));
    assert.deepEqual([refused.status, refused.code], [503, "temporarily_unavailable"]);
    await server.restart();
    const again = await waitFor("the conversation goes on", 20_000, async () => {
      const reply = await one.call("/v1/responses", asked, { key: ann.key });
      return reply.status === 200 ? reply : undefined;
    });
    assert.match(again.text, /heard 3/);
  },
);

test("upstreams that speak Responses and keep nothing", { skip, timeout: 120_000 }, async (t) => {
  const { nodes, ann, bob, upstream, server } = await openWorld(t);
  const [one, two] = nodes;
  await makeChannel(one, {
    provider: "custom",
    baseUrl: `${upstream.origin}/v1`,
    models: ["stateless-model"],
    dialects: ["openai-responses"],
    name: "stateless",
  });
  for (const streamed of [false, true]) {
    let previous: Response | undefined;
    for (const [index, node] of [one, two, one].entries()) {
      const asked: Asked = { model: "stateless-model", input: `turn ${index}` };
      if (previous !== undefined) asked.previous_response_id = previous.id;
      const reply: Response = await turn(client(node, ann), asked, streamed);
      assert.match(reply.id, /^resp_[0-9a-z]{26}$/);
      assert.deepEqual([storeOf(reply), reply.previous_response_id], [true, previous?.id ?? null]);
      assert.match(reply.output_text, new RegExp(`^heard ${2 * index + 1}: turn 0`));
      previous = reply;
    }
    const sent = upstream.heard.at(-1)?.body ?? {};
    assert.equal(sent["previous_response_id"], undefined);
    assert.ok(!JSON.stringify(sent).includes("_sy1"), JSON.stringify(sent));
    assert.ok(previous !== undefined);
    const read = await client(two, ann).responses.retrieve(previous.id);
    assert.equal(read.output_text, previous.output_text);
    assert.equal((await failureOf(client(two, bob).responses.retrieve(previous.id))).status, 404);
    const translated: Asked = {
      model: "claude-model",
      input: "on",
      previous_response_id: previous.id,
    };
    const elsewhere = await turn(client(two, ann), translated, streamed);
    assert.match(elsewhere.output_text, /^heard 7/);
    const back: Asked = {
      model: "stateless-model",
      input: "back",
      previous_response_id: elsewhere.id,
    };
    const again = await turn(client(one, ann), back, streamed);
    assert.match(again.output_text, /^heard 9/);
    // Items that are sent whole go with the ids that the upstream gave them.
    const whole = await client(one, ann).responses.create({
      model: "stateless-model",
      input: [
        { role: "user", content: "a" },
        ...(previous.output as never[]),
        { role: "user", content: "b" },
      ],
    });
    assert.match(whole.output_text, /^heard 3/);
    assert.ok(!JSON.stringify(upstream.heard.at(-1)?.body).includes("_sy1"));
  }
  const unkept = await one.call(
    "/v1/responses",
    { model: "stateless-model", input: "hi", store: false },
    { key: ann.key },
  );
  assert.match(unkept.text, /"id":"resp_[a-z]/);
  assert.match(unkept.text, /"store":false/);
  await server.stop("crash");
  const lost = await one.call(
    "/v1/responses",
    { model: "stateless-model", input: "hi" },
    { key: ann.key },
  );
  assert.equal(lost.status, 200, lost.text);
  assert.match(lost.text, /"store":false/);
  assert.match(lost.headers.get("x-switchyard-warning") ?? "", /not stored/);
  const last = await client(one, ann)
    .responses.stream({ model: "stateless-model", input: "hi", metadata: { mine: "yes" } })
    .finalResponse();
  assert.deepEqual([storeOf(last), last.metadata?.["mine"]], [false, "yes"]);
  assert.match(last.metadata?.["switchyard_warning"] ?? "", /not stored/);
});
