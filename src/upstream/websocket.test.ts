import assert from "node:assert/strict";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, type Server, connect, createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { makeVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { type RealtimeUpstream, openRealtimeUpstream } from "../../test/fakes/realtime-upstream.ts";
import { systemClock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { SocketMessage } from "../wire/socket.ts";
import {
  type UpstreamSocket,
  type UpstreamSocketRequest,
  makeUpstreamSockets,
} from "./websocket.ts";

async function vendor(t: TestContext): Promise<RealtimeUpstream> {
  const upstream = await openRealtimeUpstream();
  t.after(() => upstream.close());
  return upstream;
}

async function listen(t: TestContext, server: Server): Promise<number> {
  const sockets = new Set<{ destroy(): void }>();
  server.on("connection", (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function open(
  url: string,
  more: Partial<UpstreamSocketRequest> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<UpstreamSocket> {
  const request: UpstreamSocketRequest = {
    method: "GET",
    url,
    headers: { authorization: "Bearer s" },
    body: null,
    proxy: null,
    timeouts: { connectMs: 1000, firstByteMs: 1000 },
    maxMessageBytes: 1_000_000,
    ...more,
  };
  return makeUpstreamSockets({ clock: systemClock }).open(request, signal);
}

async function kindOf(opening: Promise<UpstreamSocket>): Promise<string> {
  try {
    return (await opening).kind;
  } catch (error) {
    assert.ok(error instanceof GatewayError, String(error));
    return error.kind;
  }
}

/** The first message that comes, with the connection ended after it. */
async function firstMessage(opening: Promise<UpstreamSocket>): Promise<string> {
  const opened = await opening;
  assert.ok(opened.kind === "open");
  const { promise, resolve } = Promise.withResolvers<SocketMessage>();
  opened.socket.listen({ onMessage: resolve, onClose: () => undefined });
  const { data } = await promise;
  opened.socket.close(1000, "");
  return data.toString();
}

test("opens, with its credential, and hears what was said before anybody listened", async (t) => {
  const upstream = await vendor(t);
  assert.match(
    await firstMessage(open(`${upstream.baseUrl}/realtime?model=m`)),
    /session\.created/,
  );
  const { headers } = await upstream.connected(1);
  assert.equal(headers.authorization, "Bearer s");
  assert.equal(headers.host, `127.0.0.1:${upstream.port}`);
});

test("through an HTTP proxy by CONNECT", async (t) => {
  const upstream = await vendor(t);
  const seen: string[] = [];
  const proxy = createHttpServer();
  proxy.on("connect", (request, socket) => {
    seen.push(`${request.method} ${request.url} ${request.headers["proxy-authorization"]}`);
    const through = connect(upstream.port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      socket.pipe(through).pipe(socket);
    });
    socket.on("error", () => through.destroy());
    through.on("error", () => socket.destroy());
  });
  const port = await listen(t, proxy);
  const url = `http://vendor.invalid:${upstream.port}/v1/realtime?model=m`;
  const opening = open(url, { proxy: `http://u:p%40@127.0.0.1:${port}` });
  assert.match(await firstMessage(opening), /session\.created/);
  const word = Buffer.from("u:p@").toString("base64");
  assert.deepEqual(seen, [`CONNECT vendor.invalid:${upstream.port} Basic ${word}`]);
});

test("a proxy that refuses, or is not there, is an upstream out of reach", async (t) => {
  const proxy = createHttpServer();
  proxy.on("connect", (_request, socket) => socket.end("HTTP/1.1 403 No\r\n\r\n"));
  const port = await listen(t, proxy);
  const url = "http://vendor.invalid/v1/realtime";
  assert.equal(
    await kindOf(open(url, { proxy: `http://127.0.0.1:${port}` })),
    "upstream_unreachable",
  );
  assert.equal(await kindOf(open(url, { proxy: "http://127.0.0.1:1" })), "upstream_unreachable");
  assert.equal(await kindOf(open(url, { proxy: "socks5://127.0.0.1:1" })), "upstream_unreachable");
  assert.equal(await kindOf(open(url, { proxy: "no url" })), "upstream_unreachable");
});

test("through a SOCKS5 proxy, which resolves the name", async (t) => {
  const upstream = await vendor(t);
  const asked: string[] = [];
  const proxy = createServer((socket) => {
    const answers = [Buffer.from([5, 2]), Buffer.from([1, 0])];
    socket.on("error", () => undefined);
    const handshake = (data: Buffer): void => {
      const answer = answers.shift();
      if (answer !== undefined) return void socket.write(answer);
      asked.push(data.toString("latin1", 5, 5 + (data[4] ?? 0)));
      socket.off("data", handshake);
      const through = connect(upstream.port, "127.0.0.1");
      through.on("error", () => socket.destroy());
      socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
      socket.pipe(through).pipe(socket);
    };
    socket.on("data", handshake);
  });
  const port = await listen(t, proxy);
  const url = `http://vendor.invalid:${upstream.port}/v1/realtime?model=m`;
  const opening = open(url, { proxy: `socks5://me:pw@127.0.0.1:${port}` });
  assert.match(await firstMessage(opening), /session\.created/);
  assert.deepEqual(asked, ["vendor.invalid"]);
});

test("metadata addresses are never connected to, directly or through a proxy", async () => {
  for (const host of ["169.254.169.254", "[fd00:ec2::254]", "2852039166"])
    for (const proxy of [null, "http://127.0.0.1:1", "socks5://127.0.0.1:1"])
      await assert.rejects(open(`http://${host}/v1/realtime`, { proxy }), /metadata address/);
  const behind = { proxy: "http://169.254.1.1:80" };
  await assert.rejects(open("http://vendor.invalid/", behind), /metadata address/);
});

test("a refusal is told with its own words, and no redirect is followed", async (t) => {
  const upstream = await vendor(t);
  upstream.behave({
    refuse: { status: 302, body: "elsewhere", headers: { location: "http://127.0.0.1:1/" } },
  });
  const refused = await open(`${upstream.baseUrl}/realtime`);
  assert.ok(refused.kind === "refused");
  assert.deepEqual([refused.status, refused.body.toString()], [302, "elsewhere"]);
  assert.equal(upstream.upgrades, 1);
});

test("whoever does not answer, breaks, or is no WebSocket, is told apart", async (t) => {
  const upstream = await vendor(t);
  const url = `${upstream.baseUrl}/realtime`;
  upstream.behave({ cut: true });
  assert.equal(await kindOf(open(url)), "upstream_unreachable");
  upstream.behave({ hang: true });
  const timeouts = { connectMs: 50, firstByteMs: 50 };
  assert.equal(await kindOf(open(url, { timeouts })), "upstream_timeout");
  const gone = new AbortController();
  const opening = open(url, {}, gone.signal);
  setImmediate(() => gone.abort());
  assert.equal(await kindOf(opening), "caller_gone");
  assert.equal(await kindOf(open(url, {}, AbortSignal.abort())), "caller_gone");
  const liar = createHttpServer();
  liar.on("upgrade", (_request, socket) =>
    socket.write(
      "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n",
    ),
  );
  const port = await listen(t, liar);
  assert.equal(await kindOf(open(`http://127.0.0.1:${port}/`)), "upstream_invalid");
  const noHttp = createServer((socket) => void socket.end("what?\r\n\r\n"));
  const other = await listen(t, noHttp);
  assert.notEqual(await kindOf(open(`http://127.0.0.1:${other}/`)), "open");
});

test("the patience of an upgrade is bounded, whatever a channel grants", async (t) => {
  const upstream = await vendor(t);
  upstream.behave({ hang: true });
  const clock = makeVirtualClock();
  const request = {
    method: "GET" as const,
    url: `${upstream.baseUrl}/realtime`,
    headers: {},
    body: null,
    proxy: null,
    timeouts: { firstByteMs: 3_600_000 },
    maxMessageBytes: 1,
  };
  const opening = kindOf(
    makeUpstreamSockets({ clock }).open(request, new AbortController().signal),
  );
  await clock.pass(40_000);
  assert.equal(await opening, "upstream_timeout");
});
