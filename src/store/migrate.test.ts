// Migrations: from nothing, again, at the same time, after a kill at any step, and never into what is not ours.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import { sql } from "kysely";
import { freshDatabase, skipReason, SQL_ENGINES } from "../../test/engines/engines.ts";
import { openDsn, openFresh, testSecret } from "../../test/store/open-fresh.ts";
import { openCluster, WrongSecret } from "./cluster.ts";
import type { Sql } from "./database.ts";
import { engineOf, quoteFor } from "./dialect.ts";
import { migrate } from "./migrate.ts";
import { migrationList, migrationTable } from "./migrations/migration-list.ts";
import { ForeignDatabase, readSchema, SchemaTooNew } from "./read-schema.ts";
import { makeSyncStore } from "./sync-sql.ts";

async function tableNames(db: Sql): Promise<string[]> {
  const engine = engineOf(db);
  const query =
    engine === "sqlite"
      ? sql<{
          name: string;
        }>`select name from sqlite_master where type = 'table' and name not like 'sqlite_%'`
      : engine === "postgres"
        ? sql<{
            name: string;
          }>`select tablename::text as name from pg_tables where schemaname = current_schema()`
        : sql<{
            name: string;
          }>`select table_name as name from information_schema.tables where table_schema = database()`;
  return (await query.execute(db)).rows.map(({ name }) => name).sort();
}

/** Runs migrations in a process of its own that kills itself at the given step. */
async function migrateAndDie(engine: string, dsn: string, step: string): Promise<string | null> {
  const here = new URL(".", import.meta.url).href;
  const script = `
    import { openDsn, testSecret } from "${here}../../test/store/open-fresh.ts";
    import { migrate } from "${here}migrate.ts";
    const database = await openDsn(${JSON.stringify(engine)}, ${JSON.stringify(dsn)});
    await migrate(database, { secretKey: testSecret, onStep: (name) => {
      if (name === ${JSON.stringify(step)}) process.kill(process.pid, "SIGKILL");
    } });
    await database.close();`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [, signal] = (await once(child, "exit")) as [number | null, string | null];
  return signal;
}

for (const engine of SQL_ENGINES) {
  describe(`migrations on ${engine}`, { skip: skipReason(engine) }, () => {
    it("make every table, the group default, revision 1 and the cluster, and then do nothing", async () => {
      await using store = await openFresh(engine, { migrated: false });
      const { database } = store;
      const done = await migrate(database, { secretKey: testSecret });
      assert.deepEqual(
        done,
        migrationList.map(({ name }) => name),
      );
      assert.deepEqual(await migrate(database, { secretKey: testSecret }), []);
      assert.equal((await readSchema(database.reads)).state, "current");
      const groups = await database.reads.selectFrom("groups").selectAll().execute();
      assert.equal(groups.length, 1);
      assert.equal(groups[0]?.symbol, "default");
      assert.equal(groups[0]?.ratio, 1_000_000n);
      assert.equal(groups[0]?.enabled, 1);
      const head = await makeSyncStore(database).readHead(2000);
      assert.equal(head.revision, 1);
      assert.equal(head.minRetained, 1);
      const logged = await makeSyncStore(database).read((tx) => tx.commitId(1));
      assert.equal(logged, head.commitId);
      assert.ok(Math.abs(head.nowMs - Date.now()) < 5000, `the clock says ${head.nowMs}`);
      const cluster = await openCluster(database.reads, testSecret);
      assert.equal(cluster.pepper.length, 32);
      assert.equal(cluster.dataKey.length, 32);
      await assert.rejects(openCluster(database.reads, "another"), WrongSecret);
    });

    it("may be started by several nodes at once", async () => {
      await using fresh = await freshDatabase(engine);
      const nodes = await Promise.all([1, 2, 3, 4].map(() => openDsn(engine, fresh.dsn)));
      const done = await Promise.all(nodes.map((node) => migrate(node, { secretKey: testSecret })));
      assert.deepEqual(
        done.map(({ length }) => length).sort((a, b) => a - b),
        [0, 0, 0, migrationList.length],
      );
      const ids = await Promise.all(nodes.map((node) => openCluster(node.reads, testSecret)));
      assert.equal(new Set(ids.map(({ clusterId }) => clusterId)).size, 1);
      await Promise.all(nodes.map((node) => node.close()));
    });

    it("end well however often the process was killed between two steps", async () => {
      await using fresh = await freshDatabase(engine);
      const names = [migrationTable.name, ...migrationList.map(({ name }) => name)];
      // Only MySQL commits step by step; elsewhere a kill undoes all, wherever it falls.
      const steps = engine === "mysql" ? names : [names[0]!, names[7]!, names.at(-1)!];
      for (const step of steps)
        assert.equal(await migrateAndDie(engine, fresh.dsn, step), "SIGKILL", step);
      const database = await openDsn(engine, fresh.dsn);
      await migrate(database, { secretKey: testSecret });
      assert.equal((await readSchema(database.reads)).state, "current");
      assert.equal((await makeSyncStore(database).readHead(2000)).revision, 1);
      const { length } = await database.reads.selectFrom("groups").select("id").execute();
      assert.equal(length, 1);
      await database.close();
    });

    it("refuse the databases of One Hub, one-api and new-api by name, and write nothing", async () => {
      const shared = ["channels", "tokens", "users", "options", "redemptions", "logs"];
      const theirs = {
        "One Hub": [
          ...shared,
          "user_groups",
          "prices",
          "model_owned_by",
          "statistics",
          "migrations",
        ],
        "one-api": [...shared, "abilities"],
        "new-api": [...shared, "abilities", "quota_data", "tasks", "midjourneys"],
      };
      for (const [product, tables] of Object.entries(theirs)) {
        await using store = await openFresh(engine, { migrated: false });
        const { database } = store;
        const quote = quoteFor(engine);
        for (const table of tables)
          await sql.raw(`create table ${quote(table)} (id int)`).execute(database.schema);
        await assert.rejects(migrate(database, { secretKey: testSecret }), (error: unknown) => {
          assert.ok(error instanceof ForeignDatabase);
          assert.equal(error.product, product);
          assert.match(error.message, /Nothing was written.*empty database/);
          return true;
        });
        assert.deepEqual(await tableNames(database.schema), [...tables].sort());
      }
    });

    it("refuse other tables without guessing whose they are", async () => {
      await using store = await openFresh(engine, { migrated: false });
      await sql.raw("create table invoices (id int)").execute(store.database.schema);
      await assert.rejects(
        migrate(store.database, { secretKey: testSecret }),
        (error: unknown) => error instanceof ForeignDatabase && error.product === undefined,
      );
      assert.deepEqual(await tableNames(store.database.schema), ["invoices"]);
    });

    it("leave a newer release's additions alone, and stop where it needs newer readers", async () => {
      await using store = await openFresh(engine);
      const { database } = store;
      await database.schema
        .insertInto("switchyard_migrations")
        .values({ name: "0099-of-the-future", applied_at: 1n })
        .execute();
      assert.equal((await readSchema(database.reads)).state, "newer");
      assert.deepEqual(await migrate(database, { secretKey: testSecret }), []);
      await database.schema.updateTable("sync_head").set({ min_reader: 2 }).execute();
      await assert.rejects(migrate(database, { secretKey: testSecret }), SchemaTooNew);
    });

    it("give texts the same meaning everywhere: no folding of letters", async () => {
      await using store = await openFresh(engine);
      const groups = ["a", "A", "ä", "a\u0308"].map((symbol) => ({
        rev: 1n,
        symbol,
        name: symbol,
        ratio: 1n,
        public: 0,
        enabled: 1,
        created_at: 0n,
        updated_at: 0n,
      }));
      await store.database.writes.insertInto("groups").values(groups).execute();
      const found = await store.database.reads
        .selectFrom("groups")
        .select("name")
        .where("symbol", "=", "A")
        .execute();
      assert.deepEqual(found, [{ name: "A" }]);
    });
  });
}
