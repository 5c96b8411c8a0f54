/** What is peculiar to single APIs on the way through: their paths, lists, counts, forms of streams, and warnings. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { EventStreamCodec } from "@smithy/eventstream-codec";
import { packCarried } from "../../src/dialects/carried.ts";
import {
  type Behaviour,
  type FakeUpstream,
  cut,
  gate,
  json,
  openFakeUpstream,
  reply,
  status,
  stream,
} from "../fakes/upstream.ts";
import {
  type ChannelSpec,
  type Yard,
  type YardSpec,
  closing,
  openYard,
  testKey,
} from "./call-harness.ts";

interface Got {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

const asked = (got: Got): unknown => JSON.parse(got.text);

async function ask(
  yard: Yard,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Got> {
  const response = await fetch(yard.url + path, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${testKey}`, ...headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

async function played(t: TestContext, behaviour: Behaviour): Promise<FakeUpstream> {
  return closing(t, await openFakeUpstream(behaviour));
}

/** A channel whose URL speaks the named dialects. */
async function speaking(
  t: TestContext,
  dialects: readonly string[],
  behaviour: Behaviour,
  more: Partial<ChannelSpec> & { readonly yard?: Partial<YardSpec> } = {},
): Promise<{ yard: Yard; one: FakeUpstream }> {
  const one = await played(t, behaviour);
  const { yard: yardMore, ...channelMore } = more;
  const channel: ChannelSpec = {
    baseUrl: one.baseUrl.replace(/\/v1$/, ""),
    ...channelMore,
    options: { dialects, ...channelMore.options },
  };
  return { yard: await openYard(t, { channels: [channel], ...yardMore }), one };
}

const sent = (one: FakeUpstream, index = 0): Record<string, unknown> =>
  JSON.parse(one.requests[index]!.body.toString()) as Record<string, unknown>;

const chatReply = {
  id: "c1",
  object: "chat.completion",
  created: 1_700_000_000,
  model: "m1",
  choices: [{ index: 0, message: { role: "assistant", content: "ok" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 },
};
const messagesReply = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "claude-x",
  content: [{ type: "text", text: "ok" }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: { input_tokens: 7, output_tokens: 2 },
};
const geminiReply = {
  candidates: [
    { content: { role: "model", parts: [{ text: "ok" }] }, finishReason: "STOP", index: 0 },
  ],
  usageMetadata: { promptTokenCount: 7, candidatesTokenCount: 2, totalTokenCount: 9 },
  modelVersion: "gemini-x",
};
const hi = { messages: [{ role: "user", content: "hi" }] };
const chatAsk = { model: "own-model", ...hi };
const messagesAsk = { model: "own-model", max_tokens: 9, ...hi };
const geminiAsk = { contents: [{ role: "user", parts: [{ text: "hi" }] }] };

const frames = new EventStreamCodec(
  (bytes) => Buffer.from(bytes as Uint8Array).toString(),
  (text) => Buffer.from(text),
);

/** An event as Amazon's invoke sends it. */
function invokeFrame(event: object): Buffer {
  const bytes = Buffer.from(JSON.stringify(event)).toString("base64");
  const text = (value: string): { type: "string"; value: string } => ({ type: "string", value });
  const headers = { ":event-type": text("chunk"), ":message-type": text("event") };
  return Buffer.from(frames.encode({ headers, body: Buffer.from(JSON.stringify({ bytes })) }));
}

test("every path of every client reaches its API, and the key in every place", async (t) => {
  const { yard, one } = await speaking(t, ["openai-chat"], json(chatReply));
  const paths: readonly [string, unknown][] = [
    ["/v1/messages", messagesAsk],
    ["/v1/messages?beta=true", messagesAsk],
    ["/messages", messagesAsk],
    ["/claude/v1/messages", messagesAsk],
    ["/anthropic/v1/messages", messagesAsk],
    ["/v1/responses", { model: "own-model", input: "hi", store: false }],
    ["/responses", { model: "own-model", input: "hi", store: false }],
    ["/openai/v1/responses", { model: "own-model", input: "hi", store: false }],
    ["/openai/responses", { model: "own-model", input: "hi", store: false }],
    ["/v1beta/models/own-model:generateContent", geminiAsk],
    ["/v1/models/own-model:generateContent", geminiAsk],
    ["/gemini/v1beta/models/own-model:generateContent", geminiAsk],
    ["/v1/projects/p/locations/l/publishers/google/models/own-model:generateContent", geminiAsk],
    ["/v1beta1/publishers/google/models/own-model:generateContent", geminiAsk],
    ["/v1beta/openai/chat/completions", chatAsk],
  ];
  for (const [path, body] of paths) {
    const got = await ask(yard, path, body);
    assert.equal(got.status, 200, `${path}: ${got.text}`);
    assert.match(got.text, /"ok"/, path);
  }
  assert.equal(one.requests.length, paths.length);
  assert.ok(one.requests.every((request) => request.path === "/chat/completions"));
  const keys: readonly [string, Record<string, string>][] = [
    ["", { "x-api-key": testKey }],
    ["", { "x-goog-api-key": testKey }],
    ["", { "api-key": testKey }],
    [`?key=${testKey}`, {}],
  ];
  for (const [query, headers] of keys) {
    const response = await fetch(`${yard.url}/v1beta/models/own-model:generateContent${query}`, {
      method: "POST",
      headers,
      body: JSON.stringify(geminiAsk),
    });
    assert.equal(response.status, 200);
  }
});

test("unknown paths, methods and keys are told in the tongue of their callers", async (t) => {
  const { yard } = await speaking(t, ["openai-chat"], json(chatReply));
  type Told = { type?: string; error: { type?: string; status?: string; code?: string | number } };
  const told = async (path: string, method = "POST"): Promise<Told> => {
    const response = await fetch(yard.url + path, {
      method,
      headers: { authorization: "Bearer x" },
    });
    return (await response.json()) as Told;
  };
  for (const [path, method] of [
    ["/v1/messages/none", "POST"],
    ["/v1/messages", "GET"],
    ["/claude/v1/none", "POST"],
  ] as const)
    assert.equal((await told(path, method)).type, "error", path);
  for (const [path, method] of [
    ["/v1beta/none", "POST"],
    ["/v1beta/models/x:nothing", "POST"],
    ["/v1/models/x:nothing", "POST"],
    ["/v1beta/models/x:generateContent", "PUT"],
  ] as const)
    assert.equal(typeof (await told(path, method)).error.status, "string", path);
  assert.equal((await told("/v1/responses", "PUT")).error.code, "method_not_allowed");
  assert.equal((await told("/v1/none")).error.code, "not_found");
  for (const path of ["/", "/anthropic", "/claude"])
    assert.equal((await fetch(yard.url + path, { method: "HEAD" })).status, 200, path);
});

test("models are listed for whoever asks, page by page", async (t) => {
  const names = Array.from({ length: 5 }, (_none, index) => `m${index}`);
  const { yard } = await speaking(t, ["openai-chat"], json(chatReply), { models: names });
  const list = async (path: string, headers = {}): Promise<Record<string, unknown>> =>
    asked(await ask(yard, path, undefined, headers)) as Record<string, unknown>;
  const version = { "anthropic-version": "2023-06-01" };
  assert.equal((await list("/v1/models"))["object"], "list");
  const first = await list("/v1/models?limit=2", version);
  assert.deepEqual([first["has_more"], first["last_id"]], [true, "m1"]);
  const last = await list("/claude/v1/models?limit=9&after_id=m3");
  assert.deepEqual([last["has_more"], last["first_id"]], [false, "m4"]);
  const back = await list("/v1/models?limit=2&before_id=m3", version);
  assert.deepEqual([back["has_more"], back["first_id"], back["last_id"]], [true, "m1", "m2"]);
  const ids: string[] = [];
  let token = "";
  do {
    const page = await list(`/v1beta/models?pageSize=2&pageToken=${token}`);
    ids.push(...(page["models"] as { name: string }[]).map(({ name }) => name));
    token = (page["nextPageToken"] as string | undefined) ?? "";
  } while (token !== "");
  assert.deepEqual(
    ids,
    names.map((name) => `models/${name}`),
  );
  assert.equal((await list("/v1beta/models/m2"))["name"], "models/m2");
  assert.equal((await list("/v1/models/m2", version))["type"], "model");
  assert.equal((await ask(yard, "/v1/models?limit=x", undefined, version)).status, 400);
});

test("Google's callers without alt=sse get one JSON array, whatever happens", async (t) => {
  const chunk = (value: object): string => `data: ${JSON.stringify(value)}\r\n\r\n`;
  const part = (text: string, more: object = {}): object => ({
    candidates: [{ content: { role: "model", parts: [{ text }] }, index: 0, ...more }],
    modelVersion: "gemini-x",
  });
  const pieces = [chunk(part("a")), chunk(part("b", { finishReason: "STOP" }))];
  const { yard, one } = await speaking(t, ["gemini-content"], stream(pieces));
  const path = "/v1beta/models/own-model:streamGenerateContent";
  const whole = await ask(yard, path, geminiAsk);
  assert.match(whole.headers.get("content-type") ?? "", /^application\/json/);
  assert.deepEqual(asked(whole), [part("a"), part("b", { finishReason: "STOP" })]);
  assert.match(one.requests[0]!.path, /streamGenerateContent\?alt=sse$/);
  assert.equal((await ask(yard, `${path}?alt=sse`, geminiAsk)).text, pieces.join(""));
  one.behave(cut(pieces.slice(0, 1)));
  const broken = asked(await ask(yard, path, geminiAsk)) as { error?: { code: number } }[];
  assert.equal(broken.length, 2);
  assert.equal(typeof broken[1]!.error?.code, "number");
  one.behave(status(500));
  assert.equal((await ask(yard, path, geminiAsk)).status, 502);
  // An attempt that failed before its first word leaves nothing in the array of the next one.
  const other = await played(t, stream(pieces));
  one.behave(cut(['data: {"modelVersion":"x"}\r\n\r\n']));
  const base = (vendor: FakeUpstream): string => vendor.baseUrl.replace(/\/v1$/, "");
  const options = { dialects: ["gemini-content"] };
  await yard.use({
    channels: [
      { baseUrl: base(one), priority: 5, options },
      { baseUrl: base(other), options },
    ],
  });
  assert.deepEqual((asked(await ask(yard, path, geminiAsk)) as unknown[]).length, 2);
});

test("what an upstream cannot do is refused by name, or left out by name", async (t) => {
  const { yard, one } = await speaking(t, ["anthropic-messages"], json(messagesReply));
  const dropped = await ask(yard, "/v1/chat/completions", {
    ...chatAsk,
    seed: 7,
    logit_bias: null,
  });
  assert.equal(dropped.status, 200, dropped.text);
  assert.equal(dropped.headers.get("x-switchyard-dropped"), "seed");
  const refused = await ask(yard, "/v1/chat/completions", { ...chatAsk, n: 3 });
  assert.equal(refused.status, 400);
  assert.match(refused.text, /`n` \(multiple-choices\)/);
  assert.equal(one.requests.length, 1);
  const record = await yard.recorded(2);
  assert.deepEqual([record.attempts, record.error], [0, "invalid_request"]);
});

test("a channel that cannot do what is asked is passed over for one that can", async (t) => {
  const one = await played(t, json(messagesReply));
  const two = await played(t, json(chatReply));
  const yard = await openYard(t, {
    channels: [
      {
        baseUrl: one.baseUrl.replace(/\/v1$/, ""),
        priority: 9,
        options: { dialects: ["anthropic-messages"] },
      },
      { baseUrl: two.baseUrl },
    ],
    settings: { retryTimes: 0 },
  });
  assert.equal((await ask(yard, "/v1/chat/completions", { ...chatAsk, n: 3 })).status, 200);
  assert.deepEqual([one.requests.length, two.requests.length], [0, 1]);
  assert.deepEqual([(await yard.recorded(1)).attempts], [1]);
});

test("tokens are counted by whoever can, else here, and cost nothing", async (t) => {
  const price = { model: "own-model", input: 1_000_000_000n };
  const { yard, one } = await speaking(t, ["openai-chat"], json(chatReply), {
    yard: { prices: [price] },
  });
  const counted = asked(
    await ask(yard, "/v1/messages/count_tokens", { model: "own-model", ...hi }),
  );
  const { input_tokens: tokens } = counted as { input_tokens: number };
  assert.ok(tokens > 4 && tokens < 20, String(tokens));
  const long = { model: "own-model", messages: [{ role: "user", content: "word ".repeat(1000) }] };
  const more = asked(await ask(yard, "/v1/messages/count_tokens", long));
  assert.ok((more as { input_tokens: number }).input_tokens > 1000);
  const google = asked(await ask(yard, "/v1beta/models/own-model:countTokens", geminiAsk));
  assert.ok((google as { totalTokens: number }).totalTokens > 4, JSON.stringify(google));
  const responses = asked(
    await ask(yard, "/v1/responses/input_tokens", { model: "own-model", input: "hi" }),
  );
  assert.equal((responses as { object: string }).object, "response.input_tokens");
  assert.equal(one.requests.length, 0);
  const record = await yard.recorded(4);
  assert.deepEqual(
    [record.cost, record.outcome, record.operation],
    [0n, "complete", "count-tokens"],
  );
});

test("a vendor that counts is asked; where it fails the count is made here", async (t) => {
  const vendorCounts = json({ input_tokens: 4711 });
  const { yard, one } = await speaking(t, ["anthropic-messages"], vendorCounts);
  const body = { model: "own-model", ...hi };
  const path = "/v1/messages/count_tokens";
  assert.deepEqual(asked(await ask(yard, path, body)), { input_tokens: 4711 });
  assert.equal(one.requests[0]!.path, "/v1/messages/count_tokens");
  assert.equal((await yard.recorded(1)).cost, 0n);
  one.behave(status(500));
  const here = asked(await ask(yard, path, body)) as { input_tokens: number };
  assert.ok(here.input_tokens < 20);
  one.behave(status(400, {}, { message: "no such tool" }));
  assert.equal((await ask(yard, path, body)).status, 400);
});

test("a channel's orders reach translated bodies and bodies that pass through alike", async (t) => {
  const options = {
    extraBody: { top_k: 3, temperature: 0.1 },
    systemPrompt: { text: "Be brief.", place: "before" },
    modelParameters: { "own-*": { metadata: { user_id: "u" } } },
  };
  const { yard, one } = await speaking(t, ["anthropic-messages"], json(messagesReply), { options });
  const body = { temperature: 0.5, system: "Be kind." };
  await ask(yard, "/v1/messages", { ...messagesAsk, ...body });
  await ask(yard, "/v1/chat/completions", {
    ...chatAsk,
    temperature: 0.5,
    messages: [{ role: "system", content: "Be kind." }, ...chatAsk.messages],
  });
  for (const index of [0, 1]) {
    const { system, temperature, top_k: topK, metadata } = sent(one, index);
    assert.match(JSON.stringify(system), /Be brief\..*Be kind\./, JSON.stringify(system));
    assert.deepEqual([temperature, topK, metadata], [0.5, 3, { user_id: "u" }]);
  }
});

test("channels are passed over for tools, for streams, and for models they are not to be asked", async (t) => {
  const { yard } = await speaking(t, ["openai-chat"], json(chatReply), {
    options: { onlyChat: true, disabledStream: ["own-*"] },
  });
  const tools = [{ type: "function", function: { name: "f", parameters: { type: "object" } } }];
  assert.equal((await ask(yard, "/v1/chat/completions", chatAsk)).status, 200);
  assert.equal((await ask(yard, "/v1/chat/completions", { ...chatAsk, tools })).status, 503);
  assert.equal((await ask(yard, "/v1/chat/completions", { ...chatAsk, stream: true })).status, 503);
});

test("a mapped model is charged by the name that the channel says", async (t) => {
  const prices = [
    { model: "own-model", mode: "call", perCall: 1n },
    { model: "sent", mode: "call", perCall: 2n },
  ];
  const cases: readonly [string, string, bigint, string][] = [
    ["asked", "sent", 1n, "own-model"],
    ["sent", "sent", 2n, "sent"],
    ["sent", "+sent", 1n, "own-model"],
  ];
  for (const [billAs, target, cost, billed] of cases) {
    const { yard, one } = await speaking(t, ["openai-chat"], json(chatReply), {
      modelMapping: { "own-model": target },
      options: { billAs },
      yard: { prices },
    });
    await ask(yard, "/v1/chat/completions", chatAsk);
    const record = await yard.recorded(1);
    assert.deepEqual([record.cost, record.modelBilled, sent(one)["model"]], [cost, billed, "sent"]);
  }
});

test("words behind a model's name are put into the body of whoever is asked", async (t) => {
  const chat = await speaking(t, ["openai-chat"], json(chatReply), {
    models: ["gpt-5.1", "pro"],
    modelMapping: { pro: "gpt-5.1#high" },
  });
  const path = "/v1/chat/completions";
  await ask(chat.yard, path, { ...hi, model: "gpt-5.1#low" });
  await ask(chat.yard, path, { ...hi, model: "pro" });
  await ask(chat.yard, path, { ...hi, model: "gpt-5.1#search" });
  assert.deepEqual(
    [0, 1, 2].map((index) => {
      const body = sent(chat.one, index);
      return [body["model"], body["reasoning_effort"], body["web_search_options"]];
    }),
    [
      ["gpt-5.1", "low", undefined],
      ["gpt-5.1", "high", undefined],
      ["gpt-5.1", undefined, {}],
    ],
  );
  assert.equal((await chat.yard.recorded(1)).modelAsked, "gpt-5.1");
  const claude = await speaking(t, ["anthropic-messages"], json(messagesReply), {
    models: ["claude-sonnet-4-6"],
  });
  const model = "claude-sonnet-4-6";
  await ask(claude.yard, "/v1/messages", {
    ...messagesAsk,
    max_tokens: 9000,
    model: `${model}#thinking`,
    output_config: { format: { type: "json_schema", schema: {} } },
  });
  await ask(claude.yard, path, { ...hi, model: `${model}#high` });
  await ask(claude.yard, "/v1/messages", {
    ...messagesAsk,
    model: `${model}#search`,
    tools: [{ name: "f", input_schema: { type: "object" } }],
  });
  assert.equal(sent(claude.one)["model"], model);
  assert.notEqual(sent(claude.one)["thinking"], undefined);
  assert.deepEqual(
    Object.keys(sent(claude.one)["output_config"] as object).includes("format"),
    true,
  );
  assert.match(JSON.stringify(sent(claude.one, 1)), /"effort":"high"|budget_tokens/);
  assert.equal((sent(claude.one, 2)["tools"] as unknown[]).length, 2);
  const refused = await ask(claude.yard, path, { ...hi, model: `${model}#search` });
  assert.equal(refused.status, 400);
  assert.match(refused.text, /#search/);
  const google = await speaking(t, ["gemini-content"], json(geminiReply), {
    models: ["gemini-2.5-flash"],
  });
  // A number beyond what a double holds, odd spelling and white space stay as they are.
  const config = '{ "seed" : 9007199254740993, "temperature":0.50 }';
  await ask(
    google.yard,
    `/v1beta/models/${encodeURIComponent("gemini-2.5-flash#thinking")}:generateContent`,
    `{"contents":[],"generationConfig":${config}}`,
  );
  assert.match(
    google.one.requests[0]!.body.toString(),
    /"generationConfig":\{"thinkingConfig":\{.+\}, "seed" : 9007199254740993, "temperature":0.50 \}/,
  );
});

test("no vendor is sent what another one signed", async (t) => {
  const packed = packCarried({ issuer: "gemini-content/g", data: "c2lnbmVk" });
  const thought = { type: "thinking", thinking: "hm", signature: packed };
  const messages = [
    ...hi.messages,
    { role: "assistant", content: [thought, { type: "text", text: "well" }] },
    { role: "user", content: "go on" },
  ];
  const claude = await speaking(t, ["anthropic-messages"], json(messagesReply));
  assert.equal((await ask(claude.yard, "/v1/messages", { ...messagesAsk, messages })).status, 200);
  const google = await speaking(t, ["gemini-content"], json(geminiReply));
  // Google's clients decode and encode signatures anew, so ours are packed once more.
  const strange = packCarried({ issuer: "anthropic-messages", data: "x" });
  const parts = [{ text: "well", thoughtSignature: Buffer.from(strange).toString("base64") }];
  const contents = [...geminiAsk.contents, { role: "model", parts }, ...geminiAsk.contents];
  const got = await ask(google.yard, "/v1beta/models/own-model:generateContent", { contents });
  assert.equal(got.status, 200, got.text);
  for (const { one } of [claude, google])
    assert.doesNotMatch(one.requests[0]!.body.toString(), /sy1\.|c3kx/);
});

test("a text that only looks like a packed signature changes nothing", async (t) => {
  const { yard, one } = await speaking(t, ["openai-chat"], json(chatReply));
  const body = '{"model":"own-model","n" : 2,"messages":[{"role":"user","content":"sy1.abc"}]}';
  assert.equal((await ask(yard, "/v1/chat/completions", body)).status, 200);
  assert.equal(one.requests[0]!.body.toString(), body);
});

test("Anthropic's headers go up only where they are known, with the vendor's own in their place", async (t) => {
  const { yard, one } = await speaking(t, ["anthropic-messages"], json(messagesReply));
  await ask(yard, "/v1/messages", messagesAsk, {
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "a-2025,b-2025",
    "x-stainless-lang": "js",
    "x-api-key": "sk-other",
  });
  const { headers } = one.requests[0]!;
  assert.deepEqual(
    [headers["anthropic-version"], headers["anthropic-beta"], headers["x-stainless-lang"]],
    ["2023-06-01", "a-2025,b-2025", undefined],
  );
  assert.equal(JSON.stringify(headers).includes("sk-other"), false);
  assert.equal(JSON.stringify(headers).includes(testKey), false);
  await ask(yard, "/v1/chat/completions", chatAsk);
  assert.equal(one.requests[1]!.headers["anthropic-version"], "2023-06-01");
});

test("usage of a stream that ends early is what was seen, at least", async (t) => {
  const event = (type: string, more: object): string =>
    `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;
  const held = gate();
  const start = event("message_start", {
    message: {
      ...messagesReply,
      content: [],
      stop_reason: null,
      usage: { input_tokens: 50, output_tokens: 1 },
    },
  });
  const block = event("content_block_start", {
    index: 0,
    content_block: { type: "text", text: "" },
  });
  const text = event("content_block_delta", {
    index: 0,
    delta: { type: "text_delta", text: "x".repeat(400) },
  });
  const { yard } = await speaking(t, ["anthropic-messages"], stream([start, block, text, held]));
  const leaving = new AbortController();
  const response = await fetch(`${yard.url}/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": testKey },
    body: JSON.stringify({ ...messagesAsk, stream: true }),
    signal: leaving.signal,
  });
  const reader = response.body!.getReader();
  await reader.read();
  leaving.abort();
  const { usage, outcome } = await yard.recorded(1);
  assert.deepEqual([outcome, usage.input, usage.estimated], ["caller_gone", 50, true]);
  assert.ok(usage.output >= 90, String(usage.output));
  held.open();
});

test("embeddings come from upstreams of another API", async (t) => {
  const batch = { embeddings: [{ values: [1, 2] }, { values: [3, 4] }] };
  const { yard, one } = await speaking(t, ["gemini-content"], json(batch));
  const got = await ask(yard, "/v1/embeddings", { model: "own-model", input: ["a", "b"] });
  assert.equal(got.status, 200, got.text);
  const { data } = asked(got) as { data: { embedding: number[] }[] };
  assert.deepEqual(
    data.map(({ embedding }) => embedding),
    [
      [1, 2],
      [3, 4],
    ],
  );
  assert.match(one.requests[0]!.path, /:batchEmbedContents$/);
  one.behave(
    reply('{"error":{"code":400,"message":"too long","status":"INVALID_ARGUMENT"}}', {}, 400),
  );
  const refused = await ask(yard, "/v1/embeddings", { model: "own-model", input: "a" });
  assert.equal(refused.status, 400);
  assert.match(refused.text, /too long/);
  const own = await speaking(
    t,
    ["openai-chat"],
    json({
      object: "list",
      data: [{ object: "embedding", index: 0, embedding: [1, 2] }],
      model: "m",
      usage: { prompt_tokens: 3, total_tokens: 3 },
    }),
  );
  const content = { parts: [{ text: "a" }] };
  const google = await ask(own.yard, "/v1beta/models/own-model:embedContent", { content });
  assert.deepEqual((asked(google) as { embedding: object }).embedding, { values: [1, 2] });
});

test("Claude's own events in Amazon's frames come down as Claude's stream", async (t) => {
  const events = [
    { type: "message_start", message: { ...messagesReply, content: [], stop_reason: null } },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "ok" } },
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 2 } },
    { type: "message_stop" },
  ];
  const one = await played(
    t,
    stream(events.map(invokeFrame), { "content-type": "application/vnd.amazon.eventstream" }),
  );
  const model = "us.anthropic.claude-sonnet-4-6-v1:0";
  const yard = await openYard(t, {
    channels: [
      {
        provider: "bedrock",
        baseUrl: one.baseUrl.replace(/\/v1$/, ""),
        models: ["own-model"],
        modelMapping: { "own-model": model },
        options: { settings: { region: "us-east-1" } },
        credentials: ["AKIAEXAMPLE|secret"],
      },
    ],
  });
  const headers = { "anthropic-beta": "context-1m-2025-08-07,unknown-2025-01-01" };
  const got = await ask(yard, "/v1/messages", { ...messagesAsk, stream: true }, headers);
  const expected = events.map((event) => {
    const shown =
      event.type === "message_start"
        ? { ...event, message: { ...event.message, model: "own-model" } }
        : event;
    return `event: ${event.type}\ndata: ${JSON.stringify(shown)}\n\n`;
  });
  assert.equal(got.text, expected.join(""));
  const [request] = one.requests;
  assert.equal(request!.path, `/model/${encodeURIComponent(model)}/invoke-with-response-stream`);
  assert.match(request!.headers.authorization ?? "", /^AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE\//);
  assert.equal(request!.headers["anthropic-beta"], undefined);
  const { max_tokens: limit, messages, ...others } = sent(one);
  assert.deepEqual([limit, messages], [9, hi.messages]);
  assert.deepEqual(others, {
    anthropic_version: "bedrock-2023-05-31",
    anthropic_beta: ["context-1m-2025-08-07"],
  });
  const record = await yard.recorded(1);
  assert.deepEqual([record.usage.input, record.usage.output, record.outcome], [7, 2, "complete"]);
  one.behave(stream(events.slice(0, 3).map(invokeFrame), {}));
  const broken = await ask(yard, "/v1/messages", { ...messagesAsk, stream: true });
  assert.match(broken.text, /event: error\n/);
  assert.doesNotMatch(broken.text, /message_stop/);
});

test("a channel whose address lacks a setting leaves the call to another one", async (t) => {
  const { yard: lone } = await speaking(t, ["openai-chat"], json(chatReply));
  const two = await played(t, json(chatReply));
  const incomplete: ChannelSpec = { baseUrl: null, provider: "bedrock", priority: 9 };
  await lone.use({ channels: [incomplete, { baseUrl: two.baseUrl }] });
  assert.equal((await ask(lone, "/v1/chat/completions", chatAsk)).status, 200);
  await lone.use({ channels: [incomplete] });
  assert.equal((await ask(lone, "/v1/chat/completions", chatAsk)).status, 502);
});
