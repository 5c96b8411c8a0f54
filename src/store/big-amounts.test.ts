/** Amounts that no double can hold go in and come out to the nano-dollar, summed too, on every engine. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "kysely";
import { priceRowOf } from "../../test/fakes/prices.ts";
import { skipReason, SQL_ENGINES } from "../../test/engines/engines.ts";
import { openFresh } from "../../test/store/open-fresh.ts";
import { parsePriceRow } from "../sync/price-row.ts";

/** The first whole number that a double cannot hold, and the largest amount that is kept. */
const odd = 9_007_199_254_740_993n;
const largest = 9_000_000_000_000_000_000n;

for (const engine of SQL_ENGINES)
  describe(`amounts over 2^53: ${engine}`, { skip: skipReason(engine) }, () => {
    it("prices come back as they were written", async () => {
      await using store = await openFresh(engine);
      const { reads, writes } = store.database;
      const { id: _id, ...row } = priceRowOf({
        input: "9007199.254740993",
        output: "9000000000",
        tiers: [{ above: 1, input: "9007199.254740993" }],
      });
      await writes
        .insertInto("prices")
        .values({ ...row, created_at: 0n, updated_at: 0n } as never)
        .execute();
      const read = await reads.selectFrom("prices").selectAll().executeTakeFirstOrThrow();
      assert.deepEqual([read.input, read.output], [odd, largest]);
      const price = parsePriceRow(read);
      assert.deepEqual(
        [price.input, price.output, price.tiers[0]?.rates.input],
        [odd, largest, odd],
      );
    });

    it("sums are exact, beyond what one amount may be too", async () => {
      await using store = await openFresh(engine);
      const { reads, writes } = store.database;
      const budget = { kind: "key", period: "total", credited: 0n };
      const amounts = [odd, odd, 1n, -3n];
      for (const [index, settled] of amounts.entries())
        await writes
          .insertInto("budgets")
          .values({ ...budget, entity_id: BigInt(index + 1), settled })
          .execute();
      const sum = async (): Promise<unknown> =>
        (
          await reads
            .selectFrom("budgets")
            .select(sql<bigint>`sum(settled)`.as("settled"))
            .executeTakeFirstOrThrow()
        ).settled;
      assert.equal(await sum(), 2n * odd - 2n);
      await writes
        .updateTable("budgets")
        .set({ settled: sql<bigint>`settled + ${largest - odd}` })
        .where("entity_id", "=", 1n)
        .execute();
      const first = reads.selectFrom("budgets").select("settled").where("entity_id", "=", 1n);
      assert.equal((await first.executeTakeFirstOrThrow()).settled, largest);
      assert.equal(await sum(), largest + odd - 2n);
      // A sum that no BIGINT holds is exact or refused, never rounded.
      await writes
        .updateTable("budgets")
        .set({ settled: largest })
        .where("entity_id", "=", 2n)
        .execute();
      if (engine === "sqlite") await assert.rejects(sum(), /overflow/);
      else assert.equal(await sum(), 2n * largest - 2n);
    });
  });
