/** Runs single tests of single files and prints what became of each as JSON: a process of its own for mutants.test.ts. */
import { run } from "node:test";

export interface TestRun {
  readonly files: readonly string[];
  /** `suite > test`. */
  readonly tests: readonly string[];
}

export interface TestResult {
  readonly test: string;
  /** `failed`: it threw · `ended`: the runner lost patience, or something around it failed. */
  readonly outcome: "passed" | "failed" | "ended" | "skipped";
  readonly durationMs: number;
  /** Of a failed one: what was thrown, or why the runner ended it. */
  readonly error: { readonly name: string; readonly message: string } | undefined;
}

const timeoutMs = 120_000;
const separator = " > ";

async function main({ files, tests }: TestRun): Promise<readonly TestResult[]> {
  const stream = run({
    files: [...files],
    testNamePatterns: tests.map(exactly),
    concurrency: 2,
    timeout: timeoutMs,
    // A failed test may leave sockets or timers behind.
    execArgv: ["--test-force-exit"],
  });
  const results: TestResult[] = [];
  const path: string[] = [];
  for await (const { type, data } of stream as AsyncIterable<TestEvent>) {
    if (type === "test:start") path.splice(data.nesting, path.length, data.name);
    if (type !== "test:pass" && type !== "test:fail") continue;
    const names = [...path.slice(0, data.nesting), data.name];
    results.push(resultOf(data, names.join(separator), type === "test:fail"));
  }
  return results;
}

interface TestEvent {
  readonly type: string;
  readonly data: {
    readonly name: string;
    readonly nesting: number;
    readonly skip?: string | boolean;
    readonly details: {
      readonly duration_ms: number;
      readonly error?: Error & { readonly cause?: unknown; readonly failureType?: string };
    };
  };
}

function resultOf(data: TestEvent["data"], test: string, failed: boolean): TestResult {
  const { error, duration_ms: durationMs } = data.details;
  const cause = error?.cause;
  const thrown = cause instanceof Error ? cause : error;
  const failure = error?.failureType === "testCodeFailure" ? "failed" : "ended";
  const success = data.skip === undefined ? "passed" : "skipped";
  return {
    test,
    outcome: failed ? failure : success,
    durationMs: Math.round(durationMs),
    error: failed ? { name: thrown?.name ?? "", message: thrown?.message ?? "" } : undefined,
  };
}

/** The runner compares patterns with the names of a test and its suites, joined by spaces. */
function exactly(test: string): RegExp {
  const name = test.split(separator).join(" ");
  return new RegExp(`^${name.replaceAll(/[^\w ]/g, "\\$&")}$`);
}

process.stdout.write(JSON.stringify(await main(JSON.parse(process.argv[2] ?? "") as TestRun)));
