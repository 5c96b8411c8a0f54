// Runs the phases in node's own test runner and prints them as one run: one list of failures, one closing summary.
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import type { Phase } from "./test-files.ts";

/** A test that did not run. */
export interface Skipped {
  file: string;
  name: string;
  reason: string;
}

/** Counts of one whole run. */
export interface Outcome {
  passed: number;
  failed: number;
  skipped: Skipped[];
  /** Files in which no test ran; node's runner counts each as a passed test. */
  empty: string[];
}

/** How to run. */
export interface RunOptions {
  namePatterns: readonly string[];
  fileTimeoutMs: number;
  signal: AbortSignal;
}

type TestEvent = { type: string; data: Record<string, unknown> };

/** Runs all phases in order and prints as it goes. */
export async function runPhases(phases: readonly Phase[], options: RunOptions): Promise<Outcome> {
  const tally = new Tally();
  const events = Readable.from(allEvents(phases, options, tally));
  await pipeline(events, new spec(), process.stdout, { end: false });
  return tally.outcome();
}

async function* allEvents(
  phases: readonly Phase[],
  options: RunOptions,
  tally: Tally,
): AsyncGenerator<TestEvent> {
  for (const { files, concurrency } of phases) {
    if (options.signal.aborted) break;
    const stream = run({
      files: [...files],
      concurrency,
      timeout: options.fileTimeoutMs,
      signal: options.signal,
      // A failed test may leave sockets or children behind: its file ends all the same, and its exit hooks run.
      execArgv: ["--test-force-exit"],
      ...(options.namePatterns.length > 0 && { testNamePatterns: [...options.namePatterns] }),
    });
    for await (const event of stream as AsyncIterable<TestEvent>) {
      tally.see(event);
      // Each phase would close with figures and failures of its own; ours follow at the very end.
      if (!isClosing(event) && !isEmptyFile(event)) yield event;
    }
  }
  yield* tally.closingEvents();
}

const FIGURES = [
  "tests",
  "suites",
  "pass",
  "fail",
  "cancelled",
  "skipped",
  "todo",
  "duration_ms",
] as const;

function isClosing({ type, data }: TestEvent): boolean {
  if (type === "test:summary") return data["file"] === undefined;
  if (type !== "test:diagnostic" || data["nesting"] !== 0 || data["file"] !== undefined)
    return false;
  return FIGURES.some((name) => String(data["message"]).startsWith(`${name} `));
}

/** A file stands for itself where it had no test; real tests also name the file that was started. */
function isEmptyFile({ type, data }: TestEvent): boolean {
  if (type !== "test:pass" || data["nesting"] !== 0 || data["entryFile"] !== undefined)
    return false;
  return String(data["file"]).endsWith(String(data["name"]));
}

class Tally {
  readonly #sums = new Map<string, number>();
  readonly #skipped: Skipped[] = [];
  readonly #empty: string[] = [];
  readonly #start = performance.now();

  see(event: TestEvent): void {
    const { type, data } = event;
    if (isEmptyFile(event)) this.#empty.push(String(data["name"]));
    if (type === "test:pass" && data["skip"] !== undefined) this.#skip(data);
    // The summary of a whole phase names no file; those of single files come before it.
    if (type !== "test:summary" || data["file"] !== undefined) return;
    const counts = data["counts"] as Record<string, number>;
    for (const [name, count] of Object.entries(counts))
      this.#sums.set(name, this.#sum(name) + count);
  }

  #skip({ name, skip, file }: Record<string, unknown>): void {
    const reason = typeof skip === "string" && skip !== "" ? skip : "no reason given";
    this.#skipped.push({ file: String(file ?? ""), name: String(name), reason });
  }

  #sum(name: string): number {
    return this.#sums.get(name) ?? 0;
  }

  outcome(): Outcome {
    const failed = this.#sum("failed") + this.#sum("cancelled");
    return { passed: this.#passed(), failed, skipped: this.#skipped, empty: this.#empty };
  }

  #passed(): number {
    return this.#sum("passed") - this.#empty.length;
  }

  /** What node's runner ends with, over all phases; the summary makes the reporter list the failures. */
  *closingEvents(): Generator<TestEvent> {
    const figures: Record<(typeof FIGURES)[number], number> = {
      tests: this.#sum("tests") - this.#empty.length,
      suites: this.#sum("suites"),
      pass: this.#passed(),
      fail: this.#sum("failed"),
      cancelled: this.#sum("cancelled"),
      skipped: this.#sum("skipped"),
      todo: this.#sum("todo"),
      duration_ms: performance.now() - this.#start,
    };
    for (const name of FIGURES) {
      const data = { nesting: 0, message: `${name} ${figures[name]}`, level: "info" };
      yield { type: "test:diagnostic", data };
    }
    const { duration_ms, ...counts } = figures;
    yield { type: "test:summary", data: { success: counts.fail === 0, counts, duration_ms } };
  }
}
