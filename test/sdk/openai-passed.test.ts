/** OpenAI's own client against a node: it must not notice that it does not speak with OpenAI. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import OpenAI, { APIError } from "openai";
import { ownRecordings } from "../fakes/recordings.ts";
import { type Behaviour, cut, openFakeUpstream, replay, status } from "../fakes/upstream.ts";
import { closing, openYard, testKey } from "../e2e/call-harness.ts";

const [ownText, ownStream, ownTools, ownEmbeddings] = ownRecordings();
const messages = [{ role: "user" as const, content: "Say hello" }];

async function client(
  t: TestContext,
  behaviour: Behaviour | undefined,
  apiKey = testKey,
): Promise<OpenAI> {
  assert.ok(behaviour !== undefined);
  const vendor = closing(t, await openFakeUpstream(behaviour));
  const models = ["own-model", "own-embed"];
  const yard = await openYard(t, { channels: [{ baseUrl: vendor.baseUrl, models }] });
  return new OpenAI({ apiKey, baseURL: `${yard.url}/v1`, maxRetries: 0 });
}

async function failure(call: Promise<unknown>): Promise<APIError> {
  const outcome = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(outcome instanceof APIError);
  return outcome;
}

test("a whole reply", async (t) => {
  const openai = await client(t, ownText && replay(ownText));
  const reply = await openai.chat.completions.create({ model: "own-model", messages });
  assert.equal(reply.choices[0]?.message.content, "Hello é there");
  assert.equal(reply.usage?.total_tokens, 12);
});

test("a stream, with usage only where asked for", async (t) => {
  const openai = await client(t, ownStream && replay(ownStream));
  for (const include_usage of [true, false]) {
    const stream = await openai.chat.completions.create({
      model: "own-model",
      messages,
      stream: true,
      stream_options: { include_usage },
    });
    let text = "";
    let usages = 0;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      if (chunk.usage != null) usages += 1;
    }
    assert.deepEqual([text, usages], ["Hello é", include_usage ? 1 : 0]);
  }
});

test("a tool call, put together by the client's own stream helper", async (t) => {
  const openai = await client(t, ownTools && replay(ownTools));
  const runner = openai.chat.completions.stream({
    model: "own-model",
    messages,
    tools: [{ type: "function", function: { name: "weather", parameters: { type: "object" } } }],
  });
  const final = await runner.finalChatCompletion();
  const call = final.choices[0]?.message.tool_calls?.[0];
  assert.ok(call?.type === "function");
  assert.deepEqual(
    [call.id, call.function.name, call.function.arguments],
    ["call_own", "weather", '{"city":"Paris"}'],
  );
});

test("embeddings", async (t) => {
  const openai = await client(t, ownEmbeddings && replay(ownEmbeddings));
  const input = ["one", "two"];
  const reply = await openai.embeddings.create({
    model: "own-embed",
    input,
    encoding_format: "float",
  });
  assert.deepEqual(
    reply.data.map((item) => item.embedding),
    [
      [0.25, -0.5],
      [0.125, 1],
    ],
  );
});

test("models", async (t) => {
  const openai = await client(t, status(500));
  const names: string[] = [];
  for await (const model of openai.models.list()) names.push(model.id);
  assert.deepEqual(names, ["own-embed", "own-model"]);
  assert.equal((await openai.models.retrieve("own-model")).id, "own-model");
});

test("errors arrive as the classes and fields that clients branch on", async (t) => {
  const openai = await client(
    t,
    status(400, {}, { message: "bad temperature", param: "temperature", code: "invalid_value" }),
  );
  const refused = await failure(openai.chat.completions.create({ model: "own-model", messages }));
  assert.ok(refused instanceof OpenAI.BadRequestError);
  assert.deepEqual([refused.code, refused.param], ["invalid_value", "temperature"]);
  const missing = await failure(openai.chat.completions.create({ model: "claude4", messages }));
  assert.deepEqual([missing.status, missing.code], [503, "no_available_channel"]);
  assert.match(missing.message, /No available channel for model claude4 in group default/);
  const stranger = await client(t, status(500), "sk-nobody-0123456789abcdef0123456789ab");
  const unknown = await failure(stranger.chat.completions.create({ model: "own-model", messages }));
  assert.ok(unknown instanceof OpenAI.AuthenticationError);
  assert.equal(unknown.code, "invalid_api_key");
  assert.match(unknown.requestID ?? "", /^[0-9a-z]{26}$/);
});

test("a stream that breaks is an error to the client, never a short answer", async (t) => {
  const events = (ownStream?.response.body.toString() ?? "").split("\n\n").slice(0, 3);
  const openai = await client(t, cut([`${events.join("\n\n")}\n\n`]));
  const stream = await openai.chat.completions.create({
    model: "own-model",
    messages,
    stream: true,
  });
  let text = "";
  const broken = await failure(
    (async () => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
    })(),
  );
  assert.equal(text, "Hello é");
  assert.equal(broken.code, "upstream_truncated");
});
