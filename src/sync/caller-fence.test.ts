// Answers that a change overtook, one case each: the random schedules of caller-cache.test.ts mix them all.
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../core/clock.ts";
import { silentLogger } from "../core/logger.ts";
import type { CallerRows, RawRow } from "../store/sync-store.ts";
import type { CallerCache } from "./caller-cache.ts";
import { makeCallerCache } from "./caller-cache.ts";
import type { CallerChanges } from "./follower.ts";
import { parseCallerRows } from "./key-row.ts";

const times = { created_at: 0n, updated_at: 0n };

function rowsAt(rev: bigint, keyStatus: string, ownerStatus: string): CallerRows {
  const none = { group: null, fallback_group: null, models: null, ip_ranges: null };
  const names = { hash: "h", name: "n", hint: "1234", expires_at: null };
  const owner = { username: "u", role: "member", group: "default", billing: "postpaid" };
  return {
    key: { id: 5n, rev, owner_id: 9n, status: keyStatus, ...none, ...names, ...times },
    owner: { id: 9n, rev, status: ownerStatus, ...owner, ...times },
  } as { key: RawRow; owner: RawRow };
}

type Answer = Awaited<ReturnType<Parameters<typeof makeCallerCache>[0]["store"]["findCaller"]>>;

function openCache(): { cache: CallerCache; answers: ((answer: Answer) => void)[] } {
  const answers: ((answer: Answer) => void)[] = [];
  const findCaller = (): Promise<Answer> => new Promise((resolve) => void answers.push(resolve));
  const parts = { clock: systemClock, logger: silentLogger, parse: parseCallerRows };
  return { cache: makeCallerCache({ ...parts, enabled: true, store: { findCaller } }), answers };
}

const noChange: CallerChanges = {
  all: false,
  keyHashes: new Set(),
  userIds: new Set(),
  tokenIds: new Set(),
};

/** A look-up reads at revision 1; a load applies revision 2 before the answer arrives. */
async function overtake(
  changes: Partial<CallerChanges>,
  now: CallerRows | undefined,
): Promise<{ enabled: boolean | undefined; asked: number }> {
  const { cache, answers } = openCache();
  const first = Promise.resolve(cache.find("h"));
  const told = { ...noChange, ...changes };
  const asked = cache.affected(told);
  const fresh = asked.includes("h") && now !== undefined ? [now] : [];
  cache.apply({ revision: 2, changes: told, asked, fresh });
  answers.shift()?.({ revision: 1, caller: rowsAt(1n, "enabled", "enabled") });
  // Whoever waited is answered from a second look, where the first was overtaken.
  const second = await Promise.race([first, new Promise((next) => setImmediate(next, undefined))]);
  const total = answers.length + 1;
  if (second === undefined) answers.shift()?.({ revision: 2, caller: now });
  await first;
  const kept = await cache.find("h");
  return {
    enabled: kept.found ? kept.key.enabled && kept.key.owner.enabled : undefined,
    asked: total,
  };
}

test("an answer from before its key was disabled is never kept", async () => {
  const now = rowsAt(2n, "disabled", "enabled");
  assert.deepEqual(await overtake({ keyHashes: new Set(["h"]) }, now), {
    enabled: false,
    asked: 2,
  });
});

test("an answer from before its key was deleted is never kept", async () => {
  const gone = await overtake({ keyHashes: new Set(["h"]) }, undefined);
  assert.deepEqual(gone, { enabled: undefined, asked: 2 });
});

test("an answer from before its owner was disabled is never kept", async () => {
  const now = rowsAt(2n, "enabled", "disabled");
  assert.deepEqual(await overtake({ userIds: new Set(["9"]) }, now), { enabled: false, asked: 2 });
});

test("an answer from before everything was read anew is never kept", async () => {
  const now = rowsAt(2n, "disabled", "enabled");
  assert.deepEqual(await overtake({ all: true }, now), { enabled: false, asked: 2 });
});

test("an answer that no change concerns is kept", async () => {
  const now = rowsAt(1n, "enabled", "enabled");
  assert.deepEqual(
    await overtake({ userIds: new Set(["7"]), keyHashes: new Set(["other"]) }, now),
    {
      enabled: true,
      asked: 1,
    },
  );
});
