// A fresh clone for real, with downloads: on a machine with an old Node, an empty home and hostile settings, both
// commands at the same time set everything up once, and the second start asks the network nothing.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Checkout } from "./checkout.ts";
import { events, makeFullCheckout, NEEDS_NETWORK, until } from "./checkout.ts";

const HOSTILE_NPMRC = [
  "ignore-scripts=true",
  "engine-strict=true",
  "omit[]=dev",
  "omit[]=optional",
  "production=true",
];
const HOSTILE_ENV = {
  NODE_ENV: "production",
  npm_config_ignore_scripts: "true",
  npm_config_engine_strict: "true",
};

describe("a fresh clone", { skip: NEEDS_NETWORK }, () => {
  it("sets itself up once for both commands, and then needs no network", async () => {
    using checkout = makeFullCheckout();
    writeFileSync(join(checkout.home, ".npmrc"), HOSTILE_NPMRC.join("\n"));
    reportStart(checkout);
    const testFile = "src/core/time.test.ts";
    writeFileSync(
      join(checkout.folder, testFile),
      'import { test } from "node:test";\ntest("a test", () => {});\n',
    );

    const server = checkout.run("npm", ["start"], HOSTILE_ENV);
    const tests = checkout.run("npm", ["test", "--", testFile], HOSTILE_ENV);
    assert.equal((await tests.ended).code, 0, tests.stderr());
    assert.match(tests.stdout(), /tests: 1 passed, 0 failed/);
    await until("a started server", () => events(checkout).length === 1, 300_000);
    server.child.kill("SIGTERM");
    await server.ended;
    const said = tests.stderr() + server.stderr();
    assert.equal(said.match(/installing packages/g)?.length, 1);
    assert.equal(said.match(/installing the clients that the tests use/g)?.length, 1);
    for (const tool of ["tsc", "oxlint", "oxfmt"]) {
      assert.ok(existsSync(join(checkout.folder, "node_modules/.bin", tool)), tool);
    }

    const start = performance.now();
    const again = checkout.run("npm", ["start"], {
      ...HOSTILE_ENV,
      npm_config_registry: "http://127.0.0.1:9",
    });
    await until("a second start", () => events(checkout).length === 2);
    assert.ok(performance.now() - start < 5000);
    again.child.kill("SIGTERM");
    await again.ended;
    assert.ok(!again.stderr().includes("switchyard:"));
    const left = readdirSync(join(checkout.folder, ".switchyard"));
    assert.ok(
      !left.some((name) => name.startsWith("work") || name.startsWith("lock")),
      left.join(),
    );
  });

  it("brings a PostgreSQL for tests that can be started", async () => {
    using checkout = makeFullCheckout();
    const bringing = checkout.run(process.execPath, ["tools/setup/bring-postgres.mjs"]);
    assert.equal((await bringing.ended).code, 0, bringing.stderr());
    const postgres = checkout.run(join(bringing.stdout(), "postgres"), ["--version"]);
    await postgres.ended;
    assert.match(postgres.stdout(), /PostgreSQL/);
    assert.ok(existsSync(join(bringing.stdout(), "initdb")));
  });
});

it("names no registry in its lock files", () => {
  for (const file of [
    "package-lock.json",
    "tools/node/package-lock.json",
    "tools/postgres/package-lock.json",
    "test/sdk/package-lock.json",
    "test/agents/package-lock.json",
  ]) {
    assert.doesNotMatch(readFileSync(file, "utf8"), /"resolved"/, file);
  }
});

/** The server of this clone only reports that it started. */
function reportStart({ folder }: Checkout): void {
  writeFileSync(
    join(folder, "src/main.ts"),
    'import { appendFileSync } from "node:fs";\nappendFileSync("events", "started\\n");\nsetInterval(() => {}, 1000);\n',
  );
}
