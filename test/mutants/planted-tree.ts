/** A copy of the sources with one fault put back in, and the tests run on it. */
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
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const repository = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** One textual change: the text must stand in the file exactly once, so that a moved line is noticed. */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A fault of the field, put back into our code, and the tests that must notice it. */
export interface Mutant {
  /** What it is, as sync.md or One Hub's source has it. */
  readonly name: string;
  readonly edits: readonly Edit[];
  /** Test files that must fail on it. */
  readonly tests: readonly string[];
  /** Extra environment for the tests (a number of simulated schedules, say). */
  readonly env?: Readonly<Record<string, string>>;
}

/** Copies what tests need into a temporary folder; `node_modules` is linked. */
export function copyTree(): { folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "switchyard-mutant-"));
  for (const part of ["src", "test", "package.json", "tsconfig.json"]) {
    cpSync(join(repository, part), join(folder, part), { recursive: true });
  }
  symlinkSync(join(repository, "node_modules"), join(folder, "node_modules"));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Plants the fault; throws where its place is not found exactly once. */
export function plant(folder: string, edits: readonly Edit[]): void {
  for (const { file, find, replace } of edits) {
    const path = join(folder, file);
    if (!existsSync(path))
      throw new Error(`${file} is gone: move the mutant to where the code went`);
    const text = readFileSync(path, "utf8");
    const places = text.split(find).length - 1;
    if (places !== 1)
      throw new Error(`${file}: the text to change stands ${places} times, not once:\n${find}`);
    writeFileSync(
      path,
      text.replace(find, () => replace),
    );
  }
}

/** Runs test files in a tree; true when all passed. */
export async function passes(
  folder: string,
  tests: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ passed: boolean; output: string }> {
  // The parent's test context would make the child report to it instead of printing.
  const { NODE_TEST_CONTEXT: _context, ...inherited } = process.env;
  const child = spawn(process.execPath, ["--test", "--test-reporter=dot", ...tests], {
    cwd: folder,
    env: { ...inherited, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((ended) => child.once("exit", ended));
  return { passed: code === 0, output };
}
