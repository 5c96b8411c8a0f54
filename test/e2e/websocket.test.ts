/** What every WebSocket of a caller meets: hostile handshakes and frames, other kinds of upgrades, the end of a node. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { type Socket, connect as connectTcp } from "node:net";
import { type TestContext, test } from "node:test";
import { eventually, openRealtimeUpstream, wellBehaved } from "../fakes/realtime-upstream.ts";
import type { RealtimeUpstream } from "../fakes/realtime-upstream.ts";
import { openCaller, refusedUpgrade } from "../fakes/socket-caller.ts";
import { type Yard, type YardSpec, closing, openYard, testKey } from "./call-harness.ts";
import { write } from "./cluster.ts";
import { rootKey, startNode } from "./nodes.ts";
import { openVendor } from "./vendor.ts";

async function yardOf(
  t: TestContext,
  more: Partial<YardSpec> = {},
): Promise<{ readonly yard: Yard; readonly upstream: RealtimeUpstream }> {
  const upstream = await openRealtimeUpstream();
  t.after(() => upstream.close());
  const yard = await openYard(t, { channels: [{ baseUrl: upstream.baseUrl }], ...more });
  return { yard, upstream };
}

interface Bare {
  readonly socket: Socket;
  /** Everything that came, as Latin-1. */
  text(): string;
  readonly bytes: () => Buffer;
  readonly ended: () => boolean;
}

async function bare(t: TestContext, yard: Yard, sent: string): Promise<Bare> {
  const socket = connectTcp(Number(new URL(yard.url).port), "127.0.0.1");
  t.after(() => socket.destroy());
  const pieces: Buffer[] = [];
  let ended = false;
  socket.on("data", (piece: Buffer) => pieces.push(piece));
  socket.on("close", () => (ended = true)).on("error", () => undefined);
  socket.write(sent);
  return {
    socket,
    bytes: () => Buffer.concat(pieces),
    text: () => Buffer.concat(pieces).toString("latin1"),
    ended: () => ended,
  };
}

const good: Readonly<Record<string, string>> = {
  Host: "gateway",
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
  "Sec-WebSocket-Version": "13",
  Authorization: `Bearer ${testKey}`,
};

function upgrade(
  headers: Readonly<Record<string, string>> = {},
  line = "GET /v1/realtime?model=own-model HTTP/1.1",
): string {
  const all = Object.entries({ ...good, ...headers }).filter(([, value]) => value !== "");
  return `${line}\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

test("a handshake that is none is refused in the path's own shape", async (t) => {
  const { yard, upstream } = await yardOf(t);
  const cases: readonly (readonly [string, number, string])[] = [
    [upgrade({ "Sec-WebSocket-Key": "" }), 400, "invalid_request"],
    [upgrade({ "Sec-WebSocket-Key": "c2hvcnQ=" }), 400, "invalid_request"],
    [upgrade({ "Sec-WebSocket-Version": "12" }), 426, "invalid_request"],
    [upgrade({ "Sec-WebSocket-Protocol": "a,,b" }), 400, "invalid_request"],
    [upgrade({ "Sec-WebSocket-Protocol": "a,a" }), 400, "invalid_request"],
    [upgrade({}, "POST /v1/realtime?model=own-model HTTP/1.1"), 405, "method_not_allowed"],
    [upgrade({ Authorization: "" }), 401, "invalid_api_key"],
    [upgrade({ Padding: "x".repeat(20_000) }), 431, "invalid_request"],
    [upgrade({ Upgrade: "" }), 426, "invalid_request"],
    [upgrade({}, "GET /v1/nowhere HTTP/1.1"), 404, "not_found"],
    [upgrade({}, "GET /v1/%zz/realtime HTTP/1.1"), 400, "invalid_request"],
  ];
  for (const [sent, status, code] of cases) {
    const { text, socket } = await bare(t, yard, sent);
    await eventually(`an answer to ${sent}`, () =>
      text().includes("\r\n\r\n{") ? true : undefined,
    );
    assert.match(text(), new RegExp(`^HTTP/1.1 ${status} `));
    assert.match(text(), new RegExp(`"code":"${code}"`));
    socket.destroy();
  }
  assert.equal(upstream.upgrades, 0);
});

test("what is no WebSocket is served as if it asked for no upgrade", async (t) => {
  const vendor = closing(t, await openVendor());
  const yard = await openYard(t, { channels: [{ baseUrl: vendor.baseUrl }] });
  const body = '{"model":"own-model","messages":[{"role":"user","content":"hi"}]}';
  const chat = await bare(
    t,
    yard,
    `${upgrade(
      {
        Upgrade: "h2c",
        Connection: "Upgrade, HTTP2-Settings",
        "HTTP2-Settings": "AAMAAABk",
        "Content-Length": String(body.length),
      },
      "POST /v1/chat/completions HTTP/1.1",
    )}${body}`,
  );
  await eventually("the answer", () => (chat.text().includes("Hello there.") ? true : undefined));
  const models = await bare(t, yard, upgrade({}, "GET /v1/models HTTP/1.1"));
  await eventually("the list", () => (models.text().includes('"own-model"') ? true : undefined));
  const responses = await bare(t, yard, upgrade({ Upgrade: "h2c" }, "GET /v1/responses HTTP/1.1"));
  await eventually("405", () => (responses.text().startsWith("HTTP/1.1 405 ") ? true : undefined));
});

/** A client's frame, masked or not. */
function frame(opcode: number, payload: Buffer, isMasked = true): Buffer {
  const length =
    payload.length < 126
      ? Buffer.from([payload.length])
      : Buffer.concat([Buffer.from([127]), Buffer.alloc(8)]);
  if (payload.length >= 126) length.writeBigUInt64BE(BigInt(payload.length), 1);
  length[0] = (length[0] ?? 0) | (isMasked ? 0x80 : 0);
  const mask = isMasked ? Buffer.from([1, 2, 3, 4]) : Buffer.alloc(0);
  const body = isMasked ? payload.map((byte, index) => byte ^ mask[index % 4]!) : payload;
  return Buffer.concat([Buffer.from([0x80 | opcode]), length, mask, body]);
}

test("frames against the protocol end the connection with their code, and the upstream's with it", async (t) => {
  const { yard, upstream } = await yardOf(t);
  const huge = Buffer.concat([Buffer.from([0x81, 0xff]), Buffer.alloc(8), Buffer.alloc(4)]);
  huge.writeBigUInt64BE(BigInt(17 * 1024 * 1024), 2);
  const cases: readonly (readonly [string, Buffer, number])[] = [
    ["unmasked", frame(1, Buffer.from("{}"), false), 1002],
    ["reserved bits", Buffer.from([0xf1, 0x80, 0, 0, 0, 0]), 1002],
    ["unknown opcode", frame(3, Buffer.alloc(0)), 1002],
    ["continuation of nothing", frame(0, Buffer.from("x")), 1002],
    ["no UTF-8", frame(1, Buffer.from([0xff, 0xfe])), 1007],
    ["longer than allowed", huge, 1009],
    ["a long ping", frame(9, Buffer.alloc(200)), 1002],
  ];
  for (const [index, [what, sent, code]] of cases.entries()) {
    const { bytes, text, socket } = await bare(t, yard, upgrade());
    await eventually("101", () => (text().includes("session.created") ? true : undefined));
    assert.match(text(), /^HTTP\/1.1 101 /);
    socket.write(sent);
    const close = Buffer.from([0x88, 2, code >> 8, code & 255]);
    await eventually(`${what}: ${code}`, () => (bytes().includes(close) ? true : undefined));
    await eventually("closed upstream", () => upstream.connections[index]?.closed);
  }
});

test("garbage on an open socket brings nothing down", async (t) => {
  const { yard } = await yardOf(t);
  for (let round = 0; round < 20; round += 1) {
    const { socket, text } = await bare(t, yard, upgrade());
    await eventually("101", () => (text().includes("101 ") ? true : undefined));
    socket.write(randomBytes(2000));
    socket.destroy();
  }
  const caller = await openCaller(`${yard.url}/v1/realtime?model=own-model`, { key: testKey });
  caller.send({ type: "response.create" });
  assert.equal((await yard.recorded(1)).outcome, "complete");
});

test("a caller that leaves during its handshake leaves nothing behind", async (t) => {
  const { yard, upstream } = await yardOf(t);
  upstream.behave({ hang: true });
  const { socket } = await bare(t, yard, upgrade());
  await eventually("asked upstream", () => (upstream.upgrades === 1 ? true : undefined));
  socket.resetAndDestroy();
  upstream.behave(wellBehaved);
  const caller = await openCaller(`${yard.url}/v1/realtime?model=own-model`, { key: testKey });
  await caller.event("session.created");
  assert.equal(yard.records.length, 0);
});

test("addresses are those of callers, behind trusted proxies too", async (t) => {
  const key = { ipRanges: ["192.0.2.0/24"] };
  const { yard } = await yardOf(t, { key, env: { TRUSTED_PROXIES: "loopback" } });
  const url = `${yard.url}/v1/realtime?model=own-model`;
  const refused = await refusedUpgrade(url, { key: testKey });
  assert.equal(refused.status, 403);
  const caller = await openCaller(url, {
    key: testKey,
    headers: { "x-forwarded-for": "192.0.2.7" },
  });
  caller.send({ type: "response.create" });
  assert.equal((await yard.recorded(1)).address, "192.0.2.7");
});

test("messages of responses may be as long as bodies", async (t) => {
  const vendor = closing(t, await openVendor());
  const env = { MAX_BODY_SIZE: "1mb" };
  const yard = await openYard(t, { channels: [{ baseUrl: vendor.baseUrl }], env });
  const caller = await openCaller(`${yard.url}/v1/responses`, { key: testKey });
  const long = (length: number): object => ({
    type: "response.create",
    model: "own-model",
    input: "x".repeat(length),
  });
  caller.send(long(1_000_000));
  await caller.event("response.completed");
  caller.send(long(1_100_000));
  assert.equal((await caller.ended()).code, 1009);
});

test("a drained node ends sessions with an error event once the deadline has come", async (t) => {
  const { yard, upstream } = await yardOf(t, { env: { DRAIN_GRACE: "0s", DRAIN_TIMEOUT: "1s" } });
  const caller = await openCaller(`${yard.url}/v1/realtime?model=own-model`, { key: testKey });
  await caller.event("session.created");
  const drained = yard.drain();
  caller.send({ type: "response.create" });
  assert.equal((await yard.recorded(1)).outcome, "complete", "it is served while it may last");
  const { error } = (await caller.event("error")) as { error: { code: string } };
  assert.equal(error.code, "temporarily_unavailable");
  assert.deepEqual(await caller.ended(), { code: 1001, reason: "temporarily_unavailable" });
  await drained;
  await eventually("closed upstream", () => upstream.connections[0]?.closed);
});

test("a real node: sessions and responses, what they cost in its ledger, and SIGTERM", async (t) => {
  const upstream = await openRealtimeUpstream();
  t.after(() => upstream.close());
  const vendor = closing(t, await openVendor());
  await using node = await startNode({ env: { DRAIN_GRACE: "0s", DRAIN_TIMEOUT: "1s" } });
  const channel = { provider: "custom", credentials: ["vendor-secret"] };
  await write(node, "POST", "/api/channels", {
    ...channel,
    name: "voice",
    baseUrl: upstream.baseUrl,
    models: ["voice-model"],
  });
  await write(node, "POST", "/api/channels", {
    ...channel,
    name: "text",
    baseUrl: vendor.baseUrl,
    models: ["text-model"],
  });
  const voice = await openCaller(`${node.url}/v1/realtime?model=voice-model`, { key: rootKey });
  voice.send({ type: "response.create" });
  await voice.event("response.done");
  const text = await openCaller(`${node.url}/v1/responses`, { key: rootKey });
  const create = { type: "response.create", model: "text-model", store: false, input: "hi" };
  text.send(create);
  const first = (await text.event("response.completed")) as { response: { id: string } };
  text.send({ ...create, previous_response_id: first.response.id });
  await eventually("the second", () =>
    text.events().filter(({ type }) => type === "response.completed").length === 2
      ? true
      : undefined,
  );
  assert.match(vendor.requests[1]!.body.toString(), /Hello there\./);
  // What the gateway keeps is continued on any connection.
  text.send({ ...create, store: true, input: "to be kept" });
  const third = await eventually("the third", () =>
    text
      .events()
      .filter(({ type }) => type === "response.completed")
      .at(2),
  );
  const { id } = third["response"] as { id: string };
  const other = await openCaller(`${node.url}/v1/responses`, { key: rootKey });
  other.send({ ...create, previous_response_id: id, input: "elsewhere" });
  await other.event("response.completed");
  assert.match(vendor.requests[3]!.body.toString(), /to be kept.*Hello there\..*elsewhere/);
  other.send({ ...create, previous_response_id: first.response.id });
  const unknown = (await other.event("error")) as { error: { code: string }; status: number };
  assert.deepEqual([unknown.status, unknown.error.code], [400, "previous_response_not_found"]);
  const startedAtMs = performance.now();
  node.signal("SIGTERM");
  assert.equal((await text.ended()).code, 1001);
  assert.equal((await voice.ended()).code, 1001);
  assert.equal(voice.events().at(-1)?.["type"], "error");
  assert.equal(await node.exited, 0);
  assert.ok(performance.now() - startedAtMs < 8000);
});
