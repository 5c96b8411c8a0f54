/** Realtime sessions from socket to socket: bytes, names, ends, refusals, failover and what is recorded of them. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import {
  type RealtimeUpstream,
  eventually,
  openRealtimeUpstream,
  wellBehaved,
} from "../fakes/realtime-upstream.ts";
import { type SocketCaller, openCaller, refusedUpgrade } from "../fakes/socket-caller.ts";
import { type ChannelSpec, type Yard, type YardSpec, openYard, testKey } from "./call-harness.ts";

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
  assert.deepEqual(second.usage, {
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
