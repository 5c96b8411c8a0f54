/**
 * OpenAI's own OpenAPI document judges what a node tells OpenAI's callers of an upstream of each API, socket to socket:
 * whole and streamed, with tools, thoughts, refusals, likelihoods and answers that were cut off, and every error.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Heard, Said } from "../fakes/scripted/turn.ts";
import type { Yard } from "../e2e/call-harness.ts";
import { testKey } from "../e2e/call-harness.ts";
import { payloads } from "../e2e/fronts.ts";
import { type Judge, lacking, openJudge } from "./openai-document.ts";
import { type UpstreamId, model, openScriptedYard, upstreamIds } from "./scripted-yard.ts";

type Fields = Readonly<Record<string, unknown>>;

const parameters = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};

/** What the model says, by the one word that the caller asks with. */
const answers: Readonly<Record<string, Said>> = {
  text: { text: "Grüße — it is 18 °C in Köln." },
  reasoning: { reasoning: "I think about it.", text: "It is mild." },
  call: { calls: [{ name: "weather", arguments: { city: "Köln" } }] },
  calls: {
    reasoning: "Two cities.",
    text: "I look at both.",
    calls: [
      { name: "weather", arguments: { city: "Köln" } },
      { name: "weather", arguments: { city: "Bonn" } },
    ],
  },
  refusal: { refusal: "I would rather not." },
  cut: { text: "It is mi", cutOff: true },
  likely: { text: "It is mild.", logprobs: true },
  choices: { text: "It is mild.", choices: 2 },
};

const script = ({ userText }: Heard): Said => answers[userText] ?? { text: "What?" };

/** How each API of OpenAI asks for it. */
interface Front {
  readonly path: string;
  body(word: string): Fields;
  check(judge: Judge, body: Fields): void;
  checkStream(judge: Judge, events: readonly Fields[]): void;
}

const chatWishes: Readonly<Record<string, Fields>> = {
  reasoning: { reasoning_effort: "medium" },
  call: { tools: [{ type: "function", function: { name: "weather", parameters } }] },
  likely: { logprobs: true, top_logprobs: 2 },
  choices: { n: 2 },
  cut: { max_completion_tokens: 16 },
};

const chat: Front = {
  path: "/v1/chat/completions",
  body: (word) => ({
    model,
    messages: [{ role: "user", content: word }],
    ...chatWishes[word === "calls" ? "call" : word],
  }),
  check: (judge, body) => judge.check("CreateChatCompletionResponse", body),
  checkStream: (judge, events) => {
    for (const event of events) judge.check("CreateChatCompletionStreamResponse", event);
  },
};

const responseWishes: Readonly<Record<string, Fields>> = {
  reasoning: { reasoning: { effort: "medium", summary: "auto" } },
  call: { tools: [{ type: "function", name: "weather", parameters, strict: true }] },
  likely: { include: ["message.output_text.logprobs"], top_logprobs: 2 },
  cut: { max_output_tokens: 16 },
};

/** OpenAI tells `usage: null` while there is none, and so does Open Responses; the document has no word for that. */
function withoutNullUsage(event: Fields): Fields {
  const { response } = event;
  if (typeof response !== "object" || response === null || !("usage" in response)) return event;
  const { usage, ...rest } = response;
  return usage === null ? { ...event, response: rest } : event;
}

const responses: Front = {
  path: "/v1/responses",
  body: (word) => ({
    model,
    input: word,
    store: false,
    ...responseWishes[word === "calls" ? "call" : word],
  }),
  check: (judge, body) => judge.check("Response", body),
  checkStream: (judge, events) => {
    for (const [index, event] of events.entries()) {
      assert.equal(event["sequence_number"], index);
      judge.checkEvent(withoutNullUsage(event));
    }
    assert.match(String(events.at(-1)?.["type"]), /^response\.(?:completed|incomplete)$/u);
  },
};

interface Got {
  readonly status: number;
  readonly text: string;
}

async function ask(url: string, body: Fields | null, key = testKey): Promise<Got> {
  const response = await fetch(url, {
    method: body === null ? "GET" : "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    ...(body === null ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, text: await response.text() };
}

const parsed = (text: string): Fields => JSON.parse(text) as Fields;

/** What this upstream has no word for is refused; the words are taken by all others. */
const refused: Readonly<Partial<Record<UpstreamId, readonly string[]>>> = {
  "openai-responses": ["choices"],
  "anthropic-messages": ["likely", "choices"],
  "bedrock-converse": ["likely", "choices"],
  "cohere-v2": ["choices"],
  "ollama-chat": ["likely", "choices"],
};

async function judgeFront(
  front: Front,
  told: { yard: Yard; judge: Judge; upstream: UpstreamId },
): Promise<void> {
  const { yard, judge, upstream } = told;
  for (const word of Object.keys(answers)) {
    const isRefused = refused[upstream]?.includes(word) === true;
    if (word === "choices" && front === responses) continue;
    const body = front.body(word);
    const whole = await ask(yard.url + front.path, body);
    const name = `${front.path} ${upstream} ${word}: ${whole.text}`;
    assert.equal(whole.status, isRefused ? 400 : 200, name);
    if (isRefused) judge.check("ErrorResponse", parsed(whole.text));
    else front.check(judge, parsed(whole.text));
    if (isRefused) continue;
    const usage = front === chat ? { stream_options: { include_usage: true } } : {};
    const streamed = await ask(yard.url + front.path, { ...body, stream: true, ...usage });
    assert.equal(streamed.status, 200, streamed.text);
    front.checkStream(judge, payloads(streamed.text));
  }
}

for (const upstream of upstreamIds)
  test(`conversations over ${upstream}`, { skip: lacking, timeout: 60_000 }, async (t) => {
    const judge = openJudge();
    const { yard, vendor } = await openScriptedYard(t, upstream, script);
    await judgeFront(chat, { yard, judge, upstream });
    await judgeFront(responses, { yard, judge, upstream });
    assert.equal(new Set(vendor.heard.map(({ api }) => api)).size, 1);
    assert.ok(judge.passed > 120, `${judge.passed} replies and events`);
  });

test("the judge condemns what the document does not allow", { skip: lacking }, () => {
  const judge = openJudge();
  assert.throws(() => judge.check("ErrorResponse", { error: { message: "x", type: "y" } }));
  assert.throws(() => judge.check("CreateChatCompletionResponse", { id: "x", choices: [] }));
  assert.throws(() => judge.checkEvent({ type: "response.unheard_of" }));
  assert.throws(() => judge.checkEvent({ type: "response.output_text.delta", delta: "x" }));
  assert.equal(judge.passed, 0);
});

const own: readonly (readonly [UpstreamId, Front])[] = [
  ["openai-chat", chat],
  ["openai-responses", responses],
];

for (const [upstream, front] of own)
  test(`what ${upstream} says passes as the same bytes`, { timeout: 60_000 }, async (t) => {
    const { yard, vendor } = await openScriptedYard(t, upstream, script);
    for (const word of Object.keys(answers))
      for (const stream of [false, true]) {
        const asked = { ...front.body(word), stream, stream_options: { include_usage: true } };
        const ours = await ask(yard.url + front.path, asked);
        const theirs = await ask(vendor.origin + front.path, asked);
        assert.deepEqual(ours, theirs, word);
      }
  });

/** What goes wrong, and where it is told. */
const faults: readonly (readonly [string, number, (yard: Yard, front: Front) => Promise<Got>])[] = [
  ["a stranger", 401, (yard, front) => ask(yard.url + front.path, front.body("text"), "sk-none")],
  [
    "no such path",
    404,
    (yard, front) => ask(`${yard.url + front.path}/no/such`, front.body("text")),
  ],
  [
    "no such model",
    503,
    (yard, front) => ask(yard.url + front.path, { ...front.body("text"), model: "none" }),
  ],
  [
    "a hostile body",
    400,
    (yard, front) => ask(yard.url + front.path, { ...front.body("text"), messages: 1, input: 1 }),
  ],
  ["no body", 400, (yard, front) => ask(yard.url + front.path, {})],
];

for (const upstream of upstreamIds)
  test(`errors over ${upstream}`, { skip: lacking, timeout: 60_000 }, async (t) => {
    const judge = openJudge();
    const { yard, vendor } = await openScriptedYard(t, upstream, script);
    for (const front of [chat, responses]) {
      for (const [what, status, provoke] of faults) {
        const got = await provoke(yard, front);
        assert.equal(got.status, status, `${what}: ${got.text}`);
        judge.check("ErrorResponse", parsed(got.text));
      }
      for (const status of [400, 401, 429, 500]) {
        vendor.failNext({ status }, { status }, { status }, { status }, { status });
        const got = await ask(yard.url + front.path, front.body("text"));
        assert.ok(got.status >= 400, got.text);
        judge.check("ErrorResponse", parsed(got.text));
        while (vendor.failing > 0) await ask(yard.url + front.path, front.body("text"));
      }
      vendor.failNext({ cutBehind: 5 });
      const cut = await ask(yard.url + front.path, { ...front.body("text"), stream: true });
      const last = payloads(cut.text).at(-1) ?? {};
      if (front === chat) judge.check("ErrorResponse", last);
      else judge.checkEvent(withoutNullUsage(last));
      assert.doesNotMatch(cut.text, /\[DONE\]|response\.completed/u);
    }
  });

test("lists of models, and what is no conversation", { skip: lacking }, async (t) => {
  const judge = openJudge();
  for (const upstream of upstreamIds) {
    const { yard } = await openScriptedYard(t, upstream, script);
    const listed = await ask(`${yard.url}/v1/models`, null);
    judge.check("ListModelsResponse", parsed(listed.text));
    judge.check("Model", parsed((await ask(`${yard.url}/v1/models/${model}`, null)).text));
    const counted = await ask(`${yard.url}/v1/responses/input_tokens`, { model, input: "hi" });
    judge.check("TokenCountsResource", parsed(counted.text));
    if (!embeds.includes(upstream)) continue;
    for (const encoding_format of ["float", "base64"]) {
      const asked = { model, input: ["one", "two"], encoding_format, dimensions: 4 };
      const { text } = await ask(`${yard.url}/v1/embeddings`, asked);
      const reply = parsed(text);
      if (encoding_format === "float") judge.check("CreateEmbeddingResponse", reply);
      assert.deepEqual(reply["usage"], { prompt_tokens: 2, total_tokens: 2 }, text);
    }
  }
  assert.equal(judge.passed, upstreamIds.length * 3 + embeds.length);
});

const embeds: readonly UpstreamId[] = ["openai-chat", "gemini-content", "cohere-v2", "ollama-chat"];
