/** The upstream client over real sockets: where it never goes, what it never follows, and how failures are told. */
import assert from "node:assert/strict";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { systemClock } from "../core/clock.ts";
import type { GatewayError } from "../core/errors.ts";
import { makeAddressGuard, makeGuardedLookup } from "./address-guard.ts";
import { downHeaders, retryAfterS } from "./headers.ts";
import { type UpstreamRequest, makeUpstream } from "./upstream.ts";

interface Told {
  status?: number;
  text: string;
  error?: GatewayError;
}

async function send(
  t: TestContext,
  url: string,
  more: Partial<UpstreamRequest> = {},
): Promise<Told> {
  const upstream = makeUpstream({ clock: systemClock });
  t.after(() => upstream.close());
  const request = {
    method: "POST",
    url,
    headers: { "content-type": "text/plain" },
    body: Buffer.from("hello"),
    proxy: null,
    timeouts: {},
    ...more,
  } as const;
  const told: Told = { text: "" };
  await new Promise<void>((resolve) => {
    upstream.send(request, {
      onHead: (status) => void (told.status = status),
      onChunk: (chunk) => void (told.text += chunk.toString()),
      onEnd: resolve,
      onError: (error) => {
        told.error = error;
        resolve();
      },
    });
  });
  return told;
}

async function listen(
  t: TestContext,
  server: {
    listen: (port: number, host: string, done: () => void) => unknown;
    address: () => unknown;
    close: () => unknown;
  },
): Promise<number> {
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  t.after(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** Answers with the request's target, host and body. */
async function target(t: TestContext): Promise<number> {
  const server = createHttpServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => response.end(`${request.url} ${Buffer.concat(pieces).toString()}`));
  });
  t.after(() => server.closeAllConnections());
  return listen(t, server);
}

test("metadata addresses are refused in every notation", () => {
  const isForbidden = makeAddressGuard();
  const never = [
    "169.254.169.254",
    "169.254.170.2",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "fd00:ec2::254",
    "[fd00:ec2::23]",
    "64:ff9b::169.254.169.254",
    "2002:a9fe:a9fe::1",
    "::a9fe:a9fe",
    "100.100.100.200",
  ];
  for (const address of never) assert.ok(isForbidden(address), address);
  for (const address of [
    "127.0.0.1",
    "10.0.0.1",
    "192.168.1.1",
    "::1",
    "fd00:ec3::1",
    "169.253.1.1",
    "8.8.8.8",
    "example.org",
    "",
  ])
    assert.ok(!isForbidden(address), address);
});

test("a connection to one is never opened, directly, by decimal notation, or through a proxy", async (t) => {
  for (const url of [
    "http://169.254.169.254/latest",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://[::ffff:169.254.169.254]/",
    "https://[fd00:ec2::254]/",
  ])
    for (const proxy of [null, "http://127.0.0.1:1", "socks5://127.0.0.1:1"]) {
      const { error } = await send(t, url, { proxy });
      assert.match(error?.message ?? "", /metadata address/, `${url} ${proxy}`);
      assert.equal(error?.kind, "upstream_unreachable");
    }
  const { error } = await send(t, "http://127.0.0.1:1/", { proxy: "http://169.254.1.1:80" });
  assert.match(error?.message ?? "", /metadata address/);
});

test("a name is judged by the addresses it resolves to", async () => {
  const toLoopback = makeGuardedLookup(
    (address) => address.startsWith("127.") || address === "::1",
  );
  const error = await new Promise((resolve) => toLoopback("localhost", { all: true }, resolve));
  assert.match(String(error), /metadata address/);
  const free = makeGuardedLookup(() => false);
  const found = await new Promise((resolve) =>
    free("localhost", {}, (_error, address) => resolve(address)),
  );
  assert.match(String(found), /^(127\.|::1)/);
});

test("redirects are answers like any other", async (t) => {
  const server = createHttpServer((_request, response) =>
    response.writeHead(307, { location: "/elsewhere" }).end(),
  );
  const port = await listen(t, server);
  assert.equal((await send(t, `http://127.0.0.1:${port}/`)).status, 307);
});

test("failures have the kind of their stage", async (t) => {
  const silent = await listen(
    t,
    createServer(() => undefined),
  );
  const kind = async (
    url: string,
    more: Partial<UpstreamRequest> = {},
  ): Promise<string | undefined> => (await send(t, url, more)).error?.kind;
  assert.equal(await kind("http://127.0.0.1:1/"), "upstream_unreachable");
  assert.equal(await kind("http://no-such-host.invalid/"), "upstream_unreachable");
  assert.equal(await kind(`https://127.0.0.1:${await target(t)}/`), "upstream_unreachable");
  assert.equal(
    await kind(`http://127.0.0.1:${silent}/`, { timeouts: { firstByteMs: 50 } }),
    "upstream_timeout",
  );
  const halting = createServer((socket: Socket) => {
    socket.on("error", () => undefined);
    socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc");
  });
  assert.equal(
    await kind(`http://127.0.0.1:${await listen(t, halting)}/`, { timeouts: { idleMs: 50 } }),
    "upstream_timeout",
  );
  const breaking = createServer((socket: Socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"));
  });
  const broken = await send(t, `http://127.0.0.1:${await listen(t, breaking)}/`);
  assert.deepEqual(
    [broken.status, broken.text, broken.error?.kind],
    [200, "abc", "upstream_truncated"],
  );
  assert.equal(await kind("not a url"), "upstream_unreachable");
});

test("through an HTTP proxy", async (t) => {
  const port = await target(t);
  const seen: string[] = [];
  const proxy = createHttpServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers["proxy-authorization"]}`);
    request.resume().on("end", () => response.end("from the proxy"));
  });
  const proxyPort = await listen(t, proxy);
  const told = await send(t, `http://127.0.0.1:${port}/x`, {
    proxy: `http://u:p@127.0.0.1:${proxyPort}`,
  });
  assert.deepEqual([told.status, told.text], [200, "from the proxy"]);
  assert.deepEqual(seen, [
    `POST http://127.0.0.1:${port}/x Basic ${Buffer.from("u:p").toString("base64")}`,
  ]);
  const dead = await send(t, `http://127.0.0.1:${port}/x`, { proxy: "http://127.0.0.1:1" });
  assert.equal(dead.error?.kind, "upstream_unreachable");
});

/** A SOCKS5 proxy that takes one user, and only IPv4 or named targets. */
function socksServer(asked: string[]): ReturnType<typeof createServer> {
  return createServer((socket) => {
    let state: "greet" | "password" | "request" | "tunnel" = "greet";
    socket.on("error", () => undefined);
    socket.on("data", (data: Buffer) => {
      if (state === "greet") {
        state = "password";
        socket.write(Buffer.from([5, 2]));
      } else if (state === "password") {
        state = "request";
        const length = data[1] ?? 0;
        asked.push(`${data.toString("utf8", 2, 2 + length)}:${data.toString("utf8", 3 + length)}`);
        socket.write(Buffer.from([1, 0]));
      } else if (state === "request") {
        state = "tunnel";
        const named = data[3] === 3;
        const end = named ? 5 + (data[4] ?? 0) : 8;
        const host = named ? data.toString("utf8", 5, end) : [...data.subarray(4, 8)].join(".");
        asked.push(host);
        const through = connect(data.readUInt16BE(end), "127.0.0.1");
        through.on("error", () => socket.destroy());
        socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
        socket.pipe(through).pipe(socket);
      }
    });
  });
}

test("through a SOCKS5 proxy, which resolves the name", async (t) => {
  const port = await target(t);
  const asked: string[] = [];
  const proxyPort = await listen(t, socksServer(asked));
  const told = await send(t, `http://vendor.invalid:${port}/y?z=1`, {
    proxy: `socks5://me:pw@127.0.0.1:${proxyPort}`,
  });
  assert.deepEqual([told.status, told.text], [200, "/y?z=1 hello"]);
  assert.deepEqual(asked, ["me:pw", "vendor.invalid"]);
});

test("cancelling tells the receiver nothing more and frees the connection", async (t) => {
  const upstream = makeUpstream({ clock: systemClock });
  t.after(() => upstream.close());
  const closed = Promise.withResolvers<void>();
  const server = createHttpServer((request, response) => {
    response.on("close", () => closed.resolve());
    request.resume();
    response.write("first");
  });
  const port = await listen(t, server);
  const heard: string[] = [];
  await new Promise<void>((resolve) => {
    const exchange = upstream.send(
      {
        method: "GET",
        url: `http://127.0.0.1:${port}/`,
        headers: {},
        body: null,
        proxy: null,
        timeouts: {},
      },
      {
        onHead: () => undefined,
        onChunk: () => {
          exchange.cancel();
          resolve();
        },
        onEnd: () => heard.push("end"),
        onError: () => heard.push("error"),
      },
    );
  });
  await closed.promise;
  assert.deepEqual(heard, []);
});

test("what an upstream asks to wait is read in all spellings and bounded", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  assert.equal(retryAfterS({ "retry-after": "7" }, now), 7);
  assert.equal(retryAfterS({ "retry-after-ms": "1500", "retry-after": "9" }, now), 1.5);
  assert.equal(retryAfterS({ "retry-after": "Thu, 01 Jan 2026 00:00:30 GMT" }, now), 30);
  assert.equal(retryAfterS({ "retry-after": "99999999" }, now), 3600);
  assert.equal(retryAfterS({ "retry-after": "soon" }, now), undefined);
  assert.equal(retryAfterS({}, now), undefined);
});

test("a vendor's request id comes down under its own name", () => {
  assert.deepEqual(
    downHeaders({ "content-type": "a", "x-request-id": "r", "set-cookie": ["x=1"] }),
    {
      "content-type": "a",
      "x-upstream-request-id": "r",
    },
  );
});
