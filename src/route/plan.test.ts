/** Who is asked, in which order, and who is passed over. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../core/errors.ts";
import { noChannelOptions, noSpendingRules } from "../sync/entities.ts";
import type { Channel, Credential, Snapshot } from "../sync/entities.ts";
import type { Caller } from "../wire/caller.ts";
import { RouteHealth, type Failure } from "./health.ts";
import { type Candidate, type PlanParts, planRoute } from "./plan.ts";

function channel(
  id: number,
  more: Partial<Channel> & { secrets?: readonly string[] } = {},
): Channel {
  const secrets = more.secrets ?? [`k${id}`];
  const credentials: Credential[] = secrets.map((secret, position) => ({
    id: id * 100 + position,
    channelId: id,
    position,
    secret,
    enabled: true,
  }));
  return {
    id,
    rev: 1,
    name: `c${id}`,
    provider: "custom",
    baseUrl: `http://c${id}/v1`,
    models: ["m"],
    groups: ["g"],
    priority: 0,
    weight: 1,
    enabled: true,
    modelMapping: {},
    headers: {},
    parameters: {},
    proxy: null,
    tag: null,
    timeouts: {},
    replyModel: "asked",
    options: noChannelOptions,
    ...noSpendingRules,
    credentialLimits: [],
    costRatio: 1_000_000n,
    credentials,
    ...more,
  };
}

/** Tiers by group, as the route index would answer them for model `m`. */
function snapshotOf(groups: Readonly<Record<string, readonly (readonly Channel[])[]>>): Snapshot {
  const all = Object.values(groups).flat(2);
  const snapshot: Pick<Snapshot, "routes" | "groups" | "channels"> = {
    channels: new Map(all.map((one) => [one.id, one])),
    groups: new Map(
      Object.keys(groups).map((symbol, id) => [
        symbol,
        {
          id,
          rev: 1,
          symbol,
          name: symbol,
          ratio: 1n,
          public: true,
          enabled: true,
          ...noSpendingRules,
        },
      ]),
    ),
    routes: {
      candidates: (group, model) => (model === "m" ? (groups[group] ?? []) : []),
      models: () => ["m"],
    },
  };
  return snapshot as Snapshot;
}

const caller: Caller = {
  keyId: 1,
  userId: 1,
  userRole: "admin",
  group: "g",
  fallbackGroup: null,
  models: null,
  suffix: null,
  key: { budget: null, limits: [], ratio: 1_000_000n },
  user: { budget: null, limits: [], ratio: 1_000_000n, billing: "postpaid" },
};

function parts(groups: Parameters<typeof snapshotOf>[0], more: Partial<PlanParts> = {}): PlanParts {
  const defaults = {
    caller,
    model: "m",
    health: new RouteHealth(),
    random: () => 0,
    serves: () => true,
  };
  return { snapshot: snapshotOf(groups), ...defaults, ...more };
}

function order(given: PlanParts, nowMs = 0): string[] {
  const plan = planRoute(given);
  const seen: string[] = [];
  for (
    let next: Candidate | undefined = plan.next(nowMs);
    next !== undefined;
    next = plan.next(nowMs)
  )
    seen.push(`${next.groupSymbol}${next.channel.id}`);
  return seen;
}

function failure(one: Channel, more: Partial<Failure> = {}): Failure {
  return {
    channel: one,
    credential: one.credentials[0] ?? null,
    model: "m",
    class: "rate",
    retryAfterS: undefined,
    cooldownSeconds: 30,
    ...more,
  };
}

const kindOf = (kind: string) => (thrown: unknown) =>
  thrown instanceof GatewayError && thrown.kind === kind;

test("tiers in order, each channel once, the fallback group behind", () => {
  const tiers = { g: [[channel(1), channel(2)], [channel(3)]], h: [[channel(4)]] };
  assert.deepEqual(order(parts(tiers)), ["g1", "g2", "g3"]);
  assert.deepEqual(order(parts(tiers, { random: () => 0.99 })), ["g2", "g1", "g3"]);
  assert.deepEqual(order(parts(tiers, { caller: { ...caller, fallbackGroup: "h" } })), [
    "g1",
    "g2",
    "g3",
    "h4",
  ]);
});

test("within a tier the chance goes by weight", () => {
  const tier = {
    g: [[channel(1, { weight: 1 }), channel(2, { weight: 7 }), channel(3, { weight: 2 })]],
  };
  const first: Record<number, number> = { 1: 0, 2: 0, 3: 0 };
  for (let mark = 0; mark < 1000; mark += 1) {
    const next = planRoute(parts(tier, { random: () => mark / 1000 })).next(0);
    first[next!.channel.id]! += 1;
  }
  assert.deepEqual(first, { 1: 100, 2: 700, 3: 200 });
});

test("nothing to ask is told with model and group; who cannot serve the operation is nobody", () => {
  assert.throws(() => planRoute(parts({ g: [] })), kindOf("no_available_channel"));
  assert.throws(
    () => planRoute(parts({ g: [[channel(1)]] }, { serves: () => false })),
    kindOf("no_available_channel"),
  );
});

test("a resting channel is passed over until its rest ends, but never a call refused for it", () => {
  const [one, two] = [channel(1), channel(2)];
  const given = parts({ g: [[one], [two]] });
  given.health.failed(failure(one, { retryAfterS: 5 }), 1000);
  assert.deepEqual(order(given, 1000), ["g2"]);
  assert.deepEqual(order(given, 5999), ["g2"]);
  assert.deepEqual(order(given, 6001), ["g1", "g2"]);
  given.health.failed(failure(one, { retryAfterS: 9 }), 7000);
  given.health.failed(failure(two, { retryAfterS: 3 }), 7000);
  assert.deepEqual(order(given, 7000), ["g2"], "the one whose rest ends first is asked once");
});

test("a rest is for one model and bounded; a call that began before it does not end it", () => {
  const one = channel(1);
  const health = new RouteHealth();
  health.failed(failure(one, { retryAfterS: 86_400 }), 0);
  assert.equal(health.pickCredential(one, "m", 599_999), undefined);
  assert.notEqual(health.pickCredential(one, "other", 0), undefined);
  assert.notEqual(health.pickCredential(one, "m", 600_001), undefined);
  health.failed(failure(one), 700_000);
  health.succeeded(one, "m");
  assert.equal(health.pickCredential(one, "m", 700_000), undefined);
});

test("a failing channel rests from the third failure in a row", () => {
  const one = channel(1);
  const health = new RouteHealth();
  const fail = (): void => health.failed(failure(one, { class: "channel" }), 0);
  fail();
  fail();
  assert.notEqual(health.pickCredential(one, "m", 0), undefined);
  health.succeeded(one, "m");
  fail();
  fail();
  assert.notEqual(
    health.pickCredential(one, "m", 0),
    undefined,
    "a success in between starts anew",
  );
  fail();
  assert.equal(health.pickCredential(one, "m", 0), undefined);
  health.succeeded(one, "m");
  assert.notEqual(health.pickCredential(one, "m", 0), undefined, "it has answered: it works");
});

test("names that callers make up do not pile up", () => {
  const one = channel(1, { models: ["*"] });
  const health = new RouteHealth();
  for (let index = 0; index < 5000; index += 1) {
    health.failed(failure(one, { model: `made-up-${index}` }), 0);
    health.failed(failure(one, { model: `made-up-${index}`, class: "channel" }), 0);
  }
  health.failed(failure(one), 0);
  assert.equal(health.pickCredential(one, "m", 0), undefined, "what came last counts");
  assert.notEqual(
    health.pickCredential(one, "made-up-1", 0),
    undefined,
    "what came first is forgotten",
  );
});

test("credentials take turns, and a refused one leaves the others in play", () => {
  const one = channel(1, { secrets: ["a", "b", "c"] });
  const health = new RouteHealth();
  const turns = [0, 1, 2, 3].map(() => health.pickCredential(one, "m", 0)?.secret);
  assert.deepEqual(turns, ["a", "b", "c", "a"]);
  health.failed(failure(one, { class: "credential", credential: one.credentials[1]! }), 0);
  const rest = [0, 1, 2].map(() => health.pickCredential(one, "other", 0)?.secret);
  assert.deepEqual(rest, ["c", "a", "c"]);
  assert.deepEqual(
    order(parts({ g: [[one]] }, { health })),
    ["g1", "g1"],
    "each of the two others once",
  );
});

test("what was learned outlives a change of configuration, not one of address or credentials", () => {
  const one = channel(1);
  const health = new RouteHealth();
  health.failed(failure(one), 0);
  assert.equal(health.pickCredential({ ...one, rev: 2, weight: 5 }, "m", 0), undefined);
  const rekeyed = channel(1, { secrets: ["new"] });
  assert.notEqual(health.pickCredential(rekeyed, "m", 0), undefined);
  health.failed(failure(rekeyed), 0);
  const moved = { ...rekeyed, baseUrl: "http://elsewhere/v1" };
  assert.notEqual(health.pickCredential(moved, "m", 0), undefined);
  health.failed(failure(moved), 0);
  health.keepOnly(new Map());
  assert.notEqual(health.pickCredential(moved, "m", 0), undefined);
});

test("a mapped model rests under the name that was sent", () => {
  const one = channel(1, { modelMapping: { m: "sent" } });
  const given = parts({ g: [[one], [channel(2)]] });
  given.health.failed(failure(one, { model: planRoute(given).next(0)!.model }), 0);
  assert.deepEqual(order(given), ["g2"]);
});

test("an administrator's wishes", () => {
  const groups = { g: [[channel(1)], [channel(2)]], h: [[channel(3)]] };
  const wish = (suffix: string, userRole: Caller["userRole"] = "root"): PlanParts =>
    parts(groups, { caller: { ...caller, suffix, userRole } });
  assert.deepEqual(order(wish("3")), ["g3"]);
  assert.deepEqual(order(wish("!1")), ["g2"]);
  assert.deepEqual(order(wish("3#ignore")), ["g1", "g2"]);
  assert.throws(() => planRoute(wish("9")), kindOf("channel_not_available"));
  assert.throws(() => planRoute(wish("x")), kindOf("forbidden"));
  assert.throws(() => planRoute(wish("3", "member")), kindOf("forbidden"));
});
