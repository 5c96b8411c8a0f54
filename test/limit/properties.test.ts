// Limits under random calls: all or nothing over every rule, refunds, nothing negative, and headers that tell the truth.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { limitedThings } from "../../src/core/limit-rule.ts";
import type { LimitRule } from "../../src/core/limit-rule.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { isIdle, makeLimit, unitsOf } from "../../src/limit/limit-state.ts";
import type { Admission, LimitedUse, LimitSubject } from "../../src/limit/limits.ts";
import { openLimits } from "../../src/limit/open-limits.ts";
import { renderDuration } from "../../src/limit/rate-headers.ts";
import { makeRuleBook } from "../../src/limit/rule-book.ts";
import {
  agedAmounts,
  amountIn,
  makeWindow,
  msUntil,
  putIn,
  takeBack,
} from "../../src/limit/window.ts";
import { makeChance, VirtualClock } from "../simulation/virtual-clock.ts";
import type { Chance } from "../simulation/virtual-clock.ts";
import { key, noUse, openCluster, rule } from "./simulate.ts";

const spans = { second: 1000, minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

function randomRules(chance: Chance): LimitRule[] {
  return Array.from({ length: chance.between(1, 3) }, () => {
    const of = chance.pick(limitedThings);
    const scale = of === "requests" || of === "concurrency" ? 20 : 5000;
    return rule(of, BigInt(chance.between(5, scale)), {
      per: chance.pick(["second", "minute"] as const),
      exact: chance.happens(0.3),
    });
  });
}

function randomUse(chance: Chance): LimitedUse {
  const tokens = (): number => chance.between(0, 400);
  return { inputTokens: tokens(), outputTokens: tokens(), dollars: BigInt(tokens()) };
}

const keysOf = (subjects: readonly LimitSubject[]) => {
  const book = makeRuleBook();
  return subjects.flatMap((one) => book.limitsOf(one, 0));
};

describe("the sliding window", () => {
  it("agrees with a list of everything that was counted in", () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const chance = makeChance(seed);
      const per = chance.pick(["second", "minute", "hour", "day"] as const);
      const window = makeWindow(per, 0);
      const { stepMs } = window;
      const list: { step: number; units: number }[] = [];
      let now = 0;
      for (let turn = 0; turn < 200; turn += 1) {
        now += chance.between(0, spans[per] / (chance.happens(0.1) ? 1 : 40));
        const oldest = Math.floor(now / stepMs) - spans[per] / stepMs;
        const inIt = list.filter(({ step }) => step >= oldest);
        const sum = inIt.reduce((total, { units }) => total + units, 0);
        assert.equal(amountIn(window, now), sum, `seed ${seed}`);
        const aged = agedAmounts(window, now).reduce((total, [, units]) => total + units, 0);
        assert.equal(aged, sum);
        const most = chance.between(0, sum);
        const waitMs = msUntil(window, now, most);
        assert.ok(waitMs >= 0 && waitMs <= spans[per] + stepMs);
        const later = Math.floor((now + waitMs) / stepMs) - spans[per] / stepMs;
        const rest = inIt.filter(({ step }) => step >= later);
        assert.ok(rest.reduce((total, { units }) => total + units, 0) <= most, `seed ${seed}`);
        if (chance.happens(0.3) && list.length > 0) {
          const one = chance.pick(list);
          takeBack(window, one.step, one.units);
          one.units = 0;
        } else {
          const units = chance.between(0, 100);
          list.push({ step: putIn(window, now, units), units });
        }
      }
    }
  });
});

describe("random calls over a cluster", () => {
  it("take all or nothing, give back what they did not use, and never count below nothing", async () => {
    for (let seed = 1; seed <= 150; seed += 1) {
      const cluster = openCluster(3, seed);
      const { clock, chance, model, nodes } = cluster;
      const subjects: LimitSubject[] = [
        { kind: "key", id: "1", rules: randomRules(chance) },
        { kind: "user", id: "1", rules: randomRules(chance) },
      ];
      const running: Admission[] = [];
      for (let turn = 0; turn < 60; turn += 1) {
        const asked = chance.happens(0.5) ? subjects : [chance.pick(subjects)];
        void Promise.resolve(chance.pick(nodes).limits.admit(asked, "m", randomUse(chance))).then(
          (answer) => {
            if (answer.admitted) running.push(answer.admission);
            else assert.ok(answer.reached.retryAfterS >= 1);
          },
        );
        if (chance.happens(0.4)) running.pop()?.end(chance.happens(0.5) ? null : randomUse(chance));
        await clock.pass(chance.between(0, 100));
      }
      // Everybody gives everything back: what lay unused goes back too, and what the refused took was nothing.
      for (const admission of running.splice(0)) admission.end(null);
      for (const { limits } of nodes) await clock.until(limits.close(), 2000);
      await clock.pass(130_000);
      for (const limit of keysOf(subjects)) {
        if (limit.kind === "slots") assert.equal(model.slotsOf(limit.key), 0, `seed ${seed}`);
        else {
          const sum = model.sumOf(limit.key, spans[limit.rule.per], limit.window.stepMs);
          assert.equal(sum, 0, `seed ${seed}: ${limit.key}`);
        }
      }
    }
  });

  it("leave nothing counted of calls that took nothing, at once and not only when the window ends", async () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const cluster = openCluster(3, seed);
      const { clock, chance, model, nodes } = cluster;
      const subjects = [
        key(rule("tokens", 50_000n, { per: "day" }), rule("requests", 1000n, { per: "day" })),
        { kind: "user", id: "1", rules: [rule("requests", 15n, { per: "day", exact: true })] },
      ] as const;
      const admissions: Admission[] = [];
      for (let turn = 0; turn < 40; turn += 1) {
        const answer = chance.pick(nodes).limits.admit(subjects, "m", randomUse(chance));
        const { admitted, ...rest } = await clock.until(Promise.resolve(answer), 100);
        if (admitted && "admission" in rest) admissions.push(rest.admission);
      }
      assert.equal(admissions.length, 15);
      for (const admission of admissions) admission.end(null);
      for (const { limits } of nodes) await clock.until(limits.close(), 2000);
      for (const limit of keysOf(subjects))
        assert.ok(limit.kind === "counted" && model.sumOf(limit.key, spans.day, 900_000) === 0);
    }
  });
});

describe("amounts", () => {
  const use = { inputTokens: 10, outputTokens: 5, dollars: 7n };
  it("are what a rule counts, and never negative or fractions", () => {
    assert.equal(unitsOf(rule("requests", 1n), use), 1);
    assert.equal(unitsOf(rule("tokens", 1n), use), 15);
    assert.equal(unitsOf(rule("inputTokens", 1n), use), 10);
    assert.equal(unitsOf(rule("outputTokens", 1n), use), 5);
    assert.equal(unitsOf(rule("dollars", 1n), use), 7);
    const odd = { inputTokens: Number.NaN, outputTokens: -3, dollars: -1n };
    for (const thing of ["tokens", "inputTokens", "outputTokens", "dollars"] as const)
      assert.equal(unitsOf(rule(thing, 1n), odd), 0);
    assert.equal(unitsOf(rule("tokens", 1n), { ...odd, inputTokens: 1.2 }), 2);
    assert.ok(Number.isSafeInteger(unitsOf(rule("tokens", 1n), { ...odd, inputTokens: Infinity })));
  });

  it("of the largest dollar limits are counted exactly, rounded up", () => {
    const largest = rule("dollars", 9_000_000_000_000_000_000n);
    const limit = makeLimit({ key: "k", subject: "key" }, largest, 0);
    assert.ok(Number.isSafeInteger(limit.amount) && limit.amount === 900_000_000_000_000);
    assert.equal(unitsOf(largest, { ...use, dollars: 10_001n }), 2);
    assert.ok(isIdle(limit, 1e12));
  });

  it("larger than the whole limit are let in when nothing else is, and count as they were", () => {
    const clock = new VirtualClock();
    const limits = openLimits({
      clock,
      businessNowMs: () => clock.now(),
      nodeId: "n",
      liveNodes: () => 1,
      logger: silentLogger,
    });
    const mine = [key(rule("tokens", 100n))];
    const large = { ...noUse, inputTokens: 500 };
    const first = limits.admit(mine, "m", large);
    assert.ok(!(first instanceof Promise) && first.admitted);
    const second = limits.admit(mine, "m", { ...noUse, inputTokens: 1 });
    assert.ok(!(second instanceof Promise) && !second.admitted);
    first.admission.end(large);
    assert.equal(first.admission.headers()["x-ratelimit-remaining-tokens"], "0");
  });
});

describe("headers", () => {
  it("bear both vendors' names and forms", async () => {
    const { clock, nodes } = openCluster(1);
    const mine = [
      key(rule("requests", 600n), rule("tokens", 10_000n), rule("outputTokens", 900n)),
      { kind: "user", id: "2", rules: [rule("requests", 60n), rule("concurrency", 5n)] },
    ] as const;
    const answer = await clock.until(
      Promise.resolve(nodes[0]!.limits.admit(mine, "m", { ...noUse, outputTokens: 100 })),
      100,
    );
    assert.ok(answer.admitted);
    assert.deepEqual(answer.admission.headers(), {
      "x-ratelimit-limit-requests": "60",
      "x-ratelimit-remaining-requests": "59",
      "x-ratelimit-reset-requests": "1m1s",
      "x-ratelimit-limit-tokens": "10000",
      "x-ratelimit-remaining-tokens": "9900",
      "x-ratelimit-reset-tokens": "1m1s",
    });
    const told = answer.admission.headers("anthropic-messages");
    assert.equal(told["anthropic-ratelimit-requests-limit"], "60");
    assert.equal(told["anthropic-ratelimit-output-tokens-remaining"], "800");
    assert.match(
      told["anthropic-ratelimit-tokens-reset"] ?? "",
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
    );
    const resetMs = Date.parse(told["anthropic-ratelimit-tokens-reset"] ?? "") - clock.now();
    assert.ok(resetMs > 60_000 && resetMs <= 62_000, `${resetMs}`);
    assert.equal(told["anthropic-ratelimit-input-tokens-limit"], undefined);
  });

  it("tell a remainder that only falls while calls pass, from slice to slice", async () => {
    const { clock, nodes, chance } = openCluster(5, 4);
    const mine = [key(rule("requests", 2000n))];
    const told: number[] = [];
    for (let index = 0; index < 300; index += 1) {
      const answer = await clock.until(
        Promise.resolve(nodes[0]!.limits.admit(mine, "m", noUse)),
        100,
      );
      assert.ok(answer.admitted);
      told.push(Number(answer.admission.headers()["x-ratelimit-remaining-requests"]));
      await clock.pass(chance.between(1, 20));
    }
    for (const [index, left] of told.entries())
      if (index > 0) assert.ok(left <= told[index - 1]!, `${told[index - 1]} then ${left}`);
    assert.equal(told.at(-1), 1700);
  });

  it("write durations as Go does", () => {
    const written = [0, 12, 999.2, 1000, 1500, 59_999, 60_000, 360_000, 3_600_000, 86_400_000];
    assert.deepEqual(written.map(renderDuration), [
      "0ms",
      "12ms",
      "1s",
      "1s",
      "1.5s",
      "59.999s",
      "1m0s",
      "6m0s",
      "1h0m0s",
      "24h0m0s",
    ]);
  });
});

describe("rules that change", () => {
  it("go on with what was counted, and those that are taken away still take back", () => {
    const clock = new VirtualClock();
    const limits = openLimits({
      clock,
      businessNowMs: () => clock.now(),
      nodeId: "n",
      liveNodes: () => 1,
      logger: silentLogger,
    });
    const admit = (...rules: LimitRule[]) => {
      const answer = limits.admit([key(...rules)], "m", noUse);
      assert.ok(!(answer instanceof Promise));
      return answer;
    };
    const first = admit(rule("requests", 3n), rule("concurrency", 1n));
    assert.ok(first.admitted);
    assert.ok(!admit(rule("requests", 3n), rule("concurrency", 1n)).admitted);
    assert.ok(admit(rule("requests", 2n)).admitted);
    assert.ok(!admit(rule("requests", 2n)).admitted, "the first one counts on");
    first.admission.end(noUse);
    assert.ok(admit(rule("concurrency", 1n)).admitted, "the slot is free again");
    assert.ok(!admit(rule("concurrency", 1n)).admitted);
  });

  it("of the same kind twice are counted apart", () => {
    const book = makeRuleBook();
    const [one, two] = book.limitsOf(key(rule("requests", 5n), rule("requests", 9n)), 0);
    assert.notEqual(one!.key, two!.key);
  });
});
