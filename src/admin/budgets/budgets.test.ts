// What the management API tells of budgets, over real databases.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openAdmin } from "../../../test/admin/open-admin.ts";
import { claimOf, openBudgetNode } from "../../../test/budget/budget-nodes.ts";
import { skipReason, SQL_ENGINES } from "../../../test/engines/engines.ts";
import type { BudgetRule } from "../../core/budget-rule.ts";

for (const engine of SQL_ENGINES)
  test(
    `budgets tell what is spent, held and left: ${engine}`,
    { skip: skipReason(engine) },
    async () => {
      await using admin = await openAdmin({ engine });
      const budget = { amount: "2", period: "day", timeZone: "Asia/Kathmandu", alerts: [50, 80] };
      const ann = await admin.must("POST", "/api/users", {
        username: "ann",
        budget: { amount: 5 },
      });
      const { token } = await admin.must("POST", `/api/users/${ann.id}/tokens`, {});
      const key = await admin.must("POST", "/api/keys", { name: "one", owner: ann.id, budget });
      const bob = await admin.must("POST", "/api/users", { username: "bob", billing: "prepaid" });
      await admin.must("POST", `/api/users/${bob.id}/credits`, { amount: "7.5", remark: "paid" });

      const rule: BudgetRule = {
        amount: 2_000_000_000n,
        period: "day",
        timeZone: "Asia/Kathmandu",
        alerts: [50, 80],
        raise: null,
        reserveCap: null,
      };
      const node = openBudgetNode(admin.database, "node-a");
      const claim = { ...claimOf(1_100_000_001n, 0n), id: key.id, rule };
      const answer = await node.budgets.reserve([claim], admin.sync.businessNowMs());
      assert.ok(answer.reserved);
      const [held] = await admin.must("GET", "/api/budgets?kind=key");
      assert.deepEqual([held.spent, held.held, held.left], ["0", "1.100000001", "0.899999999"]);
      node.settle(answer.reservation, [1_100_000_001n]);
      await node.close();

      const all = await admin.must("GET", "/api/budgets");
      assert.deepEqual(
        all.map(({ kind, name }: { kind: string; name: string }) => `${kind} ${name}`),
        ["key one", "user ann", "balance bob"],
      );
      const [own, user, balance] = all;
      assert.equal(own.limit, "2");
      assert.equal(own.spent, "1.100000001");
      assert.equal(own.left, "0.899999999");
      assert.equal(own.held, "0");
      assert.match(own.period, /^day:\d{4}-\d\d-\d\d@Asia\/Kathmandu$/);
      assert.match(own.periodEndsAt, /T18:15:00\.000Z$/);
      assert.equal(own.alerts[0].percent, 50);
      assert.ok(Date.parse(own.alerts[0].toldAt) > 0, "told");
      assert.equal(own.alerts[1].toldAt, null);
      assert.deepEqual([user.period, user.periodEndsAt, user.left], ["total", null, "5"]);
      assert.deepEqual([balance.limit, balance.left, balance.alerts], ["7.5", "7.5", []]);

      const first = await admin.ask("GET", "/api/budgets?limit=2");
      assert.equal(first.body.data.length, 2);
      const rest = await admin.ask("GET", `/api/budgets?cursor=${first.body.nextCursor}`);
      assert.deepEqual([rest.body.data.length, rest.body.nextCursor], [1, null]);
      assert.equal((await admin.ask("GET", "/api/budgets?cursor=nothing")).status, 422);

      const periods = await admin.must("GET", `/api/budgets/key/${key.id}`);
      assert.deepEqual([periods.length, periods[0].spent], [1, "1.100000001"]);
      assert.equal((await admin.ask("GET", "/api/budgets/key/999")).status, 404);
      assert.equal((await admin.ask("GET", "/api/budgets/purse/1")).status, 404);

      const seen = await admin.must("GET", "/api/budgets", undefined, { token });
      assert.equal(seen.length, 2, "a member sees its own");
      const foreign = await admin.ask("GET", `/api/budgets/balance/${bob.id}`, undefined, {
        token,
      });
      assert.equal(foreign.status, 404);
    },
  );
