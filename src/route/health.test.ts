// What was learned about channels stays when the configuration is another, and goes only with the channel.
import assert from "node:assert/strict";
import { test } from "node:test";
import { noChannelOptions, noSpendingRules } from "../sync/entities.ts";
import type { Channel } from "../sync/entities.ts";
import type { Failure } from "./health.ts";
import { RouteHealth } from "./health.ts";

function channel(id: number, more: Partial<Channel> = {}): Channel {
  const secret = `secret of ${id}`;
  const plain = { models: ["m"], groups: ["g"], priority: 0, weight: 1, enabled: true };
  const none = { modelMapping: {}, headers: {}, parameters: {}, timeouts: {} };
  return {
    id,
    rev: 1,
    name: `c${id}`,
    provider: "custom",
    baseUrl: `http://c${id}/v1`,
    proxy: null,
    tag: null,
    replyModel: "asked",
    options: noChannelOptions,
    ...noSpendingRules,
    credentialLimits: [],
    costRatio: 1_000_000n,
    ...plain,
    ...none,
    credentials: [{ id: id * 100, channelId: id, position: 0, secret, enabled: true }],
    ...more,
  };
}

function fail(health: RouteHealth, one: Channel, kind: Failure["class"]): void {
  const credential = one.credentials[0] ?? null;
  const failure = { channel: one, credential, model: "m", class: kind };
  health.failed({ ...failure, retryAfterS: undefined, cooldownSeconds: 30 }, 0);
}

/** The map as each new snapshot brings it. */
function byId(...channels: readonly Channel[]): ReadonlyMap<number, Channel> {
  return new Map(channels.map((one) => [one.id, one]));
}

test("rests and counted failures outlive any number of snapshots, and end with their channel", () => {
  const health = new RouteHealth();
  const [limited, failing] = [channel(1), channel(2)];
  health.keepOnly(byId(limited, failing));
  fail(health, limited, "rate");
  fail(health, failing, "channel");
  fail(health, failing, "channel");
  for (let rev = 2; rev < 5; rev += 1)
    health.keepOnly(byId(channel(1, { rev }), channel(2, { rev }), channel(3, { rev })));
  const now = [channel(1, { rev: 4 }), channel(2, { rev: 4 })] as const;
  assert.equal(health.pickCredential(now[0], "m", 0), undefined, "still rests");
  assert.ok(health.pickCredential(now[1], "m", 0), "failed twice only");
  fail(health, now[1], "channel");
  assert.equal(health.pickCredential(now[1], "m", 0), undefined, "the third failure in a row");
  health.keepOnly(byId(now[1]));
  assert.ok(health.pickCredential(now[0], "m", 0), "a channel that went is forgotten");
  assert.equal(health.pickCredential(now[1], "m", 0), undefined);
});
