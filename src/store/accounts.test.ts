// Balances, codes, rewards and promotions on every engine, over several connections at once.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { skipReason, SQL_ENGINES } from "../../test/engines/engines.ts";
import { openDsn, openFresh } from "../../test/store/open-fresh.ts";
import { parseDollars } from "../core/money.ts";
import { listAccountEntries } from "./account-entries.ts";
import { BalanceRefusal, leftOf, postToBalance, readBalance, readBalances } from "./balances.ts";
import type { Posting } from "./balances.ts";
import type { Database, Sql } from "./database.ts";
import { grantRewards, listUnrewarded, sumInvitations } from "./invitations.ts";
import { listReached, listRungs, noteReached } from "./promotions.ts";
import {
  addCodes,
  dropAttempts,
  listCodes,
  redeemCode,
  returnAttempt,
  setCodeStatus,
  takeAttempt,
} from "./redemption-codes.ts";
import { inTransaction } from "./transaction.ts";

const dollars = (text: string): bigint => parseDollars(text)!;

const posting = (more: Partial<Posting>): Posting => ({
  kind: "credit",
  userId: 5n,
  amount: dollars("10"),
  reference: "credit:5:a",
  remark: "paid",
  actorId: 1,
  ...more,
});

const post = (db: Sql, more: Partial<Posting>): Promise<boolean> =>
  inTransaction(db, (trx) => postToBalance(trx, posting(more)));

const lease = (more: object): never =>
  ({
    kind: "balance",
    entity_id: 5n,
    period: "total",
    fence: 1n,
    renewed_at: 1n,
    ...more,
  }) as never;

async function addUser(db: Sql, username: string, more: object = {}): Promise<bigint> {
  await db
    .insertInto("users")
    .values({
      username,
      role: "member",
      group: "default",
      billing: "prepaid",
      status: "enabled",
      created_at: 1n,
      updated_at: 1n,
      ...more,
    })
    .execute();
  const row = await db
    .selectFrom("users")
    .select("id")
    .where("username", "=", username)
    .executeTakeFirstOrThrow();
  return row.id;
}

const code = (hash: string, more: object = {}): Parameters<typeof addCodes>[2][number] => ({
  hash,
  hint: hash.slice(-4),
  name: "spring",
  batch: "",
  amount: dollars("2.5"),
  status: "enabled",
  expires_at: null,
  created_by: 1n,
  ...more,
});

for (const engine of SQL_ENGINES)
  describe(`accounts on ${engine}`, { skip: skipReason(engine) }, () => {
    it("puts in and takes out to the nano-dollar, and never more than is left", async () => {
      await using store = await openFresh(engine);
      const db = store.database.writes;
      assert.deepEqual(await readBalance(db, 5n), { credited: 0n, spent: 0n, reserved: 0n });
      assert.equal(await post(db, { amount: dollars("9000000.000000001") }), true);
      assert.equal(await post(db, { amount: dollars("7") }), false);
      assert.equal(await post(db, { reference: "b", amount: -dollars("0.000000001") }), true);
      await db
        .insertInto("budget_leases")
        .values([
          lease({ node_id: "a", granted: dollars("100"), spent: dollars("40") }),
          // Spent beyond what was granted: nothing is reserved here.
          lease({ node_id: "b", granted: dollars("1"), spent: dollars("3") }),
          lease({ node_id: "b", granted: 5n, spent: 5n, entity_id: 6n }),
          lease({ node_id: "b", granted: 5n, spent: 5n, kind: "user" }),
        ])
        .execute();
      await db
        .updateTable("budgets")
        .set({ settled: dollars("17") })
        .where("entity_id", "=", 5n)
        .execute();
      const balance = await readBalance(db, 5n);
      assert.deepEqual(balance, {
        credited: dollars("9000000"),
        spent: dollars("60"),
        reserved: dollars("60"),
      });
      const left = leftOf(balance);
      await assert.rejects(
        post(db, { reference: "c", amount: -left - 1n }),
        (error: unknown) =>
          error instanceof BalanceRefusal && error.why === "too-little" && error.available === left,
      );
      assert.deepEqual(await readBalance(db, 5n), balance);
      assert.equal(await post(db, { reference: "c", amount: -left }), true);
      assert.equal(leftOf(await readBalance(db, 5n)), 0n);
      const recalled = await db
        .selectFrom("budget_leases")
        .select(["kind", "entity_id", "node_id"])
        .where("recalled", "=", 1)
        .orderBy("node_id")
        .execute();
      assert.deepEqual(
        recalled.map((row) => [row.kind, row.entity_id, row.node_id]),
        [
          ["balance", 5n, "a"],
          ["balance", 5n, "b"],
        ],
      );
      await assert.rejects(post(db, { reference: "d", amount: 9_000_000_000_000_000_000n }), {
        why: "too-much",
      });
      const { rows } = await listAccountEntries(db, { limit: 10 });
      assert.deepEqual(
        rows.map((row) => [row.reference, row.amount]),
        [
          ["c", -left],
          ["b", -1n],
          ["credit:5:a", dollars("9000000.000000001")],
        ],
      );
      assert.deepEqual([...(await readBalances(db, [6n, 5n])).keys()], [5n]);
    });

    it("counts parallel credits each once, whatever connection they come by", async () => {
      await using store = await openFresh(engine);
      const others = await openOthers(engine, store.fresh.dsn, 2);
      const handles = [store.database, ...others].map((database) => database.writes);
      const results = await Promise.all(
        Array.from({ length: 60 }, (_, index) =>
          post(handles[index % handles.length]!, {
            reference: `credit:5:${index % 20}`,
            amount: dollars("0.1"),
          }),
        ),
      );
      assert.equal(results.filter(Boolean).length, 20);
      assert.equal((await readBalance(store.database.reads, 5n)).credited, dollars("2"));
      for (const other of others) await other.close();
    });

    it("turns a code into money once, of 100 who try at the same time over three connections", async () => {
      await using store = await openFresh(engine);
      const others = await openOthers(engine, store.fresh.dsn, 2);
      const handles = [store.database, ...others].map((database) => database.writes);
      const db = store.database.writes;
      await inTransaction(db, (trx) => addCodes(trx, "batch", [code("h1"), code("h2")]));
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          inTransaction(handles[index % handles.length]!, (trx) =>
            redeemCode(trx, { hash: "h1", userId: BigInt(index + 1) }),
          ),
        ),
      );
      const winners = answers.flatMap((answer, index) => (answer.redeemed ? [index + 1] : []));
      assert.equal(winners.length, 1);
      assert.deepEqual(
        new Set(answers.flatMap((answer) => (answer.redeemed ? [] : [answer.why]))),
        new Set(["redeemed"]),
      );
      const entries = (await listAccountEntries(db, { limit: 10 })).rows;
      assert.deepEqual(
        entries.map(({ kind, account_id, amount }) => [kind, account_id, amount]),
        [["redemption", BigInt(winners[0]!), dollars("2.5")]],
      );
      const balances = await db.selectFrom("budgets").selectAll().execute();
      assert.deepEqual(
        balances.map(({ entity_id, credited }) => [entity_id, credited]),
        [[BigInt(winners[0]!), dollars("2.5")]],
      );
      for (const other of others) await other.close();
    });

    it("says why a code is worth nothing", async () => {
      await using store = await openFresh(engine);
      const db = store.database.writes;
      const rows = await inTransaction(db, (trx) =>
        addCodes(trx, "b1", [
          code("free"),
          code("late", { expires_at: 1000n }),
          code("later", { expires_at: 9_000_000_000_000n }),
          code("off"),
        ]),
      );
      assert.deepEqual(
        rows.map((row) => row.hash),
        ["free", "late", "later", "off"],
      );
      assert.equal(await setCodeStatus(db, { id: rows[3]!.id }, "disabled"), 1);
      const why = async (hash: string): Promise<string> => {
        const answer = await inTransaction(db, (trx) => redeemCode(trx, { hash, userId: 5n }));
        return answer.redeemed ? "redeemed now" : answer.why;
      };
      assert.deepEqual(
        [await why("none"), await why("late"), await why("later"), await why("off")],
        ["unknown", "expired", "redeemed now", "disabled"],
      );
      assert.equal(await why("later"), "redeemed");
      assert.equal(await setCodeStatus(db, { batch: "b1" }, "disabled"), 3);
      assert.equal(await why("free"), "disabled");
      const of = async (filters: object): Promise<readonly string[]> =>
        (await listCodes(db, { limit: 10, filters })).rows.map((row) => row.hash);
      assert.deepEqual(await of({ redeemed: true }), ["later"]);
      assert.deepEqual(await of({ redeemed: false, batch: "b1" }), ["off", "late", "free"]);
      assert.deepEqual(await of({ redeemedBy: 5n, status: "enabled", search: "SPR" }), ["later"]);
    });

    it("bounds attempts per subject and minute, also of those at the same time", async () => {
      await using store = await openFresh(engine);
      const db = store.database.writes;
      const take = (minute: bigint, subject = "user:5"): Promise<boolean> =>
        takeAttempt(db, subject, { minute, limit: 10 });
      const first = await Promise.all(Array.from({ length: 30 }, () => take(100n)));
      assert.equal(first.filter(Boolean).length, 10);
      assert.equal(await take(100n, "user:6"), true);
      await returnAttempt(db, "user:5", 100n);
      assert.deepEqual([await take(100n), await take(100n)], [true, false]);
      assert.deepEqual([await take(101n), await take(101n)], [true, true]);
      await returnAttempt(db, "user:5", 100n);
      await dropAttempts(db, 101n);
      const left = await db.selectFrom("redeem_attempts").selectAll().execute();
      assert.deepEqual(
        left.map(({ subject, minute, attempts }) => [subject, minute, attempts]),
        [["user:5", 101n, 2]],
      );
    });

    it("grants both rewards once, and finds those that were not granted", async () => {
      await using store = await openFresh(engine);
      const db = store.database.writes;
      const inviter = await addUser(db, "inviter");
      const invited = { invited_by: inviter, inviter_reward: dollars("3"), invitee_reward: 1n };
      const ids = [await addUser(db, "one", invited), await addUser(db, "two", invited)];
      await addUser(db, "three", { invited_by: inviter });
      const open = await listUnrewarded(db, 10);
      assert.deepEqual(
        open.map(({ id }) => id),
        ids,
      );
      await Promise.all(
        [...open, ...open, ...open].map((one) =>
          inTransaction(db, (trx) => grantRewards(trx, one)),
        ),
      );
      assert.deepEqual(await listUnrewarded(db, 10), []);
      assert.equal((await readBalance(db, inviter)).credited, dollars("6"));
      assert.equal((await readBalance(db, ids[0]!)).credited, 1n);
      assert.deepEqual(await sumInvitations(db, inviter), { invited: 3, earned: dollars("6") });
      assert.deepEqual(await sumInvitations(db, ids[0]!), { invited: 0, earned: 0n });
    });

    it("finds who has reached a group, until that is noted", async () => {
      await using store = await openFresh(engine);
      const db = store.database.writes;
      const group = { public: 0, enabled: 1, ratio: 1n, created_at: 1n, updated_at: 1n };
      await db
        .insertInto("groups")
        .values([
          { ...group, symbol: "silver", name: "s", promote_at: dollars("10") },
          { ...group, symbol: "gold", name: "g", promote_at: dollars("100") },
          { ...group, symbol: "off", name: "o", promote_at: 1n, enabled: 0 },
        ])
        .execute();
      const [gold, silver, ...none] = await listRungs(db);
      assert.deepEqual([gold?.symbol, silver?.symbol, none.length], ["gold", "silver", 0]);
      const ann = await addUser(db, "ann");
      const bob = await addUser(db, "bob");
      await post(db, { userId: ann, amount: dollars("10"), reference: "1" });
      await post(db, { userId: bob, amount: dollars("9.999999999"), reference: "2" });
      assert.deepEqual(await listReached(db, gold!, { limit: 5 }), []);
      assert.deepEqual(await listReached(db, silver!, { limit: 5 }), [ann]);
      assert.deepEqual(await listReached(db, silver!, { limit: 5, userId: bob }), []);
      await Promise.all([1, 2, 3].map(() => noteReached(db, ann, [silver!])));
      assert.deepEqual(await listReached(db, silver!, { limit: 5, userId: ann }), []);
    });
  });

async function openOthers(
  engine: (typeof SQL_ENGINES)[number],
  dsn: string,
  count: number,
): Promise<readonly Database[]> {
  return await Promise.all(Array.from({ length: count }, () => openDsn(engine, dsn)));
}
