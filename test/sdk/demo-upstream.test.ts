/** What the demo says is read by OpenAI's own client as it reads a vendor. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { systemClock } from "../../src/core/clock.ts";
import { openDemoUpstream } from "../../src/cli/demo-upstream.ts";
import type { DemoUpstream } from "../../src/cli/demo-upstream.ts";

let upstream: DemoUpstream;
let client: OpenAI;

before(async () => {
  upstream = await openDemoUpstream({ clock: systemClock, pieceMs: 0 });
  client = new OpenAI({ baseURL: upstream.baseUrl, apiKey: "demo", maxRetries: 0 });
});
after(() => upstream.close());

const messages = [{ role: "user" as const, content: "Hello" }];
const tools = [
  { type: "function" as const, function: { name: "weather", parameters: { type: "object" } } },
];

test("OpenAI's own client reads a whole chat reply", async () => {
  const reply = await client.chat.completions.create({ model: "demo-chat", messages });
  assert.match(reply.choices[0]?.message.content ?? "", /^Hello from Switchyard's demo upstream\./);
  assert.equal(reply.choices[0]?.finish_reason, "stop");
  assert.equal(reply.model, "demo-chat");
  assert.equal(reply.usage?.total_tokens, 52);
});

test("a stream has the same text, and usage only where it was asked for", async () => {
  const whole = await client.chat.completions.create({ model: "demo-chat", messages });
  for (const include_usage of [true, false]) {
    const stream = await client.chat.completions.create({
      model: "demo-chat",
      messages,
      stream: true,
      stream_options: { include_usage },
    });
    let text = "";
    const usages: (number | undefined)[] = [];
    for await (const piece of stream) {
      text += piece.choices[0]?.delta.content ?? "";
      if (piece.usage != null) usages.push(piece.usage.total_tokens);
    }
    assert.equal(text, whole.choices[0]?.message.content);
    assert.deepEqual(usages, include_usage ? [52] : []);
  }
});

test("an offered tool is called, whole and streamed alike", async () => {
  const reply = await client.chat.completions.create({ model: "demo-chat", messages, tools });
  const call = reply.choices[0]?.message.tool_calls?.[0];
  assert.equal(call?.type === "function" && call.function.name, "weather");
  const whole = call?.type === "function" ? call.function.arguments : "";
  assert.deepEqual(JSON.parse(whole), { city: "Lisbon" });
  const stream = await client.chat.completions.create({
    model: "demo-chat",
    messages,
    tools,
    stream: true,
  });
  let streamed = "";
  for await (const piece of stream)
    streamed += piece.choices[0]?.delta.tool_calls?.[0]?.function?.arguments ?? "";
  assert.equal(streamed, whole);
});

test("embeddings come as numbers or as base64 of the same numbers", async () => {
  const input = ["a", "b"];
  const numbers = await client.embeddings.create({
    model: "demo-embedding",
    input,
    encoding_format: "float",
  });
  const encoded = await client.embeddings.create({ model: "demo-embedding", input });
  assert.equal(numbers.data.length, 2);
  assert.deepEqual(encoded.data[1]?.embedding, numbers.data[1]?.embedding);
});

test("the failing models fail as vendors do", async () => {
  const statuses: unknown[] = [];
  for (const model of ["demo-busy", "demo-broken", "demo-refused"])
    await client.chat.completions.create({ model, messages }).catch((error: unknown) => {
      assert.ok(error instanceof OpenAI.APIError);
      statuses.push(error.status);
      if (error.status === 429) assert.equal(error.headers?.get("retry-after"), "2");
    });
  assert.deepEqual(statuses, [429, 500, 400]);
});

test("a cut stream ends without its terminator", async () => {
  const response = await fetch(`${upstream.baseUrl}/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ model: "demo-cut", messages, stream: true }),
  });
  let text = "";
  await assert.rejects(async () => {
    assert.ok(response.body);
    for await (const chunk of response.body) text += Buffer.from(chunk).toString();
  });
  assert.match(text, /Switchyard/);
  assert.doesNotMatch(text, /\[DONE\]|finish_reason":"stop/);
});

test("models are listed, and a wrong body or path is refused", async () => {
  const models = await client.models.list();
  assert.ok(models.data.some((model) => model.id === "demo-chat"));
  const bad = await fetch(`${upstream.baseUrl}/chat/completions`, { method: "POST", body: "[" });
  assert.equal(bad.status, 400);
  const lost = await fetch(`${upstream.baseUrl}/images`, { method: "POST", body: "{}" });
  assert.equal(lost.status, 404);
});
