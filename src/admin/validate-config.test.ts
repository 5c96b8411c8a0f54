/** Rules between entities: only what a change brings is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { noChannelOptions } from "../sync/entities.ts";
import type { Channel, ChannelOptions } from "../sync/entities.ts";
import { validateConfig } from "./validate-config.ts";

function snapshotOf(...channels: Partial<Channel>[]): { channels: ReadonlyMap<number, Channel> } {
  return {
    channels: new Map(
      channels.map((one) => [
        one.id ?? 1,
        {
          id: 1,
          rev: 1,
          baseUrl: null,
          parameters: {},
          options: noChannelOptions,
          ...one,
        } as Channel,
      ]),
    ),
  };
}

const fields = (
  next: ReturnType<typeof snapshotOf>,
  base: ReturnType<typeof snapshotOf>,
): string[] => validateConfig(next, base).map((fault) => fault.field);

test("an unknown provider and a missing base URL are refused when they come", () => {
  const none = snapshotOf();
  assert.deepEqual(fields(snapshotOf({ provider: "nobody" }), none), ["provider"]);
  assert.deepEqual(fields(snapshotOf({ provider: "custom" }), none), ["baseUrl"]);
  assert.deepEqual(fields(snapshotOf({ provider: "custom", baseUrl: "http://x/v1" }), none), []);
  assert.deepEqual(fields(snapshotOf({ provider: "openai" }), none), []);
});

test("a parameter that the gateway answers for is refused by its name", () => {
  const parameters = { temperature: 1, model: "other", Stream: true, stream_options: {} };
  assert.deepEqual(fields(snapshotOf({ provider: "openai", parameters }), snapshotOf()), [
    "parameters.model",
    "parameters.Stream",
    "parameters.stream_options",
  ]);
});

test("options are held to what the provider declares", () => {
  const cases: readonly (readonly [
    string,
    Partial<ChannelOptions>,
    string | null,
    readonly string[],
  ])[] = [
    ["bedrock", {}, null, ["settings.region"]],
    ["bedrock", { settings: { region: "us-east-1" } }, null, []],
    ["bedrock", { settings: { region: "us-east-1/x" } }, null, ["settings.region"]],
    ["bedrock", { settings: { region: "us-east-1", zone: "a" } }, null, ["settings.zone"]],
    ["openai", { settings: { region: "us-east-1" } }, null, ["settings.region"]],
    // The account is part of the provider's base URL alone.
    ["cloudflare", {}, null, ["settings.account"]],
    ["cloudflare", {}, "https://relay.example/v1", []],
    ["azure", {}, "https://r.openai.azure.com", []],
    [
      "azure",
      { settings: { apiVersion: "latest" } },
      "https://r.openai.azure.com",
      ["settings.apiVersion"],
    ],
    [
      "azure",
      { settings: { authority: "http://evil.example" } },
      "https://r.openai.azure.com",
      ["settings.authority"],
    ],
    ["custom", { settings: { keyHeader: "x-api-key" } }, "http://h", []],
    ["custom", { settings: { keyHeader: "cookie" } }, "http://h", ["settings.keyHeader"]],
    ["custom", { dialects: ["anthropic-messages", "gemini-content"] }, "http://h", []],
    ["custom", { dialects: ["openai-chat", "klingon"] }, "http://h", ["dialects[1]"]],
    ["deepseek", { dialects: ["anthropic-messages"] }, null, []],
    ["deepseek", { dialects: ["gemini-content"] }, null, ["dialects[0]"]],
    ["deepseek", { dialects: ["gemini-content"] }, "http://relay", []],
    ["openai", { extraBody: { stream: true } }, null, ["extraBody.stream"]],
    ["openai", { modelParameters: { "o*": { model: "x" } } }, null, ["modelParameters.o*.model"]],
  ];
  for (const [provider, options, baseUrl, faults] of cases)
    assert.deepEqual(
      fields(
        snapshotOf({ provider, baseUrl, options: { ...noChannelOptions, ...options } }),
        snapshotOf(),
      ),
      faults,
      `${provider} ${JSON.stringify(options)}`,
    );
});

test("what stood before may stay, also when the row is edited elsewhere; a new fault may not come with it", () => {
  const old = snapshotOf({ provider: "nobody" });
  assert.deepEqual(fields(snapshotOf({ provider: "nobody", rev: 2 }), old), []);
  assert.deepEqual(
    fields(snapshotOf({ provider: "nobody" }, { id: 2, provider: "openai" }), old),
    [],
  );
  assert.deepEqual(fields(snapshotOf({ provider: "nobody" }, { id: 2, provider: "ghost" }), old), [
    "provider",
  ]);
  assert.deepEqual(
    fields(snapshotOf({ provider: "custom", rev: 2 }), snapshotOf({ provider: "openai" })),
    ["baseUrl"],
  );
});
