/**
 * The bug report must stay dead: each defect of the field is put back into a copy of our code,
 * and at least one test must fail on it. Long: runs in CI, or with SWITCHYARD_LONG=1.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mutants } from "./planted-faults.ts";
import { copyTree, passes, plant } from "./planted-tree.ts";

const long = process.env["CI"] === "true" || process.env["SWITCHYARD_LONG"] === "1";
const skip = long ? false : "long: set SWITCHYARD_LONG=1";

test("without a planted fault the tests pass", { skip, timeout: 600_000 }, async () => {
  const tree = copyTree();
  try {
    const tests = [...new Set(mutants.flatMap((mutant) => mutant.tests))];
    const { passed, output } = await passes(tree.folder, tests);
    assert.ok(passed, output.slice(-4000));
  } finally {
    tree.remove();
  }
});

test("every planted fault finds its place in the code", () => {
  for (const mutant of mutants) {
    const tree = copyTree();
    try {
      assert.doesNotThrow(() => plant(tree.folder, mutant.edits), mutant.name);
    } finally {
      tree.remove();
    }
  }
});

for (const mutant of mutants) {
  test(`killed: ${mutant.name}`, { skip, timeout: 300_000 }, async () => {
    const tree = copyTree();
    try {
      plant(tree.folder, mutant.edits);
      const { passed, output } = await passes(tree.folder, mutant.tests, mutant.env);
      assert.ok(!passed, `no test noticed the fault:\n${output.slice(-2000)}`);
      // A fault that does not even load would be "killed" by any test: it must be an assertion that fails.
      assert.doesNotMatch(output, /SyntaxError|ERR_MODULE_NOT_FOUND/);
    } finally {
      tree.remove();
    }
  });
}
