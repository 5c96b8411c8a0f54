/** Remembered forms of keys: they spare work and never decide. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../core/errors.ts";
import { noSpendingRules } from "../sync/entities.ts";
import type { Group, KeyRecord, Snapshot } from "../sync/entities.ts";
import type { CallRequest } from "../wire/call.ts";
import { makeAuthenticator } from "./authenticate.ts";
import { KnownHashes } from "./known-hashes.ts";

const group: Group = {
  id: 1,
  rev: 1,
  symbol: "default",
  name: "default",
  ratio: 1_000_000n,
  public: true,
  enabled: true,
  ...noSpendingRules,
};
const snapshot = { groups: new Map([["default", group]]) } as unknown as Snapshot;
const key = {
  id: 9,
  group: "default",
  fallbackGroup: null,
  models: null,
  ipRanges: null,
  expiresAtMs: null,
  enabled: true,
  owner: { id: 5, role: "member", group: "default", enabled: true },
} as unknown as KeyRecord;
const call = { headers: { authorization: "Bearer sk-one" }, query: {} } as unknown as CallRequest;

function open() {
  const state = { pepper: "p1", known: new Map([["p1 sk-one", key]]), hashed: 0 };
  const authenticate = makeAuthenticator({
    sync: {
      current: () => snapshot,
      findCaller: (hash) => {
        const found = state.known.get(hash);
        return found === undefined
          ? { found: false, reason: "unknown" }
          : { found: true, key: found };
      },
      businessNowMs: () => 0,
    },
    hashKey: (text) => {
      state.hashed += 1;
      return `${state.pepper} ${text}`;
    },
    sealed: () => false,
  });
  return { state, authenticate };
}

const isUnknown = (error: unknown): boolean =>
  error instanceof GatewayError && error.kind === "invalid_api_key";

test("a key in use is hashed once, and looked up at every call", async () => {
  const { state, authenticate } = open();
  for (let calls = 0; calls < 3; calls += 1) await authenticate(call);
  assert.equal(state.hashed, 1);
  state.known.clear();
  await assert.rejects(async () => await authenticate(call), isUnknown);
});

test("a key that was refused is found as soon as it exists", async () => {
  const { state, authenticate } = open();
  state.known.clear();
  await assert.rejects(async () => await authenticate(call), isUnknown);
  state.known.set("p1 sk-one", key);
  assert.equal((await authenticate(call)).keyId, 9);
});

test("with another pepper a key is found by its new form", async () => {
  const { state, authenticate } = open();
  await authenticate(call);
  state.pepper = "p2";
  state.known = new Map([["p2 sk-one", key]]);
  assert.equal((await authenticate(call)).keyId, 9);
});

test("only so many are remembered: the longest unused one goes first", () => {
  const hashes = new KnownHashes(2);
  hashes.used("a", "1");
  hashes.used("b", "2");
  hashes.used("a", "1");
  hashes.used("c", "3");
  assert.deepEqual(
    ["a", "b", "c"].map((one) => hashes.find(one)),
    ["1", undefined, "3"],
  );
});
