/** Authentication: every place a key may stand, every refusal with its own code, and never 401 for our own faults. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../core/errors.ts";
import { hashApiKey } from "../core/seal.ts";
import { noSpendingRules } from "../sync/entities.ts";
import type { Group, KeyRecord, Snapshot } from "../sync/entities.ts";
import type { CallerLookup } from "../sync/sync.ts";
import type { CallRequest } from "../wire/call.ts";
import { makeAuthenticator } from "./authenticate.ts";
import { makeManagerAuthenticator } from "./authenticate-manager.ts";
import { checkModelAllowed, isModelAllowed } from "./model-allowed.ts";

const pepper = Buffer.alloc(32, 7);
const secret = "a".repeat(48);

function group(symbol: string, enabled = true): Group {
  return {
    id: 1,
    rev: 1,
    symbol,
    name: symbol,
    ratio: 1_000_000n,
    public: true,
    enabled,
    ...noSpendingRules,
  };
}

const snapshot = {
  groups: new Map(
    [group("default"), group("vip"), group("closed", false)].map((one) => [one.symbol, one]),
  ),
} as unknown as Snapshot;

const owner = {
  id: 5,
  rev: 1,
  username: "ann",
  role: "member" as const,
  group: "default",
  enabled: true,
  billing: "postpaid" as const,
  ratio: 1_000_000n,
  ...noSpendingRules,
};

function keyRecord(changes: Partial<KeyRecord> = {}): KeyRecord {
  return {
    id: 9,
    rev: 1,
    hash: hashApiKey(pepper, secret),
    name: "k",
    group: null,
    fallbackGroup: null,
    models: null,
    ipRanges: null,
    expiresAtMs: null,
    enabled: true,
    ratio: 1_000_000n,
    ...noSpendingRules,
    owner,
    ...changes,
  };
}

function request(
  headers: Record<string, string>,
  query: Record<string, string> = {},
  address = "10.0.0.1",
): CallRequest {
  const signal = new AbortController().signal;
  return {
    id: "x",
    dialect: "openai-chat",
    operation: "chat",
    headers,
    query,
    body: Buffer.alloc(0),
    address,
    signal,
    drainSignal: signal,
  };
}

interface Setting {
  readonly key?: KeyRecord;
  readonly lookup?: CallerLookup;
  readonly snapshot?: Snapshot | undefined;
  readonly sealed?: boolean;
}

function authenticator(setting: Setting = {}) {
  const key = setting.key ?? keyRecord();
  return makeAuthenticator({
    sync: {
      current: () => ("snapshot" in setting ? setting.snapshot : snapshot),
      findCaller: (hash) =>
        setting.lookup ??
        (hash === key.hash ? { found: true, key } : { found: false, reason: "unknown" }),
      businessNowMs: () => 1_000_000,
    },
    hashKey: (text) => hashApiKey(pepper, text),
    sealed: () => setting.sealed ?? false,
  });
}

async function refusal(
  setting: Setting,
  call: CallRequest = request({ authorization: `Bearer sk-${secret}` }),
): Promise<GatewayError> {
  try {
    await authenticator(setting)(call);
  } catch (error) {
    assert.ok(error instanceof GatewayError);
    return error;
  }
  assert.fail("was let in");
}

test("a key is found in every place and form", async () => {
  const places: [Record<string, string>, Record<string, string>?][] = [
    [{ authorization: `Bearer sk-${secret}` }],
    [{ authorization: `bearer   ${secret}` }],
    [{ authorization: `sk-${secret}` }],
    [{ "x-api-key": `sk-${secret}` }],
    [{ "x-goog-api-key": secret }],
    [{ "api-key": secret }],
    [{}, { key: `sk-${secret}` }],
    [
      {
        "sec-websocket-protocol": `realtime, openai-insecure-api-key.sk-${secret}, openai-beta.realtime-v1`,
      },
    ],
    [{ authorization: "Basic dTpw", "x-api-key": secret }],
    [{ authorization: "Bearer ", "x-api-key": secret }],
  ];
  for (const [headers, query] of places) {
    const caller = await authenticator()(request(headers, query));
    assert.deepEqual(
      [caller.keyId, caller.userId, caller.group, caller.suffix],
      [9, 5, "default", null],
    );
  }
});

test("what follows the first # is split off and handed on", async () => {
  for (const suffix of ["12", "12#ignore", "!12"]) {
    const caller = await authenticator()(
      request({ authorization: `Bearer sk-${secret}#${suffix}` }),
    );
    assert.equal(caller.suffix, suffix);
  }
});

test("our own faults are a retryable 503, never 401", async () => {
  const none = await refusal({ snapshot: undefined });
  const unasked = await refusal({ lookup: { found: false, reason: "unavailable" } });
  for (const error of [none, unasked]) {
    assert.deepEqual([error.kind, error.status], ["temporarily_unavailable", 503]);
    assert.ok((error.retryAfterS ?? 0) > 0);
  }
});

test("a gateway without accounts says so, also to callers without a key", async () => {
  assert.equal((await refusal({ sealed: true }, request({}))).kind, "setup_required");
  assert.equal(
    (await refusal({ sealed: true }, request({ "x-api-key": "other" }))).kind,
    "setup_required",
  );
});

test("a key known to be revoked stays refused while nobody can say whether the gateway is set up", async () => {
  const authenticate = makeAuthenticator({
    sync: {
      current: () => snapshot,
      findCaller: () => ({ found: false, reason: "unknown" }),
      businessNowMs: () => 0,
    },
    hashKey: (text) => text,
    sealed: () => Promise.reject(new Error("the database is down")),
  });
  await assert.rejects(async () => authenticate(request({ "x-api-key": secret })), {
    kind: "invalid_api_key",
    status: 401,
  });
});

test("each refusal has its own code", async () => {
  const cases: [string, Setting, CallRequest?][] = [
    ["invalid_api_key", {}, request({})],
    ["invalid_api_key", {}, request({ authorization: "Bearer sk-#12" })],
    ["invalid_api_key", {}, request({ authorization: "Bearer sk-wrong" })],
    ["key_disabled", { key: keyRecord({ enabled: false }) }],
    ["key_disabled", { key: keyRecord({ owner: { ...owner, enabled: false } }) }],
    ["key_expired", { key: keyRecord({ expiresAtMs: 1_000_000 }) }],
    ["ip_not_allowed", { key: keyRecord({ ipRanges: ["192.0.2.0/24"] }) }],
    ["ip_not_allowed", { key: keyRecord({ ipRanges: [] }) }],
    ["group_not_available", { key: keyRecord({ group: "closed" }) }],
    ["group_not_available", { key: keyRecord({ group: "gone" }) }],
  ];
  for (const [kind, setting, call] of cases)
    assert.equal((await refusal(setting, call)).kind, kind);
});

test("a key that is still good is let in, from its ranges, into its group", async () => {
  const key = keyRecord({
    expiresAtMs: 1_000_001,
    ipRanges: ["10.0.0.0/8", "2001:db8::/32"],
    group: "vip",
    fallbackGroup: "default",
  });
  for (const address of ["10.9.9.9", "::ffff:10.9.9.9", "2001:db8::9"]) {
    const caller = await authenticator({ key })(request({ "x-api-key": secret }, {}, address));
    assert.deepEqual([caller.group, caller.fallbackGroup], ["vip", "default"]);
  }
  const gone = await authenticator({ key: keyRecord({ fallbackGroup: "closed" }) })(
    request({ "x-api-key": secret }),
  );
  assert.equal(gone.fallbackGroup, null);
});

test("the model list takes names and prefixes", () => {
  assert.ok(isModelAllowed(null, "anything"));
  assert.ok(isModelAllowed(["gpt-4o", "claude-*"], "claude-4"));
  assert.ok(!isModelAllowed(["gpt-4o"], "gpt-4o-mini"));
  assert.ok(!isModelAllowed([], "gpt-4o"));
  assert.throws(() => checkModelAllowed({ models: ["a"] }, "b"), {
    kind: "model_not_allowed",
    status: 403,
  });
});

test("management tokens: known, unknown, expired, disabled, and not to be asked", async () => {
  const user = { userId: 1, username: "root", role: "root" as const, enabled: true };
  const found = (
    answer: { expiresAtMs: number | null; user: typeof user } | undefined,
    sealed: () => boolean | Promise<boolean> = () => false,
  ) =>
    makeManagerAuthenticator({
      hashToken: (token) => token,
      findTokenOwner: () => Promise.resolve(answer),
      businessNowMs: () => 100,
      sealed,
    });
  assert.deepEqual(await found({ expiresAtMs: null, user })("t"), {
    userId: 1,
    username: "root",
    role: "root",
  });
  for (const answer of [
    undefined,
    { expiresAtMs: 100, user },
    { expiresAtMs: null, user: { ...user, enabled: false } },
  ])
    await assert.rejects(found(answer)("t"), { kind: "unauthorized", status: 401 });
  await assert.rejects(found({ expiresAtMs: null, user })(undefined), { kind: "unauthorized" });
  const down = makeManagerAuthenticator({
    hashToken: (token) => token,
    findTokenOwner: () => Promise.reject(new Error("down")),
    businessNowMs: () => 0,
    sealed: () => true,
  });
  await assert.rejects(down("t"), { kind: "temporarily_unavailable", status: 503 });

  for (const token of [undefined, "about-to-be-made"])
    await assert.rejects(found(undefined, () => true)(token), {
      kind: "setup_required",
      status: 503,
      retryAfterS: 2,
    });
  await assert.rejects(found(undefined, () => Promise.reject(new Error("down")))("t"), {
    kind: "unauthorized",
  });
});
