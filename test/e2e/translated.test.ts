/** Every API in, every API out: what callers of one understand of upstreams that speak another, also when these fail. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { findDialect, findUpstreamCodec } from "../../src/dialects/registry.ts";
import { sayChat } from "../fakes/scripted/chat.ts";
import { sayCohere } from "../fakes/scripted/cohere.ts";
import { sayConverse } from "../fakes/scripted/converse.ts";
import { sayGemini } from "../fakes/scripted/gemini.ts";
import { sayMessages } from "../fakes/scripted/messages.ts";
import { sayOllama } from "../fakes/scripted/ollama.ts";
import { sayResponses } from "../fakes/scripted/responses.ts";
import { type Heard, type RenderedTurn, type Said, usage } from "../fakes/scripted/turn.ts";
import {
  type Behaviour,
  type FakeUpstream,
  type Piece,
  cut,
  gate,
  openFakeUpstream,
  reply,
  status,
  stream,
} from "../fakes/upstream.ts";
import type { DialectId } from "../../src/wire/call.ts";
import { type ChannelSpec, type Yard, closing, openYard, testKey } from "./call-harness.ts";
import { type Ask, type Front, type Understood, fronts, payloads } from "./fronts.ts";

interface Target {
  readonly id: DialectId;
  readonly say: (heard: Heard, said: Said) => RenderedTurn;
}

const targets: readonly Target[] = (
  [
    { id: "openai-chat", say: sayChat },
    { id: "openai-responses", say: sayResponses },
    { id: "anthropic-messages", say: sayMessages },
    { id: "gemini-content", say: sayGemini },
    { id: "bedrock-converse", say: sayConverse },
    { id: "cohere-v2", say: sayCohere },
    { id: "ollama-chat", say: sayOllama },
  ] as const
).filter(({ id }) => findUpstreamCodec(id) !== undefined);

const speaking = fronts.filter(({ id }) => findDialect(id)?.front != null);
/** Pairs that are translated. */
const pairs = speaking.flatMap((front) =>
  targets.filter(({ id }) => id !== front.id).map((target) => ({ front, target })),
);

const text = "Grüße — it is 18 °C in Köln.";
const words: Said = { text };
const call: Said = { calls: [{ name: "weather", arguments: { city: "Köln", days: [1, 2] } }] };

function turn(target: Target, said: Said, streamed: boolean): RenderedTurn {
  const body = { stream: streamed, stream_options: { include_usage: true } };
  const heard = { model: "vendor-model", stream: streamed, tools: [], toolChoice: "auto" };
  return target.say({ ...heard, body } as unknown as Heard, said);
}

const buffers = (pieces: RenderedTurn["pieces"]): Buffer[] =>
  pieces.map((piece) => Buffer.from(piece as Uint8Array));

/** An upstream that says it, as a stream or whole as it is asked. */
function says(target: Target, said: Said): Behaviour {
  return (request, response) => {
    const streamed = /stream/i.test(request.path) || /"stream":true/.test(request.body.toString());
    const { contentType, pieces } = turn(target, said, streamed);
    if (!streamed) return reply(buffers(pieces)[0]!)(request, response);
    return stream(buffers(pieces), { "content-type": contentType })(request, response);
  };
}

/** The base URL without the version that some APIs' paths have themselves. */
function channel(
  vendor: FakeUpstream,
  target: Target,
  more: Partial<ChannelSpec> = {},
): ChannelSpec {
  const base = vendor.baseUrl.replace(/\/v1$/, "");
  const options = { dialects: [target.id], ...more.options };
  return { baseUrl: base, ...more, options };
}

interface Got {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly understood: Understood;
}

/** Resolves with the head of the reply. */
async function opens(yard: Yard, front: Front, ask: Ask, signal?: AbortSignal): Promise<Response> {
  return await fetch(yard.url + front.path(ask), {
    method: "POST",
    headers: {
      authorization: `Bearer ${testKey}`,
      "content-type": "application/json",
      ...front.headers,
    },
    body: JSON.stringify(front.body(ask)),
    ...(signal === undefined ? {} : { signal }),
  });
}

async function asks(yard: Yard, front: Front, ask: Ask = {}): Promise<Got> {
  const response = await opens(yard, front, ask);
  const got = await response.text();
  const isStream = (response.headers.get("content-type") ?? "").includes("event-stream");
  const understood = isStream
    ? front.readStream(payloads(got), got)
    : front.readWhole(JSON.parse(got) as Record<string, unknown>);
  return { status: response.status, headers: response.headers, text: got, understood };
}

async function played(t: TestContext, behaviour: Behaviour): Promise<FakeUpstream> {
  return closing(t, await openFakeUpstream(behaviour));
}

async function yardOf(t: TestContext, target: Target, behaviour: Behaviour): Promise<Yard> {
  return await openYard(t, { channels: [channel(await played(t, behaviour), target)] });
}

test("there are pairs to translate", () => {
  assert.ok(pairs.length >= 3, `${pairs.length}`);
});

for (const { front, target } of pairs) {
  const name = `${front.id} → ${target.id}`;

  test(`${name}: text and tool calls, whole and streamed`, async (t) => {
    const yard = await yardOf(t, target, says(target, words));
    for (const streamed of [false, true]) {
      const { understood, status: code, text: raw } = await asks(yard, front, { stream: streamed });
      assert.equal(code, 200, raw);
      assert.equal(understood.text, text, raw);
      assert.equal(understood.whole, true, raw);
      assert.equal(understood.error, "");
      assert.deepEqual(understood.calls, []);
      assert.equal(understood.tokens?.output, usage.output, raw);
    }
    const second = await yardOf(t, target, says(target, call));
    for (const streamed of [false, true]) {
      const { understood, text: raw } = await asks(second, front, {
        stream: streamed,
        tools: true,
      });
      assert.deepEqual(understood.calls, call.calls, raw);
      assert.equal(understood.whole, true, raw);
    }
    const record = await yard.recorded(2);
    assert.deepEqual(
      [record.outcome, record.error, record.usage.estimated],
      ["complete", null, false],
    );
    // Cohere bills without what its own cache held.
    const billed = target.id === "cohere-v2" ? usage.input - usage.cached : usage.input;
    assert.equal(record.usage.input + record.usage.cacheRead, billed);
    assert.equal(record.usage.output, usage.output);
  });

  test(`${name}: of a mapped model the caller sees the name it asked for, else the vendor's own`, async (t) => {
    const one = await played(t, says(target, words));
    const yard = await openYard(t, { channels: [channel(one, target)] });
    // Some vendors tell no name: then it is the one that was sent.
    const silent = ["bedrock-converse", "cohere-v2"].includes(target.id);
    const own = silent ? "own-model" : "vendor-model";
    for (const streamed of [false, true])
      assert.equal((await asks(yard, front, { stream: streamed })).understood.model, own);
    const mapped = { modelMapping: { "own-model": "sent-model" } };
    await yard.use({ channels: [channel(one, target, mapped)] });
    for (const streamed of [false, true])
      assert.equal((await asks(yard, front, { stream: streamed })).understood.model, "own-model");
    const shown = { ...mapped, options: { replyModel: "upstream" } };
    await yard.use({ channels: [channel(one, target, shown)] });
    const upstreams = silent ? "sent-model" : "vendor-model";
    assert.equal((await asks(yard, front)).understood.model, upstreams);
    const record = await yard.recorded(5);
    assert.deepEqual(
      [record.modelAsked, record.modelSent, record.modelReported],
      ["own-model", "sent-model", silent ? null : "vendor-model"],
    );
  });

  test(`${name}: a stopping node tells its streams so`, async (t) => {
    const { contentType, pieces } = turn(target, words, true);
    const held = gate();
    const half = buffers(pieces).slice(0, Math.ceil(pieces.length / 2));
    const one = await played(t, stream([...half, held], { "content-type": contentType }));
    const env = { DRAIN_TIMEOUT: "0", DRAIN_GRACE: "0" };
    const yard = await openYard(t, { channels: [channel(one, target)], env });
    const response = await opens(yard, front, { stream: true });
    const drained = yard.drain();
    const raw = await response.text();
    await drained;
    const understood = front.readStream(payloads(raw), raw);
    assert.equal(understood.whole, false, raw);
    assert.notEqual(understood.error, "", raw);
    held.open();
  });

  test(`${name}: a whole reply to a caller that asked for a stream is told as one`, async (t) => {
    const whole = reply(buffers(turn(target, words, false).pieces)[0]!);
    const yard = await yardOf(t, target, whole);
    const { understood, text: raw } = await asks(yard, front, { stream: true });
    assert.deepEqual([understood.text, understood.whole], [text, true], raw);
  });

  test(`${name}: before the first content another channel answers; after it the caller is told`, async (t) => {
    const { contentType, pieces } = turn(target, words, true);
    const told = buffers(pieces);
    const type = { "content-type": contentType };
    const answering = await played(t, says(target, words));
    const failures: readonly [string, Behaviour][] = [
      ["500", status(500)],
      ["closed", (_request, response) => void response.socket?.destroy()],
      ["nothing", stream([], type)],
      ["only an error", reply('{"error":{"message":"busy","code":"rate_limit_exceeded"}}')],
    ];
    for (const [what, failure] of failures) {
      const failing = await played(t, failure);
      const channels = [
        channel(failing, target, { priority: 9 }),
        channel(answering, target, { priority: 1 }),
      ];
      const yard = await openYard(t, { channels });
      const got = await asks(yard, front, { stream: true });
      assert.deepEqual([got.understood.text, got.understood.whole], [text, true], what);
      assert.equal((await yard.recorded(1)).attempts, 2, what);
    }
    // Cut behind each piece once content has begun, cleanly and by a broken connection.
    for (let kept = Math.ceil(told.length / 2); kept < told.length; kept += 1) {
      const broken = await played(t, cutTyped(told.slice(0, kept), contentType));
      const single = await openYard(t, { channels: [channel(broken, target)] });
      const got = await asks(single, front, { stream: true });
      const record = await single.recorded(1);
      if (got.understood.whole) assert.equal(record.outcome, "complete", got.text);
      else {
        assert.notEqual(got.understood.error, "", got.text);
        assert.equal(record.outcome === "cut" || record.outcome === "failed", true, got.text);
      }
    }
    const clean = await played(t, stream(told.slice(0, Math.ceil(told.length / 2)), type));
    const single = await openYard(t, { channels: [channel(clean, target)] });
    const got = await asks(single, front, { stream: true });
    assert.equal(got.understood.whole, false, got.text);
    assert.notEqual(got.understood.error, "", got.text);
    assert.equal((await single.recorded(1)).error, "upstream_truncated");
  });

  test(`${name}: the vendor's refusal is told in the caller's tongue`, async (t) => {
    const error = { message: "the city is unknown", type: "invalid_request_error" };
    const yard = await yardOf(
      t,
      target,
      reply(JSON.stringify({ error, message: error.message }), {}, 400),
    );
    const got = await asks(yard, front);
    assert.equal(got.status, 400, got.text);
    assert.match(got.understood.error, /the city is unknown/, got.text);
  });

  test(`${name}: a caller that leaves ends the upstream's stream`, async (t) => {
    const { contentType, pieces } = turn(target, words, true);
    const held = gate();
    const half = buffers(pieces).slice(0, Math.ceil(pieces.length / 2));
    const one = await played(t, stream([...half, held], { "content-type": contentType }));
    const yard = await openYard(t, { channels: [channel(one, target)] });
    const leaving = new AbortController();
    const response = await opens(yard, front, { stream: true }, leaving.signal);
    const reader = response.body!.getReader();
    await reader.read();
    leaving.abort();
    await one.aborted(1);
    const record = await yard.recorded(1);
    assert.equal(record.outcome, "caller_gone");
    assert.ok(record.usage.output > 0);
    held.open();
  });
}

function cutTyped(pieces: readonly Piece[], contentType: string): Behaviour {
  return async (request, response) => {
    response.setHeader("content-type", contentType);
    await cut(pieces)(request, response);
  };
}
