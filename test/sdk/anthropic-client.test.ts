/**
 * Anthropic's own client against a node, over upstreams of every API: what its users write works as it does with
 * Anthropic, helpers included, and what goes wrong arrives as the classes they catch.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import Anthropic, { APIError } from "@anthropic-ai/sdk";
import { betaTool } from "@anthropic-ai/sdk/helpers/beta/json-schema";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import type { MessageParam } from "@anthropic-ai/sdk/resources/messages";
import { z } from "zod";
import { testKey } from "../e2e/call-harness.ts";
import { openMind } from "../fakes/scripted/mind.ts";
import type { Vendor } from "../fakes/scripted/vendor.ts";
import {
  type UpstreamId,
  channelTo,
  model,
  openScriptedYard,
  upstreamIds,
} from "./scripted-yard.ts";

interface Stage {
  readonly anthropic: Anthropic;
  readonly vendor: Vendor;
}

async function stage(t: TestContext, upstream: UpstreamId): Promise<Stage> {
  const { yard, vendor } = await openScriptedYard(t, upstream, openMind());
  const anthropic = new Anthropic({ apiKey: testKey, baseURL: yard.url, maxRetries: 0 });
  return { anthropic, vendor };
}

const user = (content: string): MessageParam => ({ role: "user", content });
const capital = { model, max_tokens: 100, messages: [user("What is the capital of Japan?")] };
const essay = { model, max_tokens: 20, messages: [user("Write an essay.")] };

const inputSchema = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
} as const;

async function failure(call: Promise<unknown>): Promise<APIError> {
  const thrown = await call.then(
    () => assert.fail("it should have failed"),
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof APIError, String(thrown));
  return thrown;
}

const textOf = (content: readonly { type: string; text?: string }[]): string =>
  content.map(({ text }) => text ?? "").join("");

for (const upstream of upstreamIds) {
  test(`messages over ${upstream}`, async (t) => {
    const { anthropic } = await stage(t, upstream);
    const whole = await anthropic.messages.create(capital);
    assert.deepEqual([textOf(whole.content), whole.stop_reason], ["Tokyo", "end_turn"]);
    assert.ok(whole.usage.input_tokens > 0 && whole.usage.output_tokens > 0);
    const streamed = anthropic.messages.stream(capital);
    let text = "";
    streamed.on("text", (delta) => void (text += delta));
    const final = await streamed.finalMessage();
    assert.deepEqual(
      [text, textOf(final.content), final.stop_reason],
      ["Tokyo", "Tokyo", "end_turn"],
    );
    assert.equal(final.usage.output_tokens, whole.usage.output_tokens);
    const cut = await anthropic.messages.create(essay);
    assert.equal(cut.stop_reason, "max_tokens");
  });

  test(`its tool runner works over ${upstream}`, async (t) => {
    const { anthropic, vendor } = await stage(t, upstream);
    const asked: string[] = [];
    const weather = betaTool({
      name: "weather",
      description: "The weather of a city",
      inputSchema,
      run: ({ city }) => {
        asked.push(city);
        return `18 °C in ${city}`;
      },
    });
    const question = {
      model,
      max_tokens: 4000,
      messages: [{ role: "user" as const, content: "What is the weather in Bonn?" }],
      tools: [weather],
    };
    const whole = await anthropic.beta.messages.toolRunner(question);
    assert.match(textOf(whole.content as never), /18 °C in Bonn/u);
    const runner = anthropic.beta.messages.toolRunner({
      ...question,
      stream: true,
      thinking: { type: "enabled", budget_tokens: 2000 },
    });
    let last = "";
    for await (const message of runner)
      last = textOf((await message.finalMessage()).content as never);

    assert.match(last, /18 °C in Bonn/u);
    assert.deepEqual(asked, ["Bonn", "Bonn"]);
    assert.equal(vendor.heard.length, 4);
  });

  test(`structured output and counts over ${upstream}`, async (t) => {
    const { anthropic } = await stage(t, upstream);
    const city = z.object({ city: z.string(), people: z.number().int() });
    const parsed = await anthropic.messages.parse({
      model,
      max_tokens: 100,
      messages: [user("How many live in Bonn: 330000?")],
      output_config: { format: zodOutputFormat(city) },
    });
    assert.deepEqual(parsed.parsed_output, { city: "Bonn", people: 330_000 });
    const { messages } = capital;
    const counted = await anthropic.messages.countTokens({ model, messages });
    const more = await anthropic.messages.countTokens({ model, messages, system: "Be brief." });
    assert.ok(counted.input_tokens > 0 && more.input_tokens > counted.input_tokens);
  });

  test(`thinking and stop sequences over ${upstream}`, async (t) => {
    const { anthropic } = await stage(t, upstream);
    const thought = await anthropic.messages
      .stream({
        ...capital,
        max_tokens: 4000,
        thinking: { type: "enabled", budget_tokens: 2000 },
      })
      .finalMessage();
    assert.equal(textOf(thought.content as never), "Tokyo");
    // What was thought goes back with the next question, as its users send it.
    const messages = [
      ...capital.messages,
      { role: "assistant" as const, content: thought.content },
      user("And the capital of Italy?"),
    ];
    const next = await anthropic.messages.create({
      ...capital,
      max_tokens: 4000,
      thinking: { type: "enabled", budget_tokens: 2000 },
      messages,
    });
    assert.equal(textOf(next.content as never), "Rome");
    if (upstream === "openai-responses") return;
    const stopped = await anthropic.messages.create({
      ...capital,
      messages: [user("Say exactly: alpha beta gamma")],
      stop_sequences: ["beta"],
    });
    assert.equal(textOf(stopped.content as never).trim(), "alpha");
  });

  test(`what goes wrong over ${upstream} is what its users catch`, async (t) => {
    const { anthropic, vendor } = await stage(t, upstream);
    const stranger = anthropic.withOptions({ apiKey: "sk-nobody-0123456789abcdef0123456789ab" });
    const unknown = await failure(stranger.messages.create(capital));
    assert.ok(unknown instanceof Anthropic.AuthenticationError);
    assert.equal(unknown.type, "authentication_error");
    const absent = await failure(anthropic.models.retrieve("no-such-model"));
    assert.ok(absent instanceof Anthropic.NotFoundError);
    vendor.failNext({ status: 429 });
    const busy = await failure(anthropic.messages.create(capital));
    assert.ok(busy instanceof Anthropic.RateLimitError, String(busy.status));
    assert.equal(busy.type, "rate_limit_error");
    vendor.failNext({ status: 500 });
    const broken = await failure(anthropic.messages.create(capital));
    assert.ok(broken instanceof Anthropic.InternalServerError, String(broken.status));
    vendor.failNext({ cutBehind: 4 });
    const cut = await failure(
      anthropic.messages.stream({ ...essay, max_tokens: 4000 }).finalMessage(),
    );
    assert.equal(cut.type, "api_error");
  });
}

test("a wrong field is named to its users", async (t) => {
  const { anthropic } = await stage(t, "openai-chat");
  const wrong = { ...capital, messages: [{ role: "user", content: [{ type: "text", text: 7 }] }] };
  const refused = await failure(anthropic.messages.create(wrong as never));
  assert.ok(refused instanceof Anthropic.BadRequestError);
  assert.match(refused.message, /messages\[0\]\.content\[0\]\.text/u);
});

test("its client pages through the models, forwards and backwards", async (t) => {
  const models = Array.from(
    { length: 25 },
    (_, index) => `model-${String(index).padStart(2, "0")}`,
  );
  const { yard, vendor } = await openScriptedYard(t, "openai-chat", openMind());
  await yard.use({ channels: [channelTo(vendor, "openai-chat", { models })] });
  const anthropic = new Anthropic({ apiKey: testKey, baseURL: yard.url, maxRetries: 0 });
  const forwards: string[] = [];
  for await (const { id } of anthropic.models.list({ limit: 7 })) forwards.push(id);
  assert.deepEqual(forwards, models);
  const back = await anthropic.models.list({ limit: 4, before_id: "model-10" });
  assert.deepEqual(
    back.data.map(({ id }) => id),
    models.slice(6, 10),
  );
  assert.equal((await anthropic.models.retrieve("model-03")).id, "model-03");
});

test("its client tries again where the vendor is overloaded", async (t) => {
  const { anthropic, vendor } = await stage(t, "openai-responses");
  vendor.failNext({ status: 529 });
  const patient = anthropic.withOptions({ maxRetries: 1 });
  assert.equal(textOf((await patient.messages.create(capital)).content as never), "Tokyo");
});

test("time-outs and aborts", async (t) => {
  const { anthropic, vendor } = await stage(t, "gemini-content");
  vendor.failNext({ hangs: true }, { hangs: true });
  await assert.rejects(
    anthropic.messages.create(capital, { timeout: 100 }),
    Anthropic.APIConnectionTimeoutError,
  );
  const stream = anthropic.messages.stream(capital);
  await vendor.until(() => vendor.heard.length === 2);
  stream.abort();
  await assert.rejects(stream.finalMessage(), Anthropic.APIUserAbortError);
  await vendor.until(() => vendor.left === 2);
});
