// The promises of sync-store.ts, one by one, on every engine.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "kysely";
import { skipReason, SQL_ENGINES } from "../../test/engines/engines.ts";
import { commitSetting, openDsn, openFresh, until } from "../../test/store/open-fresh.ts";
import type { NodeReport } from "./sync-store.ts";
import { DuplicateRow } from "./sync-store.ts";
import { quoteFor } from "./dialect.ts";
import { LeaseLost, withFence } from "./leases.ts";
import { makeSyncStore } from "./sync-sql.ts";

function makeReport(values: Partial<NodeReport>): NodeReport {
  return {
    nodeId: "a",
    incarnation: "i",
    type: "unset",
    version: "0.1.0",
    schemaVersion: 1,
    startedAtMs: 1,
    state: "live",
    epoch: "e",
    appliedRevision: 1,
    commitId: "c",
    digest: "d",
    lagMs: 0,
    stalenessMs: 12,
    lastError: null,
    rejected: "[]",
    ...values,
  };
}

for (const engine of SQL_ENGINES) {
  describe(`the sync store on ${engine}`, { skip: skipReason(engine) }, () => {
    it("logs a commit with its changes and moves the head, all or nothing", async () => {
      await using store = await openFresh(engine);
      const sync = makeSyncStore(store.database);
      const id = await sync.write((tx, head) =>
        commitSetting(tx, head.revision + 1, { name: "one", value: "1" }),
      );
      await assert.rejects(
        sync.write(async (tx, head) => {
          await commitSetting(tx, head.revision + 1, { name: "two", value: "2" });
          throw new Error("changed my mind");
        }),
        /changed my mind/,
      );
      const head = await sync.readHead(2000);
      assert.equal(head.revision, 2);
      assert.equal(head.commitId, "commit-2");
      const read = await sync.read(async (tx) => ({
        changes: await tx.changesAfter(1, 100),
        rows: await tx.rows("setting"),
        count: await tx.count("setting"),
        commitId: await tx.commitId(2),
        missing: await tx.commitId(3),
      }));
      assert.deepEqual(read.changes, [
        { revision: 2, kind: "setting", entityId: String(id), op: "u" },
      ]);
      assert.equal(read.rows.length, 1);
      assert.equal(read.rows[0]?.id, id);
      assert.equal(read.rows[0]?.rev, 2n);
      assert.equal(read.rows[0]?.["name"], "one");
      assert.equal(read.count, 1);
      assert.equal(read.commitId, "commit-2");
      assert.equal(read.missing, undefined);
      assert.deepEqual(await sync.findCommit("txn-one-2"), { revision: 2, commitId: "commit-2" });
      assert.equal(await sync.findCommit("txn-two-3"), undefined);
    });

    it("updates, finds, removes and audits rows, and gives rows by id", async () => {
      await using store = await openFresh(engine);
      const sync = makeSyncStore(store.database);
      const ids = await sync.write(async (tx) => {
        const one = await tx.insert("setting", 2, { name: "one", value: "1", updated_at: 1n });
        const two = await tx.insert("setting", 2, { name: "two", value: "2", updated_at: 1n });
        await tx.update("setting", 3, one, { value: "11" });
        await tx.remove("setting", two);
        assert.equal((await tx.find("setting", one))?.["value"], "11");
        assert.equal((await tx.find("setting", one))?.rev, 3n);
        assert.equal(await tx.find("setting", two), undefined);
        await assert.rejects(tx.update("setting", 3, two, { value: "22" }), /no setting with id/);
        await tx.audit({
          actorId: null,
          actor: "test",
          action: "create",
          kind: "setting",
          entityId: String(one),
          revision: 2,
          detail: "{}",
          address: "127.0.0.1",
          requestId: "r",
        });
        return [one, two];
      });
      const rows = await sync.read((tx) => tx.rows("setting", [...ids, 999n]));
      assert.deepEqual(
        rows.map(({ id }) => id),
        [ids[0]],
      );
      const audit = await store.database.reads.selectFrom("audit").selectAll().execute();
      assert.equal(audit[0]?.action, "create");
      assert.ok(Math.abs(Number(audit[0]?.at) - Date.now()) < 5000);
    });

    it("names the column of a value that is taken", async () => {
      await using store = await openFresh(engine);
      const sync = makeSyncStore(store.database);
      const group = {
        symbol: "vip",
        name: "' for key 'x'",
        ratio: 1n,
        public: 0,
        enabled: 1,
        created_at: 0n,
        updated_at: 0n,
      };
      await sync.write((tx) => tx.insert("group", 2, group));
      await assert.rejects(
        sync.write((tx) => tx.insert("group", 2, { ...group, symbol: "default" })),
        (error: unknown) => {
          assert.ok(error instanceof DuplicateRow, String(error));
          assert.equal(error.kind, "group");
          assert.equal(error.column, "symbol");
          return true;
        },
      );
      const id = await sync.write((tx) => tx.insert("group", 2, { ...group, symbol: "pro" }));
      await assert.rejects(
        sync.write((tx) => tx.update("group", 2, id, { symbol: "vip" })),
        DuplicateRow,
      );
    });

    it("keeps integers above 2^53 exact, and types as tables.ts says", async () => {
      await using store = await openFresh(engine);
      const { database } = store;
      const big = 2n ** 63n - 1n;
      const price = { rev: 1n, mode: "tokens", output: null, created_at: 0n, updated_at: 0n };
      await database.writes
        .insertInto("prices")
        .values([
          { ...price, model: "a", input: big },
          { ...price, model: "b", input: 2n ** 53n + 1n },
        ])
        .execute();
      const rows = await database.reads.selectFrom("prices").selectAll().orderBy("id").execute();
      assert.equal(rows[0]?.input, big);
      assert.equal(rows[1]?.input, 9007199254740993n);
      assert.equal(rows[0]?.output, null);
      const half = await database.reads
        .selectFrom("prices")
        .select(sql<bigint>`sum(input - 1)`.as("sum"))
        .where("model", "=", "b")
        .executeTakeFirstOrThrow();
      assert.equal(half.sum, 9007199254740992n);
      const group = await database.reads.selectFrom("groups").selectAll().executeTakeFirst();
      assert.equal(typeof group?.id, "bigint");
      assert.equal(typeof group?.rev, "bigint");
      assert.equal(typeof group?.ratio, "bigint");
      assert.equal(typeof group?.enabled, "number");
      const head = await database.reads.selectFrom("sync_head").selectAll().executeTakeFirst();
      assert.equal(typeof head?.revision, "bigint");
      assert.equal(typeof head?.min_reader, "number");
      assert.equal(typeof head?.id, "number");
    });

    it("treats parameters alike: booleans are 1 and 0, texts keep every character, nothing undefined passes", async () => {
      await using store = await openFresh(engine);
      const { database } = store;
      const value = "it's \\ \" ? $1 \n % 🚀 \u{10ffff} ‮";
      await database.writes
        .insertInto("settings")
        .values({ rev: 1n, name: "odd", value, updated_at: 5n })
        .execute();
      const row = await database.reads
        .selectFrom("settings")
        .select("value")
        .where("value", "=", value)
        .executeTakeFirst();
      assert.equal(row?.value, value);
      const enabled = await database.reads
        .selectFrom("groups")
        .select("symbol")
        .where("enabled", "=", true as unknown as number)
        .execute();
      assert.equal(enabled.length, 1);
      await assert.rejects(
        sql`select name from settings where value = ${undefined}`.execute(database.reads),
        TypeError,
      );
    });

    it("gives rows written by hand as they are, NULLs and all", async () => {
      await using store = await openFresh(engine);
      const { database } = store;
      const quote = quoteFor(engine);
      await sql
        .raw(
          `insert into ${quote("channels")} (name, provider, models, ${quote("groups")}, status, created_at, updated_at) ` +
            `values ('by hand', '?', 'not json', '', 'what', 0, 0)`,
        )
        .execute(database.writes);
      const [row] = await makeSyncStore(database).read((tx) => tx.rows("channel"));
      assert.equal(row?.rev, 0n);
      assert.equal(row?.["weight"], null);
      assert.equal(row?.["models"], "not json");
    });

    it("reads all of one instant, while writers go on", async () => {
      await using store = await openFresh(engine);
      const sync = makeSyncStore(store.database);
      const writer = makeSyncStore(await secondHandle(store, engine));
      await sync.write((tx, head) =>
        commitSetting(tx, head.revision + 1, { name: "a", value: "0" }),
      );
      const seen = await sync.read(async (tx) => {
        const before = await tx.head();
        await writer.write(async (wtx, head) => {
          await commitSetting(wtx, head.revision + 1, { name: "b", value: "0" });
          await wtx.update("setting", head.revision + 1, 1n, { value: "changed" });
        });
        const after = await tx.head();
        return {
          before: before.revision,
          after: after.revision,
          rows: (await tx.rows("setting")).map((row) => row["value"]),
          changes: (await tx.changesAfter(0, 100)).length,
        };
      });
      assert.deepEqual(seen, { before: 2, after: 2, rows: ["0"], changes: 1 });
      assert.equal((await sync.readHead(2000)).revision, 3);
    });

    it("orders eight writers without a gap, a loss or a double", async () => {
      await using store = await openFresh(engine);
      const databases = [store.database, await secondHandle(store, engine)];
      const rounds = 6;
      await Promise.all(
        Array.from({ length: 8 }, async (_, writer) => {
          const sync = makeSyncStore(databases[writer % 2]!, { retryForMs: 30_000 });
          for (let round = 0; round < rounds; round += 1)
            await sync.write((tx, head) =>
              commitSetting(tx, head.revision + 1, { name: `${writer}.${round}`, value: "1" }),
            );
        }),
      );
      const sync = makeSyncStore(store.database);
      const { changes, count } = await sync.read(async (tx) => ({
        changes: await tx.changesAfter(1, 1000),
        count: await tx.count("setting"),
      }));
      assert.equal(count, 8 * rounds);
      assert.deepEqual(
        changes.map(({ revision }) => revision),
        Array.from({ length: 8 * rounds }, (_, index) => index + 2),
      );
      assert.equal((await sync.readHead(2000)).revision, 1 + 8 * rounds);
    });

    it("finds a key with its owner and the head in one statement", async () => {
      await using store = await openFresh(engine);
      const sync = makeSyncStore(store.database);
      await sync.write(async (tx, head) => {
        const owner = await tx.insert("user", 2, {
          username: "ann",
          role: "member",
          group: "default",
          billing: "prepaid",
          status: "enabled",
          created_at: 0n,
          updated_at: 0n,
        });
        for (const hash of ["h1", "h2"])
          await tx.insert("key", 2, {
            hash,
            name: `key ${hash}`,
            owner_id: hash === "h1" ? owner : 999n,
            group: null,
            fallback_group: null,
            models: null,
            ip_ranges: null,
            expires_at: null,
            status: "enabled",
            hint: "abcd",
            created_at: 0n,
            updated_at: 0n,
          });
        await commitSetting(tx, head.revision + 1, { name: "x", value: "1" });
      });
      const found = await sync.findCaller("h1");
      assert.equal(found.revision, 2);
      assert.equal(found.caller?.key["name"], "key h1");
      assert.equal(found.caller?.key["owner_id"], found.caller?.owner.id);
      assert.equal(found.caller?.owner["username"], "ann");
      assert.equal(found.caller?.owner["group"], "default");
      assert.equal(found.caller?.key["group"], null);
      assert.deepEqual(await sync.findCaller("none"), { revision: 2, caller: undefined });
      assert.deepEqual(await sync.findCaller("h2"), { revision: 2, caller: undefined });
      const callers = await sync.read((tx) => tx.callers(["h1", "h2", "none"]));
      assert.deepEqual(
        callers.map(({ key }) => key["hash"]),
        ["h1"],
      );
    });

    it("keeps the registry by the database's clock", async () => {
      await using store = await openFresh(engine);
      const sync = makeSyncStore(store.database);
      await sync.writeReport(makeReport({ nodeId: "b" }));
      await sync.writeReport(makeReport({ lastError: "was away" }));
      await sync.writeReport(makeReport({ appliedRevision: 7, type: "master" }));
      const reports = await sync.readReports();
      assert.deepEqual(
        reports.map(({ nodeId, appliedRevision, type, lastError }) => ({
          nodeId,
          appliedRevision,
          type,
          lastError,
        })),
        [
          { nodeId: "a", appliedRevision: 7, type: "master", lastError: null },
          { nodeId: "b", appliedRevision: 1, type: "unset", lastError: null },
        ],
      );
      assert.ok(reports.every(({ ageMs }) => ageMs >= 0 && ageMs < 5000));
      await sync.purgeReports(60_000);
      assert.equal((await sync.readReports()).length, 2);
      await until(async () => {
        await sync.purgeReports(0);
        return (await sync.readReports()).length === 0;
      });
    });

    it("gives a lease to one holder, raises the fence with each change, and stops what came late", async () => {
      await using store = await openFresh(engine);
      const { database } = store;
      const sync = makeSyncStore(database);
      const taken = await Promise.all(
        ["a", "b", "c", "d"].map((holder) => sync.takeLease("lead", holder, 60_000)),
      );
      const [lease, ...others] = taken.filter((one) => one !== undefined);
      assert.ok(lease);
      assert.deepEqual(others, []);
      assert.equal(lease.fence, 1);
      assert.equal((await sync.renewLease(lease, 30_000))?.leftMs, 30_000);
      assert.ok((await sync.readLease("lead"))!.leftMs <= 30_000);
      await withFence(database.writes, lease, (trx) =>
        trx.updateTable("groups").set({ name: "fenced" }).execute(),
      );
      await sync.releaseLease(lease);
      const next = await sync.takeLease("lead", "next", 60_000);
      assert.equal(next?.fence, 2);
      assert.equal(await sync.renewLease(lease, 30_000), undefined);
      await assert.rejects(
        withFence(database.writes, lease, (trx) =>
          trx.updateTable("groups").set({ name: "late" }).execute(),
        ),
        LeaseLost,
      );
      await assert.rejects(sync.compact(lease, 0, 0), LeaseLost);
      const group = await database.reads.selectFrom("groups").select("name").executeTakeFirst();
      assert.equal(group?.name, "fenced");
    });

    it("compacts what is old and not among the newest, and keeps the log complete above", async () => {
      await using store = await openFresh(engine);
      const sync = makeSyncStore(store.database);
      for (let index = 0; index < 6; index += 1)
        await sync.write((tx, head) =>
          commitSetting(tx, head.revision + 1, { name: `s${index}`, value: "1" }),
        );
      const lease = await sync.takeLease("lead", "me", 60_000);
      assert.ok(lease);
      assert.equal(await sync.compact(lease, 3, 3_600_000), 0);
      await until(async () => (await sync.compact(lease, 3, 0)) > 0);
      const head = await sync.readHead(2000);
      assert.equal(head.revision, 7);
      assert.equal(head.minRetained, 4);
      const kept = await sync.read(async (tx) => ({
        changes: (await tx.changesAfter(0, 100)).map(({ revision }) => revision),
        at: await tx.commitId(4),
        below: await tx.commitId(3),
      }));
      assert.deepEqual(kept, { changes: [5, 6, 7], at: "commit-4", below: undefined });
      assert.equal(await sync.compact(lease, 3, 0), 0);
    });
  });
}

/** Another node on the same database; closed with the test's own. */
async function secondHandle(
  store: Awaited<ReturnType<typeof openFresh>>,
  engine: (typeof SQL_ENGINES)[number],
): Promise<typeof store.database> {
  const second = await openDsn(engine, store.fresh.dsn);
  const { close } = store.database;
  Object.assign(store.database, {
    close: async () => {
      await second.close();
      await close();
    },
  });
  return second;
}
