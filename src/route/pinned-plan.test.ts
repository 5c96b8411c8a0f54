/** A pinned call goes to its account or nowhere, and a pin opens no channel that its caller could not be sent to. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Channel, Snapshot } from "../sync/entities.ts";
import { noChannelOptions, noSpendingRules } from "../sync/entities.ts";
import type { Caller } from "../wire/caller.ts";
import { RouteHealth } from "./health.ts";
import { channelOf, credentialOf, planCall } from "./pinned-plan.ts";
import type { PlanParts } from "./plan.ts";

function channel(id: number, more: Partial<Channel> = {}): Channel {
  return {
    id,
    rev: 1,
    name: `c${id}`,
    provider: "custom",
    baseUrl: "http://vendor/v1",
    models: ["m"],
    groups: ["g"],
    priority: 0,
    weight: 1,
    enabled: true,
    modelMapping: { m: "sent" },
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
    credentials: [1, 2].map((place) => ({
      id: id * 10 + place,
      channelId: id,
      position: place,
      secret: "k",
      enabled: true,
    })),
    ...more,
  };
}

const caller: Caller = {
  keyId: 1,
  userId: 7,
  userRole: "member",
  group: "g",
  fallbackGroup: "f",
  models: null,
  suffix: null,
  key: { budget: null, limits: [], ratio: 1_000_000n },
  user: { budget: null, limits: [], ratio: 1_000_000n, billing: "postpaid" },
};

function partsOf(channels: readonly Channel[], more: Partial<PlanParts> = {}): PlanParts {
  const snapshot = {
    channels: new Map(channels.map((one) => [one.id, one])),
    groups: new Map(["g", "f"].map((symbol) => [symbol, { symbol, enabled: true }])),
    routes: {
      candidates: (group: string, model: string) =>
        model === "m" ? [channels.filter((one) => one.enabled && one.groups.includes(group))] : [],
      models: () => ["m"],
    },
  } as unknown as Snapshot;
  const health = new RouteHealth();
  return { snapshot, caller, model: "m", health, random: () => 0, serves: () => true, ...more };
}

test("one candidate: the account's channel and credential, under the name that is sent", () => {
  const channels = [channel(1, { priority: 9 }), channel(2), channel(3, { groups: ["f"] })];
  const plan = planCall(partsOf(channels), { channelId: 2, credentialId: 22 });
  const candidate = plan.next(0);
  assert.deepEqual(
    [candidate?.channel.id, candidate?.credential?.id, candidate?.model, candidate?.groupSymbol],
    [2, 22, "sent", "g"],
  );
  assert.equal(plan.next(0), undefined);
  const fallback = planCall(partsOf(channels), { channelId: 3, credentialId: 31 }).next(0);
  assert.equal(fallback?.groupSymbol, "f");
  assert.equal(planCall(partsOf(channels), null).next(0)?.channel.id, 1);
});

test("a replaced credential is followed within its channel", () => {
  assert.equal(credentialOf(channel(1), { channelId: 1, credentialId: 99 })?.id, 11);
  const bare = channel(1, { credentials: [] });
  assert.equal(credentialOf(bare, { channelId: 1, credentialId: 0 }), null);
});

test("no channel is reached that is gone, disabled, not the caller's, or does not serve the model", () => {
  const account = { channelId: 2, credentialId: 21 };
  const admin = { ...caller, userRole: "admin" as const, suffix: "2" };
  for (const [channels, more] of [
    [[channel(1)], {}],
    [[channel(2, { enabled: false })], {}],
    [[channel(2, { groups: ["other"] })], {}],
    [[channel(2)], { model: "another" }],
    [[channel(2)], { serves: () => false }],
    [[channel(2, { groups: ["other"] })], { caller: { ...admin, suffix: "1" } }],
  ] as const)
    assert.throws(() => planCall(partsOf(channels, more), account), /upstream account/);
  const chosen = partsOf([channel(2, { groups: ["other"] })], { caller: admin });
  assert.equal(planCall(chosen, account).next(0)?.channel.id, 2);
  const { snapshot } = partsOf([channel(2), channel(3, { groups: ["other"] })]);
  assert.equal(channelOf(snapshot, caller, account)?.id, 2);
  assert.equal(channelOf(snapshot, caller, { channelId: 3, credentialId: 0 }), undefined);
});
