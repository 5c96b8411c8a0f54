/** The follower and the door over a simulated database: each promise alone, in virtual time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../src/core/errors.ts";
import { channelValues, MemoryDatabase } from "./memory-store.ts";
import { makeNode } from "./node.ts";
import { makeChance, VirtualClock } from "./virtual-clock.ts";

const author = { name: "user:root", userId: 1, address: "", requestId: "" };

test("thin path", async () => {
  const clock = new VirtualClock();
  const chance = makeChance(1);
  const database = new MemoryDatabase(clock, chance);
  const a = makeNode({ name: "a", clock, chance, database });
  const b = makeNode({ name: "b", clock, chance, database });
  a.start();
  b.start();
  await clock.pass(100);
  assert.equal(a.follower.current()?.revision, 1);
  const written = await clock.until(
    a.door.write(author, (tx) => tx.insert("channel", channelValues("one"))),
    2000,
  );
  assert.equal(written.revision, 2);
  assert.equal(a.follower.current()?.channels.get(written.value)?.name, "one");
  await clock.pass(310);
  assert.deepEqual(
    b.follower.current()?.channels.get(written.value),
    a.follower.current()?.channels.get(written.value),
  );
  assert.equal(b.follower.current()?.digest, a.follower.current()?.digest);
  await assert.rejects(
    clock.until(
      a.door.write(author, (tx) => tx.insert("channel", channelValues("", { weight: null }))),
      2000,
    ),
    (error: unknown) => {
      assert.ok(error instanceof GatewayError);
      assert.equal(error.kind, "validation_failed");
      console.log(error.fields);
      return true;
    },
  );
  assert.equal(database.state.revision, 2);
});
