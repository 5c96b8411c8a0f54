/** OpenAI's own clients of both WebSocket APIs, through the gateway: realtime by TLS, as the client insists, and Responses. */
import assert from "node:assert/strict";
import { createServer } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { type TestContext, test } from "node:test";
import OpenAI, { AzureOpenAI } from "openai";
import { ResponsesWebSocketSession } from "openai/lib/responses/responses-websocket-session";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import { ResponsesWS } from "openai/resources/responses/ws";
import { closing, openYard, testKey } from "../e2e/call-harness.ts";
import { openVendor } from "../e2e/vendor.ts";
import { makeCertificate } from "../engines/tls-certificate.ts";
import { eventually, openRealtimeUpstream } from "../fakes/realtime-upstream.ts";

/** TLS before the gateway, as a balancer has it. */
async function openTls(
  t: TestContext,
  url: string,
): Promise<{ readonly host: string; readonly ca: string }> {
  const { ca, cert, key } = makeCertificate();
  const { port: behind } = new URL(url);
  const server = createServer({ cert, key });
  const sockets = new Set<{ destroy(): void }>();
  server.on("upgrade", (request, socket) => {
    const through = connect(Number(behind), "127.0.0.1");
    const lines = request.rawHeaders
      .map((text, index) => (index % 2 === 0 ? `${text}: ` : `${text}\r\n`))
      .join("");
    through.write(`GET ${request.url} HTTP/1.1\r\n${lines}\r\n`);
    through.pipe(socket).pipe(through);
    for (const one of [through, socket]) sockets.add(one.on("error", () => undefined));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { host: `localhost:${(server.address() as AddressInfo).port}`, ca };
}

const clientOf = (host: string): OpenAI =>
  new OpenAI({ apiKey: testKey, baseURL: `https://${host}/v1` });

test("the realtime client: a session, a response and what it cost", async (t) => {
  const upstream = await openRealtimeUpstream();
  t.after(() => upstream.close());
  const yard = await openYard(t, { channels: [{ baseUrl: upstream.baseUrl }] });
  const { host, ca } = await openTls(t, yard.url);
  const azure = new AzureOpenAI({
    apiKey: testKey,
    baseURL: `https://${host}/openai`,
    apiVersion: "2025-04-01-preview",
  });
  const options = { ca };
  const openings = [
    () => new OpenAIRealtimeWS({ model: "own-model", options }, clientOf(host)),
    () => OpenAIRealtimeWS.azure(azure, { deploymentName: "own-model", options }),
  ];
  for (const [index, open] of openings.entries()) {
    const realtime = await open();
    const errors: unknown[] = [];
    realtime.on("error", (error) => {
      console.log(error, error.cause);
      errors.push(error);
    });
    const created = Promise.withResolvers<string>();
    realtime.on("session.created", ({ session }) =>
      created.resolve(String("model" in session ? session.model : "")),
    );
    const done = Promise.withResolvers<unknown>();
    realtime.on("response.done", ({ response }) => done.resolve(response.usage?.total_tokens));
    let text = "";
    realtime.on("response.output_text.delta", ({ delta }) => void (text += delta));
    assert.equal(await created.promise, "own-model");
    realtime.send({ type: "response.create" });
    assert.equal(await done.promise, 160);
    assert.equal(text, "Hello");
    realtime.close({ code: 1000, reason: "thanks" });
    await eventually("closed upstream", () => upstream.connections[index]?.closed);
    assert.deepEqual(upstream.connections[index]?.closed, { code: 1000, reason: "thanks" });
    assert.deepEqual(errors, []);
  }
  assert.equal((await yard.recorded(2)).usage.kinds?.outputAudio, 40);
});

test("the realtime client reads our errors as errors of the API", async (t) => {
  const upstream = await openRealtimeUpstream();
  t.after(() => upstream.close());
  const yard = await openYard(t, { channels: [{ baseUrl: upstream.baseUrl }] });
  const { host, ca } = await openTls(t, yard.url);
  const props = { model: "own-model", options: { ca } };
  const realtime = new OpenAIRealtimeWS(props, clientOf(host));
  const refused = Promise.withResolvers<Error>();
  realtime.on("error", (error) => refused.resolve(error));
  realtime.socket.on("open", () =>
    realtime.send({
      type: "session.update",
      session: { type: "realtime", model: "gpt-realtime" },
    }),
  );
  const { message } = await refused.promise;
  assert.match(message, /code=invalid_request param=session\.model/);
  realtime.close();
});

test("the Responses client: a chain that nobody keeps, and an error that leaves the connection open", async (t) => {
  const vendor = closing(t, await openVendor());
  const yard = await openYard(t, { channels: [{ baseUrl: vendor.baseUrl }] });
  const client = new OpenAI({ apiKey: testKey, baseURL: `${yard.url}/v1` });
  const socket = new ResponsesWS(client);
  t.after(() => socket.close());
  const { promise: opened, resolve } = Promise.withResolvers<void>();
  socket.socket.on("open", () => resolve());
  await opened;
  const session = new ResponsesWebSocketSession(socket, {
    maxLanes: 8,
    maxBufferedEvents: 1000,
    maxBufferedBytes: 1_000_000,
  });
  const lane = session.lane("main");
  const request = { model: "own-model", store: false } as const;
  lane.create({ ...request, input: "hi" });
  const first = await lane.finalResponse();
  assert.equal(first.output_text, "Hello there.");
  lane.create({ ...request, previous_response_id: first.id, input: "again" });
  const second = await lane.finalResponse();
  assert.equal(second.status, "completed");
  assert.equal(second.usage?.input_tokens, 9);
  lane.create({ ...request, model: "none", input: "hi" });
  await assert.rejects(lane.finalResponse(), (error: Error & { error?: { status?: number } }) => {
    assert.equal(error.error?.status, 503);
    return true;
  });
  const others = ["a", undefined].map((name) => session.lane(name));
  for (const other of others) other.create({ ...request, input: "side by side" });
  const told = await Promise.all(others.map((other) => other.finalResponse()));
  assert.deepEqual(
    told.map(({ output_text: text }) => text),
    ["Hello there.", "Hello there."],
  );
  lane.create({ ...request, input: "still here" });
  assert.equal((await lane.finalResponse()).output_text, "Hello there.");
  const { messages } = JSON.parse(vendor.requests[1]!.body.toString()) as { messages: unknown[] };
  assert.equal(messages.length, 3);
  session.close();
});

test("every event of the Responses client comes typed, in order, without gaps", async (t) => {
  const vendor = closing(t, await openVendor());
  const yard = await openYard(t, { channels: [{ baseUrl: vendor.baseUrl }] });
  const client = new OpenAI({ apiKey: testKey, baseURL: `${yard.url}/v1` });
  const socket = new ResponsesWS(client);
  const numbers: number[] = [];
  const errors: unknown[] = [];
  socket.on("error", (error) => void errors.push(error));
  socket.on("event", (event) => {
    if ("sequence_number" in event && event.sequence_number !== undefined)
      numbers.push(event.sequence_number);
  });
  const completed = Promise.withResolvers<string>();
  socket.on("response.completed", ({ response }) => completed.resolve(response.id));
  socket.send({ type: "response.create", model: "own-model", store: false, input: "hi" });
  assert.match(await completed.promise, /^resp_/);
  assert.deepEqual(numbers, [...numbers.keys()]);
  assert.deepEqual(errors, []);
  socket.close();
});
