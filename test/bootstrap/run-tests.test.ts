// The runner behind `npm test` never calls a run good that tested nothing, failed, or (in CI) left something out, and it
// takes its servers down with it however it ends.
import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { Checkout, Running } from "./checkout.ts";
import { makeSmallCheckout, until } from "./checkout.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
// No server needs to start for most of these; the runner takes the URLs as given.
const GIVEN = {
  TEST_POSTGRES_URL: "postgres://127.0.0.1:1/none",
  TEST_MYSQL_URL: "mysql://127.0.0.1:1/none",
  TEST_REDIS_URL: "redis://127.0.0.1:1",
};

describe("tools/run-tests.ts", { concurrency: 2 }, () => {
  it("runs what it is asked to and closes with node's own figures and a plain line", async () => {
    using checkout = runnerCheckout();
    const running = runTests(checkout, ["good"]);
    assert.equal((await running.ended).code, 0, running.stderr());
    assert.match(running.stdout(), /tests 1\n.*suites 0\n.*pass 1\n.*fail 0\n/);
    assert.match(running.stdout(), /^tests: 1 passed, 0 failed, 0 skipped$/m);
  });

  it("adds several phases up to one summary", async () => {
    using checkout = runnerCheckout();
    const running = runTests(checkout, ["good", "test/e2e/far.test.ts"]);
    assert.equal((await running.ended).code, 0);
    assert.equal(running.stdout().match(/tests 2\n/g)?.length, 1);
    assert.doesNotMatch(running.stdout(), /tests 1\n/);
  });

  for (const [what, pattern] of Object.entries({
    "a failed test": "bad",
    "a file that cannot be loaded": "unloadable",
    "a file without a test": "empty",
    "a pattern that matches nothing": "nowhere",
    "a name that matches nothing": "--test-name-pattern=nowhere",
  })) {
    it(`fails for ${what}`, async () => {
      using checkout = runnerCheckout();
      assert.equal(
        (await runTests(checkout, pattern.startsWith("-") ? ["good", pattern] : [pattern]).ended)
          .code,
        1,
      );
    });
  }

  it("names what was skipped, which only CI holds against it", async () => {
    using checkout = runnerCheckout();
    const local = runTests(checkout, ["skipping"]);
    assert.equal((await local.ended).code, 0);
    assert.match(local.stdout(), /skipped:\n +the moon is not up\n +src\/skipping.test.ts: howls/);
    const ci = runTests(checkout, ["skipping"], { CI: "true" });
    assert.equal((await ci.ended).code, 1);
    assert.match(ci.stderr(), /nothing may be skipped/);
  });

  it("holds an engine that is missing against CI", async () => {
    using checkout = runnerCheckout();
    // No program of that server is found, and npm has none for us to bring.
    hide(checkout, "redis");
    const { TEST_REDIS_URL: _, ...others } = GIVEN;
    const local = runTests(checkout, ["good"], others, {});
    assert.equal((await local.ended).code, 0, local.stderr());
    assert.match(local.stdout(), /not available here:\n +redis: .*not installed/);
    const ci = runTests(checkout, ["good"], { ...others, CI: "true" }, {});
    assert.equal((await ci.ended).code, 1);
  });

  it("stops tests and servers when it is interrupted", async () => {
    using checkout = runnerCheckout();
    const running = runTests(checkout, ["endless"], {}, {});
    const file = join(checkout.folder, "endless.json");
    await until(
      "a running test",
      () => existsSync(file) && readFileSync(file, "utf8").endsWith("}"),
      60_000,
    );
    const seen = JSON.parse(readFileSync(file, "utf8")) as { pid: number; redis?: string };
    if (seen.redis !== undefined) assert.ok(await answers(seen.redis));
    running.child.kill("SIGINT");
    assert.equal((await running.ended).code, 130);
    assert.throws(() => process.kill(seen.pid, 0), { code: "ESRCH" });
    if (seen.redis !== undefined) assert.ok(!(await answers(seen.redis)));
  });
});

const TESTS: Record<string, string> = {
  "src/good.test.ts": 'test("is good", () => {});',
  "src/bad.test.ts": 'test("is bad", () => { throw new Error("bad"); });',
  "src/unloadable.test.ts": 'import "./nothing.ts";',
  "src/empty.test.ts": "test.name;",
  "src/skipping.test.ts":
    'test("howls", { skip: "the moon is not up" }, () => {});\ntest("barks", () => {});',
  "src/endless.test.ts": `import { writeFileSync } from "node:fs";
    test("waits", async () => {
      writeFileSync("endless.json", JSON.stringify({ pid: process.pid, redis: process.env["TEST_REDIS_URL"] }));
      await new Promise((resolve) => setTimeout(resolve, 600_000));
    });`,
  "test/e2e/far.test.ts": 'test("is far", () => {});',
};

function runnerCheckout(): Checkout {
  const checkout = makeSmallCheckout();
  for (const [path, text] of Object.entries(TESTS)) {
    const file = join(checkout.folder, path);
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, `import { test } from "node:test";\n${text}\n`);
  }
  cpSync(join(ROOT, "test/engines"), join(checkout.folder, "test/engines"), { recursive: true });
  // The runner is called itself, never the bootstrap, which could take these packages for outdated and replace them.
  rmSync(join(checkout.folder, "node_modules"), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(checkout.folder, "node_modules"));
  return checkout;
}

/** Makes the runner's search for a server's programs come to nothing. */
function hide({ folder }: Checkout, server: string): void {
  const path = join(folder, "test/engines/find-binaries.ts");
  const text = readFileSync(path, "utf8");
  const start = "export function findBinaries(name: ServerName): Binaries | undefined {\n";
  assert.ok(text.includes(start));
  writeFileSync(
    path,
    text.replace(start, `${start}  if (name === "${server}") return undefined;\n`),
  );
}

function runTests(
  checkout: Checkout,
  patterns: readonly string[],
  env: Record<string, string> = {},
  given: Record<string, string> = GIVEN,
): Running {
  return checkout.run(process.execPath, ["tools/run-tests.ts", ...patterns], { ...given, ...env });
}

function answers(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
