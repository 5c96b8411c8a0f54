/**
 * Which headers cross the gateway, with every header that real agents send and vendors answer: those of the allow-lists
 * as they are, and no other, whatever the API.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { type FakeUpstream, openFakeUpstream, reply } from "../fakes/upstream.ts";
import { type Yard, closing, openYard, testKey } from "./call-harness.ts";
import { type RawReply, makeRawCaller } from "./raw-call.ts";
import { channelSpeaking } from "./recorded-calls.ts";

type Headers = Readonly<Record<string, string>>;

/** What a caller of an API asks, and how a vendor answers. */
interface Api {
  readonly path: string;
  readonly streamPath?: string;
  readonly body: object;
  readonly whole: object;
  readonly events: string;
  readonly refusal: object;
  /** Headers of the caller that go up, by the page on calls. */
  readonly up: readonly string[];
}

const trace = ["traceparent", "tracestate"];
const openaiUp = ["openai-beta", "idempotency-key", ...trace];

const apis: Readonly<Record<string, Api>> = {
  "openai-chat": {
    path: "/v1/chat/completions",
    body: { model: "m", messages: [{ role: "user", content: "hi" }] },
    whole: {
      model: "m",
      choices: [{ index: 0, message: { content: "x" }, finish_reason: "stop" }],
    },
    events:
      'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
    refusal: { error: { message: "no", type: "invalid_request_error", param: null, code: null } },
    up: openaiUp,
  },
  "openai-responses": {
    path: "/v1/responses",
    body: { model: "m", input: "hi" },
    whole: { object: "response", status: "completed", model: "m", output: [] },
    events:
      'event: response.completed\ndata: {"type":"response.completed","response":{"status":"completed","output":[],"usage":{"input_tokens":1,"output_tokens":1}}}\n\n',
    refusal: { error: { message: "no", type: "invalid_request_error", param: null, code: null } },
    up: openaiUp,
  },
  "anthropic-messages": {
    path: "/v1/messages",
    body: { model: "m", max_tokens: 5, messages: [{ role: "user", content: "hi" }] },
    whole: {
      type: "message",
      role: "assistant",
      model: "m",
      content: [{ type: "text", text: "x" }],
    },
    events:
      'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}\n\nevent: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n',
    refusal: { type: "error", error: { type: "invalid_request_error", message: "no" } },
    up: ["anthropic-version", "anthropic-beta", "idempotency-key", ...trace],
  },
  "gemini-content": {
    path: "/v1beta/models/m:generateContent",
    streamPath: "/v1beta/models/m:streamGenerateContent?alt=sse",
    body: { contents: [{ parts: [{ text: "hi" }] }] },
    whole: { candidates: [{ content: { parts: [{ text: "x" }] }, finishReason: "STOP" }] },
    events:
      'data: {"candidates":[{"content":{"parts":[{"text":"x"}]},"finishReason":"STOP"}]}\r\n\r\n',
    refusal: { error: { code: 400, message: "no", status: "INVALID_ARGUMENT" } },
    up: trace,
  },
};

async function openNode(
  t: TestContext,
  dialect: string,
): Promise<{ yard: Yard; vendor: FakeUpstream }> {
  const api = apis[dialect]!;
  const vendor = closing(t, await openFakeUpstream(reply(JSON.stringify(api.whole))));
  const place = channelSpeaking(dialect, `http://127.0.0.1:${vendor.port}`);
  const channels = [{ ...place, models: ["m"], credentials: ["vendor-secret"] }];
  return { yard: await openYard(t, { channels, settings: { retryTimes: 0 } }), vendor };
}

async function ask(
  t: TestContext,
  yard: Yard,
  call: { api: Api; stream: boolean; headers: Headers },
): Promise<RawReply> {
  const caller = makeRawCaller(yard.url);
  t.after(() => caller.close());
  const { api, stream, headers } = call;
  const inBody = stream && api.streamPath === undefined ? { stream: true } : {};
  return await caller.send({
    path: stream ? (api.streamPath ?? api.path) : api.path,
    headers: { "content-type": "application/json", "x-api-key": testKey, ...headers },
    body: JSON.stringify({ ...api.body, ...inBody }),
  });
}

/** What every request upward has of our own, with its value where that is fixed. */
const ownUp: Readonly<Record<string, string | undefined>> = {
  "content-type": "application/json",
  "user-agent": "switchyard",
  "accept-encoding": "identity",
  authorization: "Bearer vendor-secret",
  connection: "keep-alive",
  accept: undefined,
  host: undefined,
  "content-length": undefined,
};

/** Asserts that what went up is ours, and of the caller's only what may go up, as it came. */
function checkUp(
  api: Api,
  dialect: string,
  sent: Headers,
  arrived: Readonly<Record<string, unknown>>,
): void {
  const expected: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(ownUp)) expected[name] = value ?? arrived[name];
  if (dialect === "anthropic-messages") expected["anthropic-version"] = "2023-06-01";
  for (const name of api.up) if (sent[name] !== undefined) expected[name] = sent[name];
  assert.deepEqual(arrived, expected);
}

interface AgentHeaders {
  readonly dialect: string;
  readonly headers: Headers;
}

/** As each agent of test/agents sent them once, values shortened. */
const agents = JSON.parse(
  readFileSync(new URL("../agents/agent-headers.json", import.meta.url), "utf8"),
) as Readonly<Record<string, AgentHeaders>>;

/** Headers of an agent as it would send them to us: with our key, on its own connection. */
function asSent(headers: Headers): Record<string, string> {
  const sent: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (!["host", "connection", "content-length"].includes(name))
      sent[name] = value.replace("KEY", testKey);
  return sent;
}

for (const [agent, { dialect, headers }] of Object.entries(agents))
  test(`of the headers that ${agent} sends only those of the list go up`, async (t) => {
    const api = apis[dialect]!;
    const { yard, vendor } = await openNode(t, dialect);
    const sent = asSent(headers);
    for (const stream of [false, true]) {
      vendor.behave(
        stream
          ? reply(api.events, { "content-type": "text/event-stream" })
          : reply(JSON.stringify(api.whole)),
      );
      const got = await ask(t, yard, { api, stream, headers: sent });
      assert.equal(got.status, 200, got.body.toString());
      const arrived = vendor.requests.at(-1)!.headers;
      checkUp(api, dialect, sent, arrived);
      assert.equal(arrived.accept, stream ? "text/event-stream" : "application/json");
      assert.ok(!JSON.stringify(arrived).includes(testKey));
    }
  });

/** Headers that never go up: credentials, cookies, whose account, where from, how connected, and what nobody knows. */
const strange: Headers = {
  authorization: `Bearer ${testKey}`,
  "api-key": testKey,
  "x-goog-api-key": testKey,
  "proxy-authorization": "Basic eDp5",
  cookie: "session=1",
  "openai-organization": "org-1",
  "openai-project": "proj-1",
  "anthropic-organization-id": "org-1",
  "x-goog-user-project": "p1",
  "x-amz-security-token": "t",
  "x-amz-date": "20250101T000000Z",
  "ocp-apim-subscription-key": "k",
  forwarded: "for=1.2.3.4",
  "x-forwarded-for": "1.2.3.4",
  "x-forwarded-host": "h",
  "x-forwarded-proto": "https",
  "x-forwarded-port": "1",
  "x-real-ip": "1.2.3.4",
  "cf-connecting-ip": "1.2.3.4",
  "true-client-ip": "1.2.3.4",
  via: "1.1 proxy",
  te: "trailers",
  "keep-alive": "timeout=5",
  "proxy-connection": "keep-alive",
  origin: "https://page.test",
  referer: "https://page.test/",
  range: "bytes=0-1",
  "if-none-match": '"x"',
  "accept-language": "de",
  "accept-encoding": "gzip, deflate, br, zstd",
  "x-http-method-override": "DELETE",
  "x-original-url": "/api/channels",
  "x-stainless-helper": "stream",
  "anthropic-dangerous-direct-browser-access": "true",
  "x-unknown": "1",
};

/** Headers that go up where the API knows them. */
const known: Headers = {
  "openai-beta": "assistants=v2",
  "anthropic-version": "2023-06-01",
  "anthropic-beta": "claude-code-20250219,effort-2025-11-24",
  "idempotency-key": "i-1",
  traceparent: "00-1-2-01",
  tracestate: "a=b",
};

for (const [dialect, api] of Object.entries(apis))
  test(`callers of ${dialect} get nothing else through, however it is spelled`, async (t) => {
    const { yard, vendor } = await openNode(t, dialect);
    // Whose path `/v1/messages` is never depends on headers, nor does any other conversation's.
    const sent = { ...strange, ...known };
    for (const spell of [
      (name: string): string => name,
      (name: string): string => name.toUpperCase(),
      (name: string): string => name.replaceAll(/(^|-)[a-z]/g, (start) => start.toUpperCase()),
    ]) {
      const spelled = Object.fromEntries(
        Object.entries(sent).map(([name, value]) => [spell(name), value]),
      );
      const got = await ask(t, yard, {
        api,
        stream: false,
        // A header that the caller says to be of the connection is not even looked at.
        headers: { ...spelled, Connection: "keep-alive, X-Unknown, Traceparent" },
      });
      assert.equal(got.status, 200, got.body.toString());
      checkUp(api, dialect, sent, vendor.requests.at(-1)!.headers);
    }
  });

/** What vendors answer beside what may come down. */
const vendorsOwn: Headers = {
  "set-cookie": "__cf_bm=1; path=/",
  "x-ratelimit-limit-requests": "500",
  "x-ratelimit-remaining-tokens": "1",
  "x-ratelimit-reset-requests": "1s",
  "anthropic-ratelimit-requests-remaining": "1",
  "anthropic-ratelimit-tokens-reset": "2025-01-01T00:00:00Z",
  "ratelimit-policy": "10;w=1",
  "openai-organization": "acme",
  "openai-project": "proj",
  "anthropic-organization-id": "org",
  "strict-transport-security": "max-age=1",
  "alt-svc": 'h3=":443"',
  "cf-ray": "8",
  "cf-cache-status": "DYNAMIC",
  server: "cloudflare",
  via: "1.1 google",
  "x-robots-tag": "none",
  "access-control-allow-origin": "https://vendor.test",
  "access-control-expose-headers": "x-vendor",
  "content-disposition": "attachment; filename=x",
  "content-security-policy": "default-src 'none'",
  location: "https://elsewhere.test/",
  refresh: "0; url=https://elsewhere.test/",
  "www-authenticate": "Bearer",
  "x-accel-redirect": "/internal",
  "x-sendfile": "/etc/passwd",
  "x-should-retry": "true",
  etag: '"1"',
  "cache-control": "public, max-age=600",
};

const comesDown: Headers = {
  "retry-after": "7",
  "retry-after-ms": "7000",
  "openai-processing-ms": "12",
  "openai-version": "2020-10-01",
  "x-envoy-upstream-service-time": "9",
};

/** What every reply has of ours or of the connection. */
const ownDown: readonly string[] = [
  "access-control-allow-origin",
  "access-control-expose-headers",
  "connection",
  "date",
  "keep-alive",
  "x-request-id",
  "x-upstream-request-id",
  "content-type",
];

const requestIdNames = ["x-request-id", "request-id", "apim-request-id", "x-amzn-requestid"];

for (const [dialect, api] of Object.entries(apis))
  test(`of a vendor's headers callers of ${dialect} see those of the list`, async (t) => {
    const { yard, vendor } = await openNode(t, dialect);
    const kinds = [
      {
        status: 200,
        stream: false,
        body: JSON.stringify(api.whole),
        type: "application/json",
        own: ["content-length"],
      },
      {
        status: 200,
        stream: true,
        body: api.events,
        type: "text/event-stream",
        own: ["cache-control", "x-accel-buffering", "transfer-encoding"],
      },
      {
        status: 400,
        stream: false,
        body: JSON.stringify(api.refusal),
        type: "application/json",
        own: ["content-length"],
      },
    ];
    for (const { status, stream, body, type, own } of kinds)
      for (const idName of requestIdNames) {
        const answered = { ...vendorsOwn, ...comesDown, "content-type": type, [idName]: "req_up" };
        vendor.behave(reply(body, answered, status));
        const got = await ask(t, yard, { api, stream, headers: {} });
        assert.equal(got.status, status, got.body.toString());
        assert.equal(got.body.toString(), body);
        const names = [...ownDown, ...own, ...Object.keys(comesDown)].toSorted();
        assert.deepEqual(Object.keys(got.headers).toSorted(), names);
        for (const [name, value] of Object.entries(comesDown))
          assert.equal(got.headers[name], value);
        assert.equal(got.headers["x-upstream-request-id"], "req_up");
        assert.match(String(got.headers["x-request-id"]), /^[0-9a-z]{26}$/);
        assert.equal(got.headers["access-control-allow-origin"], "*");
        assert.equal(got.headers["access-control-expose-headers"], "*");
        if (stream) assert.equal(got.headers["cache-control"], "no-cache");
      }
  });
