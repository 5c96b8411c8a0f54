/** Responses over a WebSocket from socket to socket: frames, lanes, memory, errors and ends, whichever API answers. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import {
  type Behaviour,
  type FakeUpstream,
  cut,
  gate,
  openFakeUpstream,
  status,
  stream,
} from "../fakes/upstream.ts";
import { eventually } from "../fakes/realtime-upstream.ts";
import { type SocketCaller, openCaller } from "../fakes/socket-caller.ts";
import { makeVirtualClock } from "../fakes/virtual-clock.ts";
import { type Yard, type YardSpec, closing, openYard, testKey } from "./call-harness.ts";
import { openVendor } from "./vendor.ts";

type Fields = Readonly<Record<string, unknown>>;

const usage = {
  input_tokens: 10,
  input_tokens_details: { cached_tokens: 4 },
  output_tokens: 2,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 12,
};

const reasoning = { type: "reasoning", id: "rs_1", summary: [] };
const sealed = { ...reasoning, encrypted_content: "opaque" };
const message = (text: string): Fields => ({
  type: "message",
  id: "msg_1",
  role: "assistant",
  content: [{ type: "output_text", text }],
});

const event = (fields: Fields): string =>
  `event: ${String(fields["type"])}\ndata: ${JSON.stringify(fields)}\n\n`;

/** The events of one response; `items`: what its end tells. */
function told(id: string, items: readonly Fields[], more: Fields = {}): string[] {
  const response = { id, object: "response", model: "m1", ...more };
  return [
    event({ type: "response.created", sequence_number: 0, response: { ...response, output: [] } }),
    event({
      type: "response.output_text.delta",
      sequence_number: 1,
      item_id: "msg_1",
      delta: "Hi",
    }),
    event({
      type: "response.completed",
      sequence_number: 2,
      response: { ...response, status: "completed", output: items, usage },
    }),
  ];
}

/** Answers with a response whose id counts the requests, kept by nobody. */
const answering: (items?: readonly Fields[]) => Behaviour = (items = [message("Hi")]) => {
  let count = 0;
  return (request, response) => {
    count += 1;
    return stream(told(`resp_${count}`, items, { store: false }))(request, response);
  };
};

async function vendor(t: TestContext, behaviour: Behaviour): Promise<FakeUpstream> {
  return closing(t, await openFakeUpstream(behaviour));
}

async function yardOf(
  t: TestContext,
  upstream: FakeUpstream,
  more: Partial<YardSpec> = {},
): Promise<Yard> {
  const channels = [
    {
      baseUrl: upstream.baseUrl,
      options: { dialects: ["openai-responses"] },
      models: ["own-model"],
    },
  ];
  const prices = [{ model: "own-model", input: 1_000_000_000n, output: 2_000_000_000n }];
  return await openYard(t, { channels, prices, ...more });
}

function connect(yard: Yard, path = "/v1/responses"): Promise<SocketCaller> {
  return openCaller(yard.url + path, { key: testKey });
}

const hi = { type: "message", role: "user", content: "hi" };
const create = (more: Fields = {}): Fields => ({
  type: "response.create",
  model: "own-model",
  store: false,
  input: [hi],
  ...more,
});

const bodyOf = (upstream: FakeUpstream, index: number): Fields =>
  JSON.parse(upstream.requests[index]!.body.toString()) as Fields;

test("a frame is a call: its body goes up untouched but for the envelope, each event comes down as one frame", async (t) => {
  const upstream = await vendor(t, answering());
  const yard = await yardOf(t, upstream);
  const caller = await connect(yard);
  caller.raw.send(
    '{"type":"response.create", "model" : "own-model","n":12345678901234567890,"store":false,"input":[ {"a":1.0} ]}',
  );
  await caller.event("response.completed");
  const [request] = upstream.requests;
  assert.equal(
    request?.body.toString(),
    '{"stream":true,"model" : "own-model","n":12345678901234567890,"store":false,"input":[ {"a":1.0} ]}',
  );
  assert.equal(request?.headers.authorization, "Bearer sk-upstream-1");
  const expected = told("resp_1", [message("Hi")], { store: false }).map((text) =>
    text.split("data: ")[1]!.trimEnd(),
  );
  assert.deepEqual(
    caller.messages.map(({ data }) => data.toString()),
    expected,
  );
  assert.ok(caller.messages.every(({ isBinary }) => !isBinary));
  const record = await yard.recorded(1);
  assert.deepEqual(
    [record.dialect, record.operation, record.stream],
    ["openai-responses", "chat", true],
  );
  assert.equal(record.cost, 14_000n);
  caller.send(create());
  const second = await yard.recorded(2);
  assert.notEqual(second.callId, record.callId);
});

test("what nobody keeps is continued from the connection's memory", async (t) => {
  const upstream = await vendor(t, answering([sealed, message("one")]));
  const yard = await yardOf(t, upstream);
  const caller = await connect(yard);
  caller.send(create({ input: "first" }));
  await caller.event("response.completed");
  caller.send(create({ previous_response_id: "resp_1", input: [{ type: "x", n: 2 }] }));
  await yard.recorded(2);
  await eventually("the second", () => (caller.messages.length === 6 ? true : undefined));
  caller.send(create({ previous_response_id: "resp_2", input: [] }));
  await yard.recorded(3);
  const first = { type: "message", role: "user", content: "first" };
  assert.deepEqual(bodyOf(upstream, 1)["input"], [
    first,
    sealed,
    message("one"),
    { type: "x", n: 2 },
  ]);
  assert.equal(bodyOf(upstream, 1)["previous_response_id"], undefined);
  assert.deepEqual(bodyOf(upstream, 2)["input"], [
    first,
    sealed,
    message("one"),
    { type: "x", n: 2 },
    sealed,
    message("one"),
  ]);
  // An earlier response can be continued once more: a fork.
  caller.send(create({ previous_response_id: "resp_1", input: "fork" }));
  await yard.recorded(4);
  assert.equal((bodyOf(upstream, 3)["input"] as unknown[]).length, 4);
  // Another connection knows nothing of it: the id goes up, for whoever keeps it.
  const other = await connect(yard);
  other.send(create({ previous_response_id: "resp_1" }));
  await yard.recorded(5);
  assert.equal(bodyOf(upstream, 4)["previous_response_id"], "resp_1");
});

test("reasoning that only its vendor could find again is not sent back, and nothing asks for it", async (t) => {
  const upstream = await vendor(t, answering([reasoning, message("one")]));
  const yard = await yardOf(t, upstream);
  const caller = await connect(yard);
  caller.send(create());
  await caller.event("response.completed");
  caller.send(create({ previous_response_id: "resp_1" }));
  await yard.recorded(2);
  const { id: _, ...kept } = message("one");
  assert.deepEqual(bodyOf(upstream, 1)["input"], [hi, kept, hi]);
});

test("what somebody keeps is left to them; what continues it here stands on their id", async (t) => {
  let stored = true;
  let count = 0;
  const upstream = await vendor(t, (request, response) => {
    count += 1;
    return stream(told(`resp_${count}`, [message(`${count}`)], { store: stored }))(
      request,
      response,
    );
  });
  const yard = await yardOf(t, upstream);
  const caller = await connect(yard);
  caller.send(create({ store: true }));
  await caller.event("response.completed");
  stored = false;
  caller.send(create({ previous_response_id: "resp_1", input: "b" }));
  await eventually("the second", () => (caller.messages.length === 6 ? true : undefined));
  assert.equal(bodyOf(upstream, 1)["previous_response_id"], "resp_1");
  assert.equal(bodyOf(upstream, 1)["input"], "b");
  caller.send(create({ previous_response_id: "resp_2", input: "c" }));
  await yard.recorded(3);
  assert.equal(bodyOf(upstream, 2)["previous_response_id"], "resp_1");
  const b = { type: "message", role: "user", content: "b" };
  assert.deepEqual(bodyOf(upstream, 2)["input"], [
    b,
    message("2"),
    { type: "message", role: "user", content: "c" },
  ]);
});

test("nothing is generated where only the state is prepared", async (t) => {
  const upstream = await vendor(t, answering());
  const yard = await yardOf(t, upstream);
  const caller = await connect(yard);
  caller.send(create({ generate: false, input: [hi], stream_id: "warm" }));
  const { response, stream_id: lane } = (await caller.event("response.completed")) as {
    response: Fields;
    stream_id: string;
  };
  assert.equal(lane, "warm");
  assert.deepEqual([response["status"], response["output"]], ["completed", []]);
  assert.equal(upstream.requests.length, 0);
  assert.equal(yard.records.length, 0);
  caller.send(create({ previous_response_id: response["id"], input: "go" }));
  await yard.recorded(1);
  assert.deepEqual(bodyOf(upstream, 0)["input"], [
    hi,
    { type: "message", role: "user", content: "go" },
  ]);
  caller.send(create({ generate: false, model: "none" }));
  const { error } = (await caller.event("error")) as { error: Fields };
  assert.equal(error["code"], "no_available_channel");
});

test("lanes run side by side, frames of one lane one after the other", async (t) => {
  const open = gate();
  let running = 0;
  let most = 0;
  const upstream = await vendor(t, async (request, response) => {
    running += 1;
    most = Math.max(most, running);
    await open.opened;
    await stream(told(`resp_${request.body.toString().slice(-4, -1)}`, [message("x")]))(
      request,
      response,
    );
    running -= 1;
  });
  const yard = await yardOf(t, upstream);
  const caller = await connect(yard);
  caller.send(create({ stream_id: "a" }));
  caller.send(create({ stream_id: "a" }));
  caller.send(create({ stream_id: "b" }));
  caller.send(create());
  caller.send(create());
  await upstream.received(3);
  open.open();
  await yard.recorded(5);
  await eventually("all came", () => (caller.messages.length === 15 ? true : undefined));
  assert.equal(most, 3);
  const lanes = Map.groupBy(caller.events(), (one) => one["stream_id"]);
  assert.deepEqual([lanes.get("a")?.length, lanes.get("b")?.length], [6, 3]);
  assert.equal(lanes.get(undefined)?.length, 6);
  const types = lanes.get("a")?.map((one) => one["type"]);
  assert.deepEqual(types?.slice(0, 3), types?.slice(3), "one after the other");
});

test("errors are frames, and the connection stays", async (t) => {
  const upstream = await vendor(t, answering());
  const yard = await yardOf(t, upstream, { settings: { retryTimes: 0 } });
  const caller = await connect(yard);
  const next = async (frame: Fields | string | Buffer): Promise<Fields> => {
    const from = caller.messages.length;
    const data =
      typeof frame === "string" || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame);
    caller.raw.send(data, { binary: Buffer.isBuffer(frame) });
    return await caller.event("error", from);
  };
  const codes = async (frame: Fields | string | Buffer): Promise<unknown[]> => {
    const { status: shown, error } = (await next(frame)) as { status: number; error: Fields };
    return [shown, error["code"], error["param"]];
  };
  assert.deepEqual(await codes("no JSON"), [400, "invalid_request", null]);
  assert.deepEqual(await codes(Buffer.from(JSON.stringify(create()))), [
    400,
    "invalid_request",
    null,
  ]);
  assert.deepEqual(await codes("{}"), [400, "invalid_request", "type"]);
  assert.deepEqual(await codes({ type: "session.update" }), [400, "invalid_request", "type"]);
  assert.deepEqual(await codes({ type: "response.create" }), [400, "invalid_request", "model"]);
  assert.deepEqual(await codes(create({ background: true })), [
    400,
    "invalid_request",
    "background",
  ]);
  assert.deepEqual(await codes(create({ stream_id: "a b" })), [
    400,
    "invalid_request",
    "stream_id",
  ]);
  assert.deepEqual(await codes('{"type":"response.create","model":"a","model":"b"}'), [
    400,
    "invalid_request",
    "model",
  ]);
  assert.deepEqual(await codes(create({ model: "none" })), [503, "no_available_channel", null]);
  assert.deepEqual(await codes({ type: "response.cancel" }), [400, "invalid_request", null]);
  upstream.behave(status(429, { "retry-after": "7" }, { code: "rate_limit_exceeded" }));
  const limited = await next(create({ stream_id: "x" }));
  assert.equal(limited["status"], 429);
  assert.equal(limited["stream_id"], "x");
  assert.deepEqual(limited["headers"], { "retry-after": "7" });
  upstream.behave(status(400, {}, { code: "previous_response_not_found" }));
  assert.deepEqual((await codes(create({ previous_response_id: "resp_0" }))).slice(0, 2), [
    400,
    "previous_response_not_found",
  ]);
  assert.equal(caller.closed, undefined);
  upstream.behave(answering());
  caller.send(create());
  await caller.event("response.completed");
});

test("what breaks in the middle ends the response with one error frame that has a status", async (t) => {
  const [begin = "", delta = ""] = told("resp_1", []);
  const upstream = await vendor(t, cut([begin, delta]));
  const yard = await yardOf(t, upstream);
  const caller = await connect(yard);
  caller.send(create());
  const broke = (await caller.event("error")) as { error: Fields; status: number };
  assert.deepEqual([broke.status, broke.error["code"]], [502, "upstream_truncated"]);
  const told429 = event({
    type: "error",
    sequence_number: 2,
    code: "rate_limit_exceeded",
    message: "slow down",
    param: null,
  });
  upstream.behave(stream([begin, delta, told429]));
  const from = caller.messages.length;
  caller.send(create());
  const limited = (await caller.event("error", from)) as { error: Fields; status: number };
  assert.deepEqual([limited.status, limited.error["message"]], [429, "slow down"]);
  upstream.behave(answering());
  caller.send(create());
  await caller.event("response.completed");
  const types = caller.events().map((one) => one["type"]);
  assert.deepEqual(types.slice(0, 6), [
    "response.created",
    "response.output_text.delta",
    "error",
    "response.created",
    "response.output_text.delta",
    "error",
  ]);
  assert.equal(types.length, 9, "nothing stands behind an error");
});

test("a response is cancelled, steering is declined with the input given back", async (t) => {
  const open = gate();
  const [begin = "", delta = ""] = told("resp_1", []);
  const upstream = await vendor(t, stream([begin + delta, open, "never"]));
  const yard = await yardOf(t, upstream);
  const caller = await connect(yard);
  caller.send(create());
  await caller.event("response.output_text.delta");
  const input = [{ role: "user", content: "wait" }];
  caller.send({ type: "response.steer", previous_response_id: "resp_1", input });
  const steer = (await caller.event("response.steer.failed")) as { error: Fields; steer: Fields };
  assert.equal(steer.error["code"], "steering_not_supported");
  assert.deepEqual(steer.steer, { previous_response_id: "resp_1", input });
  caller.send({ type: "response.cancel", response_id: "resp_1" });
  const { error } = (await caller.event("error")) as { error: Fields };
  assert.equal(error["code"], "response_cancelled");
  assert.equal((await yard.recorded(1)).outcome, "caller_gone");
  await upstream.aborted(1);
  upstream.behave(answering());
  caller.send(create());
  await caller.event("response.completed");
  open.open();
});

test("who leaves ends what runs; who is revoked is told and closed", async (t) => {
  const open = gate();
  const [begin = "", delta = ""] = told("resp_1", []);
  const upstream = await vendor(t, stream([begin + delta, open, "never"]));
  const spec = {
    channels: [{ baseUrl: upstream.baseUrl, options: { dialects: ["openai-responses"] } }],
  };
  const yard = await openYard(t, spec);
  const leaving = await connect(yard);
  leaving.send(create());
  await leaving.event("response.output_text.delta");
  leaving.raw.terminate();
  assert.equal((await yard.recorded(1)).outcome, "caller_gone");
  await upstream.aborted(1);
  open.open();
  const caller = await connect(yard);
  await yard.use({ ...spec, key: { enabled: false } });
  caller.send(create());
  const { error } = (await caller.event("error")) as { error: Fields };
  assert.equal(error["code"], "key_disabled");
  assert.equal((await caller.ended()).code, 1008);
});

test("upstreams of other APIs answer just as well", async (t) => {
  const upstream = closing(t, await openVendor());
  const yard = await openYard(t, { channels: [{ baseUrl: upstream.baseUrl }] });
  const caller = await connect(yard, "/openai/v1/responses");
  caller.send(create({ stream_id: "a" }));
  const first = (await caller.event("response.completed")) as { response: Fields };
  caller.send(create({ previous_response_id: first.response["id"], input: "again" }));
  await yard.recorded(2);
  const { messages } = bodyOf(upstream, 1) as unknown as { messages: { role: string }[] };
  assert.deepEqual(
    messages.map(({ role }) => role),
    ["user", "assistant", "user"],
  );
  const types = caller.events().map((one) => one["type"]);
  assert.equal(types[0], "response.created");
  assert.ok(types.includes("response.output_text.done"));
});

test("after 60 minutes what runs may finish, and no more begins", async (t) => {
  const open = gate();
  const [begin = "", delta = "", end = ""] = told("resp_1", [message("Hi")]);
  const upstream = await vendor(t, stream([begin + delta, open, end]));
  const clock = makeVirtualClock();
  const yard = await yardOf(t, upstream, { clock });
  const idle = await connect(yard);
  const caller = await connect(yard);
  caller.send(create());
  await caller.event("response.output_text.delta");
  await clock.pass(60 * 60_000);
  const limit = (await idle.event("error")) as { error: Fields; status: number };
  assert.equal(limit.error["code"], "websocket_connection_limit_reached");
  assert.equal((await idle.ended()).code, 1001);
  caller.send(create());
  await caller.event("error");
  open.open();
  await caller.event("response.completed");
  assert.equal((await caller.ended()).code, 1001);
});

test("who drains lets idle connections go and running responses finish", async (t) => {
  const open = gate();
  const [begin = "", delta = "", end = ""] = told("resp_1", [message("Hi")]);
  const upstream = await vendor(t, stream([begin + delta, open, end]));
  const yard = await yardOf(t, upstream, { env: { DRAIN_GRACE: "0s", DRAIN_TIMEOUT: "5s" } });
  const idle = await connect(yard);
  const caller = await connect(yard);
  caller.send(create());
  await caller.event("response.output_text.delta");
  const drained = yard.drain();
  assert.deepEqual(await idle.ended(), { code: 1001, reason: "temporarily_unavailable" });
  open.open();
  await caller.event("response.completed");
  assert.equal((await caller.ended()).code, 1001);
  await drained;
});
