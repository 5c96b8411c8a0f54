/** Realtime sessions from socket to socket: bytes, names, ends, refusals, failover and what is recorded of them. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import {
  type RealtimeUpstream,
  eventually,
  openRealtimeUpstream,
} from "../fakes/realtime-upstream.ts";
import { type SocketCaller, openCaller, refusedUpgrade } from "../fakes/socket-caller.ts";
import { openFakeUpstream } from "../fakes/upstream.ts";
import { makeVirtualClock } from "../fakes/virtual-clock.ts";
import {
  type ChannelSpec,
  type Yard,
  type YardSpec,
  closing,
  openYard,
  testKey,
} from "./call-harness.ts";

async function vendor(t: TestContext): Promise<RealtimeUpstream> {
  const upstream = await openRealtimeUpstream();
  t.after(() => upstream.close());
  return upstream;
}

const prices = [
  { model: "own-model", input: 1_000_000_000n, output: 2_000_000_000n },
  { model: "sent-model", input: 3_000_000_000n, output: 4_000_000_000n },
];

async function yardOf(
  t: TestContext,
  upstreams: readonly RealtimeUpstream[],
  more: { readonly channel?: Partial<ChannelSpec>; readonly yard?: Partial<YardSpec> } = {},
): Promise<Yard> {
  const channels = upstreams.map(({ baseUrl }, index) => ({
    baseUrl,
    priority: upstreams.length - index,
    ...more.channel,
  }));
  return await openYard(t, { channels, prices, ...more.yard });
}

function connect(yard: Yard, path = "/v1/realtime?model=own-model"): Promise<SocketCaller> {
  return openCaller(yard.url + path, { key: testKey });
}

test("a session: events both ways, one record for each response, none for an idle connection", async (t) => {
  const upstream = await vendor(t);
  const yard = await yardOf(t, [upstream]);
  const idle = await connect(yard);
  const caller = await connect(yard);
  const created = await caller.event("session.created");
  assert.equal((created["session"] as { model: string }).model, "own-model");
  caller.send({ type: "response.create" });
  await caller.event("response.done");
  caller.send({ type: "response.create" });
  const second = await yard.recorded(2);
  assert.equal(second.operation, "realtime");
  assert.equal(second.dialect, "openai-media");
  const { raw, ...usage } = second.usage;
  assert.deepEqual([raw?.["input_tokens"], raw?.["output_tokens"]], [100, 60]);
  assert.deepEqual(usage, {
    input: 60,
    cacheRead: 40,
    cacheWrite5m: 0,
    cacheWrite1h: 0,
    output: 60,
    reasoning: 0,
    estimated: false,
    kinds: { inputAudio: 40, cacheReadAudio: 30, outputAudio: 40 },
  });
  assert.equal(second.cost, 220_000n);
  assert.equal(second.outcome, "complete");
  assert.equal(second.stream, true);
  assert.deepEqual([second.status, second.attempts, second.channelId], [200, 1, 1]);
  assert.notEqual(yard.records[0]?.callId, second.callId);
  caller.raw.close(1000, "done");
  idle.raw.close(4001, "nothing said");
  await eventually("both are closed upstream", () =>
    upstream.connections.every(({ closed }) => closed !== undefined) ? true : undefined,
  );
  assert.deepEqual(
    upstream.connections.map(({ closed }) => closed),
    [
      { code: 4001, reason: "nothing said" },
      { code: 1000, reason: "done" },
    ],
  );
  assert.equal(yard.records.length, 2);
  const { headers, path } = upstream.connections[0]!;
  assert.equal(headers.authorization, "Bearer sk-upstream-1");
  assert.equal(path, "/v1/realtime?model=own-model");
  assert.equal(headers["sec-websocket-extensions"], undefined);
});

test("frames arrive as the same bytes, both ways: odd JSON, large, binary, in fragments", async (t) => {
  const upstream = await vendor(t);
  const yard = await yardOf(t, [upstream]);
  upstream.behave({});
  const caller = await connect(yard);
  const { received, socket } = await upstream.connected(1);
  const texts = [
    '{ "type" : "input_audio_buffer.append",\t"audio":"AAAA", "n":12345678901234567890, "\\u0074":1e400 }',
    `{"type":"input_audio_buffer.append","audio":"${"QUJD".repeat(1_000_000)}"}`,
    '{"type":"conversation.item.create","item":{"text":"grüße 𝄞 \\ud83d\\ude00"}}',
    '{"delta":"x","type":"response.output_audio.delta","response_id":"none"}',
  ];
  const upTexts = texts.map((text) => Buffer.from(text));
  const binary = Buffer.from(Array.from({ length: 70_000 }, (_, index) => index % 256));
  for (const text of upTexts) caller.raw.send(text, { binary: false });
  caller.raw.send(binary);
  caller.raw.send(upTexts[2]!.subarray(0, 20), { binary: false, fin: false });
  caller.raw.send(upTexts[2]!.subarray(20), { binary: false, fin: true });
  for (const text of upTexts) socket.send(text, { binary: false });
  socket.send(binary);
  socket.send(binary.subarray(0, 5), { binary: true, fin: false });
  socket.send(binary.subarray(5), { binary: true, fin: true });
  socket.send(Buffer.from("no JSON at all"), { binary: false });
  await eventually("all went up", () => (received.length === 6 ? true : undefined));
  await eventually("all came down", () => (caller.messages.length === 7 ? true : undefined));
  const same = (
    one: { data: Buffer; isBinary: boolean },
    data: Buffer,
    isBinary: boolean,
  ): void => {
    assert.equal(one.isBinary, isBinary);
    assert.ok(one.data.equals(data));
  };
  for (const [index, text] of upTexts.entries()) {
    same(received[index]!, text, false);
    same(caller.messages[index]!, text, false);
  }
  same(received[4]!, binary, true);
  same(received[5]!, upTexts[2]!, false);
  same(caller.messages[4]!, binary, true);
  same(caller.messages[5]!, binary, true);
  same(caller.messages[6]!, Buffer.from("no JSON at all"), false);
});

test("a mapped model: sent by its own name, shown by the asked one, and by no third", async (t) => {
  const upstream = await vendor(t);
  const channel = { modelMapping: { "own-model": "sent-model" } };
  const yard = await yardOf(t, [upstream], { channel });
  const caller = await connect(yard);
  const created = await caller.event("session.created");
  assert.equal((created["session"] as { model: string }).model, "own-model");
  assert.equal(upstream.connections[0]?.path, "/v1/realtime?model=sent-model");
  caller.raw.send(
    '{"type":"session.update", "session":{"type":"realtime", "model":"own-model","x":1.0}}',
  );
  const updated = await caller.event("session.updated");
  assert.equal((updated["session"] as { model: string }).model, "own-model");
  const [sent] = upstream.connections[0]!.received;
  assert.equal(
    sent!.data.toString(),
    '{"type":"session.update", "session":{"type":"realtime", "model":"sent-model","x":1.0}}',
  );
  caller.send({ type: "session.update", event_id: "mine", session: { model: "other-model" } });
  const refused = (await caller.event("error"))["error"] as Record<string, unknown>;
  assert.equal(refused["param"], "session.model");
  assert.match(String(refused["message"]), /\?model=other-model/);
  caller.raw.send('{"type":"a","type":"response.create"}');
  await caller.event("error", caller.messages.length);
  assert.equal(upstream.connections[0]!.received.length, 1);
  caller.send({ type: "response.create" });
  const record = await yard.recorded(1);
  assert.deepEqual(
    [record.modelAsked, record.modelBilled, record.modelSent],
    ["own-model", "own-model", "sent-model"],
  );
  assert.equal(record.cost, 220_000n);
});

test("another channel is tried until an upgrade succeeds, and rests are learned", async (t) => {
  const [busy, cut, hung, good] = [
    await vendor(t),
    await vendor(t),
    await vendor(t),
    await vendor(t),
  ];
  busy.behave({ refuse: { status: 429, headers: { "retry-after": "7" } } });
  cut.behave({ cut: true });
  hung.behave({ hang: true });
  const channel = { timeouts: { connectMs: 200, firstByteMs: 200 } };
  const yard = await yardOf(t, [busy, cut, hung, good], { channel });
  const caller = await connect(yard);
  await caller.event("session.created");
  assert.deepEqual([busy.upgrades, cut.upgrades, hung.upgrades, good.upgrades], [1, 1, 1, 1]);
  assert.deepEqual(
    yard.attempts.map(({ channelId, result }) => `${channelId} ${result}`),
    ["1 upstream_overloaded", "2 upstream_unreachable", "3 upstream_timeout", "4 complete"],
  );
  assert.equal(yard.records.length, 0);
  await connect(yard);
  assert.equal(busy.upgrades, 1, "the busy one rests");
});

test("who is refused is told by an ordinary reply before the upgrade", async (t) => {
  const upstream = await vendor(t);
  const yard = await yardOf(t, [upstream]);
  const told = async (
    path: string,
    options: Parameters<typeof refusedUpgrade>[1],
  ): Promise<[number, string]> => {
    const { status, body, headers } = await refusedUpgrade(yard.url + path, options);
    assert.equal(headers["access-control-allow-origin"], "*");
    assert.match(String(headers["x-request-id"]), /^[0-9a-z]{26}$/);
    return [status, (JSON.parse(body) as { error: { code: string } }).error.code];
  };
  const good = "/v1/realtime?model=own-model";
  assert.deepEqual(await told(good, {}), [401, "invalid_api_key"]);
  assert.deepEqual(await told(good, { key: "sk-wrong" }), [401, "invalid_api_key"]);
  assert.deepEqual(await told("/v1/realtime?model=none", { key: testKey }), [
    503,
    "no_available_channel",
  ]);
  assert.deepEqual(await told("/v1/realtime", { key: testKey }), [400, "invalid_request"]);
  assert.deepEqual(await told("/v1/responses", { key: "sk-wrong" }), [401, "invalid_api_key"]);
  upstream.behave({ refuse: { status: 400, body: '{"error":{"message":"no such voice"}}' } });
  assert.deepEqual(await told(good, { key: testKey }), [400, "upstream_refused"]);
  upstream.behave({
    refuse: { status: 401, body: '{"error":{"message":"key sk-upstream-1 is bad"}}' },
  });
  const { status, body } = await refusedUpgrade(yard.url + good, { key: testKey });
  assert.equal(status, 502);
  assert.ok(!body.includes("sk-upstream-1"));
  assert.equal(upstream.connections.length, 0);
  const failed = yard.records.map(({ status: shown, outcome, error }) => [shown, outcome, error]);
  assert.deepEqual(failed, [
    [400, "failed", "upstream_refused"],
    [502, "failed", "upstream_auth"],
  ]);
});

test("the key may stand wherever clients put it, and no client is refused for its origin", async (t) => {
  const upstream = await vendor(t);
  const yard = await yardOf(t, [upstream]);
  const url = `${yard.url}/v1/realtime?model=own-model`;
  const key = `openai-insecure-api-key.${testKey}`;
  const ways = [
    { headers: { "x-api-key": testKey } },
    { headers: { "api-key": testKey } },
    { protocols: ["realtime", key, "openai-beta.realtime-v1"], origin: "https://any.example" },
  ];
  for (const way of ways) {
    const caller = await openCaller(url, way);
    await caller.event("session.created");
    assert.equal(caller.raw.protocol, "protocols" in way ? "realtime" : "");
  }
  await (await openCaller(`${url}&key=${testKey}`, {})).event("session.created");
  assert.equal(upstream.connections[2]?.headers["openai-beta"], "realtime=v1");
  for (const { headers, path } of upstream.connections) {
    assert.equal(headers["sec-websocket-protocol"], undefined);
    assert.equal(headers.origin, undefined);
    assert.ok(!JSON.stringify([headers, path]).includes(testKey));
  }
  const paths = [
    "/realtime?model=",
    "/openai/v1/realtime?model=",
    "/openai/realtime?api-version=1&deployment=",
    "//v1/realtime/?model=",
  ];
  for (const path of paths)
    await (
      await openCaller(`${yard.url}${path}own-model`, { key: testKey })
    ).event("session.created");
});

test("either side's end is the other's", async (t) => {
  const upstream = await vendor(t);
  const yard = await yardOf(t, [upstream]);
  const ends = [
    [1000, "all said"],
    [4999, "grüße"],
    [1013, ""],
  ] as const;
  for (const [index, [code, reason]] of ends.entries()) {
    const caller = await connect(yard);
    const connection = await upstream.connected(index + 1);
    connection.socket.send('{"type":"last"}');
    connection.socket.close(code, reason);
    assert.deepEqual(await caller.ended(), { code, reason });
    assert.equal(caller.events().at(-1)?.["type"], "last");
  }
  const plain = await connect(yard);
  (await upstream.connected(4)).socket.close();
  assert.equal((await plain.ended()).code, 1005);
  const leaving = await connect(yard);
  leaving.raw.terminate();
  const { socket } = await upstream.connected(5);
  await eventually("told upstream", () =>
    upstream.connections[4]!.closed?.code === 1001 ? true : undefined,
  );
  assert.equal(socket.readyState, socket.CLOSED);
});

test("an upstream that breaks is told by an error event; what was said is recorded as cut", async (t) => {
  const upstream = await vendor(t);
  const yard = await yardOf(t, [upstream]);
  upstream.behave({
    onEvent: (_event, connection) => {
      connection.send({ type: "response.created", response: { id: "r1" } });
      connection.send({
        type: "response.output_text.delta",
        response_id: "r1",
        delta: "four score",
      });
      setImmediate(() => connection.socket.terminate());
    },
  });
  const caller = await connect(yard);
  caller.send({ type: "response.create" });
  const { error } = (await caller.event("error")) as { error: Record<string, unknown> };
  assert.deepEqual([error["type"], error["code"]], ["upstream_error", "upstream_truncated"]);
  assert.deepEqual(await caller.ended(), { code: 1011, reason: "upstream_truncated" });
  const record = await yard.recorded(1);
  assert.deepEqual([record.outcome, record.error], ["cut", "upstream_truncated"]);
  assert.deepEqual([record.usage.output, record.usage.estimated], [3, true]);
});

test("a caller that leaves in the middle is recorded with what it heard", async (t) => {
  const upstream = await vendor(t);
  const yard = await yardOf(t, [upstream]);
  upstream.behave({
    onEvent: (_event, connection) => {
      connection.send({ type: "response.created", response: { id: "r1" } });
      connection.send({ type: "response.output_text.delta", response_id: "r1", delta: "four" });
    },
  });
  const caller = await connect(yard);
  caller.send({ type: "response.create" });
  await caller.event("response.output_text.delta");
  caller.raw.terminate();
  const record = await yard.recorded(1);
  assert.deepEqual([record.outcome, record.usage.output], ["caller_gone", 1]);
});

test("failed and silent responses cost nothing; what the caller said is charged by the model that wrote it down", async (t) => {
  const upstream = await vendor(t);
  const yard = await yardOf(t, [upstream], {
    yard: { prices: [...prices, { model: "whisper-own", input: 5_000_000_000n }] },
  });
  const session = { audio: { input: { transcription: { model: "whisper-own" } } } };
  upstream.behave({
    onOpen: (connection) => {
      connection.send({ type: "session.updated", session });
      const failed = { id: "r1", status: "failed", status_details: { error: { message: "rate" } } };
      connection.send({ type: "response.created", response: { id: "r1" } });
      connection.send({ type: "response.done", response: failed });
      connection.send({
        type: "conversation.item.input_audio_transcription.completed",
        transcript: "hi",
        usage: { type: "tokens", input_tokens: 10, output_tokens: 2, total_tokens: 12 },
      });
      connection.send({
        type: "conversation.item.input_audio_transcription.completed",
        usage: { type: "duration", seconds: 2.5 },
      });
    },
  });
  await connect(yard);
  await yard.recorded(3);
  const [failed, tokens, seconds] = yard.records;
  assert.deepEqual([failed?.error, failed?.outcome, failed?.cost], ["upstream_failed", "cut", 0n]);
  assert.deepEqual([tokens?.modelBilled, tokens?.cost], ["whisper-own", 60_000n]);
  assert.deepEqual(seconds?.usage.kinds, { seconds: 2.5 });
});

test("a revoked key and a disabled channel end the session at the next response", async (t) => {
  const upstream = await vendor(t);
  const spec = { channels: [{ baseUrl: upstream.baseUrl }], prices };
  const yard = await openYard(t, spec);
  const caller = await connect(yard);
  caller.send({ type: "response.create" });
  await yard.recorded(1);
  await yard.use({ ...spec, key: { enabled: false } });
  caller.send({ type: "input_audio_buffer.clear" });
  caller.send({ type: "response.create" });
  assert.deepEqual(await caller.ended(), { code: 1008, reason: "key_disabled" });
  const { error } = (await caller.event("error")) as { error: Record<string, unknown> };
  assert.equal(error["code"], "key_disabled");
  const types = upstream.connections[0]!.received.map(
    ({ data }) => (JSON.parse(data.toString()) as { type: string }).type,
  );
  assert.deepEqual(types, ["response.create", "input_audio_buffer.clear"]);
  await yard.use(spec);
  const second = await connect(yard);
  await second.event("session.created");
  await yard.use({ channels: [{ ...spec.channels[0]!, status: "disabled" }], prices });
  // Responses that begin by themselves are boundaries as well.
  upstream.connections[1]!.send({ type: "response.created", response: { id: "vad" } });
  assert.deepEqual(await second.ended(), { code: 1012, reason: "channel_not_available" });
  assert.equal(yard.records.at(-1)?.outcome, "cut");
});

test("prices are pinned anew for each response", async (t) => {
  const upstream = await vendor(t);
  const channels = [{ baseUrl: upstream.baseUrl }];
  const yard = await openYard(t, { channels, prices });
  const caller = await connect(yard);
  caller.send({ type: "response.create" });
  assert.equal((await yard.recorded(1)).cost, 220_000n);
  await yard.use({ channels, prices: [{ model: "own-model", input: 0n, output: 1_000_000_000n }] });
  caller.send({ type: "response.create" });
  assert.equal((await yard.recorded(2)).cost, 60_000n);
});

test("a caller that does not read slows the upstream, and loses nothing", async (t) => {
  const upstream = await vendor(t);
  const yard = await yardOf(t, [upstream]);
  upstream.behave({});
  const caller = await connect(yard);
  const { socket } = await upstream.connected(1);
  caller.raw.pause();
  const event = JSON.stringify({ type: "x", delta: "A".repeat(64 * 1024) });
  const count = 1500;
  for (let index = 0; index < count; index += 1) socket.send(event);
  let polled = { bytes: -1, times: 0 };
  await eventually("no more is taken", () => {
    const bytes = socket.bufferedAmount;
    polled = { bytes, times: bytes === polled.bytes ? polled.times + 1 : 0 };
    return polled.times > 50 ? true : undefined;
  });
  assert.ok(socket.bufferedAmount > 20 * 1024 * 1024, "most of it is still the vendor's");
  caller.raw.resume();
  await eventually("all came", () => (caller.messages.length === count ? true : undefined));
  assert.ok(caller.messages.every(({ data }) => data.length === event.length));
});

test("each provider is asked on its own path, with its own header", async (t) => {
  const upstream = await vendor(t);
  const root = upstream.baseUrl.replace("/v1", "");
  const settings = { apiVersion: "2025-04-01-preview" };
  const cases: readonly (readonly [Partial<ChannelSpec>, string, string, string])[] = [
    [{ provider: "openai" }, "", "/v1/realtime?model=own-model", "authorization"],
    [
      { provider: "azure", baseUrl: root, options: { settings } },
      "",
      "/openai/realtime?api-version=2025-04-01-preview&deployment=own-model",
      "api-key",
    ],
    [
      { provider: "azure-v1", baseUrl: `${root}/openai/v1` },
      "",
      "/openai/v1/realtime?model=own-model",
      "api-key",
    ],
    [
      { provider: "openai" },
      "&intent=transcription",
      "/v1/realtime?intent=transcription",
      "authorization",
    ],
  ];
  for (const [index, [channel, query, path, header]] of cases.entries()) {
    const yard = await yardOf(t, [upstream], {
      channel: { headers: { "x-own": "yes" }, ...channel },
    });
    const url = `${yard.url}/v1/realtime?model=own-model${query}`;
    await openCaller(url, {
      key: testKey,
      headers: { "openai-beta": "realtime=v1", cookie: "c=1" },
    });
    const { path: asked, headers } = await upstream.connected(index + 1);
    assert.equal(asked, path);
    assert.match(String(headers[header]), /sk-upstream-1$/);
    assert.deepEqual([headers["openai-beta"], headers["x-own"]], ["realtime=v1", "yes"]);
    assert.deepEqual([headers["cookie"], headers["content-type"]], [undefined, undefined]);
  }
});

test("an exchanged token that the vendor no longer takes is exchanged anew", async (t) => {
  const upstream = await vendor(t);
  let count = 0;
  const tokens = await closing(
    t,
    await openFakeUpstream((_request, response) => {
      count += 1;
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ access_token: `token-${count}`, expires_in: 3600 }));
    }),
  );
  const authority = tokens.baseUrl.replace("/v1", "");
  const clock = makeVirtualClock();
  const channel = {
    provider: "azure-v1",
    options: { settings: { authority } },
    credentials: ["tenant|client|secret"],
  };
  const yard = await yardOf(t, [upstream], { channel, yard: { clock } });
  await connect(yard);
  assert.equal((await upstream.connected(1)).headers.authorization, "Bearer token-1");
  await clock.pass(600_000);
  upstream.behave({ refuse: { status: 401 } });
  const refused = await refusedUpgrade(`${yard.url}/v1/realtime?model=own-model`, { key: testKey });
  assert.equal(refused.status, 502);
  assert.deepEqual([upstream.upgrades, count], [3, 2]);
});
