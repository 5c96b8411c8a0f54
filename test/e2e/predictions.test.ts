/**
 * Conversations over Replicate, through a real gateway process and over HTTP: what the vendor receives, what callers are
 * told, what is put on record, and that an answer which is not finished goes to the next channel.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Behaviour, type FakeUpstream, inTurn, openFakeUpstream } from "../fakes/upstream.ts";
import { write } from "./cluster.ts";
import { type GatewayNode, startNode, waitFor } from "./nodes.ts";

const model = "meta/meta-llama-3-70b-instruct";

/** Answers by a prediction as the vendor makes one of what it was asked. */
function predict(fields: object, code = 201): Behaviour {
  return ({ body }, response) => {
    const { input } = JSON.parse(body.toString()) as { input: object };
    const get = "https://api.replicate.com/v1/predictions/p1";
    const prediction = { id: "p1", model, version: "hidden", input, error: null, urls: { get } };
    response.writeHead(code, { "content-type": "application/json" });
    response.end(JSON.stringify({ ...prediction, ...fields }));
  };
}

const finished = predict({
  status: "succeeded",
  output: ["Grü", "ße", " 名"],
  metrics: { input_token_count: 26, output_token_count: 84, predict_time: 2.8 },
});
const running = predict({ status: "processing", output: ["Grü"] }, 202);
const failed = predict({ status: "failed", output: null, error: "out of luck" });

async function openVendor(t: TestContext, behaviour: Behaviour): Promise<FakeUpstream> {
  const vendor = await openFakeUpstream(behaviour);
  t.after(() => vendor.close());
  return vendor;
}

async function openNode(t: TestContext): Promise<GatewayNode> {
  const node = await startNode();
  t.after(() => node[Symbol.asyncDispose]());
  await write(node, "PATCH", "/api/settings", { cooldownSeconds: 0 });
  return node;
}

const channelTo = (vendor: FakeUpstream, name: string, priority: number): object => ({
  name,
  provider: "replicate",
  baseUrl: vendor.baseUrl,
  models: [model],
  credentials: [`r8-${name}`],
  priority,
});

const question = {
  model,
  max_tokens: 1000,
  messages: [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Greet me" },
  ],
};

interface Chat {
  readonly choices: readonly {
    readonly message: { readonly content: string };
    readonly finish_reason: string;
  }[];
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number };
}

interface CallRow {
  readonly id: string;
  readonly usage: object;
}

async function rowOf(node: GatewayNode, id: string): Promise<CallRow> {
  return await waitFor("the call's row", 5000, async () => {
    const { data } = (await node.api("GET", "/api/calls?limit=50")).json<{ data: CallRow[] }>();
    return data.find((row) => row.id === id);
  });
}

test("a conversation over Replicate, whole, as a stream, and for callers of another API", async (t) => {
  const vendor = await openVendor(t, finished);
  const node = await openNode(t);
  await write(node, "POST", "/api/channels", channelTo(vendor, "first", 0));
  const whole = await node.call("/v1/chat/completions", question);
  assert.equal(whole.status, 200, whole.text);
  const { choices, usage } = whole.json<Chat>();
  assert.deepEqual([choices[0]?.message.content, choices[0]?.finish_reason], ["Grüße 名", "stop"]);
  assert.deepEqual([usage.prompt_tokens, usage.completion_tokens], [26, 84]);
  const [sent] = vendor.requests;
  assert.deepEqual([sent?.method, sent?.path], ["POST", "/v1/predictions"]);
  const { authorization, prefer, accept, "cancel-after": deadline } = sent?.headers ?? {};
  assert.deepEqual(
    [authorization, prefer, accept, deadline],
    ["Bearer r8-first", "wait=60", "application/json", "1m"],
  );
  assert.deepEqual(JSON.parse(sent?.body.toString() ?? ""), {
    version: model,
    input: {
      prompt: "Greet me",
      system_prompt: "Be brief.",
      max_tokens: 1000,
      max_new_tokens: 1000,
    },
  });
  const streamed = await node.call("/v1/chat/completions", { ...question, stream: true });
  assert.match(streamed.headers.get("content-type") ?? "", /event-stream/);
  assert.match(streamed.text, /"content":"Grüße 名"[^]*"finish_reason":"stop"[^]*data: \[DONE\]/);
  const message = await node.call("/v1/messages", {
    ...question,
    messages: [question.messages[1]],
  });
  const { content } = message.json<{ content: readonly { text: string }[] }>();
  assert.equal(content[0]?.text, "Grüße 名", message.text);
  const row = await rowOf(node, whole.headers.get("x-request-id") ?? "");
  assert.deepEqual(row.usage, {
    input: 26,
    cacheRead: 0,
    cacheWrite: 0,
    output: 84,
    reasoning: 0,
    estimated: false,
  });
});

test("what is not finished in time goes to the next channel; where there is none it is a 504, never a shorter answer", async (t) => {
  const slow = await openVendor(t, running);
  const node = await openNode(t);
  await write(node, "POST", "/api/channels", channelTo(slow, "slow", 10));
  for (const stream of [false, true]) {
    const late = await node.call("/v1/chat/completions", { ...question, stream });
    assert.equal(late.status, 504, late.text);
    assert.match(late.text, /"upstream_timeout"/);
    assert.doesNotMatch(late.text, /Grü/);
  }
  slow.behave(failed);
  const broken = await node.call("/v1/chat/completions", question);
  assert.deepEqual([broken.status, /upstream_failed/.test(broken.text)], [502, true], broken.text);
  const quick = await openVendor(t, finished);
  await write(node, "POST", "/api/channels", channelTo(quick, "quick", 0));
  slow.behave(inTurn(running, failed));
  for (const stream of [true, false]) {
    const reply = await node.call("/v1/chat/completions", { ...question, stream });
    assert.equal(reply.status, 200, reply.text);
    assert.match(reply.text, /Grüße 名/);
  }
  assert.equal(quick.requests.length, 2);
  const tools = [{ type: "function", function: { name: "look", parameters: { type: "object" } } }];
  const refused = await node.call("/v1/chat/completions", { ...question, tools });
  assert.equal(refused.status, 400, refused.text);
  assert.match(refused.text, /`tools`/);
  assert.equal(quick.requests.length, 2);
});
