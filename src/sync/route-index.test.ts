/** Routes: what a model name means, tiers, groups; and that changes one by one give what a build from nothing gives. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { noChannelOptions, noSpendingRules } from "./entities.ts";
import type { Channel } from "./entities.ts";
import type { ChannelChange } from "./route-index.ts";
import { changeRoutes, emptyRoutes, makeRouteIndex } from "./route-index.ts";

const slices = { breathe: (): undefined => undefined };

function channel(id: number, more: Partial<Channel> = {}): Channel {
  return {
    id,
    rev: 1,
    name: `c${id}`,
    provider: "openai",
    baseUrl: null,
    models: ["gpt-4o"],
    groups: ["default"],
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
    credentials: [],
    ...more,
  };
}

async function indexOf(...channels: Channel[]): Promise<ReturnType<typeof makeRouteIndex>> {
  const changes = channels.map((after) => ({ before: undefined, after }));
  return makeRouteIndex(await changeRoutes(emptyRoutes, changes, slices));
}

function ids(tiers: readonly (readonly Channel[])[]): readonly (readonly number[])[] {
  return tiers.map((tier) => tier.map((one) => one.id));
}

test("the exact name wins over any prefix, then the longest prefix", async () => {
  const routes = await indexOf(
    channel(1, { models: ["*"] }),
    channel(2, { models: ["gpt-*"] }),
    channel(3, { models: ["gpt-4*"] }),
    channel(4, { models: ["gpt-4o"] }),
  );
  assert.deepEqual(ids(routes.candidates("default", "gpt-4o")), [[4]]);
  assert.deepEqual(ids(routes.candidates("default", "gpt-4.1")), [[3]]);
  assert.deepEqual(ids(routes.candidates("default", "gpt-5")), [[2]]);
  assert.deepEqual(ids(routes.candidates("default", "claude")), [[1]]);
  assert.deepEqual(ids(routes.candidates("default", "gpt-4")), [[3]]);
  assert.deepEqual(routes.models("default"), ["gpt-4o"]);
});

test("tiers descend by priority and are ordered by id within", async () => {
  const routes = await indexOf(
    channel(5, { priority: 1 }),
    channel(2, { priority: -1 }),
    channel(3, { priority: 1 }),
    channel(4, { priority: 10 }),
  );
  assert.deepEqual(ids(routes.candidates("default", "gpt-4o")), [[4], [3, 5], [2]]);
});

test("disabled channels are in no list, and an exact name that only they have does not hide a prefix", async () => {
  const routes = await indexOf(
    channel(1, { enabled: false }),
    channel(2, { models: ["gpt-*"] }),
    channel(3, { groups: ["vip"] }),
  );
  assert.deepEqual(ids(routes.candidates("default", "gpt-4o")), [[2]]);
  assert.deepEqual(ids(routes.candidates("vip", "gpt-4o")), [[3]]);
  assert.deepEqual(routes.candidates("other", "gpt-4o"), []);
  assert.deepEqual(routes.models("default"), []);
  assert.deepEqual(routes.models("vip"), ["gpt-4o"]);
});

test("an older table stays as it was", async () => {
  const one = channel(1);
  const before = await changeRoutes(emptyRoutes, [{ before: undefined, after: one }], slices);
  const after = await changeRoutes(before, [{ before: one, after: undefined }], slices);
  assert.deepEqual(ids(makeRouteIndex(before).candidates("default", "gpt-4o")), [[1]]);
  assert.deepEqual(makeRouteIndex(after).candidates("default", "gpt-4o"), []);
  assert.equal(after.groups.size, 0);
});

test("changes in any order and portions give what one build gives", async () => {
  const shape = fc.record({
    id: fc.integer({ min: 1, max: 12 }),
    models: fc.uniqueArray(fc.constantFrom("a", "b", "ab", "a*", "ab*", "*"), { minLength: 1 }),
    groups: fc.uniqueArray(fc.constantFrom("g", "h"), { minLength: 1 }),
    priority: fc.integer({ min: 0, max: 2 }),
    enabled: fc.boolean(),
    gone: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(shape, { maxLength: 6 }), { maxLength: 6 }),
      async (portions) => {
        let table = emptyRoutes;
        const held = new Map<number, Channel>();
        for (const portion of portions) {
          const changes: ChannelChange[] = [];
          for (const { id, gone, ...more } of new Map(
            portion.map((one) => [one.id, one]),
          ).values()) {
            const after = gone ? undefined : channel(id, more);
            changes.push({ before: held.get(id), after });
            if (after === undefined) held.delete(id);
            else held.set(id, after);
          }
          table = await changeRoutes(table, changes, slices);
        }
        const stepwise = makeRouteIndex(table);
        const whole = await indexOf(...held.values());
        for (const group of ["g", "h"]) {
          assert.deepEqual(stepwise.models(group), whole.models(group));
          for (const model of ["a", "b", "ab", "abc", "c"])
            assert.deepEqual(stepwise.candidates(group, model), whole.candidates(group, model));
        }
      },
    ),
    { numRuns: 500 },
  );
});
