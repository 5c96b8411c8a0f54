/**
 * Calls at the border of two periods. Promise: a call counts in the period of its admission, in its row and in the
 * budget's counter, however late it is over; zones at odd offsets and days of 23 and 25 hours are no exception.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openBudgets } from "../../src/budget/open-budgets.ts";
import type { BudgetPeriod } from "../../src/core/budget-rule.ts";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { openLimits } from "../../src/limit/open-limits.ts";
import { openCallLog } from "../../src/log/call-log.ts";
import { makeLeaseStore } from "../../src/store/budget-leases.ts";
import type { Database } from "../../src/store/database.ts";
import { makeSettlementStore } from "../../src/store/settlement.ts";
import { openFresh } from "../store/open-fresh.ts";
import { gate, json, openFakeUpstream } from "../fakes/upstream.ts";
import { closing, openYard, testKey } from "./call-harness.ts";
import { waitFor } from "./nodes.ts";
import { chatOf } from "./spending-yard.ts";

const nodeId = "node-1";
const cent = 10_000_000n;

/** The shipped budgets, limits and call log over a database, by a time of day that a test sets. */
function openMoney(t: TestContext, database: Database, businessNowMs: () => number) {
  const folder = mkdtempSync(join(tmpdir(), "switchyard-journal-"));
  const common = { clock: systemClock, nodeId, logger: silentLogger };
  const callLog = openCallLog({
    ...common,
    folder,
    store: makeSettlementStore(database.writes),
    onDropped: () => assert.fail("a call was dropped"),
  });
  const budgets = openBudgets({
    ...common,
    store: makeLeaseStore(database.writes),
    liveNodes: () => 1,
    settled: () => callLog.settled(),
    meters: { asked: () => undefined, refused: () => undefined, alerted: () => undefined },
    maxStaleMs: 900_000,
    kept: null,
  });
  const limits = openLimits({ ...common, businessNowMs, liveNodes: () => 1 });
  const close = async (): Promise<void> => {
    await budgets.close();
    await limits.close();
    await callLog.close();
    rmSync(folder, { recursive: true, force: true });
  };
  t.after(close);
  return { callLog, money: { budgets, limits } };
}

/** Nano-dollars that each period of the key's budget has counted. */
async function countedByPeriod(database: Database): Promise<Record<string, bigint>> {
  const sums: Record<string, bigint> = {};
  const settled = await database.reads.selectFrom("budgets").selectAll().execute();
  for (const row of settled) sums[row.period] = (sums[row.period] ?? 0n) + BigInt(row.settled);
  const leases = await database.reads.selectFrom("budget_leases").selectAll().execute();
  for (const row of leases) sums[row.period] = (sums[row.period] ?? 0n) + BigInt(row.spent);
  return sums;
}

const borders: readonly {
  readonly title: string;
  readonly period: BudgetPeriod;
  readonly timeZone: string;
  /** The first instant of the later period. */
  readonly at: string;
  readonly names: readonly [string, string];
}[] = [
  {
    title: "midnight at +5:45",
    period: "day",
    timeZone: "Asia/Kathmandu",
    at: "2027-03-09T18:15:00Z",
    names: ["day:2027-03-09@Asia/Kathmandu", "day:2027-03-10@Asia/Kathmandu"],
  },
  {
    title: "the end of a day of 23 hours",
    period: "day",
    timeZone: "Europe/Berlin",
    at: "2027-03-28T22:00:00Z",
    names: ["day:2027-03-28@Europe/Berlin", "day:2027-03-29@Europe/Berlin"],
  },
  {
    title: "the end of a day of 25 hours",
    period: "day",
    timeZone: "Europe/Berlin",
    at: "2027-10-31T23:00:00Z",
    names: ["day:2027-10-31@Europe/Berlin", "day:2027-11-01@Europe/Berlin"],
  },
  {
    title: "the end of a month",
    period: "month",
    timeZone: "America/New_York",
    at: "2027-06-01T04:00:00Z",
    names: ["month:2027-05-01@America/New_York", "month:2027-06-01@America/New_York"],
  },
];

for (const { title, period, timeZone, at, names } of borders)
  test(`admitted before ${title}, over after it`, { timeout: 60_000 }, async (t) => {
    const fresh = await openFresh("sqlite");
    const { database } = fresh;
    const border = Date.parse(at);
    let nowMs = border - 1000;
    const { callLog, money } = openMoney(t, database, () => nowMs);
    t.after(() => fresh[Symbol.asyncDispose]());
    const upstream = closing(t, await openFakeUpstream(json(chatOf("own-model", 1))));
    const budget = {
      amount: cent,
      period,
      timeZone,
      alerts: [],
      raise: null,
      reserveCap: null,
    };
    const yard = await openYard(t, {
      channels: [{ baseUrl: upstream.baseUrl }],
      priceBook: [{ model: "own-model", mode: "call", perCall: "0.01" }],
      key: { budget },
      money,
      callLog,
      businessNowMs: () => nowMs,
    });
    const ask = async (): Promise<number> => {
      const messages = [{ role: "user", content: "hi" }];
      const reply = await fetch(`${yard.url}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${testKey}`, "content-type": "application/json" },
        body: JSON.stringify({ model: "own-model", messages }),
      });
      await reply.text();
      return reply.status;
    };
    const hold = gate();
    upstream.behave(async (request, response) => {
      await hold.opened;
      return json(chatOf("own-model", 1))(request, response);
    });
    const early = ask();
    await upstream.received(1);
    assert.equal(await ask(), 429, "one call is all that a period pays for");
    nowMs = border;
    const late = ask();
    await upstream.received(2);
    assert.equal(await ask(), 429);
    nowMs = border + 1000;
    hold.open();
    assert.deepEqual([await early, await late], [200, 200]);

    await callLog.settled();
    const counted = await waitFor("both are counted", 5000, async () => {
      const sums = await countedByPeriod(database);
      return Object.values(sums).reduce((sum, one) => sum + one, 0n) === 2n * cent && sums;
    });
    assert.deepEqual(counted, { [names[0]]: cent, [names[1]]: cent });
    const rows = await database.reads
      .selectFrom("calls")
      .select(["admitted_at", "cost"])
      .where("cost", ">", 0n)
      .orderBy("admitted_at")
      .execute();
    assert.deepEqual(
      rows.map(({ admitted_at, cost }) => [Number(admitted_at), BigInt(cost)]),
      [
        [border - 1000, cent],
        [border, cent],
      ],
    );
  });
