// The machinery that other tests stand on: databases really start, restart on the same data, crash, speak TLS and go away.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createConnection } from "mysql2/promise";
import { Client } from "pg";
import { createClient } from "redis";
import { engineUrls, freshDatabase, freshDatabaseOn, skipReason, SQL_ENGINES } from "./engines.ts";
import { startMariadb } from "./start-mariadb.ts";
import { startPostgres } from "./start-postgres.ts";
import { startRedis } from "./start-redis.ts";
import { openTcpProxy } from "./tcp-proxy.ts";
import { makeCertificate } from "./tls-certificate.ts";

describe("freshDatabase", () => {
  for (const engine of SQL_ENGINES) {
    it(
      `gives an empty ${engine} database and takes it away`,
      { skip: skipReason(engine) },
      async () => {
        const one = await freshDatabase(engine);
        const two = await freshDatabase(engine);
        assert.notEqual(one.dsn, two.dsn);
        assert.ok(Object.values(one.env).includes(one.dsn));
        await one.drop();
        await one.drop();
        await two.drop();
      },
    );
  }

  it(
    "drops a database that others are still connected to",
    { skip: skipReason("postgres") },
    async () => {
      const fresh = await freshDatabase("postgres");
      const client = new Client(fresh.dsn);
      const broken = new Promise((resolve) => void client.on("error", resolve));
      await client.connect();
      await fresh.drop();
      await broken;
    },
  );
});

describe("a PostgreSQL of our own", { skip: skipReason("postgres", "own") }, () => {
  it("keeps committed rows over a clean restart and over a crash, on the same port", async () => {
    await using server = await startPostgres({ settings: { max_connections: 20 } });
    assert.equal(await queryPostgres(server.url, "show max_connections"), "20");
    await queryPostgres(server.url, "create table kept (n int)");
    await queryPostgres(server.url, "insert into kept values (1)");
    await server.restart();
    await queryPostgres(server.url, "insert into kept values (2)");
    await server.stop("crash");
    await assert.rejects(queryPostgres(server.url, "select 1"), /ECONNREFUSED/);
    await server.restart();
    assert.equal(await queryPostgres(server.url, "select sum(n) from kept"), "3");
    assert.match(server.log(), /not properly shut down/);
  });

  it("can demand TLS", async () => {
    await using server = await startPostgres({ tls: "required" });
    await assert.rejects(queryPostgres(server.url, "select 1"), /no encryption/);
    const sql = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    assert.equal(await queryPostgres(server.url, sql, server.ca), true);
    await using fresh = await freshDatabaseOn("postgres", server.url, server.ca);
    assert.equal(await queryPostgres(fresh.dsn, "select 1", server.ca), 1);
  });

  it("leaves neither a process nor a folder behind when its test is killed", async () => {
    const file = new URL("start-postgres.ts", import.meta.url).href;
    const script = `import { startPostgres } from ${JSON.stringify(file)};
      const server = await startPostgres(); console.log(server.url); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const url = String(
      await new Promise((resolve) => void child.stdout.once("data", resolve)),
    ).trim();
    const folder = await queryPostgres(url, "show data_directory");
    child.kill("SIGKILL");
    await until(async () => !existsSync(String(folder)) && (await refuses(url)));
  });
});

describe("a MariaDB of our own", { skip: skipReason("mysql", "own") }, () => {
  it("keeps committed rows over a clean restart and over a crash, on the same port", async () => {
    await using server = await startMariadb({ settings: { "max-connections": 20 } });
    assert.equal(await queryMysql(server.url, "select @@max_connections"), 20);
    await queryMysql(server.url, "create database own");
    await queryMysql(server.url, "create table own.kept (n int)");
    await queryMysql(server.url, "insert into own.kept values (1)");
    await server.restart();
    await queryMysql(server.url, "insert into own.kept values (2)");
    await server.stop("crash");
    await assert.rejects(queryMysql(server.url, "select 1"), /ECONNREFUSED/);
    await server.restart();
    assert.equal(Number(await queryMysql(server.url, "select sum(n) from own.kept")), 3);
  });

  it("can demand TLS", async () => {
    await using server = await startMariadb({ tls: "required" });
    await assert.rejects(queryMysql(server.url, "select 1"), /secure|encrypt|denied/i);
    assert.equal(await queryMysql(server.url, "select 1", server.ca), 1);
    await using fresh = await freshDatabaseOn("mysql", server.url, server.ca);
    assert.equal(await queryMysql(fresh.dsn, "select 1", server.ca), 1);
  });
});

describe("a Redis of our own", { skip: skipReason("redis", "own") }, () => {
  it("forgets over a restart and comes back on the same port", async () => {
    await using server = await startRedis();
    assert.equal(await setAndGet(server.url), "x");
    await server.stop("crash");
    await assert.rejects(setAndGet(server.url), /ECONNREFUSED/);
    await server.restart();
    assert.equal(await setAndGet(server.url), "x");
  });

  it("can speak TLS only", async () => {
    await using server = await startRedis({ tls: "required" });
    assert.match(server.url, /^rediss:/);
    assert.equal(await setAndGet(server.url, server.ca), "x");
  });

  it("is reached through a proxy that can be cut, stalled and restored", async () => {
    await using server = await startRedis();
    await using proxy = await openTcpProxy(server.url);
    const client = createClient({
      url: proxy.through(server.url),
      socket: { reconnectStrategy: 20 },
    });
    client.on("error", () => {});
    await client.connect();
    assert.equal(proxy.connections(), 1);

    proxy.stall("to-client");
    const answer = client.set("held", "yes");
    assert.equal(await Promise.race([answer, sleep(150, "nothing")]), "nothing");
    assert.equal(
      await setAndGet(server.url, undefined, "held"),
      "yes",
      "the command itself went through",
    );
    proxy.restore();
    assert.equal(await answer, "OK");

    proxy.stall();
    const late = client.set("late", "yes");
    await sleep(100);
    assert.equal(
      await setAndGet(server.url, undefined, "late"),
      null,
      "not even the command went through",
    );
    proxy.restore();
    await late;

    const before = proxy.accepted();
    proxy.cut();
    await until(() => proxy.accepted() > before);
    assert.equal(client.isReady, false);
    proxy.restore();
    assert.equal(await client.get("late"), "yes");
    client.destroy();
  });
});

describe("a certificate of our own", () => {
  it("is signed by its authority and names what it was asked to", () => {
    const { ca, cert } = makeCertificate({ names: ["db.test", "10.1.2.3", "fd00::1:2"] });
    const server = new X509Certificate(cert);
    assert.ok(server.verify(new X509Certificate(ca).publicKey));
    assert.ok(server.checkIssued(new X509Certificate(ca)));
    assert.equal(
      server.subjectAltName,
      "DNS:db.test, IP Address:10.1.2.3, IP Address:FD00:0:0:0:0:0:1:2",
    );
    assert.ok(server.validToDate.getTime() > Date.now());
  });
});

describe("skipReason", () => {
  it("names the variable that is not set", () => {
    assert.equal(skipReason("sqlite"), false);
    for (const engine of ["postgres", "mysql", "redis"] as const) {
      assert.equal(skipReason(engine) === false, engineUrls()[engine] !== undefined);
    }
  });
});

async function queryPostgres(url: string, sql: string, ca?: string): Promise<unknown> {
  const client = new Client({ connectionString: url, ...(ca !== undefined && { ssl: { ca } }) });
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query({ text: sql, rowMode: "array" });
    return rows[0]?.[0];
  } finally {
    await client.end().catch(() => {});
  }
}

async function queryMysql(url: string, sql: string, ca?: string): Promise<unknown> {
  const connection = await createConnection({
    uri: url,
    rowsAsArray: true,
    ...(ca !== undefined && { ssl: { ca } }),
  });
  try {
    const [rows] = await connection.query<never>(sql);
    return (rows as unknown[][])[0]?.[0];
  } finally {
    connection.destroy();
  }
}

async function setAndGet(url: string, ca?: string, read?: string): Promise<string | null> {
  const socket = { reconnectStrategy: false as const };
  const client = createClient({
    url,
    socket: ca === undefined ? socket : { ...socket, tls: true, ca },
  });
  client.on("error", () => {});
  try {
    await client.connect();
    if (read === undefined) await client.set("set-and-get", "x");
    return await client.get(read ?? "set-and-get");
  } finally {
    client.destroy();
  }
}

async function refuses(url: string): Promise<boolean> {
  return await queryPostgres(url, "select 1").then(
    () => false,
    () => true,
  );
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 15_000; !(await condition()); await sleep(50)) {
    assert.ok(Date.now() < end, "waited 15 s in vain");
  }
}
