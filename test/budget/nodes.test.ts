// One budget over several nodes, on each database: what is promised to those who set budgets.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ReserveAnswer } from "../../src/budget/budgets.ts";
import { skipReason, SQL_ENGINES } from "../engines/engines.ts";
import { openFresh } from "../store/open-fresh.ts";
import { claimOf, openBudgetNode, readBudget } from "./budget-nodes.ts";

const price = 1_000_000n;

for (const engine of SQL_ENGINES)
  describe(`a budget over five nodes: ${engine}`, { skip: skipReason(engine) }, () => {
    const names = ["a", "b", "c", "d", "e"];

    it("lets exactly ten calls pass that it has room for, one after another round the nodes", async () => {
      await using store = await openFresh(engine);
      const nodes = names.map((name) => openBudgetNode(store.database, name, { nodes: 5 }));
      let passed = 0;
      for (let call = 0; call < 15; call += 1) {
        const node = nodes[call % 5]!;
        const answer = await node.budgets.reserve([claimOf(price, 10n * price)], Date.now());
        if (!answer.reserved) {
          assert.equal(answer.shortage.left, 0n);
          continue;
        }
        passed += 1;
        node.settle(answer.reservation, [price]);
      }
      assert.equal(passed, 10);
      for (const node of nodes) await node.close();
      assert.deepEqual(await readBudget(store.database), {
        settled: 10n * price,
        granted: 0n,
        spent: 0n,
      });
    });

    it("lets nine or ten pass of three hundred at a time", async () => {
      await using store = await openFresh(engine);
      const nodes = names.map((name) => openBudgetNode(store.database, name, { nodes: 5 }));
      const answers = await Promise.all(
        Array.from({ length: 300 }, async (_, call): Promise<ReserveAnswer> => {
          const node = nodes[call % 5]!;
          const answer = await node.budgets.reserve([claimOf(price, 10n * price)], Date.now());
          if (answer.reserved) node.settle(answer.reservation, [price]);
          return answer;
        }),
      );
      const passed = answers.filter(({ reserved }) => reserved).length;
      assert.ok(passed === 9 || passed === 10, `${passed} passed`);
      for (const node of nodes) await node.close();
      const { settled, granted, spent } = await readBudget(store.database);
      assert.equal(settled + spent, BigInt(passed) * price);
      assert.equal(granted, 0n);
    });
  });
