/** Models as upstreams list them, asked over real HTTP: every shape, all pages, faults told plainly. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestAdmin } from "../../test/admin/open-admin.ts";
import { openAdmin } from "../../test/admin/open-admin.ts";
import type { Behaviour, FakeUpstream, ReceivedRequest } from "../../test/fakes/upstream.ts";
import { json, openFakeUpstream, reply } from "../../test/fakes/upstream.ts";

async function withVendor(
  behaviour: Behaviour,
  work: (admin: TestAdmin, vendor: FakeUpstream) => Promise<void>,
): Promise<void> {
  await using admin = await openAdmin();
  const vendor = await openFakeUpstream(behaviour);
  try {
    await work(admin, vendor);
  } finally {
    await vendor.close();
  }
}

/** Answers by path and query; anything else is 404. */
function pages(answers: Readonly<Record<string, unknown>>): Behaviour {
  return (request, response) => {
    const answer = answers[request.path];
    if (answer === undefined)
      return reply(`{"error":"${request.path}"}`, {}, 404)(request, response);
    return json(answer)(request, response);
  };
}

interface Shape {
  readonly provider: string;
  readonly base: string;
  readonly options?: object;
  readonly answers: Readonly<Record<string, unknown>>;
  readonly ids: readonly string[];
  readonly header: readonly [string, string];
}

const bearer = ["authorization", "Bearer k"] as const;
const shapes: readonly Shape[] = [
  {
    provider: "openai",
    base: "/v1",
    answers: {
      "/v1/models": { data: [{ id: "a" }, { id: "b" }, { id: "a" }, {}, null, { id: 5 }] },
    },
    ids: ["a", "b"],
    header: bearer,
  },
  {
    provider: "together",
    base: "/v1",
    answers: { "/v1/models": [{ id: "meta/a" }] },
    ids: ["meta/a"],
    header: bearer,
  },
  {
    provider: "anthropic",
    base: "",
    answers: {
      "/v1/models?limit=1000": { data: [{ id: "a" }], has_more: true, last_id: "a" },
      "/v1/models?limit=1000&after_id=a": { data: [{ id: "b" }], has_more: false, last_id: "b" },
    },
    ids: ["a", "b"],
    header: ["x-api-key", "k"],
  },
  {
    provider: "gemini",
    base: "/v1beta",
    answers: {
      "/v1beta/models?pageSize=1000": { models: [{ name: "models/a" }], nextPageToken: "t+1" },
      "/v1beta/models?pageSize=1000&pageToken=t%2B1": { models: [{ name: "models/b" }] },
    },
    ids: ["a", "b"],
    header: ["x-goog-api-key", "k"],
  },
  {
    provider: "cohere",
    base: "",
    answers: {
      "/v1/models?page_size=1000": { models: [{ name: "a" }], next_page_token: "x" },
      "/v1/models?page_size=1000&page_token=x": { models: [{ name: "b" }], next_page_token: "" },
    },
    ids: ["a", "b"],
    header: bearer,
  },
  {
    provider: "custom",
    base: "/v1",
    options: { dialects: ["ollama-chat"], settings: { keyHeader: "x-api-key" } },
    answers: { "/api/tags": { models: [{ name: "a:latest", model: "a:latest" }, { name: "b" }] } },
    ids: ["a:latest", "b"],
    header: ["x-api-key", "k"],
  },
  {
    provider: "cloudflare",
    base: "/v4/ai/v1",
    answers: { "/v4/ai/v1/models": { data: [{ id: "@cf/a" }] } },
    ids: ["@cf/a"],
    header: bearer,
  },
];

for (const { provider, base, options = {}, answers, ids, header } of shapes)
  test(`${provider}: all pages in its shape`, async () => {
    await withVendor(pages(answers), async (admin, vendor) => {
      const baseUrl = `http://127.0.0.1:${vendor.port}${base}`;
      const headers = { "x-team": "a" };
      const body = { provider, baseUrl, credential: "k", headers, ...options };
      const data = await admin.must("POST", "/api/channels/upstream-models", body);
      assert.deepEqual(
        data,
        ids.map((id) => ({ id })),
      );
      assert.equal(vendor.requests.length, Object.keys(answers).length);
      for (const request of vendor.requests) {
        assert.deepEqual([request.method, request.headers["x-team"]], ["GET", "a"]);
        assert.equal(request.headers[header[0]], header[1]);
      }
    });
  });

test("a saved channel is asked with its own credential, headers and address", async () => {
  await withVendor(pages({ "/v1/models": { data: [{ id: "m" }] } }), async (admin, vendor) => {
    const { id } = await admin.must("POST", "/api/channels", {
      name: "one",
      provider: "custom",
      baseUrl: vendor.baseUrl,
      models: ["x"],
      credentials: ["sk-saved"],
      headers: { "X-Team": "b" },
    });
    const path = `/api/channels/${id}/upstream-models`;
    assert.deepEqual(await admin.must("GET", path), [{ id: "m" }]);
    const [request] = vendor.requests as readonly [ReceivedRequest];
    assert.equal(request.headers.authorization, "Bearer sk-saved");
    assert.equal(request.headers["x-team"], "b");
    assert.equal((await admin.ask("GET", "/api/channels/999/upstream-models")).status, 404);
  });
});

test("a vendor that names one page for ever is not asked for ever", async () => {
  const again = { data: [{ id: "a" }], has_more: true, last_id: "a" };
  await withVendor(json(again), async (admin, vendor) => {
    const body = { provider: "anthropic", baseUrl: `http://127.0.0.1:${vendor.port}` };
    const data = await admin.must("POST", "/api/channels/upstream-models", body);
    assert.deepEqual(data, [{ id: "a" }]);
    assert.equal(vendor.requests.length, 2);
  });
});

test("faults are told plainly: status, words of the vendor, never the credential", async () => {
  await withVendor(json({}), async (admin, vendor) => {
    const ask = async (body: object): Promise<readonly [number, string, string]> => {
      const answer = await admin.ask("POST", "/api/channels/upstream-models", {
        provider: "custom",
        baseUrl: vendor.baseUrl,
        credential: "sk-hunter2",
        ...body,
      });
      assert.ok(!answer.text.includes("hunter2"));
      return [answer.status, answer.body.code, answer.body.detail];
    };
    const host = `127.0.0.1:${vendor.port}`;
    const told = (status: number, body: string): void => vendor.behave(reply(body, {}, status));
    assert.deepEqual(await ask({}), [
      502,
      "upstream_invalid",
      `${host} answered what is no list of models`,
    ]);
    told(401, '{"error":{"message":"Incorrect API key provided"}}');
    assert.deepEqual(await ask({}), [
      502,
      "upstream_auth",
      `${host} answered 401: Incorrect API key provided`,
    ]);
    told(429, '[{"error":{"message":"slow down"}}]');
    assert.deepEqual(await ask({}), [
      429,
      "upstream_overloaded",
      `${host} answered 429: slow down`,
    ]);
    told(500, "<html>");
    assert.deepEqual(await ask({}), [
      502,
      "upstream_failed",
      `${host} answered 500: no reason told`,
    ]);
    told(302, "");
    assert.equal((await ask({}))[1], "upstream_failed", "no redirect is followed");
    const gone = await ask({ baseUrl: "http://127.0.0.1:1/v1" });
    assert.deepEqual(gone.slice(0, 2), [502, "upstream_unreachable"]);
    const metadata = await ask({ baseUrl: "http://169.254.169.254/v1" });
    assert.match(metadata[2], /metadata address/);
    const silent = await ask({ provider: "perplexity", baseUrl: null });
    assert.deepEqual(silent.slice(0, 2), [422, "validation_failed"]);
    assert.match(silent[2], /publishes no list/);
    assert.match((await ask({ provider: "nobody" }))[2], /not known/);
    assert.match(
      (await ask({ provider: "bedrock", baseUrl: null }))[2],
      /settings.region is required/,
    );
  });
});
