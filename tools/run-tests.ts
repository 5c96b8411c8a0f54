// `npm test`: types, lint, then every test, on every database that can be reached or started. What could not run is
// listed by name at the end, and with CI=true that is a failure.
//   npm test                           everything (SWITCHYARD_LONG=1 or CI=true: the long suites too)
//   npm test -- sync src/core          only test files whose path matches or contains one of these
//   npm test -- --test-name-pattern=x  only tests of that name
//   npm run check                      types, lint and the tests that need no server
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Outcome, Skipped } from "./testing/run-phases.ts";
import { runPhases } from "./testing/run-phases.ts";
import { openSharedEngines } from "./testing/shared-engines.ts";
import { choosePhases, NoTestFileError } from "./testing/test-files.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

const { values: flags, positionals: patterns } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    mutants: { type: "boolean", default: false },
    "test-name-pattern": { type: "string", multiple: true, default: [] },
  },
  allowPositionals: true,
});
const inCi = process.env["CI"] === "true";
const long = inCi || process.env["SWITCHYARD_LONG"] === "1";
const interrupted = new AbortController();
let endedBy: NodeJS.Signals | undefined;
// A server, or a runner that names only the first problem, would hang the whole run for ever.
const fileTimeoutMs = long ? 40 * 60_000 : 5 * 60_000;

process.chdir(ROOT);
prepareEnvironment();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => stop(signal));
process.exit(await main().catch(explain));

async function main(): Promise<number> {
  const whole = patterns.length === 0 && flags["test-name-pattern"].length === 0;
  const phases = choosePhases({ patterns, quick: flags.quick, mutants: long || flags.mutants });
  // Servers start while the compiler works; a fault of the types must not leave them running.
  const enginesLater = flags.quick ? undefined : openSharedEngines();
  try {
    if (whole && !(await checkTypesAndStyle())) {
      console.error(
        "types or style are wrong, so no test was run (npm test -- <file> runs tests alone)",
      );
      return 1;
    }
    const engines = await enginesLater;
    const namePatterns = flags["test-name-pattern"];
    const outcome = await runPhases(phases, {
      namePatterns,
      fileTimeoutMs,
      signal: interrupted.signal,
    });
    return verdict(outcome, engines?.missing ?? new Map());
  } finally {
    await (await enginesLater)?.[Symbol.asyncDispose]();
  }
}

function explain(error: unknown): number {
  console.error(error instanceof NoTestFileError ? error.message : error);
  return 1;
}

function prepareEnvironment(): void {
  if (long) process.env["SWITCHYARD_LONG"] = "1";
  // Vendors' Python clients, where somebody installed them: see tools/python/requirements.txt.
  const python = join(ROOT, ".switchyard/python/bin/python");
  if (existsSync(python)) process.env["TEST_PYTHON"] ??= python;
  // Whatever a test starts by name gets this Node and the checkout's own tools.
  const folders = [
    dirname(process.execPath),
    join(ROOT, "node_modules", ".bin"),
    process.env["PATH"] ?? "",
  ];
  process.env["PATH"] = folders.join(delimiter);
}

/** Both, even if the first fails: who mends types likes to see the lint as well. */
async function checkTypesAndStyle(): Promise<boolean> {
  const checks: readonly (readonly [string, ...string[]])[] = [
    ["tsc", "--noEmit"],
    ["oxlint", "--deny-warnings"],
    ["oxfmt", "--check"],
  ];
  let good = true;
  for (const [program, ...programArguments] of checks) {
    if (interrupted.signal.aborted) return false;
    const start = performance.now();
    const code = await runTool(program, programArguments);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(
      `${code === 0 ? "✔" : "✖"} ${program} ${programArguments.join(" ")} (${seconds} s)`,
    );
    good &&= code === 0;
  }
  return good;
}

function runTool(program: string, programArguments: readonly string[]): Promise<number> {
  const child = spawn(program, programArguments, {
    stdio: ["ignore", "inherit", "inherit"],
    shell: isWindows(),
  });
  interrupted.signal.addEventListener("abort", () => child.kill());
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

function isWindows(): boolean {
  return process.platform === "win32";
}

function verdict(
  { passed, failed, skipped, empty }: Outcome,
  missing: ReadonlyMap<string, string>,
): number {
  if (missing.size > 0) {
    console.log("\nnot available here:");
    for (const [engine, reason] of missing) console.log(`  ${engine}: ${reason}`);
  }
  if (skipped.length > 0) listSkipped(skipped);
  console.log(`\ntests: ${passed} passed, ${failed} failed, ${skipped.length} skipped`);
  if (endedBy !== undefined) return 128 + constants.signals[endedBy];
  if (failed > 0) return 1;
  if (empty.length > 0 && flags["test-name-pattern"].length === 0) {
    console.error(`no test in ${empty.join(", ")}`);
    return 1;
  }
  if (passed === 0) {
    console.error("no test ran");
    return 1;
  }
  if (inCi && missing.size + skipped.length > 0) {
    console.error("with CI=true nothing may be skipped");
    return 1;
  }
  return 0;
}

function listSkipped(skipped: readonly Skipped[]): void {
  console.log("\nskipped:");
  for (const [reason, tests] of Map.groupBy(skipped, (test) => test.reason)) {
    console.log(`  ${reason}`);
    for (const { file, name } of tests) console.log(`    ${file.replace(ROOT, "")}: ${name}`);
  }
}

function stop(signal: NodeJS.Signals): void {
  // A second one, a while later, means it: the servers' watchdogs see to the rest.
  if (interrupted.signal.aborted) process.exit(128 + constants.signals[signal]);
  endedBy = signal;
  interrupted.abort();
}
