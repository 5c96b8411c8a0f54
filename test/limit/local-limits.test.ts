// Limits without Redis: each node holds its share, and a call takes from all its limits or from none.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LimitRule } from "../../src/core/limit-rule.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { LimitAnswer, LimitSubject, Limits } from "../../src/limit/limits.ts";
import { openLimits } from "../../src/limit/open-limits.ts";
import { VirtualClock } from "../simulation/virtual-clock.ts";

const noUse = { inputTokens: 0, outputTokens: 0, dollars: 0n };

const rule = (of: LimitRule["of"], amount: bigint, over: Partial<LimitRule> = {}): LimitRule => ({
  of,
  amount,
  per: "minute",
  models: null,
  exact: false,
  ...over,
});

const key = (...rules: readonly LimitRule[]): LimitSubject => ({ kind: "key", id: "1", rules });

function open(nodes = 1): { clock: VirtualClock; limits: Limits } {
  const clock = new VirtualClock();
  const limits = openLimits({
    clock,
    businessNowMs: () => clock.now(),
    nodeId: "node-1",
    liveNodes: () => nodes,
    logger: silentLogger,
  });
  return { clock, limits };
}

function now(answer: LimitAnswer | Promise<LimitAnswer>): LimitAnswer {
  assert.ok(!(answer instanceof Promise), "nobody is waited for");
  return answer;
}

describe("limits of a node alone", () => {
  it("lets in the limit and no more, wherever the minute begins", async () => {
    const { clock, limits } = open();
    const mine = [key(rule("requests", 10n))];
    const passed: number[] = [];
    for (let at = 0; at < 300_000; at += 250) {
      if (now(limits.admit(mine, "m", noUse)).admitted) passed.push(at);
      await clock.pass(250);
    }
    for (const from of passed) {
      const within = passed.filter((at) => at >= from && at < from + 60_000).length;
      assert.ok(within <= 10, `${within} in the minute from ${from}`);
    }
    assert.ok(passed.length >= 49, `${passed.length} in five minutes`);
  });

  it("takes from no limit where one has no room", () => {
    const { limits } = open();
    const wide = rule("requests", 5n);
    const full = { kind: "user", id: "7", rules: [rule("tokens", 100n)] } as const;
    const wanted = { ...noUse, inputTokens: 60 };
    assert.ok(now(limits.admit([full], "m", wanted)).admitted);
    const refused = now(limits.admit([key(wide), full], "m", wanted));
    assert.ok(!refused.admitted);
    assert.equal(refused.reached.subject, "user");
    assert.equal(refused.reached.rule.of, "tokens");
    for (let index = 0; index < 5; index += 1)
      assert.ok(now(limits.admit([key(wide)], "m", noUse)).admitted, `request ${index}`);
    assert.ok(!now(limits.admit([key(wide)], "m", noUse)).admitted);
  });

  it("counts running calls, and each end once", () => {
    const { limits } = open();
    const mine = [key(rule("concurrency", 2n))];
    const first = now(limits.admit(mine, "m", noUse));
    assert.ok(first.admitted);
    assert.ok(now(limits.admit(mine, "m", noUse)).admitted);
    assert.ok(!now(limits.admit(mine, "m", noUse)).admitted);
    first.admission.end(null);
    first.admission.end(noUse);
    assert.ok(now(limits.admit(mine, "m", noUse)).admitted);
    assert.ok(!now(limits.admit(mine, "m", noUse)).admitted);
  });

  it("puts what was used in the place of what was expected", () => {
    const { limits } = open();
    const mine = [key(rule("tokens", 1000n))];
    const call = (tokens: number) =>
      now(limits.admit(mine, "m", { ...noUse, outputTokens: tokens }));
    const first = call(900);
    assert.ok(first.admitted);
    assert.ok(!call(200).admitted);
    first.admission.end({ ...noUse, outputTokens: 100 });
    const second = call(200);
    assert.ok(second.admitted);
    second.admission.end({ ...noUse, outputTokens: 900 });
    assert.ok(!call(1).admitted, "1,000 are used");
    assert.equal(second.admission.headers()["x-ratelimit-remaining-tokens"], "0");
  });

  it("holds its share of the limit among several nodes, and at least one", () => {
    const mine = [key(rule("requests", 11n), rule("concurrency", 3n))];
    const { limits } = open(5);
    assert.ok(now(limits.admit(mine, "m", noUse)).admitted);
    const second = now(limits.admit(mine, "m", noUse));
    assert.ok(!second.admitted && second.reached.rule.of === "concurrency");
  });

  it("counts under a rule only the models it names", () => {
    const { limits } = open();
    const mine = [key(rule("requests", 1n, { models: ["big-*", "one"] }))];
    assert.ok(now(limits.admit(mine, "big-1", noUse)).admitted);
    assert.ok(!now(limits.admit(mine, "one", noUse)).admitted);
    assert.ok(now(limits.admit(mine, "small", noUse)).admitted);
  });
});
