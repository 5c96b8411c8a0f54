/** Bodies that are read while they are sent: what is on the wire, and what happens when either side breaks off. */
import assert from "node:assert/strict";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { systemClock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import { type StreamedBody, type Upstream, makeUpstream } from "./upstream.ts";

type Handler = (message: IncomingMessage, response: ServerResponse) => void;

interface Vendor {
  readonly url: string;
  readonly sockets: Set<Socket>;
}

async function open(t: TestContext, handler: Handler): Promise<Vendor> {
  const server = createServer({ keepAliveTimeout: 60_000 }, handler);
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, sockets };
}

function upstreamOf(t: TestContext): Upstream {
  const upstream = makeUpstream({ clock: systemClock });
  t.after(() => upstream.close());
  return upstream;
}

interface Told {
  readonly status: number;
  readonly text: string;
  readonly error: GatewayError | undefined;
}

function send(upstream: Upstream, url: string, body: StreamedBody | Buffer): Promise<Told> {
  let status = 0;
  let text = "";
  return new Promise((resolve) => {
    upstream.send(
      { method: "POST", url, headers: {}, body, proxy: null, timeouts: {} },
      {
        onHead: (told) => void (status = told),
        onChunk: (chunk) => void (text += chunk.toString()),
        onEnd: () => resolve({ status, text, error: undefined }),
        onError: (error) => resolve({ status, text, error }),
      },
    );
  });
}

async function* pieces(...texts: readonly string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield await Promise.resolve(Buffer.from(text));
}

const tellBack: Handler = (message, response) => {
  let body = "";
  message.on("data", (piece: Buffer) => (body += piece.toString()));
  message.on("end", () => {
    const { "content-length": length, "transfer-encoding": coding } = message.headers;
    response.end(JSON.stringify([length, coding, body]));
  });
};

test("a known length is told, an unknown one is sent in chunks", async (t) => {
  const { url } = await open(t, tellBack);
  const upstream = upstreamOf(t);
  const known = await send(upstream, url, { length: 10, open: () => pieces("hello", "world") });
  assert.deepEqual(JSON.parse(known.text), ["10", null, "helloworld"]);
  const unknown = await send(upstream, url, { length: null, open: () => pieces("hello", "you") });
  assert.deepEqual(JSON.parse(unknown.text), [null, "chunked", "helloyou"]);
});

test("what the body throws is told as it is, and the vendor gets no whole request", async (t) => {
  const seen = Promise.withResolvers<boolean>();
  const { url } = await open(t, (message) => {
    message.resume().on("close", () => seen.resolve(message.complete));
  });
  async function* broken(): AsyncGenerator<Buffer> {
    yield await Promise.resolve(Buffer.from("hel"));
    throw new GatewayError("invalid_request", "twice");
  }
  const { error } = await send(upstreamOf(t), url, { length: 10, open: broken });
  assert.deepEqual([error?.kind, error?.message], ["invalid_request", "twice"]);
  assert.equal(await seen.promise, false);
});

test("a body shorter than it said is a failure, never a whole request", async (t) => {
  const { url } = await open(t, tellBack);
  const { error } = await send(upstreamOf(t), url, { length: 10, open: () => pieces("short") });
  assert.ok(error !== undefined);
});

test("an early refusal is heard before the body is over", async (t) => {
  const { url } = await open(t, (_message, response) => {
    response.writeHead(413, { connection: "close" });
    response.end("no");
  });
  const over = Promise.withResolvers<undefined>();
  t.after(() => over.resolve(undefined));
  async function* endless(): AsyncGenerator<Buffer> {
    yield Buffer.from("hel");
    await over.promise;
  }
  const told = await send(upstreamOf(t), url, { length: null, open: endless });
  assert.deepEqual([told.status, told.text], [413, "no"]);
});

/** Answers the first request, and takes the connection away under the second one. */
function closingSecond(): Handler {
  let requests = 0;
  return (message, response) => {
    requests += 1;
    if (requests === 2) return void message.socket.destroy();
    tellBack(message, response);
  };
}

/** A connection is free for the next request one turn of the loop after its reply. */
async function connectionFree(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

test("on a dead connection a body that is still held is sent once more, any other one is not", async (t) => {
  const held = await open(t, closingSecond());
  const upstream = upstreamOf(t);
  await send(upstream, held.url, Buffer.from("first"));
  await connectionFree();
  let opened = 0;
  const again = await send(upstream, held.url, {
    length: 3,
    open: () => {
      opened += 1;
      return pieces("abc");
    },
  });
  assert.deepEqual([opened, JSON.parse(again.text)[2]], [2, "abc"]);
  const gone = await open(t, closingSecond());
  await send(upstream, gone.url, Buffer.from("first"));
  await connectionFree();
  let once = false;
  const told = await send(upstream, gone.url, {
    length: 3,
    open: () => {
      if (once) return undefined;
      once = true;
      return pieces("abc");
    },
  });
  assert.equal(told.error?.kind, "upstream_unreachable");
});

test("cancelling ends the reading of the body", async (t) => {
  const { url } = await open(t, () => undefined);
  const ended = Promise.withResolvers<void>();
  async function* slow(): AsyncGenerator<Buffer> {
    try {
      for (;;) {
        await new Promise((resolve) => setImmediate(resolve));
        yield Buffer.from("x");
      }
    } finally {
      ended.resolve();
    }
  }
  const exchange = upstreamOf(t).send(
    {
      method: "POST",
      url,
      headers: {},
      body: { length: null, open: slow },
      proxy: null,
      timeouts: {},
    },
    {
      onHead: () => undefined,
      onChunk: () => undefined,
      onEnd: () => undefined,
      onError: () => assert.fail("a cancelled exchange is silent"),
    },
  );
  await new Promise((resolve) => setImmediate(resolve));
  exchange.cancel();
  await ended.promise;
});
