/** The server as callers and balancers meet it: real Fastify on a free port, real sockets. */
import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { TestContext } from "node:test";
import { test } from "node:test";
import type { AdminRoute } from "../admin/admin-route.ts";
import { readConfig } from "../config/read-config.ts";
import type { Environment } from "../config/read-config.ts";
import { systemClock } from "../core/clock.ts";
import { silentLogger } from "../core/logger.ts";
import type { Snapshot } from "../sync/entities.ts";
import type { SyncStatus } from "../sync/sync.ts";
import type { CallRequest, ReplySink } from "../wire/call.ts";
import { openServer } from "./server.ts";
import type { HttpServer } from "./server.ts";

interface Setting {
  readonly env?: Environment;
  readonly serve?: (request: CallRequest, sink: ReplySink) => Promise<void>;
  readonly snapshot?: Snapshot | undefined;
  readonly admin?: readonly AdminRoute[];
  readonly pace?: { readonly idleMs: number; readonly totalMs: number };
}

const snapshot = { settings: { systemName: "Yard <b>" } } as Snapshot;

/** Answers what the gateway was given, as JSON. */
async function echo(request: CallRequest, sink: ReplySink): Promise<void> {
  const { operation, pathModel, query, address, id, headers } = request;
  const seen = { operation, pathModel, query, address, id, length: request.body.length, headers };
  sink.head(200, { "content-type": "application/json" });
  sink.end(Buffer.from(JSON.stringify(seen)));
  await Promise.resolve();
}

async function started(
  t: TestContext,
  setting: Setting = {},
): Promise<{ server: HttpServer; url: string; port: number }> {
  const server = await openServer({
    config: readConfig({ PORT: "0", ...setting.env }),
    clock: systemClock,
    logger: silentLogger,
    version: "1.2.3",
    sync: {
      current: () => ("snapshot" in setting ? setting.snapshot : snapshot),
      status: () => ({ state: "live" }) as SyncStatus,
      businessNowMs: () => systemClock.now(),
    },
    calls: { serve: setting.serve ?? echo },
    admin: setting.admin ?? [],
    ...(setting.pace !== undefined && { bodyPace: setting.pace }),
    metricsPage: () => Promise.resolve({ contentType: "text/plain", text: "up 1\n" }),
    renderCallError: (dialect, error) => ({
      status: error.status,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ dialect, error: { code: error.kind, message: error.message } }),
    }),
    renderAdminError: (error) => ({
      status: error.status,
      headers: { "content-type": "application/problem+json" },
      body: JSON.stringify({ code: error.kind }),
    }),
  });
  t.after(() => server.close());
  const { port } = await server.listen();
  return { server, port, url: `http://127.0.0.1:${port}` };
}

const post = (body: string): RequestInit => ({
  method: "POST",
  body,
  headers: { "content-type": "application/json" },
});

/** Sends raw bytes and answers everything that came back until the end. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    let seen = "";
    socket.on("data", (chunk: Buffer) => (seen += chunk.toString()));
    socket.on("close", () => resolve(seen));
    socket.on("error", reject);
  });
}

async function until(what: string, check: () => boolean): Promise<void> {
  const end = performance.now() + 5000;
  while (!check()) {
    if (performance.now() > end) assert.fail(`${what}: not within 5 s`);
    await new Promise((wake) => setImmediate(wake));
  }
}

test("every public path reaches the gateway as its operation", async (t) => {
  const { url } = await started(t);
  const cases: [string, string, string, string?][] = [
    ["POST", "/v1/chat/completions", "chat"],
    ["POST", "/chat/completions", "chat"],
    ["POST", "/openai/v1/chat/completions", "chat"],
    ["POST", "//v1//chat/completions/", "chat"],
    ["POST", "/v1/completions", "completions"],
    ["POST", "/v1/embeddings", "embeddings"],
    ["GET", "/v1/models", "models"],
    ["GET", "/models", "models"],
    ["GET", "/v1/models/gpt-4o", "model", "gpt-4o"],
    ["GET", "/v1/models/meta-llama/Llama-3", "model", "meta-llama/Llama-3"],
    ["GET", "/v1/models/meta-llama%2FLlama-3", "model", "meta-llama/Llama-3"],
    [
      "POST",
      "/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21",
      "chat",
      "my-gpt",
    ],
    ["POST", "/openai/deployments/emb/embeddings", "embeddings", "emb"],
  ];
  for (const [method, path, operation, pathModel] of cases) {
    const reply = await fetch(url + path, method === "POST" ? post("{}") : {});
    const seen = (await reply.json()) as Record<string, unknown>;
    assert.deepEqual(
      [reply.status, seen["operation"], seen["pathModel"]],
      [200, operation, pathModel],
      path,
    );
    assert.equal(reply.headers.get("x-request-id"), seen["id"]);
    assert.equal(reply.headers.get("access-control-allow-origin"), "*");
  }
});

test("the body arrives byte for byte whatever its content type says", async (t) => {
  let seen: Uint8Array = Buffer.alloc(0);
  const { url } = await started(t, {
    serve: async (request, sink) => {
      seen = request.body;
      await echo(request, sink);
    },
  });
  const bytes = Buffer.from('{"a":1e999999, "b":"\\u00e9",\n\n "a":2}\xff', "latin1");
  for (const type of [
    "application/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "",
  ]) {
    await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      body: bytes,
      headers: type === "" ? {} : { "content-type": type },
    });
    assert.deepEqual(seen, bytes, type);
  }
});

test("unknown paths, wrong methods and broken URLs are answered in the path's tongue, with a request id", async (t) => {
  const { url, port } = await started(t, {
    admin: [
      {
        method: "GET",
        path: "/api/things",
        roles: ["root"],
        handle: () => Promise.reject(new Error("secret text")),
      },
    ],
  });
  const cases: [string, string, number, string][] = [
    ["GET", "/v1/nothing", 404, "not_found"],
    ["GET", "/v1/chat/completions", 405, "method_not_allowed"],
    ["DELETE", "/v1/models/x", 405, "method_not_allowed"],
    ["GET", "/v1/models/%zz", 400, "invalid_request"],
    ["GET", `/v1/models/${"m".repeat(3000)}`, 200, ""],
    ["GET", "/api/nothing", 404, "not_found"],
    ["PUT", "/api/things", 405, "method_not_allowed"],
    ["GET", "/api/things", 500, "internal"],
  ];
  for (const [method, path, status, code] of cases) {
    const reply = await fetch(url + path, { method });
    const body = (await reply.json()) as { error?: { code: string }; code?: string };
    if (status !== 200)
      assert.deepEqual([reply.status, body.error?.code ?? body.code], [status, code], path);
    assert.ok(!JSON.stringify(body).includes("secret text"));
    assert.match(reply.headers.get("x-request-id") ?? "", /^[0-9a-z]{26}$/);
    if (path.startsWith("/api"))
      assert.equal(reply.headers.get("content-type"), "application/problem+json");
  }
  const broken = await raw(port, "NONSENSE\r\n\r\n");
  assert.match(broken, /^HTTP\/1\.1 400 /);
  assert.match(broken, /"code":"invalid_request"/);
});

test("a preflight names what the browser asked for", async (t) => {
  const { url } = await started(t);
  const reply = await fetch(`${url}/v1/chat/completions`, {
    method: "OPTIONS",
    headers: {
      origin: "https://x",
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,x-stainless-os",
    },
  });
  assert.equal(reply.status, 204);
  assert.equal(reply.headers.get("access-control-allow-origin"), "*");
  assert.equal(reply.headers.get("access-control-allow-headers"), "authorization,x-stainless-os");
});

test("a body too large is refused with 413 that the sender can read, announced or not", async (t) => {
  const { url, port } = await started(t, { env: { MAX_BODY_SIZE: "64k" } });
  const announced = await fetch(`${url}/v1/chat/completions`, post("x".repeat(4_000_000)));
  assert.equal(announced.status, 413);
  assert.equal(
    ((await announced.json()) as { error: { code: string } }).error.code,
    "request_too_large",
  );
  const streamed = await new Promise<IncomingMessage>((resolve, reject) => {
    const call = httpRequest({ port, method: "POST", path: "/v1/chat/completions" }, resolve);
    call.on("error", reject);
    const more = (): void => {
      while (call.write(Buffer.alloc(40_000)));
    };
    call.on("drain", more);
    more();
  });
  assert.equal(streamed.statusCode, 413);
  streamed.destroy();
  const fits = await fetch(`${url}/v1/chat/completions`, post("x".repeat(65_536)));
  assert.equal(((await fits.json()) as { length: number }).length, 65_536);
});

test("a body that does not come is 408; a compressed one is named", async (t) => {
  const { url, port } = await started(t, { pace: { idleMs: 50, totalMs: 5000 } });
  const slow = await raw(
    port,
    "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc",
  );
  assert.match(slow, /^HTTP\/1\.1 408 /);
  assert.match(slow, /"code":"request_timeout"/);
  const compressed = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    body: "x",
    headers: { "content-encoding": "gzip" },
  });
  assert.equal(compressed.status, 400);
  assert.match(await compressed.text(), /uncompressed/);
});

test("all held bodies together have a bound, and it is given back", async (t) => {
  const release = Promise.withResolvers<void>();
  let running = 0;
  const { url } = await started(t, {
    env: { MAX_HELD_SIZE: "100k" },
    serve: async (request, sink) => {
      running += 1;
      await release.promise;
      await echo(request, sink);
    },
  });
  const first = fetch(`${url}/v1/chat/completions`, post("x".repeat(60_000)));
  await until("the first call runs", () => running === 1);
  const second = await fetch(`${url}/v1/chat/completions`, post("x".repeat(60_000)));
  assert.deepEqual(
    [second.status, ((await second.json()) as { error: { code: string } }).error.code],
    [503, "temporarily_unavailable"],
  );
  release.resolve();
  assert.equal((await first).status, 200);
  assert.equal((await fetch(`${url}/v1/chat/completions`, post("x".repeat(60_000)))).status, 200);
});

test("a caller that goes away aborts the call; one that stays does not", async (t) => {
  const calls: CallRequest[] = [];
  const { url } = await started(t, {
    serve: async (request, sink) => {
      calls.push(request);
      sink.head(200, { "content-type": "text/event-stream" });
      await sink.write(Buffer.from("data: 1\n\n"));
      if (request.headers["x-stay"] !== undefined) return sink.end();
      await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
    },
  });
  await (
    await fetch(`${url}/v1/chat/completions`, { ...post("{}"), headers: { "x-stay": "1" } })
  ).text();
  const controller = new AbortController();
  const reply = await fetch(`${url}/v1/chat/completions`, {
    ...post("{}"),
    signal: controller.signal,
  });
  await reply.body?.getReader().read();
  controller.abort();
  await until("the abort is seen", () => calls[1]?.signal.aborted === true);
  assert.equal(calls[0]?.signal.aborted, false);
});

test("a slow reader holds the writer back", async (t) => {
  let written = 0;
  let blocked = false;
  const { port } = await started(t, {
    serve: async (_request, sink) => {
      sink.head(200, {});
      for (let piece = 0; piece < 400; piece += 1) {
        const wait = sink.write(Buffer.alloc(65_536));
        written += 1;
        if (wait !== undefined) {
          blocked = true;
          await wait;
        }
      }
      sink.end();
    },
  });
  const reply = await new Promise<IncomingMessage>((resolve, reject) => {
    const call = httpRequest({ port, method: "POST", path: "/v1/chat/completions" }, resolve);
    call.on("error", reject).end("{}");
  });
  await until("the writer waits", () => blocked);
  assert.ok(written < 400, `${written} pieces were written to a reader that reads nothing`);
  let length = 0;
  for await (const piece of reply) length += (piece as Buffer).length;
  assert.equal(length, 400 * 65_536);
});

test("a call that fails before its head is an error of ours; after it the connection breaks", async (t) => {
  let head = false;
  const { url } = await started(t, {
    serve: async (_request, sink) => {
      if (head) {
        sink.head(200, {});
        await sink.write(Buffer.from("part"));
      }
      throw new Error("secret text");
    },
  });
  const before = await fetch(`${url}/v1/chat/completions`, post("{}"));
  assert.equal(before.status, 500);
  assert.ok(!(await before.text()).includes("secret text"));
  head = true;
  await assert.rejects(async () => (await fetch(`${url}/v1/chat/completions`, post("{}"))).text());
});

test("health: alive always, ready and One Hub's status only with a snapshot", async (t) => {
  const ready = await started(t);
  assert.equal((await fetch(`${ready.url}/livez`)).status, 200);
  assert.equal((await fetch(`${ready.url}/readyz`)).status, 200);
  const status = (await (await fetch(`${ready.url}/api/status`)).json()) as {
    success: boolean;
    data: { version: string; system_name: string };
  };
  assert.deepEqual(
    [status.success, status.data.version, status.data.system_name],
    [true, "1.2.3", "Yard <b>"],
  );
  const boot = await started(t, { snapshot: undefined });
  assert.equal((await fetch(`${boot.url}/livez`)).status, 200);
  for (const path of ["/readyz", "/api/status"])
    assert.equal((await fetch(boot.url + path)).status, 503);
  assert.match(await (await fetch(`${boot.url}/readyz`)).text(), /no validated configuration/);
});

test("the pages are plain, bilingual, escaped, and load nothing from elsewhere", async (t) => {
  const { url } = await started(t);
  for (const path of ["/", "/setup"]) {
    const reply = await fetch(url + path);
    const html = await reply.text();
    assert.equal(reply.status, 200);
    assert.match(html, /[\u4e00-\u9fff]/);
    assert.ok(html.includes("Yard &lt;b&gt;") && !html.includes("Yard <b>"));
    assert.doesNotMatch(html, /https?:\/\//);
    assert.match(reply.headers.get("content-security-policy") ?? "", /default-src 'none'/);
  }
  assert.match(await (await fetch(url)).text(), /已就绪/);
});

test("metrics: loopback without a token, never through a proxy; with a token only with it", async (t) => {
  const open = await started(t);
  assert.equal(await (await fetch(`${open.url}/metrics`)).text(), "up 1\n");
  assert.equal(
    (await fetch(`${open.url}/metrics`, { headers: { "x-forwarded-for": "203.0.113.9" } })).status,
    403,
  );
  const closed = await started(t, { env: { METRICS_TOKEN: "scrape-token-1" } });
  assert.equal((await fetch(`${closed.url}/metrics`)).status, 401);
  assert.equal(
    (await fetch(`${closed.url}/metrics`, { headers: { authorization: "Bearer wrong" } })).status,
    401,
  );
  assert.equal(
    (await fetch(`${closed.url}/metrics`, { headers: { authorization: "Bearer scrape-token-1" } }))
      .status,
    200,
  );
});

test("drain: unready at once, still accepting, running calls finish, then streams are told, then it ends", async (t) => {
  const streams: CallRequest[] = [];
  const { server, url } = await started(t, {
    env: { DRAIN_GRACE: "300ms", DRAIN_TIMEOUT: "300ms" },
    serve: async (request, sink) => {
      if (request.operation !== "chat") return echo(request, sink);
      streams.push(request);
      sink.head(200, { "content-type": "text/event-stream" });
      await sink.write(Buffer.from("data: 1\n\n"));
      await new Promise((resolve) => request.drainSignal.addEventListener("abort", resolve));
      sink.end(Buffer.from("data: cut\n\n"));
    },
  });
  const stream = await fetch(`${url}/v1/chat/completions`, post("{}"));
  const began = performance.now();
  const drained = server.drain();
  assert.equal(server.draining, true);
  assert.equal((await fetch(`${url}/readyz`)).status, 503);
  assert.equal((await fetch(`${url}/livez`)).status, 200);
  const late = await fetch(`${url}/v1/embeddings`, post("{}"));
  assert.deepEqual([late.status, late.headers.get("connection")], [200, "close"]);
  assert.match(await stream.text(), /data: cut/);
  await drained;
  const took = performance.now() - began;
  assert.ok(took >= 580 && took < 15_000, `${took} ms`);
  await assert.rejects(fetch(`${url}/livez`));
});

test("drain does not wait when nothing runs, and cuts what ignores its last word", async (t) => {
  const idle = await started(t, { env: { DRAIN_GRACE: "10ms", DRAIN_TIMEOUT: "60s" } });
  await (await fetch(`${idle.url}/v1/models`)).text();
  const began = performance.now();
  await idle.server.drain();
  assert.ok(performance.now() - began < 30_000);
  const deaf = await started(t, {
    env: { DRAIN_GRACE: "10ms", DRAIN_TIMEOUT: "50ms" },
    serve: async (request, sink) => {
      sink.head(200, {});
      await sink.write(Buffer.from("x"));
      await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
    },
  });
  const reply = await fetch(`${deaf.url}/v1/chat/completions`, post("{}"));
  const cut = assert.rejects(reply.text());
  await deaf.server.drain();
  await cut;
});
