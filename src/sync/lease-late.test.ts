// A lease whose grant arrives late: the database counts from when it was asked, and so must the node.
import assert from "node:assert/strict";
import { test } from "node:test";
import { sleep } from "../core/clock.ts";
import { silentLogger } from "../core/logger.ts";
import type { LeaseRow } from "../store/sync-store.ts";
import { makeVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { Leadership } from "./lease.ts";

test("a lease that was granted late counts from when it was asked for", async () => {
  const clock = makeVirtualClock();
  const answerAfterMs = 6_000;
  let endsAtMs = -1;
  const never = new Promise<never>(() => undefined);
  const leadership = new Leadership({
    clock,
    logger: silentLogger,
    random: () => 0.5,
    nodeId: "a",
    incarnation: "1",
    nodeType: "master",
    store: {
      readLease: async () => undefined,
      takeLease: async (name, holder, ttlMs): Promise<LeaseRow> => {
        endsAtMs = clock.monotonic() + ttlMs;
        await sleep(clock, answerAfterMs);
        return { name, holder, fence: 1, leftMs: ttlMs };
      },
      // From here on the database is silent.
      renewLease: () => never,
      releaseLease: () => never,
    },
  });
  leadership.start();
  await clock.pass(answerAfterMs + 100);
  const term = leadership.term();
  assert.ok(term !== undefined, "a second of it is left");
  while (clock.monotonic() < endsAtMs - 1_000) await clock.pass(100);
  assert.equal(leadership.term(), undefined, "it ends before another can take it");
  assert.equal(term.signal.aborted, true);
});
