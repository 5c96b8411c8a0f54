/**
 * OpenAI's own client against a node, over upstreams of every API: what its users write works as it does with OpenAI,
 * helpers included, and what goes wrong arrives as the classes they catch.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import OpenAI, { APIError } from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import type { ResponseInput } from "openai/resources/responses/responses";
import { z } from "zod";
import { testKey } from "../e2e/call-harness.ts";
import { openMind } from "../fakes/scripted/mind.ts";
import type { Vendor } from "../fakes/scripted/vendor.ts";
import { type UpstreamId, model, openScriptedYard, upstreamIds } from "./scripted-yard.ts";

interface Stage {
  readonly openai: OpenAI;
  readonly vendor: Vendor;
}

async function stage(t: TestContext, upstream: UpstreamId): Promise<Stage> {
  const { yard, vendor } = await openScriptedYard(t, upstream, openMind());
  const openai = new OpenAI({ apiKey: testKey, baseURL: `${yard.url}/v1`, maxRetries: 0 });
  return { openai, vendor };
}

const user = (content: string): { role: "user"; content: string } => ({ role: "user", content });

const city = z.object({ city: z.string(), people: z.number().int() });
const cityQuestion = "How many live in Bonn: 330000?";

const parameters = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};

/** A tool that the client's own runner calls. */
function weatherTool(asked: string[]) {
  return {
    type: "function",
    function: {
      name: "weather",
      description: "The weather of a city",
      parameters,
      parse: JSON.parse,
      function: (args: { city: string }) => {
        asked.push(args.city);
        return `18 °C in ${args.city}`;
      },
    },
  } as const;
}

async function failure(call: Promise<unknown>): Promise<APIError> {
  const thrown = await call.then(
    () => assert.fail("it should have failed"),
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof APIError, String(thrown));
  return thrown;
}

for (const upstream of upstreamIds) {
  test(`chat completions over ${upstream}`, async (t) => {
    const { openai } = await stage(t, upstream);
    const question = { model, messages: [user("What is the capital of Japan?")] };
    const whole = await openai.chat.completions.create(question);
    assert.equal(whole.choices[0]?.message.content, "Tokyo");
    assert.equal(whole.choices[0].finish_reason, "stop");
    assert.ok((whole.usage?.total_tokens ?? 0) > 0);
    const streamed = openai.chat.completions.stream({
      ...question,
      stream_options: { include_usage: true },
    });
    let text = "";
    for await (const chunk of streamed) text += chunk.choices[0]?.delta.content ?? "";
    assert.equal(text, "Tokyo");
    assert.equal(await streamed.finalContent(), "Tokyo");
    assert.ok(((await streamed.totalUsage()).completion_tokens ?? 0) > 0);
    const cut = await openai.chat.completions.create({
      model,
      messages: [user("Write an essay.")],
      max_completion_tokens: 20,
    });
    assert.equal(cut.choices[0]?.finish_reason, "length");
  });

  test(`the chat runner calls tools over ${upstream}`, async (t) => {
    const { openai, vendor } = await stage(t, upstream);
    const asked: string[] = [];
    const question = {
      model,
      messages: [user("What is the weather in Bonn?")],
      tools: [weatherTool(asked)],
    };
    const runner = openai.chat.completions.runTools(question);
    assert.match((await runner.finalContent()) ?? "", /18 °C in Bonn/u);
    const streaming = openai.chat.completions.runTools({ ...question, stream: true });
    assert.match((await streaming.finalContent()) ?? "", /18 °C in Bonn/u);
    assert.deepEqual(asked, ["Bonn", "Bonn"]);
    assert.equal(vendor.heard.length, 4);
  });

  test(`structured output over ${upstream}`, async (t) => {
    const { openai } = await stage(t, upstream);
    const chat = await openai.chat.completions.parse({
      model,
      messages: [user(cityQuestion)],
      response_format: zodResponseFormat(city, "city"),
    });
    assert.deepEqual(chat.choices[0]?.message.parsed, { city: "Bonn", people: 330_000 });
    const response = await openai.responses.parse({
      model,
      input: cityQuestion,
      text: { format: zodTextFormat(city, "city") },
    });
    assert.deepEqual(response.output_parsed, { city: "Bonn", people: 330_000 });
  });

  test(`responses over ${upstream}`, async (t) => {
    const { openai } = await stage(t, upstream);
    const question = { model, input: "What is the capital of Japan?", store: false };
    const whole = await openai.responses.create(question);
    assert.deepEqual([whole.status, whole.output_text], ["completed", "Tokyo"]);
    const streamed = openai.responses.stream(question);
    let text = "";
    for await (const event of streamed)
      if (event.type === "response.output_text.delta") text += event.delta;
    const final = await streamed.finalResponse();
    assert.deepEqual([text, final.output_text, final.status], ["Tokyo", "Tokyo", "completed"]);
    assert.equal(final.usage?.output_tokens, whole.usage?.output_tokens);
    const cut = await openai.responses.create({
      model,
      input: "Write an essay.",
      max_output_tokens: 20,
    });
    assert.deepEqual(
      [cut.status, cut.incomplete_details?.reason],
      ["incomplete", "max_output_tokens"],
    );
  });

  test(`a loop of tools with responses over ${upstream}`, async (t) => {
    const { openai } = await stage(t, upstream);
    const tools = [
      { type: "function" as const, name: "weather", parameters, strict: true, description: "d" },
    ];
    const input: ResponseInput = [user("What is the weather in Bonn?")];
    const asked = { model, tools, store: false, include: ["reasoning.encrypted_content"] as const };
    const first = await openai.responses.create({
      ...asked,
      include: [...asked.include],
      input,
      reasoning: { effort: "medium" },
    });
    const [call] = first.output.filter((item) => item.type === "function_call");
    assert.deepEqual([call?.name, call?.arguments], ["weather", '{"city":"Bonn"}']);
    // As its users do: all that was answered goes back as it came.
    input.push(...(first.output as ResponseInput), {
      type: "function_call_output",
      call_id: call?.call_id ?? "",
      output: "18 °C",
    });
    const second = await openai.responses
      .stream({ ...asked, include: [...asked.include], input })
      .finalResponse();
    assert.match(second.output_text, /18 °C/u);
  });

  test(`what goes wrong over ${upstream} is what its users catch`, async (t) => {
    const { openai, vendor } = await stage(t, upstream);
    const question = { model, messages: [user("hi")] };
    const create = (more: object = {}, options: object = {}) =>
      openai.chat.completions.create({ ...question, ...more }, options);
    const stranger = openai.withOptions({ apiKey: "sk-nobody-0123456789abcdef0123456789ab" });
    const unknown = await failure(stranger.chat.completions.create(question));
    assert.ok(unknown instanceof OpenAI.AuthenticationError);
    assert.equal(unknown.code, "invalid_api_key");
    const absent = await failure(openai.models.retrieve("no-such-model"));
    assert.ok(absent instanceof OpenAI.NotFoundError);
    vendor.failNext({ status: 429, headers: { "retry-after": "7" } });
    const busy = await failure(create());
    assert.ok(busy instanceof OpenAI.RateLimitError, String(busy.status));
    assert.equal(busy.headers?.get("retry-after"), "7");
    assert.match(busy.requestID ?? "", /^[0-9a-z]{26}$/u);
  });
}

test("a wrong field is named to its users, over every upstream that is translated for", async (t) => {
  for (const upstream of upstreamIds.filter((id) => id !== "openai-chat")) {
    const { openai } = await stage(t, upstream);
    const wrong = { model, messages: [{ role: "user", content: [{ type: "text", text: 7 }] }] };
    const refused = await failure(openai.chat.completions.create(wrong as never));
    assert.ok(refused instanceof OpenAI.BadRequestError, upstream);
    assert.equal(refused.param, "messages[0].content[0].text");
  }
});

test("its client tries again as the vendor asks it to, and not where it must not", async (t) => {
  for (const upstream of ["openai-chat", "gemini-content"] as const) {
    const { openai, vendor } = await stage(t, upstream);
    const waits: (string | null)[] = [];
    const patient = openai.withOptions({
      maxRetries: 2,
      fetch: async (...asked) => {
        const response = await fetch(...asked);
        if (!response.ok) waits.push(response.headers.get("retry-after"));
        return response;
      },
    });
    const question = { model, messages: [user("What is the capital of Japan?")] };
    for (const status of [429, 503]) {
      const before = vendor.heard.length;
      vendor.failNext({ status, headers: { "retry-after-ms": "20" } });
      const reply = await patient.chat.completions.create(question);
      assert.equal(reply.choices[0]?.message.content, "Tokyo", `${upstream} ${status}`);
      assert.equal(vendor.heard.length, before + 2, `${upstream} ${status}`);
    }
    const before = vendor.heard.length;
    vendor.failNext({ status: 400 });
    await failure(patient.chat.completions.create(question));
    assert.equal(vendor.heard.length, before + 1, upstream);
    // Whole seconds: less than one is one.
    assert.deepEqual(waits, ["1", "1", null]);
  }
});

test("its client's time-outs and aborts end the call at the vendor too", async (t) => {
  const { openai, vendor } = await stage(t, "anthropic-messages");
  const question = { model, messages: [user("hi")] };
  vendor.failNext({ hangs: true }, { hangs: true });
  await assert.rejects(
    openai.chat.completions.create(question, { timeout: 100 }),
    OpenAI.APIConnectionTimeoutError,
  );
  const gone = new AbortController();
  const call = openai.chat.completions.create(
    { ...question, stream: true },
    { signal: gone.signal },
  );
  await vendor.until(() => vendor.heard.length === 2);
  gone.abort();
  await assert.rejects(call, OpenAI.APIUserAbortError);
  await vendor.until(() => vendor.left === 2);
});

test("an answer that breaks off is an error to its client", async (t) => {
  for (const upstream of upstreamIds) {
    const { openai, vendor } = await stage(t, upstream);
    vendor.failNext({ cutBehind: 4 }, { cutBehind: 6 });
    const chat = openai.chat.completions.stream({ model, messages: [user("An essay, please.")] });
    const broken = await failure(chat.finalChatCompletion());
    assert.equal(broken.code, "upstream_truncated", upstream);
    const events = await openai.responses.create({ model, input: "An essay.", stream: true });
    const types: string[] = [];
    const cut = await failure(
      (async () => {
        for await (const { type } of events) types.push(type);
      })(),
    );
    assert.equal(cut.code, "upstream_truncated", upstream);
    assert.ok(!types.includes("response.completed"));
  }
});
