// Whoever is told to stop, npm, the bootstrap or the whole group, the server hears it and drains, its exit code comes
// back, and nothing is left running.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Checkout, Running } from "./checkout.ts";
import { events, makeSmallCheckout, OUTER_NODE, placeKeptNode, until } from "./checkout.ts";

const hasParent = OUTER_NODE !== process.execPath;

const WAYS: Record<
  string,
  (checkout: Checkout, rest?: string[], env?: Record<string, string>) => Running
> = {
  "npm start": (checkout, rest = [], env = {}) =>
    checkout.run("npm", ["start", "--", ...rest], env),
  "node tools/bootstrap.mjs start": (checkout, rest = [], env = {}) =>
    checkout.run(OUTER_NODE, ["tools/bootstrap.mjs", "start", ...rest], env),
};

for (const [way, start] of Object.entries(WAYS)) {
  describe(way, { concurrency: 2 }, () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      it(`passes one ${signal} on and waits for the drained server`, async () => {
        using checkout = readyCheckout();
        const running = start(checkout);
        const pid = await serverPid(checkout);
        running.child.kill(signal);
        assert.deepEqual(await running.ended, { code: 0, signal: null });
        assert.deepEqual(events(checkout).slice(1), [signal, "drained"]);
        assertGone(pid);
      });
    }

    it("takes ^C in a terminal, which reaches everyone, as one wish", async () => {
      using checkout = readyCheckout();
      const running = start(checkout);
      const pid = await serverPid(checkout);
      process.kill(-Number(running.child.pid), "SIGINT");
      assert.deepEqual(await running.ended, { code: 0, signal: null });
      const heard = events(checkout).slice(1);
      // Where the server took the place of the bootstrap it hears the terminal and npm's repetition itself.
      if (hasParent) assert.deepEqual(heard, ["SIGINT", "drained"]);
      assert.equal(heard.filter((event) => event === "drained").length, 1);
      assertGone(pid);
    });

    it("comes back with the server's exit code", async () => {
      using checkout = readyCheckout();
      assert.equal((await start(checkout, ["--fail"]).ended).code, 42);
      const draining = start(checkout, [], { EXIT_WITH: "3" });
      await until("a second server", () => events(checkout).length === 2);
      draining.child.kill("SIGTERM");
      assert.equal((await draining.ended).code, 3);
    });

    it("hands its arguments to the server and leaves stdout to it", async () => {
      using checkout = readyCheckout();
      const running = start(checkout, ["--fail", "--port", "a b"]);
      await running.ended;
      assert.match(events(checkout)[0] ?? "", /^started \d+ serve --fail --port a b$/);
      assert.equal(running.stdout().replaceAll(/^(> .*)?\n/gm, ""), "", "npm's own two lines only");
      assert.doesNotMatch(running.stderr(), /switchyard/);
    });
  });
}

describe("node tools/bootstrap.mjs", () => {
  it("dies of the signal that killed the server", async () => {
    using checkout = readyCheckout();
    const running = checkout.run(OUTER_NODE, ["tools/bootstrap.mjs", "start", "--crash"]);
    assert.deepEqual(await running.ended, { code: null, signal: "SIGKILL" });
  });

  it("names its commands when it is given another", async () => {
    using checkout = readyCheckout();
    const running = checkout.run(OUTER_NODE, ["tools/bootstrap.mjs", "constructor"]);
    assert.equal((await running.ended).code, 2);
    assert.match(running.stderr(), /usage: .*start\|test\|check/);
  });
});

function readyCheckout(): Checkout {
  const checkout = makeSmallCheckout();
  placeKeptNode(checkout);
  return checkout;
}

async function serverPid(checkout: Checkout): Promise<number> {
  await until("a started server", () => events(checkout)[0]?.startsWith("started ") === true);
  return Number(events(checkout)[0]?.split(" ")[1]);
}

function assertGone(pid: number): void {
  assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
}
