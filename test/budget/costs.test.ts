// What calls really cost, on each database: overdrawn by what they cost beyond their reservation, and counted exactly.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Logger } from "../../src/core/logger.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { skipReason, SQL_ENGINES } from "../engines/engines.ts";
import { openFresh, until } from "../store/open-fresh.ts";
import type { BudgetNode } from "./budget-nodes.ts";
import { claimOf, mortalClock, openBudgetNode, readBudget, ruleOf } from "./budget-nodes.ts";

const price = 1_000_003n;
const names = ["a", "b", "c", "d", "e"];

/** A wave of calls at a time; what they cost, and by how much that exceeds what was reserved. */
async function runWave(
  nodes: readonly BudgetNode[],
  limit: bigint,
  costs: readonly bigint[],
): Promise<{ admitted: number; spent: bigint; excess: bigint }> {
  const answers = await Promise.all(
    costs.map(async (_, call) =>
      nodes[call % nodes.length]!.budgets.reserve([claimOf(price, limit)], Date.now()),
    ),
  );
  const wave = { admitted: 0, spent: 0n, excess: 0n };
  for (const [call, answer] of answers.entries()) {
    if (!answer.reserved) continue;
    const cost = costs[call]!;
    wave.admitted += 1;
    wave.spent += cost;
    if (cost > price) wave.excess += cost - price;
    nodes[call % nodes.length]!.settle(answer.reservation, [cost]);
  }
  await Promise.all(nodes.map((node) => node.flush()));
  return wave;
}

for (const engine of SQL_ENGINES)
  describe(
    `calls that cost something else than was reserved: ${engine}`,
    { skip: skipReason(engine) },
    () => {
      it("overdraw by what the calls that ran at the end cost beyond it, to the nano-dollar", async () => {
        await using store = await openFresh(engine);
        const nodes = names.map((name) => openBudgetNode(store.database, name, { nodes: 5 }));
        const limit = 120n * price;
        let spent = 0n;
        const excesses: bigint[] = [];
        for (let wave = 0; wave < 40; wave += 1) {
          const costs = Array.from(
            { length: 15 },
            (_, call) => (price * BigInt(1 + ((call * 7 + wave) % 100))) / 10n,
          );
          const ran = await runWave(nodes, limit, costs);
          spent += ran.spent;
          if (ran.admitted > 0) excesses.push(ran.excess);
          else break;
        }
        const bound = limit + excesses.slice(-2).reduce((sum, excess) => sum + excess, 0n);
        assert.ok(spent >= limit - price, `only ${spent} of ${limit} could be spent`);
        assert.ok(spent <= bound, `${spent} is beyond ${bound}`);
        for (const node of nodes) await node.close();
        const sums = await readBudget(store.database);
        assert.equal(sums.settled + sums.spent, spent);
        assert.equal(sums.granted, 0n);
      });

      it("tell operators once in the whole cluster", async () => {
        await using store = await openFresh(engine);
        const told: object[] = [];
        const logger: Logger = {
          ...silentLogger,
          warn: (fields, message) => void (message === "budget alert" && told.push(fields)),
        };
        const nodes = names.map((name) =>
          openBudgetNode(store.database, name, { nodes: 5, logger }),
        );
        const rule = ruleOf(10n * price, { alerts: [50, 100] });
        for (let call = 0; call < 10; call += 1) {
          const node = nodes[call % 5]!;
          const answer = await node.budgets.reserve(
            [{ kind: "key", id: 7, rule, amount: price }],
            Date.now(),
          );
          assert.ok(answer.reserved);
          node.settle(answer.reservation, [price]);
          await node.flush();
        }
        for (const node of nodes) await node.close();
        await until(() => told.length === 2);
        assert.deepEqual(
          told.map((fields) => (fields as { percent: number }).percent).sort((a, b) => a - b),
          [50, 100],
        );
      });

      it("are counted when their process was killed, and what it held comes back with the next one", async () => {
        await using store = await openFresh(engine);
        const life = { alive: true };
        const first = openBudgetNode(store.database, "a", { clock: mortalClock(life) });
        const limit = 20n * price;
        const one = await first.budgets.reserve([claimOf(8n * price, limit)], Date.now());
        const other = await first.budgets.reserve([claimOf(8n * price, limit)], Date.now());
        assert.ok(one.reserved && other.reserved);
        first.settle(one.reservation, [price]);
        await first.flush();
        life.alive = false;
        const second = openBudgetNode(store.database, "a", { incarnation: "second" });
        await until(async () => (await readBudget(store.database)).granted === 0n);
        const rest = await second.budgets.reserve([claimOf(19n * price, limit)], Date.now());
        assert.ok(rest.reserved);
        rest.reservation.release();
        await second.close();
        assert.deepEqual(await readBudget(store.database), {
          settled: price,
          granted: 0n,
          spent: 0n,
        });
      });

      it("let what an unused slice holds elsewhere be spent within half a second", async () => {
        await using store = await openFresh(engine);
        const [a, b] = ["a", "b"].map((name) => openBudgetNode(store.database, name, { nodes: 2 }));
        assert.ok(a !== undefined && b !== undefined);
        const limit = 10n * price;
        const held = await a.budgets.reserve([claimOf(9n * price, limit)], Date.now());
        assert.ok(held.reserved);
        held.reservation.release();
        const before = performance.now();
        const answer = await b.budgets.reserve([claimOf(10n * price, limit)], Date.now());
        assert.ok(answer.reserved);
        assert.ok(performance.now() - before < 5000);
        b.settle(answer.reservation, [10n * price]);
        for (const node of [a, b]) await node.close();
        assert.equal((await readBudget(store.database)).settled, limit);
      });
    },
  );
