/** Rules between entities: only what a change brings is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Channel } from "../sync/entities.ts";
import { validateConfig } from "./validate-config.ts";

function snapshotOf(...channels: Partial<Channel>[]): { channels: ReadonlyMap<number, Channel> } {
  return {
    channels: new Map(
      channels.map((one) => [
        one.id ?? 1,
        { id: 1, rev: 1, baseUrl: null, parameters: {}, ...one } as Channel,
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
