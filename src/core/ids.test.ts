/** Call ids carry the time of admission and sort by it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { callAdmittedAtMs, makeCallId, makeId } from "./ids.ts";

test("the admission time is read back from a call id", () => {
  for (const at of [0, 1, 1_800_000_000_000, 2 ** 45])
    assert.equal(callAdmittedAtMs(makeCallId(at)), at);
  assert.equal(callAdmittedAtMs("req_something"), undefined);
  assert.equal(callAdmittedAtMs("i".repeat(26)), undefined);
});

test("ids sort by time and differ within one", () => {
  assert.ok(makeCallId(1000) < makeCallId(1001));
  assert.notEqual(makeCallId(1000), makeCallId(1000));
  assert.match(makeId(), /^[0-9a-f]{32}$/);
});
