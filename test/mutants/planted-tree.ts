/** A copy of the sources with one fault put back in, and what the named tests say of it. */
import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { SqlEngine } from "../engines/engines.ts";
import type { TestResult, TestRun } from "./run-named-tests.ts";

const repository = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** One textual change: the text must stand in the file exactly once, so that a moved line is noticed. */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A test that must fail on the fault. */
export interface Killer {
  readonly file: string;
  /** Its name, after those of the suites around it: `suite > test`. */
  readonly test: string;
  /** The server that it needs; SQLite and virtual databases need none. */
  readonly engine?: SqlEngine;
}

/** A fault of the field, put back into our code, and the tests that must notice it. */
export interface Mutant {
  /** What it is, as sync.md or One Hub's source has it. */
  readonly name: string;
  readonly edits: readonly Edit[];
  /** Every one of them must fail. */
  readonly killers: readonly Killer[];
  /** Extra environment for the tests (a number of simulated schedules, say). */
  readonly env?: Readonly<Record<string, string>>;
}

const packages = "node_modules";

export interface Tree extends Disposable {
  readonly folder: string;
}

/** Copies what tests need into a temporary folder; packages are linked (the agents alone are more than a gigabyte). */
export function copyTree(): Tree {
  const folder = mkdtempSync(join(tmpdir(), "switchyard-mutant-"));
  for (const part of ["src", "test", "package.json", "tsconfig.json"]) {
    const filter = (source: string): boolean => basename(source) !== packages;
    cpSync(join(repository, part), join(folder, part), { recursive: true, filter });
  }
  for (const owner of ["", "test/sdk", "test/agents"]) {
    const installed = join(repository, owner, packages);
    if (existsSync(installed)) symlinkSync(installed, join(folder, owner, packages));
  }
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

/** The files as they are after the edits; throws where a place is not found exactly once. */
export function editedFiles(folder: string, edits: readonly Edit[]): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const { file, find, replace } of edits) {
    const path = join(folder, file);
    if (!existsSync(path))
      throw new Error(`${file} is gone: move the mutant to where the code went`);
    const text = texts.get(path) ?? readFileSync(path, "utf8");
    const places = text.split(find).length - 1;
    if (places !== 1)
      throw new Error(`${file}: the text to change stands ${places} times, not once:\n${find}`);
    texts.set(
      path,
      text.replace(find, () => replace),
    );
  }
  return texts;
}

/** Plants the fault; throws where its place is not found exactly once. */
export function plant({ folder }: Tree, edits: readonly Edit[]): void {
  for (const [path, text] of editedFiles(folder, edits)) writeFileSync(path, text);
}

/** What became of each named test; one that did not run at all is missing. */
export async function runKillers(
  { folder }: Tree,
  killers: readonly Killer[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ results: readonly TestResult[]; output: string }> {
  const run: TestRun = {
    files: [...new Set(killers.map((killer) => killer.file))],
    tests: [...new Set(killers.map((killer) => killer.test))],
  };
  // The parent's test context would make the child refuse to run tests.
  const { NODE_TEST_CONTEXT: _context, ...inherited } = process.env;
  const child = spawn(
    process.execPath,
    [join(folder, "test/mutants/run-named-tests.ts"), JSON.stringify(run)],
    { cwd: folder, env: { ...inherited, ...env }, stdio: ["ignore", "pipe", "pipe"] },
  );
  const output = { answer: "", told: "" };
  child.stdout.on("data", (chunk: Buffer) => (output.answer += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output.told += chunk.toString()));
  await new Promise((ended) => child.once("close", ended));
  if (output.answer === "") throw new Error(`the tests could not be run:\n${output.told}`);
  return { results: JSON.parse(output.answer) as TestResult[], output: output.told };
}

/** By its name alone: the runner tells the file in which a test was written, not the one that was run. */
export function resultOf(results: readonly TestResult[], killer: Killer): TestResult | undefined {
  return results.find((result) => result.test === killer.test);
}

export { repository };
