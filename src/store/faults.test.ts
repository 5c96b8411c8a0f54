// What the store does when the database misbehaves: locks, kills, cuts, silence, demotion, outages. Real servers throughout.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import { sql } from "kysely";
import {
  freshDatabaseOn,
  skipReason,
  SQL_ENGINES,
  freshDatabase,
} from "../../test/engines/engines.ts";
import { startMariadb } from "../../test/engines/start-mariadb.ts";
import { startPostgres } from "../../test/engines/start-postgres.ts";
import { openTcpProxy } from "../../test/engines/tcp-proxy.ts";
import {
  commitSetting,
  openDsn,
  openFresh,
  testSecret,
  until,
} from "../../test/store/open-fresh.ts";
import { systemClock } from "../core/clock.ts";
import { explainConnectError } from "./explain-connect-error.ts";
import { migrate } from "./migrate.ts";
import { openDatabase } from "./open-database.ts";
import { SessionLost } from "./sessions/session.ts";
import { SessionPool } from "./sessions/session-pool.ts";
import { openSqliteSession } from "./sessions/sqlite-session.ts";
import { UncertainCommit } from "./sync-store.ts";
import { makeSyncStore } from "./sync-sql.ts";

const serverEngines = ["postgres", "mysql"] as const;

/** Starts a process that holds the head's lock until it is killed; resolves once it does. */
async function holdHead(engine: string, dsn: string): Promise<{ kill(): Promise<void> }> {
  const here = new URL(".", import.meta.url).href;
  const script = `
    import { openDsn, commitSetting } from "${here}../../test/store/open-fresh.ts";
    import { makeSyncStore } from "${here}sync-sql.ts";
    const database = await openDsn(${JSON.stringify(engine)}, ${JSON.stringify(dsn)});
    setInterval(() => {}, 1000);
    await makeSyncStore(database).write(async (tx, head) => {
      await commitSetting(tx, head.revision + 1, { name: "of the killed", value: "1" });
      console.log("held");
      await new Promise(() => {});
    });`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return {
    kill: async () => {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
  };
}

for (const engine of SQL_ENGINES) {
  describe(`writers in each other's way on ${engine}`, { skip: skipReason(engine) }, () => {
    it("waits for a lock no longer than told, and goes on when its holder was killed before COMMIT", async () => {
      await using store = await openFresh(engine);
      const holder = await holdHead(engine, store.fresh.dsn);
      const impatient = makeSyncStore(store.database, { retryForMs: 0 });
      const began = performance.now();
      const refused = impatient
        .write((tx, head) => commitSetting(tx, head.revision + 1, { name: "b", value: "1" }))
        .then(
          () => "written",
          (error: unknown) => error,
        );
      // Reading goes on meanwhile, and so does this loop.
      let ticks = 0;
      const timer = setInterval(() => (ticks += 1), 20);
      assert.equal((await impatient.readHead(2000)).revision, 1);
      assert.ok((await refused) instanceof Error);
      clearInterval(timer);
      const waited = performance.now() - began;
      assert.ok(waited > 2000 && waited < 7000, `waited ${waited} ms`);
      assert.ok(ticks > waited / 40, `the loop turned only ${ticks} times in ${waited} ms`);
      const patient = makeSyncStore(store.database).write((tx, head) =>
        commitSetting(tx, head.revision + 1, { name: "c", value: "1" }),
      );
      await holder.kill();
      await patient;
      const seen = await impatient.read(async (tx) => ({
        names: (await tx.rows("setting")).map((row) => row["name"]),
        revision: (await tx.head()).revision,
      }));
      assert.deepEqual(seen, { names: ["c"], revision: 2 });
    });

    it("keeps sync and look-ups apart from a pool that is used up", async () => {
      await using store = await openFresh(engine);
      const { database } = store;
      const sync = makeSyncStore(database);
      let free: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => (free = resolve));
      const hogs = Array.from({ length: 12 }, (_, index) =>
        (index % 2 === 0 ? database.reads : database.writes)
          .connection()
          .execute(() => gate)
          .catch(() => undefined),
      );
      assert.equal((await sync.readHead(2000)).revision, 1);
      assert.equal((await sync.findCaller("x")).caller, undefined);
      assert.equal(await sync.read((tx) => tx.count("group")), 1);
      free();
      await Promise.all(hogs);
      await sync.write((tx, head) =>
        commitSetting(tx, head.revision + 1, { name: "a", value: "1" }),
      );
    });
  });
}

describe("SQLite threads", () => {
  it("keep the loop turning during a long scan", async () => {
    await using store = await openFresh("sqlite");
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 10);
    const began = performance.now();
    await sql`with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000000)
      select count(*) as c from n`.execute(store.database.reads);
    const took = performance.now() - began;
    clearInterval(timer);
    assert.ok(ticks > took / 40, `${ticks} turns in ${took} ms`);
  });

  it("reject what runs when one dies, and are replaced", async () => {
    await using fresh = await freshDatabase("sqlite");
    const pool = new SessionPool({
      size: 1,
      clock: systemClock,
      acquireTimeoutMs: 5000,
      connect: () => openSqliteSession({ path: fresh.dsn, role: "writer", busyTimeoutMs: 100 }),
    });
    const session = await pool.acquire();
    await pool.run(session, "create table t (n int)", []);
    await pool.run(session, "begin immediate", []);
    await pool.run(session, "insert into t values (1)", []);
    const slow =
      "with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000000) select count(*) from n";
    const running = pool.run(session, slow, []).catch((error) => error);
    const next = pool.acquire();
    session.destroy();
    assert.ok((await running) instanceof SessionLost);
    pool.release(session);
    const replaced = await next;
    assert.notEqual(replaced, session);
    const { rows } = await pool.run(replaced, "select count(*) as n from t", []);
    assert.deepEqual(rows, [{ n: 0n }], "what the dead thread had not committed is gone");
    pool.release(replaced);
    await pool.close();
  });
});

for (const engine of serverEngines) {
  describe(`a ${engine} connection that breaks`, { skip: skipReason(engine) }, () => {
    it("tells a commit that may or may not have happened, and finds out which", async () => {
      await using fresh = await freshDatabase(engine);
      await using proxy = await openTcpProxy(fresh.dsn);
      const direct = await openDsn(engine, fresh.dsn);
      await migrate(direct, { secretKey: testSecret });
      const cut = await openDsn(engine, proxy.through(fresh.dsn));
      const sync = makeSyncStore(cut);
      // The commit reaches the server, its answer never arrives.
      const lost = sync.write(async (tx, head) => {
        await commitSetting(tx, head.revision + 1, { name: "a", value: "1", txnId: "arrived" });
        proxy.stall("to-client");
        setTimeout(() => proxy.cut(), 300);
      });
      await assert.rejects(lost, UncertainCommit);
      proxy.restore();
      assert.equal((await sync.findCommit("arrived"))?.revision, 2);
      // The commit never reaches the server.
      const unsent = sync.write(async (tx, head) => {
        await commitSetting(tx, head.revision + 1, { name: "b", value: "1", txnId: "unsent" });
        proxy.cut();
      });
      await assert.rejects(unsent, UncertainCommit);
      proxy.restore();
      assert.equal(await sync.findCommit("unsent"), undefined);
      // Lost before COMMIT: nothing was written, so it is simply done again.
      let tries = 0;
      await sync.write(async (tx, head) => {
        tries += 1;
        if (tries === 1) {
          proxy.cut();
          setTimeout(() => proxy.restore(), 0);
        }
        await commitSetting(tx, head.revision + 1, { name: "c", value: "1" });
      });
      assert.equal(tries, 2);
      assert.equal((await makeSyncStore(direct).readHead(2000)).revision, 3);
      await cut.close();
      await direct.close();
    });

    it("gives up a silent connection in time, and works at once when the network is back", async () => {
      await using fresh = await freshDatabase(engine);
      await using proxy = await openTcpProxy(fresh.dsn);
      const database = await openDsn(engine, proxy.through(fresh.dsn));
      await migrate(database, { secretKey: testSecret });
      const sync = makeSyncStore(database);
      await sync.readHead(2000);
      proxy.stall();
      const began = performance.now();
      await assert.rejects(sync.readHead(2000));
      await assert.rejects(sync.findCaller("x"));
      const took = performance.now() - began;
      assert.ok(took < 5000, `${took} ms`);
      proxy.restore();
      await until(
        async () => (await sync.readHead(2000).catch(() => undefined)) !== undefined,
        3000,
      );
      await database.close();
    });
  });

  describe(`a ${engine} of our own`, { skip: skipReason(engine, "own") }, () => {
    const start = engine === "postgres" ? startPostgres : startMariadb;

    it("may be away when a node opens it, go away, and come back", async () => {
      await using server = await start();
      await using fresh = await freshDatabaseOn(engine, server.url);
      await server.stop("crash");
      const database = await openDsn(engine, fresh.dsn);
      const sync = makeSyncStore(database);
      await assert.rejects(sync.readHead(2000), (error: unknown) => {
        assert.match(explainConnectError(error), /refused the connection/);
        return true;
      });
      await server.restart();
      await migrate(database, { secretKey: testSecret });
      await sync.write((tx, head) =>
        commitSetting(tx, head.revision + 1, { name: "a", value: "1" }),
      );
      await server.stop("crash");
      await assert.rejects(sync.readHead(2000));
      await assert.rejects(sync.read((tx) => tx.rows("setting")));
      await assert.rejects(
        sync.write((tx, head) => commitSetting(tx, head.revision + 1, { name: "b", value: "1" })),
      );
      await server.restart();
      assert.equal((await sync.readHead(2000)).revision, 2);
      await sync.write((tx, head) =>
        commitSetting(tx, head.revision + 1, { name: "c", value: "1" }),
      );
      await database.close();
    });

    it("may default to any isolation: ours is stated", async () => {
      for (const isolation of ["read committed", "repeatable read", "serializable"]) {
        const name =
          engine === "postgres" ? "default_transaction_isolation" : "transaction-isolation";
        const value = engine === "postgres" ? isolation : isolation.toUpperCase().replace(" ", "-");
        await using server = await start({ settings: { [name]: value } });
        await using fresh = await freshDatabaseOn(engine, server.url);
        const database = await openDsn(engine, fresh.dsn);
        const other = await openDsn(engine, fresh.dsn);
        await migrate(database, { secretKey: testSecret });
        const sync = makeSyncStore(database);
        const torn = await sync.read(async (tx) => {
          const before = await tx.count("setting");
          await makeSyncStore(other).write((wtx, head) =>
            commitSetting(wtx, head.revision + 1, { name: "a", value: "1" }),
          );
          return [before, await tx.count("setting"), (await tx.head()).revision];
        });
        assert.deepEqual(torn, [0, 0, 1], isolation);
        // The door must see what was committed while it waited for the lock.
        await Promise.all(
          [database, other, database, other].map((db, index) =>
            makeSyncStore(db).write(async (tx, head) => {
              assert.equal(head.revision, (await tx.head()).revision);
              await commitSetting(tx, head.revision + 1, { name: `w${index}`, value: "1" });
            }),
          ),
        );
        assert.equal((await sync.readHead(2000)).revision, 6, isolation);
        await database.close();
        await other.close();
      }
    });

    it("drops connections to a server that turned read-only, and dials again", async () => {
      await using server = await start();
      await using fresh = await freshDatabaseOn(engine, server.url);
      const admin = await openDsn(engine, server.url);
      const dsn = new URL(fresh.dsn);
      const name = dsn.pathname.slice(1);
      // MariaDB's read_only does not bind those who may set it.
      if (engine === "mysql") {
        await sql.raw("create user app identified by 'app'").execute(admin.schema);
        await sql.raw(`grant all on ${name}.* to app`).execute(admin.schema);
        dsn.username = "app";
        dsn.password = "app";
      }
      await using proxy = await openTcpProxy(server.url);
      const database = await openDsn(engine, proxy.through(dsn.href));
      await migrate(database, { secretKey: testSecret });
      const sync = makeSyncStore(database);
      await sync.write((tx, head) =>
        commitSetting(tx, head.revision + 1, { name: "a", value: "1" }),
      );
      const demote = async (readOnly: boolean): Promise<void> => {
        if (engine === "mysql") {
          await sql.raw(`set global read_only = ${readOnly ? 1 : 0}`).execute(admin.schema);
          return;
        }
        const value = readOnly ? "on" : "off";
        const statement = `alter database ${name} set default_transaction_read_only = ${value}`;
        await sql.raw(statement).execute(admin.schema);
      };
      await demote(true);
      // Connections of before keep PostgreSQL's old setting: as in a failover, they must be new ones.
      proxy.cut();
      proxy.restore();
      const before = proxy.accepted();
      const written = sync.write((tx, head) =>
        commitSetting(tx, head.revision + 1, { name: "b", value: "1" }),
      );
      // Refused, dropped and dialled again, several times over: one refusal would have ended it otherwise.
      await until(() => proxy.accepted() >= before + 4, 8000);
      await demote(false);
      await written;
      assert.equal((await sync.readHead(2000)).revision, 3);
      await admin.close();
      await database.close();
    });

    it("must be the one that its certificate names, also by an address", async () => {
      const verify = (caFile: string): string =>
        engine === "postgres"
          ? `sslmode=verify-full&sslrootcert=${caFile}`
          : `tls=true&ssl-ca=${caFile}`;
      for (const [names, expected] of [
        [["127.0.0.1"], /^works$/],
        [["localhost"], /made out to another host name/],
      ] as const) {
        await using server = await start({ tls: "required", names });
        assert.ok(server.caFile);
        const url = new URL(server.url);
        assert.equal(url.hostname, "127.0.0.1");
        url.search = verify(server.caFile);
        const database = await openDatabase({ dsn: url.href, sqlitePath: "" });
        const outcome = await sql`select 1 as one`.execute(database.reads).then(
          () => "works",
          (error: unknown) => explainConnectError(error),
        );
        await database.close();
        assert.match(outcome, expected, names[0]);
      }
    });

    it("may demand TLS, with a certificate of an own authority", async () => {
      await using server = await start({ tls: "required" });
      assert.ok(server.ca && server.caFile);
      await using fresh = await freshDatabaseOn(engine, server.url, server.ca);
      const variants: Record<string, RegExp | "works"> =
        engine === "postgres"
          ? {
              "sslmode=disable": /demands encryption/,
              "sslmode=allow": "works",
              "sslmode=prefer": "works",
              "": "works",
              "sslmode=require": "works",
              [`sslmode=require&sslrootcert=${server.caFile}`]: "works",
              "sslmode=verify-ca": /not signed by a trusted root/,
              [`sslmode=verify-ca&sslrootcert=${server.caFile}`]: "works",
              [`sslmode=verify-full&sslrootcert=${server.caFile}`]: "works",
            }
          : {
              "": /demands encryption|refused/,
              "tls=false": /demands encryption|refused/,
              "tls=preferred": "works",
              "tls=skip-verify": "works",
              "tls=true": /not signed by a trusted root/,
              [`tls=true&ssl-ca=${server.caFile}`]: "works",
              [`ssl-mode=VERIFY_CA&ssl-ca=${server.caFile}`]: "works",
              "ssl-mode=REQUIRED": "works",
            };
      for (const [parameters, expected] of Object.entries(variants)) {
        const url = new URL(fresh.dsn);
        url.search = parameters;
        const database = await openDatabase({ dsn: url.href, sqlitePath: "" });
        const outcome = await sql`select 1 as one`.execute(database.reads).then(
          () => "works",
          (error: unknown) => explainConnectError(error),
        );
        await database.close();
        if (expected === "works") assert.equal(outcome, "works", parameters);
        else assert.match(outcome, expected, parameters);
      }
    });

    it("may offer no TLS", async () => {
      await using server = await start();
      const demanding = engine === "postgres" ? "sslmode=require" : "tls=skip-verify";
      const preferring = engine === "postgres" ? "sslmode=prefer" : "tls=preferred";
      for (const [parameters, expected] of [
        [demanding, /offers no encryption/],
        [preferring, /works/],
      ] as const) {
        const url = new URL(server.url);
        url.search = parameters;
        const database = await openDatabase({ dsn: url.href, sqlitePath: "" });
        const outcome = await sql`select 1 as one`.execute(database.reads).then(
          () => "works",
          (error: unknown) => explainConnectError(error),
        );
        await database.close();
        assert.match(outcome, expected, parameters);
      }
    });

    it("explains a wrong password and a missing database without repeating the password", async () => {
      await using server = await start();
      const wrong = new URL(server.url);
      wrong.password = "hunter2-of-tests";
      const missing = new URL(server.url);
      missing.pathname = "/not_there";
      for (const [url, expected] of [
        [wrong, /refused the user name or password/],
        [missing, /does not exist/],
      ] as const) {
        const database = await openDatabase({ dsn: url.href, sqlitePath: "" });
        const error: unknown = await sql`select 1`.execute(database.reads).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        assert.match(explainConnectError(error), expected);
        assert.ok(!String((error as Error).stack).includes("hunter2"));
        await database.close();
      }
    });
  });
}
