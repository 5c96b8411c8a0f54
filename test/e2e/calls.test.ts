/** Calls from socket to socket: what goes up and comes down, byte for byte, and what happens when vendors fail. */
import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { type TestContext, test } from "node:test";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import { type Recording, ownRecordings } from "../fakes/recordings.ts";
import {
  type Behaviour,
  type FakeUpstream,
  cut,
  gate,
  hang,
  inTurn,
  json,
  malformed,
  openFakeUpstream,
  replay,
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

const [ownText, ownStream, ownTools] = ownRecordings() as [Recording, Recording, Recording];
const chatBody = '{"model":"own-model","messages":[{"role":"user","content":"hi"}]}';
const streamBody =
  '{"model":"own-model","stream":true,"messages":[{"role":"user","content":"hi"}]}';
const role =
  'data: {"model":"m1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n';
const word = (text: string): string =>
  `data: {"model":"m1","choices":[{"index":0,"delta":{"content":"${text}"},"finish_reason":null}]}\n\n`;
const finish = 'data: {"model":"m1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n';
const usage =
  'data: {"model":"m1","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}\n\n';
const done = "data: [DONE]\n\n";

interface Got {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

async function post(
  yard: Yard,
  body: string | Buffer,
  more: { path?: string; headers?: Record<string, string>; key?: string } = {},
): Promise<Got> {
  const response = await fetch(yard.url + (more.path ?? "/v1/chat/completions"), {
    method: "POST",
    headers: {
      authorization: `Bearer ${more.key ?? testKey}`,
      "content-type": "application/json",
      ...more.headers,
    },
    body: new Uint8Array(Buffer.from(body)),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

async function vendor(t: TestContext, behaviour: Behaviour): Promise<FakeUpstream> {
  return closing(t, await openFakeUpstream(behaviour));
}

/** Posts and tells when a text has come down; `got` resolves with the whole. */
function postWatching(
  yard: Yard,
  body: string,
): { seen(text: string): Promise<void>; got: Promise<Got> } {
  const { promise: got, resolve, reject } = Promise.withResolvers<Got>();
  const waiting: { text: string; resolve: () => void }[] = [];
  let all = "";
  const check = (): void => {
    for (const one of waiting) if (all.includes(one.text)) one.resolve();
  };
  const read = async (): Promise<Got> => {
    const response = await fetch(`${yard.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${testKey}` },
      body,
    });
    const decoder = new TextDecoder();
    for await (const piece of response.body ?? []) {
      all += decoder.decode(piece, { stream: true });
      check();
    }
    return { status: response.status, headers: response.headers, text: all };
  };
  read().then(resolve, reject);
  const seen = (text: string): Promise<void> =>
    new Promise((found) => {
      waiting.push({ text, resolve: found });
      check();
    });
  return { seen, got };
}

/** Two channels, the first preferred. */
async function pair(
  t: TestContext,
  first: Behaviour,
  second: Behaviour,
  more: Partial<YardSpec> = {},
): Promise<{ yard: Yard; one: FakeUpstream; two: FakeUpstream }> {
  const one = await vendor(t, first);
  const two = await vendor(t, second);
  const channels = [
    { baseUrl: one.baseUrl, priority: 10 },
    { baseUrl: two.baseUrl, priority: 0 },
  ];
  return { yard: await openYard(t, { channels, ...more }), one, two };
}

async function single(
  t: TestContext,
  behaviour: Behaviour,
  channel: Partial<ChannelSpec> = {},
  more: Partial<YardSpec> = {},
): Promise<{ yard: Yard; one: FakeUpstream }> {
  const one = await vendor(t, behaviour);
  return {
    yard: await openYard(t, { channels: [{ baseUrl: one.baseUrl, ...channel }], ...more }),
    one,
  };
}

/** A clock on which ten seconds pass in 100 ms. */
const fastClock: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic() * 100,
  after: (delayMs, action) => systemClock.after(delayMs / 100, action),
};

const code = (got: Got): string => (JSON.parse(got.text) as { error: { code: string } }).error.code;

test("odd JSON arrives byte for byte, only the mapped name is spliced", async (t) => {
  const { yard, one } = await single(t, replay(ownText), {
    modelMapping: { "own-model": "sent/x" },
  });
  const odd =
    '\n{ "seed" : 9007199254740993,\t"x":1e400, "model" :"own-mod\\u0065l" ,"\\u0061":"\\u00e9\\ud83d\\ude00","top_p":1.0, "messages":[ ] }\r\n';
  assert.equal((await post(yard, odd)).status, 200);
  assert.equal(one.requests[0]!.body.toString(), odd.replace('"own-mod\\u0065l"', '"sent/x"'));
  await yard.use({ channels: [{ baseUrl: one.baseUrl }] });
  await post(yard, odd);
  assert.equal(one.requests[1]!.body.toString(), odd);
});

test("a stream comes down as the same bytes however it is cut into pieces", async (t) => {
  const bytes = ownTools.response.body;
  for (const size of [1, 7, 64, 1000, bytes.length]) {
    const pieces = [];
    for (let start = 0; start < bytes.length; start += size)
      pieces.push(bytes.subarray(start, start + size));
    const { yard } = await single(t, stream(pieces));
    assert.equal((await post(yard, ownTools.request.body)).text, bytes.toString());
    assert.deepEqual((await yard.recorded(1)).usage.output, 10);
  }
});

test("usage is asked for in any case, and its event left out only for those who did not ask", async (t) => {
  const { yard, one } = await single(t, stream([role, word("a"), finish, usage, done]));
  const kept = role + word("a") + finish + done;
  const cases = [
    [
      '{"stream":true,"model":"own-model"}',
      '{"stream_options":{"include_usage":true},"stream":true,"model":"own-model"}',
      kept,
    ],
    [
      '{"stream":true,"model":"own-model","stream_options": {"include_usage" : false,"x":1} }',
      '{"stream":true,"model":"own-model","stream_options": {"include_usage" : true,"x":1} }',
      kept,
    ],
    [
      '{"stream":true,"model":"own-model","stream_options":null}',
      '{"stream":true,"model":"own-model","stream_options":{"include_usage":true}}',
      kept,
    ],
    [
      '{"stream":true,"model":"own-model","stream_options":{}}',
      '{"stream":true,"model":"own-model","stream_options":{"include_usage":true}}',
      kept,
    ],
    [
      '{"stream":true,"model":"own-model","stream_options":{"include_usage":true}}',
      undefined,
      role + word("a") + finish + usage + done,
    ],
  ] as const;
  for (const [index, [asked, sent, seen]] of cases.entries()) {
    assert.equal((await post(yard, asked)).text, seen);
    assert.equal(one.requests[index]!.body.toString(), sent ?? asked);
    const record = await yard.recorded(index + 1);
    assert.deepEqual([record.usage.input, record.usage.output, record.outcome], [7, 2, "complete"]);
  }
});

test("a vendor that refuses the usage opt-in is not sent it", async (t) => {
  const { yard, one } = await single(t, stream([word("a"), finish, done]), { provider: "mistral" });
  await post(yard, streamBody);
  assert.equal(one.requests[0]!.body.toString(), streamBody);
});

test("of a mapped model the caller sees the name it asked for, in replies and in every event", async (t) => {
  const modelMapping = { "own-model": "vendor-9" };
  const { yard, one } = await single(t, replay(ownText), { modelMapping });
  const whole = await post(yard, chatBody);
  assert.equal(
    whole.text,
    ownText.response.body.toString().replace('"own-model-2025"', '"own-model"'),
  );
  one.behave(stream([role + word("a"), finish + done]));
  const streamed = await post(yard, streamBody);
  assert.equal(streamed.text, (role + word("a") + finish + done).replaceAll('"m1"', '"own-model"'));
  const record = await yard.recorded(2);
  assert.deepEqual(
    [record.modelAsked, record.modelBilled, record.modelSent, record.modelReported],
    ["own-model", "own-model", "vendor-9", "m1"],
  );
  await yard.use({
    channels: [{ baseUrl: one.baseUrl, modelMapping, options: { replyModel: "upstream" } }],
  });
  assert.equal((await post(yard, streamBody)).text, role + word("a") + finish + done);
});

test("a channel's parameters are put over the caller's, but never over the model or the stream", async (t) => {
  const parameters = { temperature: 0, top_k: 5 };
  const { yard, one } = await single(t, replay(ownText), { parameters });
  await post(yard, '{"temperature" : 0.9 ,"model":"own-model","messages":[]}');
  assert.equal(
    one.requests[0]!.body.toString(),
    '{"top_k":5,"temperature" : 0 ,"model":"own-model","messages":[]}',
  );
});

test("the model of an Azure deployment's path is put into the body", async (t) => {
  const { yard, one } = await single(t, replay(ownText));
  const path = "/openai/deployments/own-model/chat/completions?api-version=2024-10-21";
  const got = await post(yard, '{"messages":[]}', { path, headers: { "api-key": testKey } });
  assert.equal(got.status, 200);
  assert.equal(one.requests[0]!.body.toString(), '{"model":"own-model","messages":[]}');
});

test("before the first content any failure goes to another channel, and nobody notices", async (t) => {
  const failures: readonly [string, Behaviour][] = [
    ["500", status(500)],
    ["502 without JSON", reply("<html>bad gateway</html>", { "content-type": "text/html" }, 502)],
    ["429", status(429, { "retry-after": "1" })],
    ["401", status(401)],
    ["402", status(402)],
    ["404", status(404)],
    ["redirect", reply("", { location: "http://127.0.0.1:1/" }, 302)],
    ["no HTTP", malformed],
    ["closed at once", (_request, response) => void response.socket?.destroy()],
    ["preamble, then broken", cut([role])],
    ["preamble, then ended", stream([role])],
    [
      "error event first",
      stream([role, 'data: {"error":{"message":"overloaded","type":"overloaded_error"}}\n\n']),
    ],
    ["nothing but the end", stream([done])],
    ["an encoded reply", stream([word("a"), done], { "content-encoding": "gzip" })],
    ["an HTML page", reply("<html></html>", { "content-type": "text/html" })],
    ["an error under 200", json({ error: { message: "busy", code: 1305 } })],
  ];
  for (const [name, failure] of failures) {
    const { yard, one, two } = await pair(
      t,
      failure,
      stream([role, word("ok"), finish, usage, done]),
    );
    const got = await post(yard, streamBody);
    assert.equal(got.text, role + word("ok") + finish + done, name);
    assert.deepEqual([got.status, one.requests.length, two.requests.length], [200, 1, 1], name);
    const record = await yard.recorded(1);
    assert.deepEqual([record.attempts, record.channelId, record.outcome], [2, 2, "complete"], name);
    assert.deepEqual(two.requests[0]!.body, one.requests[0]!.body, name);
  }
});

test("whole replies fail over too, even when broken in the middle", async (t) => {
  const broken: Behaviour = (_request, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
    response.write('{"id":"x",', () => response.socket?.destroy());
  };
  for (const failure of [broken, status(503), reply("[]"), reply('{"choices":[')]) {
    const { yard } = await pair(t, failure, replay(ownText));
    const got = await post(yard, chatBody);
    assert.equal(got.text, ownText.response.body.toString());
  }
});

test("after the first content nothing is tried again: the caller is told, and no terminator follows", async (t) => {
  const error = 'data: {"error":{"message":"out of memory","type":"server_error"}}\n\n';
  const failures: readonly [string, Behaviour, string][] = [
    ["broken connection", cut([role, word("half")]), "upstream_truncated"],
    ["ended without terminator", stream([role, word("half")]), "upstream_truncated"],
    ["error event", stream([role, word("half"), error, done]), "upstream_failed"],
  ];
  for (const [name, failure, kind] of failures) {
    const { yard, two } = await pair(t, failure, replay(ownStream));
    const got = await post(yard, streamBody);
    assert.equal(got.status, 200, name);
    assert.ok(got.text.startsWith(role + word("half")), name);
    assert.match(got.text, /\ndata: \{"error":\{"message":/, name);
    assert.ok(!got.text.includes("[DONE]"), name);
    assert.equal(two.requests.length, 0, name);
    const record = await yard.recorded(1);
    assert.deepEqual([record.outcome, record.error, record.status], ["cut", kind, 200], name);
    assert.equal(record.usage.estimated, true, name);
  }
});

test("a stream that ends cleanly behind its finish is whole, also without [DONE]", async (t) => {
  const { yard } = await single(t, stream([role, word("a"), finish]));
  assert.equal((await post(yard, streamBody)).text, role + word("a") + finish);
  assert.equal((await yard.recorded(1)).outcome, "complete");
});

test("a last event without its blank line counts when it is whole, and is dropped when it is not", async (t) => {
  const { yard, one } = await single(t, stream([role, word("a"), finish, "data: [DONE]"]));
  assert.equal((await post(yard, streamBody)).text, role + word("a") + finish + done);
  one.behave(stream([role, word("a"), word("broken off").slice(0, -20)]));
  const { text } = await post(yard, streamBody);
  assert.ok(text.startsWith(`${role}${word("a")}data: {"error":`), text);
  assert.ok(!text.includes("broken off"));
});

test("a whole reply to a caller that asked for a stream is passed on, unless the stream has begun", async (t) => {
  const { yard, one } = await single(t, replay(ownText), {}, { clock: fastClock });
  assert.equal((await post(yard, streamBody)).text, ownText.response.body.toString());
  const held = gate();
  one.behave(async (request, response) => {
    await held.opened;
    await replay(ownText)(request, response);
  });
  const call = postWatching(yard, streamBody);
  await call.seen(": ping\n\n");
  held.open();
  const got = await call.got;
  assert.match(got.text, /^(: ping\n\n)+data: \{"error":.*"code":"upstream_invalid"/);
});

test("the caller's own faults come back with the vendor's status and body, unrepeated", async (t) => {
  for (const refusedWith of [400, 413, 422]) {
    const error = {
      message: "max_tokens is too large",
      code: "context_length_exceeded",
      param: "max_tokens",
    };
    const { yard, two } = await pair(
      t,
      status(refusedWith, { "x-request-id": "req_up" }, error),
      replay(ownText),
    );
    const got = await post(yard, chatBody);
    assert.equal(got.status, refusedWith);
    const told = {
      message: "max_tokens is too large",
      type: "played_error",
      param: "max_tokens",
      code: "context_length_exceeded",
    };
    assert.equal(got.text, JSON.stringify({ error: told }));
    assert.equal(got.headers.get("x-upstream-request-id"), "req_up");
    assert.equal(two.requests.length, 0);
    assert.equal((await yard.recorded(1)).error, "upstream_refused");
  }
});

test("a credential that a vendor tells back does not reach the caller", async (t) => {
  for (const shown of [400, 401, 500]) {
    const tell: Behaviour = (request, response) =>
      status(
        shown,
        {},
        { message: `bad header ${request.headers.authorization}` },
      )(request, response);
    const { yard } = await single(t, tell, { credentials: ["sk-very-secret-credential"] });
    const got = await post(yard, chatBody);
    assert.ok(!got.text.includes("very-secret"), got.text);
    assert.equal(got.text.includes("bad header Bearer [redacted]"), shown === 400);
  }
});

test("a refusal in a foreign shape is told in OpenAI's", async (t) => {
  const { yard } = await single(t, reply('{"detail":"no such field"}', {}, 422));
  const got = await post(yard, chatBody);
  assert.equal(got.status, 422);
  assert.deepEqual([code(got), /no such field/.test(got.text)], ["upstream_refused", true]);
});

test("when all fail the last failure is told as it was, and never as the caller's key", async (t) => {
  const cases: readonly [Behaviour, number, string][] = [
    [status(401), 502, "upstream_auth"],
    [status(403), 502, "upstream_auth"],
    [status(429, { "retry-after": "17" }), 429, "upstream_overloaded"],
    [status(429, {}, { code: "insufficient_quota" }), 502, "upstream_auth"],
    [status(500), 502, "upstream_failed"],
    [status(503), 503, "upstream_overloaded"],
    [status(404, {}, { message: "no such model" }), 404, "null"],
    [malformed, 502, "upstream_invalid"],
  ];
  for (const [failure, shown, kind] of cases) {
    const { yard, one } = await pair(t, status(500), failure);
    const got = await post(yard, chatBody);
    assert.equal(got.status, shown, kind);
    assert.equal(String(code(got)), kind);
    assert.ok(!got.text.includes("sk-upstream"), kind);
    assert.equal(
      got.headers.get("retry-after"),
      kind === "upstream_overloaded" && shown === 429 ? "17" : null,
    );
    assert.equal(one.requests.length, 1);
  }
});

test("an unreachable and a silent upstream are told apart", async (t) => {
  const refused = await openYard(t, { channels: [{ baseUrl: "http://127.0.0.1:1/v1" }] });
  const unreachable = await post(refused, chatBody);
  assert.deepEqual([unreachable.status, code(unreachable)], [502, "upstream_unreachable"]);
  const { yard } = await single(t, hang, { timeouts: { firstByteMs: 100 } });
  const silent = await post(yard, chatBody);
  assert.deepEqual([silent.status, code(silent)], [504, "upstream_timeout"]);
});

test("retryTimes bounds the attempts", async (t) => {
  const one = await vendor(t, status(500));
  const channels = Array.from({ length: 5 }, () => ({ baseUrl: one.baseUrl }));
  for (const retryTimes of [0, 2]) {
    const yard = await openYard(t, { channels, settings: { retryTimes } });
    const before = one.requests.length;
    assert.equal((await post(yard, chatBody)).status, 502);
    assert.equal(one.requests.length - before, retryTimes + 1);
    assert.equal((await yard.recorded(1)).attempts, retryTimes + 1);
  }
});

test("another credential of the same channel is tried when one is refused", async (t) => {
  const byKey: Behaviour = (request, response) =>
    (request.headers.authorization === "Bearer good" ? replay(ownText) : status(401))(
      request,
      response,
    );
  const { yard, one } = await single(t, byKey, { credentials: ["bad", "good"] });
  for (let call = 0; call < 4; call += 1) assert.equal((await post(yard, chatBody)).status, 200);
  assert.equal(
    one.requests.filter((request) => request.headers.authorization === "Bearer bad").length,
    1,
  );
});

test("a channel that answered 429 rests, and is asked again rather than nobody", async (t) => {
  const { yard, one, two } = await pair(t, status(429, { "retry-after": "600" }), replay(ownText));
  for (let call = 0; call < 3; call += 1) assert.equal((await post(yard, chatBody)).status, 200);
  assert.deepEqual([one.requests.length, two.requests.length], [1, 3]);
  two.behave(status(429));
  assert.equal((await post(yard, chatBody)).status, 429);
  one.behave(replay(ownText));
  two.behave(replay(ownText));
  assert.equal(
    (await post(yard, chatBody)).status,
    200,
    "both rest: one of them is asked all the same",
  );
});

test("the fallback group answers when the first has no channel, and it prices the call", async (t) => {
  const one = await vendor(t, replay(ownText));
  const yard = await openYard(t, {
    channels: [{ baseUrl: one.baseUrl, groups: ["backup"] }],
    groups: [{ symbol: "backup", ratio: 2_500_000n }],
    prices: [{ model: "own-*", input: 1_000_000_001n, output: 3_000_000_000n }],
    key: { fallbackGroup: "backup" },
  });
  assert.equal((await post(yard, chatBody)).status, 200);
  const record = await yard.recorded(1);
  // (5 + 4 cached) x 1,000,000,001 + 3 x 3,000,000,000 = 18,000,000,009; x 2.5 / 1e6 = 45,000.0000225
  assert.deepEqual(
    [record.group, record.cost, record.priceId, record.unpriced],
    ["backup", 45_000n, 1, false],
  );
});

test("no channel: the words that operators search for, in both languages", async (t) => {
  const channels = [{ baseUrl: "http://127.0.0.1:1/v1" }];
  const english = await post(await openYard(t, { channels }), '{"model":"claude4"}');
  assert.equal(english.status, 503);
  assert.match(english.text, /"No available channel for model claude4 in group default"/);
  const chinese = await post(
    await openYard(t, { channels, locale: "zh_CN" }),
    '{"model":"claude4"}',
  );
  assert.match(chinese.text, /"当前分组 default 下对于模型 claude4 无可用渠道"/);
  assert.equal(code(chinese), "no_available_channel");
});

test("bad bodies are refused with the field, and recorded", async (t) => {
  const { yard, one } = await single(t, replay(ownText));
  const cases: readonly [string, string | null][] = [
    ["", null],
    ["{", null],
    ["{}", "model"],
    ['{"model":""}', "model"],
    ['{"model":7}', "model"],
    ['{"model":"own-model","model":"other"}', "model"],
    ['{"model":"own-model","stream":"yes"}', "stream"],
    ['{"model":"own-model","stream":true,"stream_options":[]}', "stream_options"],
    ['{"model":"own-model","messages":[', "messages"],
  ];
  for (const [body, field] of cases) {
    const got = await post(yard, body);
    assert.equal(got.status, 400, body);
    const { error } = JSON.parse(got.text) as { error: { param: string | null; code: string } };
    assert.deepEqual([error.code, error.param], ["invalid_request", field], body);
  }
  assert.equal(one.requests.length, 0);
  assert.ok((await yard.recorded(cases.length)).outcome === "failed");
});

test("only headers of the allow-lists cross the gateway", async (t) => {
  const { yard, one } = await single(t, replay(ownText), {
    headers: { "X-Own": "yes", "x-b": "c" },
  });
  const answer = {
    "x-request-id": "req_1",
    "set-cookie": "a=b",
    "x-ratelimit-remaining-requests": "3",
    "openai-processing-ms": "12",
    "openai-organization": "acme",
  };
  one.behave(reply(ownText.response.body, answer));
  const got = await post(yard, chatBody, {
    headers: {
      cookie: "session=1",
      "openai-organization": "org",
      "openai-project": "p",
      "x-forwarded-for": "1.2.3.4",
      forwarded: "for=1.2.3.4",
      "x-api-key": "k",
      "openai-beta": "assistants=v2",
      traceparent: "00-1-2-01",
      "idempotency-key": "i1",
      "proxy-authorization": "Basic x",
      "x-unknown": "1",
      "accept-encoding": "gzip",
    },
  });
  const sent = { ...one.requests[0]!.headers };
  assert.deepEqual(
    { ...sent, host: "h" },
    {
      host: "h",
      connection: "keep-alive",
      "content-type": "application/json",
      accept: "application/json",
      "user-agent": "switchyard",
      "openai-beta": "assistants=v2",
      "idempotency-key": "i1",
      traceparent: "00-1-2-01",
      authorization: "Bearer sk-upstream-1",
      "x-own": "yes",
      "x-b": "c",
      "accept-encoding": "identity",
      "content-length": String(chatBody.length),
    },
  );
  assert.match(sent.host ?? "", /^127\.0\.0\.1:/);
  assert.equal(got.headers.get("x-upstream-request-id"), "req_1");
  assert.equal(got.headers.get("openai-processing-ms"), "12");
  for (const name of ["set-cookie", "x-ratelimit-remaining-requests", "openai-organization"])
    assert.equal(got.headers.get(name), null, name);
  assert.match(got.headers.get("x-request-id") ?? "", /^[0-9a-z]{26}$/);
});

test("an administrator's key can choose a channel or leave one out, others cannot", async (t) => {
  const { yard, one, two } = await pair(t, replay(ownText), replay(ownText), { role: "admin" });
  assert.equal((await post(yard, chatBody, { key: `${testKey}#2` })).status, 200);
  assert.deepEqual([one.requests.length, two.requests.length], [0, 1]);
  assert.equal((await post(yard, chatBody, { key: `${testKey}#!1` })).status, 200);
  assert.deepEqual([one.requests.length, two.requests.length], [0, 2]);
  assert.equal((await post(yard, chatBody, { key: `${testKey}#2#ignore` })).status, 200);
  assert.deepEqual([one.requests.length, two.requests.length], [1, 2]);
  const unknown = await post(yard, chatBody, { key: `${testKey}#99` });
  assert.deepEqual([unknown.status, code(unknown)], [503, "channel_not_available"]);
  assert.equal((await post(yard, chatBody, { key: `${testKey}#x` })).status, 403);
  const member = await openYard(t, { channels: [{ baseUrl: one.baseUrl }] });
  assert.equal((await post(member, chatBody, { key: `${testKey}#1` })).status, 403);
});

test("a silent stream is kept awake by comments and can still go to another channel", async (t) => {
  const held = gate();
  const { yard } = await pair(t, cut([role, held]), stream([word("late"), finish, done]), {
    clock: fastClock,
  });
  const call = postWatching(yard, streamBody);
  await call.seen(": ping\n\n: ping\n\n");
  held.open();
  const got = await call.got;
  assert.match(
    got.text,
    /^(: ping\n\n)+data: \{"model":"m1","choices":\[\{"index":0,"delta":\{"content":"late"\}/,
  );
  assert.ok(got.text.endsWith(finish + done));
  assert.equal(got.status, 200);
});

test("a failure behind a comment is told in the stream", async (t) => {
  const held = gate();
  const { yard } = await single(t, cut([held]), {}, { clock: fastClock });
  const call = postWatching(yard, streamBody);
  await call.seen(": ping\n\n");
  held.open();
  const got = await call.got;
  assert.equal(got.status, 200);
  assert.match(
    got.text,
    /^(: ping\n\n)+data: \{"error":\{"message":"[^"]+","type":"upstream_error"/,
  );
  assert.equal((await yard.recorded(1)).outcome, "failed");
});

/** Opens a call, hands over what arrives until `enough`, then breaks the connection. */
function breakAfter(yard: Yard, body: string, enough: (text: string) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = { method: "POST", headers: { authorization: `Bearer ${testKey}` } };
    const request = httpRequest(`${yard.url}/v1/chat/completions`, options, (response) => {
      let text = "";
      response.on("data", (piece: Buffer) => {
        text += piece.toString();
        if (!enough(text)) return;
        request.destroy();
        resolve();
      });
      response.on("error", () => undefined);
    });
    request.on("error", (error) => (request.destroyed ? undefined : reject(error)));
    request.end(body);
  });
}

test("when the caller leaves the upstream is cancelled at once, and what was delivered is charged", async (t) => {
  const { yard, one } = await single(
    t,
    stream([role, word("four byte"), gate()]),
    {},
    {
      prices: [{ model: "own-model", input: 4_000_000n, output: 8_000_000n }],
    },
  );
  await breakAfter(yard, streamBody, (text) => text.includes("four byte"));
  await one.aborted(1);
  const record = await yard.recorded(1);
  assert.deepEqual(
    [record.outcome, record.usage.estimated, record.status],
    ["caller_gone", true, 200],
  );
  assert.equal(record.usage.output, Math.ceil("four byte".length / 4));
  assert.ok(record.usage.input > 0 && record.cost > 0n);
});

test("when the caller leaves after the finish, usage is waited for a moment", async (t) => {
  const held = gate();
  const { yard } = await single(t, stream([role, word("a"), finish, held, usage, done]));
  await breakAfter(yard, streamBody, (text) => text.includes('"stop"'));
  held.open();
  const record = await yard.recorded(1);
  assert.deepEqual(
    [record.outcome, record.usage.input, record.usage.estimated],
    ["caller_gone", 7, false],
  );
});

test("a caller that leaves before anything came is charged nothing", async (t) => {
  const { yard, one } = await single(t, hang);
  const controller = new AbortController();
  const pending = fetch(`${yard.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${testKey}` },
    body: chatBody,
    signal: controller.signal,
  });
  await one.received(1);
  controller.abort();
  await assert.rejects(pending);
  await one.aborted(1);
  const record = await yard.recorded(1);
  assert.deepEqual(
    [record.outcome, record.status, record.cost, record.usage.input],
    ["caller_gone", 499, 0n, 0],
  );
});

test("a stopping node ends its streams with an error event and no terminator", async (t) => {
  const { yard, one } = await single(
    t,
    stream([role, word("half"), gate()]),
    {},
    {
      env: { DRAIN_TIMEOUT: "0", DRAIN_GRACE: "0" },
    },
  );
  const started = Promise.withResolvers<void>();
  const response = await fetch(`${yard.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${testKey}` },
    body: streamBody,
  });
  started.resolve();
  await started.promise;
  const drained = yard.drain();
  const text = await response.text();
  assert.match(text, /"code":"temporarily_unavailable"/);
  assert.ok(!text.includes("[DONE]"));
  await one.aborted(1);
  await drained;
  assert.equal((await yard.recorded(1)).outcome, "cut");
});

test("a slow reader slows the upstream instead of filling memory", async (t) => {
  let written = 0;
  const big = word("x".repeat(64 * 1024));
  const flood: Behaviour = (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const more = (): void => {
      if (written > 200_000_000) return void response.end(finish + done);
      written += big.length;
      if (response.write(big)) setImmediate(more);
      else response.once("drain", more);
    };
    more();
  };
  const { yard, one } = await single(t, flood);
  const opened = Promise.withResolvers<void>();
  const options = { method: "POST", headers: { authorization: `Bearer ${testKey}` } };
  const request = httpRequest(`${yard.url}/v1/chat/completions`, options, (response) => {
    response.pause();
    opened.resolve();
  });
  request.on("error", () => undefined);
  request.end(streamBody);
  await opened.promise;
  // Writing stops once all buffers on the way are full.
  let before = -1;
  while (before !== written) {
    before = written;
    await new Promise((resolve) => systemClock.after(150, () => resolve(undefined)));
  }
  assert.ok(written < 40_000_000, `${written} bytes were taken although nobody read`);
  request.destroy();
  await one.aborted(1);
});

test("a kept-alive connection that the vendor closed is replaced without a failed attempt", async (t) => {
  const { yard, one } = await single(t, replay(ownText));
  assert.equal((await post(yard, chatBody)).status, 200);
  // Closes the connection instead of answering, as if it had been idle for too long; then answers.
  const close: Behaviour = (_request, response) => void response.socket?.destroy();
  one.behave(inTurn(close, replay(ownText)));
  assert.equal((await post(yard, chatBody)).status, 200);
  assert.deepEqual(
    yard.attempts.map((attempt) => attempt.result),
    ["complete", "complete"],
  );
  // A fresh connection that is closed is a failure, not a dead connection.
  one.behave(close);
  assert.equal((await post(yard, chatBody)).status, 502);
});

test("where no usage is told it is estimated from the text, media left out", async (t) => {
  const answer = {
    model: "m",
    choices: [
      { index: 0, message: { role: "assistant", content: "12345678" }, finish_reason: "stop" },
    ],
  };
  const { yard } = await single(t, json(answer));
  const image = {
    type: "image_url",
    image_url: { url: `data:image/png;base64,${"A".repeat(100_000)}` },
  };
  await post(
    yard,
    JSON.stringify({
      model: "own-model",
      messages: [{ role: "user", content: [image, { type: "text", text: "abcd".repeat(100) }] }],
    }),
  );
  const { usage: counted } = await yard.recorded(1);
  assert.equal(counted.estimated, true);
  assert.ok(counted.input >= 100 && counted.input < 110, String(counted.input));
  assert.ok(counted.output >= 2 && counted.output < 10, String(counted.output));
});

test("models are listed by group, by what the key may call, and one by one", async (t) => {
  const yard = await openYard(t, {
    channels: [
      { baseUrl: null, provider: "openai", models: ["gpt-a", "meta-llama/Llama-3", "wild-*"] },
      { baseUrl: null, provider: "groq", models: ["other"], groups: ["vip"] },
      { baseUrl: "http://127.0.0.1:1/v1", models: ["off"], status: "disabled" },
    ],
    groups: [{ symbol: "vip" }],
    models: [
      { model: "gpt-a", owner: "acme" },
      { model: "wild-1", owner: "w" },
    ],
  });
  const get = async (path: string): Promise<{ status: number; body: unknown }> => {
    const response = await fetch(yard.url + path, {
      headers: { authorization: `Bearer ${testKey}` },
    });
    return { status: response.status, body: await response.json() };
  };
  const shape = (id: string, owned_by: string): object => ({
    id,
    object: "model",
    created: 1_700_000_000,
    owned_by,
  });
  const all = [shape("gpt-a", "acme"), shape("meta-llama/Llama-3", "OpenAI"), shape("wild-1", "w")];
  assert.deepEqual((await get("/v1/models")).body, { object: "list", data: all });
  assert.deepEqual((await get("/v1/models/meta-llama/Llama-3")).body, all[1]);
  assert.equal((await get("/v1/models/off")).status, 404);
  assert.equal((await get("/v1/models/other")).status, 404);
  assert.equal((await get("/v1/models/wild-7")).status, 200);
});

test("a key's list of models holds for calls", async (t) => {
  const { yard } = await single(t, replay(ownText), {}, { key: { models: ["gpt-*"] } });
  const got = await post(yard, chatBody);
  assert.deepEqual([got.status, code(got)], [403, "model_not_allowed"]);
});
