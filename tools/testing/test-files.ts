// Which test files a run takes, in which order, and how many at once.
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { relative, sep } from "node:path";

/** Files that run side by side. Phases follow each other: fast feedback first, load-sensitive tests last and alone. */
export interface Phase {
  name: string;
  files: string[];
  concurrency: number;
}

// Each must match something: a runner whose pattern matches nothing reports success.
const PATTERNS: readonly string[] = ["src/**/*.test.ts", "test/**/*.test.ts"];
const END_TO_END = /^test\/(e2e|engines|bootstrap)\//;
const MUTANTS = /^test\/mutants\//;
const ALONE = /\.alone\.test\.ts$/;

/** What the caller asked for. */
export interface Selection {
  /** Paths, globs or parts of paths; none means all. */
  patterns: readonly string[];
  /** Only what needs no process and no server. */
  quick: boolean;
  /** The planted-fault suite too, which runs other suites many times. */
  mutants: boolean;
}

/** A pattern, ours or the caller's, that would have tested nothing. */
export class NoTestFileError extends Error {
  constructor(pattern: string) {
    super(`no test file matches ${pattern}`);
  }
}

/** Throws when a pattern, ours or the caller's, matches no test file. */
export function choosePhases({ patterns, quick, mutants }: Selection): Phase[] {
  const all = PATTERNS.flatMap((pattern) => matching(pattern, []));
  const chosen =
    patterns.length === 0
      ? all.filter((file) => mutants || !MUTANTS.test(file))
      : [...new Set(patterns.flatMap((pattern) => matching(pattern, all)))];
  const isSlow = (file: string): boolean =>
    END_TO_END.test(file) || MUTANTS.test(file) || ALONE.test(file);
  const cores = availableParallelism();
  const phases: Phase[] = [
    { name: "unit", files: chosen.filter((file) => !isSlow(file)), concurrency: cores },
    {
      name: "end to end",
      files: quick ? [] : chosen.filter((file) => isSlow(file) && !ALONE.test(file)),
      // Each such file runs several gateways and clients of its own.
      concurrency: Math.max(2, Math.ceil(cores / 2)),
    },
    {
      name: "alone",
      files: quick ? [] : chosen.filter((file) => ALONE.test(file)),
      concurrency: 1,
    },
  ];
  return phases.filter(({ files }) => files.length > 0);
}

function matching(pattern: string, known: readonly string[]): string[] {
  const files = globSync(pattern, { exclude: ["**/node_modules/**"] })
    .map((file) => relative("", file).split(sep).join("/"))
    .filter((file) => /\.test\.tsx?$/.test(file));
  const found = files.length > 0 ? files : known.filter((file) => file.includes(pattern));
  if (found.length === 0) throw new NoTestFileError(pattern);
  return found.toSorted();
}
