// The set-up of a fresh clone, played with an npm that needs no network: done once, by one process at a time, repaired
// when it was interrupted, deaf to user settings that would break it, and honest where it cannot help.
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Checkout, Running } from "./checkout.ts";
import {
  events,
  makeSmallCheckout,
  preload,
  UNFIT,
  FIT_NODE,
  keptNodeOf,
  OUTER_NODE,
  placeKeptNode,
  until,
} from "./checkout.ts";
import { makeFakeNpm, npmCalls } from "./fake-npm.ts";

// A port that nobody listens on: whoever asks the registry fails.
const NO_NETWORK = { npm_config_registry: "http://127.0.0.1:9", https_proxy: "http://127.0.0.1:9" };

describe("set-up", { concurrency: 2 }, () => {
  it("is skipped, network and npm untouched, when all is there", async () => {
    using checkout = makeSmallCheckout();
    placeKeptNode(checkout);
    const npm = makeFakeNpm(checkout);
    const start = performance.now();
    const running = bootstrap(checkout, { ...npm, ...NO_NETWORK });
    assert.equal((await running.ended).code, 42);
    assert.ok(performance.now() - start < 3000);
    assert.deepEqual(npmCalls(checkout), []);
    assert.deepEqual(
      readdirSync(join(checkout.folder, ".switchyard")).toSorted().at(-1)?.startsWith("node-"),
      true,
    );
    assert.equal(running.stderr(), "");
  });

  it("installs packages when there are none, on stderr, and then once more when the lock changed", async () => {
    using checkout = withoutPackages();
    const npm = makeFakeNpm(checkout);
    const first = bootstrap(checkout, npm);
    assert.equal((await first.ended).code, 42);
    assert.equal(first.stdout(), "");
    assert.match(first.stderr(), /installing packages/);
    assert.match(first.stderr(), /npm talks on its standard output/);

    changeLock(checkout, "");
    assert.equal((await bootstrap(checkout, npm).ended).code, 42);
    assert.equal(
      npmCalls(checkout).length,
      1,
      "a lock that was only written anew is the same lock",
    );

    changeLock(checkout, " ");
    assert.equal((await bootstrap(checkout, npm).ended).code, 42);
    assert.equal(npmCalls(checkout).length, 2);
  });

  it("is done once by two that start at the same time", async () => {
    using checkout = withoutPackages();
    const npm = makeFakeNpm(checkout, { takesMs: 5000 });
    const both = [bootstrap(checkout, npm), bootstrap(checkout, npm)];
    for (const running of both) assert.equal((await running.ended).code, 42);
    assert.equal(npmCalls(checkout).length, 1);
    assert.equal(events(checkout).length, 2);
    assert.ok(both.some((running) => running.stderr().includes("waiting for another set-up")));
    assert.ok(!existsSync(join(checkout.folder, ".switchyard/lock")));
  });

  it("goes on where one was killed in the middle", async () => {
    using checkout = withoutPackages();
    const killed = bootstrap(checkout, makeFakeNpm(checkout, { takesMs: 60_000 }));
    await until("npm was called", () => npmCalls(checkout).length === 1);
    killed.child.kill("SIGKILL");
    assert.ok(
      existsSync(join(checkout.folder, ".switchyard/lock")),
      "it could not release its lock",
    );

    const next = bootstrap(checkout, makeFakeNpm(checkout));
    await sleep(1500);
    assert.equal(
      npmCalls(checkout).length,
      1,
      "the npm left over still writes where a second one would",
    );
    process.kill(Number(npmCalls(checkout)[0]?.pid), "SIGKILL");
    const start = performance.now();
    assert.equal((await next.ended).code, 42);
    assert.ok(performance.now() - start < 3000, "dead holders are found out at once");
  });

  it("takes npm along when it is told to stop", async () => {
    using checkout = withoutPackages();
    const running = bootstrap(checkout, makeFakeNpm(checkout, { takesMs: 60_000 }));
    await until("npm was called", () => npmCalls(checkout).length === 1);
    running.child.kill("SIGTERM");
    assert.equal((await running.ended).code, 143);
    assert.throws(() => process.kill(Number(npmCalls(checkout)[0]?.pid), 0), { code: "ESRCH" });
    assert.ok(!existsSync(join(checkout.folder, ".switchyard/lock")));
  });

  it("takes over the lock of another machine that fell silent, not of one that is at work", async () => {
    using checkout = withoutPackages();
    const npm = makeFakeNpm(checkout);
    const lock = join(checkout.folder, ".switchyard/lock");
    mkdirSync(join(checkout.folder, ".switchyard"), { recursive: true });
    writeFileSync(lock, JSON.stringify({ pid: 1, host: "elsewhere" }));
    const running = bootstrap(checkout, npm);
    await sleep(1500);
    assert.equal(npmCalls(checkout).length, 0);
    const longAgo = new Date(Date.now() - 60_000);
    utimesSync(lock, longAgo, longAgo);
    assert.equal((await running.ended).code, 42);
    assert.equal(npmCalls(checkout).length, 1);
  });

  it("does not mistake a living process with a dead one's pid for the holder for ever", async () => {
    using checkout = withoutPackages();
    const lock = join(checkout.folder, ".switchyard/lock");
    mkdirSync(join(checkout.folder, ".switchyard"), { recursive: true });
    writeFileSync(lock, JSON.stringify({ pid: process.pid, host: hostname() }));
    const longAgo = new Date(Date.now() - 60_000);
    utimesSync(lock, longAgo, longAgo);
    assert.equal((await bootstrap(checkout, makeFakeNpm(checkout)).ended).code, 42);
  });

  it("calls npm deaf to settings that would break it, but with the way to the registry", async () => {
    using checkout = withoutPackages();
    await bootstrap(checkout, {
      ...makeFakeNpm(checkout),
      NODE_ENV: "production",
      npm_config_omit: "dev",
      npm_config_ignore_scripts: "true",
      npm_config_prefix: "/elsewhere",
      npm_config_dry_run: "true",
      npm_config_registry: "http://127.0.0.1:9",
      npm_lifecycle_event: "start",
    }).ended;
    const call = npmCalls(checkout).at(-1);
    assert.ok(call !== undefined);
    assert.equal(call.arguments[0], "ci");
    for (const flag of ["--include=dev", "--ignore-scripts", "--engine-strict=false"]) {
      assert.ok(call.arguments.includes(flag), flag);
    }
    assert.equal(call.env["npm_config_registry"], "http://127.0.0.1:9");
    // Names of this machine's own way to the registry may be among them.
    const others = Object.keys(call.env).filter((name) =>
      /^npm_(?!config_)|^NODE_ENV|omit|scripts|prefix|dry/.test(name),
    );
    assert.deepEqual(others, []);
  });

  it("says what failed when npm fails twice", async () => {
    using checkout = withoutPackages();
    const npm = makeFakeNpm(checkout);
    writeFileSync(
      npm["npm_execpath"] ?? "",
      "console.error('npm has a problem'); process.exit(1);",
    );
    const running = bootstrap(checkout, npm);
    assert.equal((await running.ended).code, 2);
    assert.equal(running.stderr().match(/npm has a problem/g)?.length, 2);
    assert.match(running.stderr(), /npm ci failed/);
    assert.deepEqual(events(checkout), []);
  });
});

describe("bringing a Node", { concurrency: 2 }, () => {
  it("tells what to install where npm has no package of it", async () => {
    using checkout = makeSmallCheckout();
    const code = "Object.defineProperty(process, 'arch', { value: 'ppc64' })";
    const options = { NODE_OPTIONS: `${UNFIT} ${preload(code)}` };
    const running = bootstrap(checkout, { ...makeFakeNpm(checkout), ...options });
    assert.equal((await running.ended).code, 2);
    assert.match(running.stderr(), /Node\.js 24\.7 or newer/);
    assert.match(running.stderr(), /-ppc64.*no Node package/s);
    assert.deepEqual(npmCalls(checkout), []);
  });

  const broken: Record<string, string | undefined> = {
    "npm passed it over": undefined,
    "it is an empty file": "",
    "it is for another C library": "#!/lib/ld-of-another-world.so\n",
    "it is not the Node it says it is": "#!/bin/sh\necho unfit\n",
  };
  for (const [why, nodeProgram] of Object.entries(broken)) {
    it(`is refused with advice, and not kept, when ${why}`, async () => {
      using checkout = makeSmallCheckout();
      const npm = makeFakeNpm(checkout, nodeProgram === undefined ? {} : { nodeProgram });
      const running = bootstrap(checkout, { ...npm, NODE_OPTIONS: UNFIT });
      assert.equal((await running.ended).code, 2);
      assert.match(running.stderr(), /Install one from/);
      assert.deepEqual(readdirSync(join(checkout.folder, ".switchyard")), []);
    });
  }

  it("keeps one that runs, and only what is needed of it", async () => {
    using checkout = makeSmallCheckout();
    const env = { ...makeFakeNpm(checkout, { nodeProgram: FIT_NODE }), NODE_OPTIONS: UNFIT };
    assert.equal((await bootstrap(checkout, env).ended).code, 42);
    assert.equal((await bootstrap(checkout, { ...env, ...NO_NETWORK }).ended).code, 42);
    assert.equal(npmCalls(checkout).length, 1);
    const kept = readdirSync(join(checkout.folder, ".switchyard")).filter((name) =>
      name.startsWith("node-"),
    );
    assert.equal(kept.length, 1);
    assert.deepEqual(readdirSync(join(checkout.folder, ".switchyard", kept[0] ?? "")), ["bin"]);
  });
});

describe("bin/switchyard.js", { concurrency: 2 }, () => {
  const unfit = { NODE_OPTIONS: UNFIT };

  it("runs the source of a checkout, or what was built", async () => {
    using checkout = makeSmallCheckout();
    const source = checkout.run(process.execPath, ["bin/switchyard.js", "serve", "--fail"]);
    assert.equal((await source.ended).code, 42);
    assert.match(events(checkout)[0] ?? "", /serve --fail$/);
    mkdirSync(join(checkout.folder, "dist"));
    writeFileSync(join(checkout.folder, "dist/main.js"), 'console.log("built", process.argv[2]);');
    const built = checkout.run(process.execPath, ["bin/switchyard.js", "version"]);
    await built.ended;
    assert.equal(built.stdout(), "built version\n");
  });

  it("says what to install on a Node that is too old", async () => {
    using checkout = makeSmallCheckout();
    const running = checkout.run(OUTER_NODE, ["bin/switchyard.js", "serve"], unfit);
    assert.equal((await running.ended).code, 2);
    assert.match(running.stderr(), /needs Node\.js 24\.7 or newer.*this is Node\.js 2/);
  });

  it("goes on with the Node that the checkout brought", async () => {
    using checkout = makeSmallCheckout();
    placeKeptNode(checkout);
    const running = checkout.run(OUTER_NODE, ["bin/switchyard.js", "serve", "--fail"], unfit);
    assert.equal((await running.ended).code, 42);
  });

  it("does not hand over to itself for ever when options make every Node unfit", async () => {
    using checkout = makeSmallCheckout();
    placeKeptNode(checkout);
    const node = keptNodeOf(checkout);
    rmSync(node);
    symlinkSync(process.execPath, node);
    const unfitAnyway = {
      NODE_OPTIONS: preload(
        "Object.defineProperty(process.features, 'typescript', { value: false })",
      ),
    };
    const running = checkout.run(process.execPath, ["bin/switchyard.js", "serve"], unfitAnyway);
    assert.equal((await running.ended).code, 2);
  });
});

function withoutPackages(): Checkout {
  const checkout = makeSmallCheckout();
  placeKeptNode(checkout);
  rmSync(join(checkout.folder, "node_modules"), { recursive: true });
  return checkout;
}

function bootstrap(checkout: Checkout, env: Record<string, string>): Running {
  return checkout.run(OUTER_NODE, ["tools/bootstrap.mjs", "start", "--fail"], env);
}

/** Writes the lock file later than the installation, with more at its end. */
function changeLock({ folder }: Checkout, more: string): void {
  const path = join(folder, "package-lock.json");
  writeFileSync(path, more, { flag: "a" });
  const later = new Date(Date.now() + 5000);
  utimesSync(path, later, later);
}
