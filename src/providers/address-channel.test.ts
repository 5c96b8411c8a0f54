/** Where requests of a channel go, and that a model's name cannot take them elsewhere. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GatewayError } from "../core/errors.ts";
import type { DialectId } from "../wire/call.ts";
import type { AddressedChannel } from "./address-channel.ts";
import { endpointUrl, endpointsOf, joinUrl, servesModel } from "./address-channel.ts";
import type { Provider, UpstreamOperation } from "./contract.ts";
import { findProvider, providers } from "./registry.ts";

interface Asked {
  readonly provider: string;
  readonly dialect: DialectId;
  readonly model?: string;
  readonly operation?: UpstreamOperation;
  readonly stream?: boolean;
  readonly baseUrl?: string;
  readonly settings?: Readonly<Record<string, string>>;
  readonly dialects?: readonly string[];
}

function getProvider(id: string): Provider {
  const provider = findProvider(id);
  assert.ok(provider !== undefined, id);
  return provider;
}

function channelOf(asked: Asked): AddressedChannel {
  const { baseUrl = null, settings = {}, dialects = [] } = asked;
  return { baseUrl, options: { settings, dialects } };
}

/** The URL that a call is sent to; undefined: no endpoint in that dialect serves the model. */
function urlOf(asked: Asked): string | undefined {
  const { dialect, model = "m", operation = "chat", stream = false } = asked;
  const provider = getProvider(asked.provider);
  const channel = channelOf(asked);
  const endpoint = endpointsOf(provider, channel, operation).find(
    (one) => one.dialect === dialect && servesModel(one, model),
  );
  if (endpoint === undefined) return undefined;
  return endpointUrl(provider, channel, endpoint, { model, secret: "", stream });
}

const vertex = { project: "p-1", region: "us-east5" };
const cases: readonly (readonly [Asked, string | undefined])[] = [
  [{ provider: "openai", dialect: "openai-chat" }, "https://api.openai.com/v1/chat/completions"],
  [
    { provider: "openai", dialect: "openai-responses", operation: "compact" },
    "https://api.openai.com/v1/responses/compact",
  ],
  [
    { provider: "anthropic", dialect: "anthropic-messages" },
    "https://api.anthropic.com/v1/messages",
  ],
  [
    { provider: "anthropic", dialect: "anthropic-messages", baseUrl: "http://relay/v1" },
    "http://relay/v1/messages",
  ],
  [
    { provider: "gemini", dialect: "gemini-content", model: "gemini-3-flash", stream: true },
    "https://generativelanguage.googleapis.com/v1beta/models/gemini-3-flash:streamGenerateContent?alt=sse",
  ],
  [
    {
      provider: "vertex",
      dialect: "gemini-content",
      model: "gemini-3-flash",
      settings: { project: "p-1" },
    },
    "https://aiplatform.googleapis.com/v1beta1/projects/p-1/locations/global/publishers/google/models/gemini-3-flash:generateContent",
  ],
  [
    {
      provider: "vertex",
      dialect: "anthropic-messages",
      model: "claude-sonnet-4@20250514",
      settings: vertex,
      stream: true,
    },
    "https://us-east5-aiplatform.googleapis.com/v1/projects/p-1/locations/us-east5/publishers/anthropic/models/claude-sonnet-4@20250514:streamRawPredict",
  ],
  [
    {
      provider: "vertex",
      dialect: "anthropic-messages",
      model: "claude-x",
      operation: "count-tokens",
      settings: { ...vertex, region: "eu" },
    },
    "https://aiplatform.eu.rep.googleapis.com/v1/projects/p-1/locations/eu/publishers/anthropic/models/count-tokens:rawPredict",
  ],
  [
    {
      provider: "vertex",
      dialect: "anthropic-messages",
      model: "gemini-3-flash",
      settings: vertex,
    },
    undefined,
  ],
  [
    {
      provider: "vertex",
      dialect: "openai-chat",
      model: "meta/llama-4-maverick",
      settings: vertex,
    },
    "https://us-east5-aiplatform.googleapis.com/v1/projects/p-1/locations/us-east5/endpoints/openapi/chat/completions",
  ],
  [
    {
      provider: "bedrock",
      dialect: "bedrock-converse",
      model: "us.amazon.nova-pro-v1:0",
      settings: { region: "us-east-1" },
      stream: true,
    },
    "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.amazon.nova-pro-v1%3A0/converse-stream",
  ],
  [
    {
      provider: "bedrock",
      dialect: "anthropic-messages",
      model: "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
      settings: { region: "cn-north-1" },
    },
    "https://bedrock-runtime.cn-north-1.amazonaws.com.cn/model/eu.anthropic.claude-haiku-4-5-20251001-v1%3A0/invoke",
  ],
  [
    {
      provider: "bedrock",
      dialect: "bedrock-converse",
      model: "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/mi1dadi0g15f",
      settings: { region: "us-east-1" },
    },
    "https://bedrock-runtime.us-east-1.amazonaws.com/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fmi1dadi0g15f/converse",
  ],
  [
    {
      provider: "bedrock",
      dialect: "anthropic-messages",
      model: "us.amazon.nova-pro-v1:0",
      settings: { region: "us-east-1" },
    },
    undefined,
  ],
  [
    {
      provider: "azure",
      dialect: "openai-chat",
      model: "my gpt",
      baseUrl: "https://r.openai.azure.com",
    },
    "https://r.openai.azure.com/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21",
  ],
  [
    {
      provider: "azure-v1",
      dialect: "openai-responses",
      baseUrl: "https://r.openai.azure.com/openai/v1",
    },
    "https://r.openai.azure.com/openai/v1/responses",
  ],
  [
    { provider: "cloudflare", dialect: "openai-chat", settings: { account: "abc" } },
    "https://api.cloudflare.com/client/v4/accounts/abc/ai/v1/chat/completions",
  ],
  [{ provider: "ollama", dialect: "ollama-chat" }, "http://127.0.0.1:11434/api/chat"],
  [
    { provider: "ollama", dialect: "ollama-chat", baseUrl: "http://gpu:11434" },
    "http://gpu:11434/api/chat",
  ],
  [
    { provider: "vllm", dialect: "anthropic-messages", baseUrl: "http://gpu:8000/v1" },
    "http://gpu:8000/v1/messages",
  ],
  [
    { provider: "openrouter", dialect: "anthropic-messages" },
    "https://openrouter.ai/api/v1/messages",
  ],
  [
    { provider: "deepseek", dialect: "anthropic-messages" },
    "https://api.deepseek.com/anthropic/v1/messages",
  ],
  // A relay's credential goes to the relay alone.
  [
    { provider: "deepseek", dialect: "anthropic-messages", baseUrl: "https://relay.example/v1" },
    undefined,
  ],
  [
    {
      provider: "deepseek",
      dialect: "anthropic-messages",
      baseUrl: "https://relay.example",
      dialects: ["anthropic-messages"],
    },
    "https://relay.example/v1/messages",
  ],
  [{ provider: "deepseek", dialect: "openai-chat", dialects: ["anthropic-messages"] }, undefined],
  [
    {
      provider: "custom",
      dialect: "gemini-content",
      model: "g",
      baseUrl: "https://h/v1beta",
      dialects: ["gemini-content"],
    },
    "https://h/v1beta/models/g:generateContent",
  ],
  [
    { provider: "custom", dialect: "openai-chat", baseUrl: "https://h/v1?tenant=7" },
    "https://h/v1/chat/completions?tenant=7",
  ],
  [
    {
      provider: "custom",
      dialect: "openai-chat",
      baseUrl: "https://h/v1",
      dialects: ["anthropic-messages"],
    },
    undefined,
  ],
];

for (const [asked, url] of cases)
  test(`${asked.provider} ${asked.dialect} ${asked.baseUrl ?? ""} ${asked.model ?? ""}`, () => {
    assert.equal(urlOf(asked), url);
  });

test("a channel's dialects come in its order", () => {
  const dialects = ["anthropic-messages", "openai-chat"];
  const asked: Asked = {
    provider: "custom",
    dialect: "openai-chat",
    baseUrl: "http://h",
    dialects,
  };
  const found = endpointsOf(getProvider("custom"), channelOf(asked), "chat");
  assert.deepEqual(
    found.map(({ dialect }) => dialect),
    dialects,
  );
});

test("a base URL's version is not said twice", () => {
  assert.equal(joinUrl("http://h/v1/", "/v1/messages"), "http://h/v1/messages");
  assert.equal(joinUrl("http://h/v10", "/v1/messages"), "http://h/v10/v1/messages");
  assert.equal(joinUrl("http://h/v2", "/v1/messages"), "http://h/v2/v1/messages");
});

test("what is missing is told", () => {
  assert.throws(
    () => urlOf({ provider: "bedrock", dialect: "bedrock-converse" }),
    /setting region/,
  );
  assert.throws(() => urlOf({ provider: "custom", dialect: "openai-chat" }), /no base URL/);
});

test("no model name changes the host or leaves the endpoint's own path", () => {
  const settings = {
    ...vertex,
    region: "us-east-1",
    account: "a",
    workspace: "w.cloud.databricks.com",
  };
  const targets = providers.flatMap((provider) => {
    const baseUrl = provider.defaultBaseUrl === null ? "https://own.example/v1" : null;
    const channel = { baseUrl, options: { settings, dialects: [] } };
    return Object.values(provider.endpoints)
      .flat()
      .filter(({ path }) => path.includes("{model"))
      .map((endpoint) => ({ provider, channel, endpoint }));
  });
  assert.ok(targets.length > 8);
  const hostile = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.constantFrom(".", "/", "%", "2", "e", "\\", "?", "#", "@", ":", "a") }),
  );
  fc.assert(
    fc.property(fc.constantFrom(...targets), hostile, ({ provider, channel, endpoint }, model) => {
      const make = (name: string): string =>
        endpointUrl(provider, channel, endpoint, { model: name, secret: "", stream: false });
      const marked = new URL(make("MODEL"));
      let url: URL;
      try {
        url = new URL(make(model));
      } catch (error) {
        assert.ok(error instanceof GatewayError && error.kind === "invalid_request");
        return;
      }
      assert.equal(url.origin, marked.origin);
      const query = [...marked.searchParams].map(([key, value]) => [
        key,
        value === "MODEL" ? model : value,
      ]);
      assert.deepEqual([...url.searchParams], query);
      assert.equal(url.hash, "");
      const [before = "", behind = ""] = marked.pathname.split("MODEL");
      assert.ok(url.pathname.startsWith(before) && url.pathname.endsWith(behind), url.pathname);
      assert.ok(
        !url.pathname.slice(before.length, url.pathname.length - behind.length).includes("/"),
      );
    }),
    { numRuns: 2000 },
  );
});
