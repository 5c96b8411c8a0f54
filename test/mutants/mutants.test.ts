/**
 * The bug report must stay dead: each defect of the field is put back into a copy of our code, and each of the tests
 * that it names must fail on it. Long: runs in CI, or with SWITCHYARD_LONG=1; MUTANTS=<part of a name> runs a few.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { skipReason } from "../engines/engines.ts";
import { mutants } from "./planted-faults.ts";
import type { Killer } from "./planted-tree.ts";
import { copyTree, editedFiles, plant, repository, resultOf, runKillers } from "./planted-tree.ts";

const long = process.env["CI"] === "true" || process.env["SWITCHYARD_LONG"] === "1";
const wanted = process.env["MUTANTS"] ?? "";
const chosen = mutants.filter(({ name }) => name.includes(wanted));

/** Simulations find a planted fault within few schedules. */
const environment = { SIM_SCHEDULES: "25" };

/** A fault that does not even run would be noticed by any test. */
const brokenCode = /^(SyntaxError|TypeError|ReferenceError)$/;

function skipFor(killers: readonly Killer[]): string | false {
  if (!long) return "long: set SWITCHYARD_LONG=1";
  const reasons = killers.map(({ engine }) => (engine === undefined ? false : skipReason(engine)));
  return reasons.find((reason) => reason !== false) ?? false;
}

describe("every planted fault", () => {
  for (const { name, edits, killers } of mutants)
    it(`has its place in the code and a test against it: ${name}`, () => {
      editedFiles(repository, edits);
      assert.ok(killers.length > 0);
    });
});

describe("without a planted fault", () => {
  const killers = chosen.flatMap((mutant) => mutant.killers);
  for (const engine of [undefined, "sqlite", "postgres", "mysql"] as const) {
    const some = killers.filter((killer) => killer.engine === engine);
    if (some.length === 0) continue;
    const skip = skipFor(some);
    it(`the tests pass: ${engine ?? "no server"}`, { skip, timeout: 300_000 }, async () => {
      using tree = copyTree();
      const { results, output } = await runKillers(tree, some, environment);
      for (const killer of some) {
        const result = resultOf(results, killer);
        const told = `${killer.file}: ${killer.test}: ${result?.error?.message}\n${output}`;
        assert.equal(result?.outcome, "passed", told);
      }
    });
  }
});

describe("killed", { concurrency: 2 }, () => {
  for (const { name, edits, killers, env } of chosen)
    it(name, { skip: skipFor(killers), timeout: 300_000 }, async (context) => {
      using tree = copyTree();
      plant(tree, edits);
      const { results, output } = await runKillers(tree, killers, { ...environment, ...env });
      for (const killer of killers) {
        const result = resultOf(results, killer);
        assert.ok(result, `did not run: ${killer.file}: ${killer.test}\n${output}`);
        assert.equal(result.outcome, "failed", `did not notice it: ${killer.test}`);
        assert.doesNotMatch(result.error?.name ?? "", brokenCode, result.error?.message ?? "");
        const message = result.error?.message.trim().split("\n", 1)[0] ?? "";
        context.diagnostic(`${killer.test} (${result.durationMs} ms): ${message.slice(0, 150)}`);
      }
    });
});
