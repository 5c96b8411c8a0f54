// What tests ask for a database: the shared servers of this run, an empty database of one's own on them, or a reason to skip.
// Servers that a test wants to stop and restart: start-postgres.ts, start-mariadb.ts, start-redis.ts.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createConnection } from "mysql2/promise";
import { Client } from "pg";
import type { ServerName } from "./find-binaries.ts";
import { findBinaries } from "./find-binaries.ts";

/** A kind of database that configuration and money can live in. */
export type SqlEngine = "sqlite" | "postgres" | "mysql";

/** The three SQL engines, for `for (const engine of SQL_ENGINES)` around a suite. */
export const SQL_ENGINES: readonly SqlEngine[] = ["sqlite", "postgres", "mysql"];

/** URLs of the servers this run may use; `npm test` sets the variables, from its caller or by starting the servers. */
export function engineUrls(): { postgres?: string; mysql?: string; redis?: string } {
  return {
    ...urlOf("postgres", "TEST_POSTGRES_URL"),
    ...urlOf("mysql", "TEST_MYSQL_URL"),
    ...urlOf("redis", "TEST_REDIS_URL"),
  };
}

function urlOf(name: string, variable: string): Record<string, string> {
  const value = process.env[variable];
  return value === undefined || value === "" ? {} : { [name]: value };
}

/**
 * For a test's `skip` option: false when the engine can be used, else why not.
 * `shared` means the server of this run (freshDatabase, engineUrls), `own` one that the test starts itself, as each
 * ClickHouse is.
 */
export function skipReason(
  engine: SqlEngine | "redis" | "clickhouse",
  whose: "shared" | "own" = "shared",
): string | false {
  if (engine === "sqlite") return false;
  if (whose === "own" || engine === "clickhouse") {
    const server: ServerName = engine === "mysql" ? "mariadb" : engine;
    return findBinaries(server) === undefined && `${server} is not installed on this machine`;
  }
  if (engineUrls()[engine] !== undefined) return false;
  return (
    process.env[`TEST_${engine.toUpperCase()}_MISSING`] ??
    `TEST_${engine.toUpperCase()}_URL is not set`
  );
}

/** An empty database that nobody else uses. */
export interface FreshDatabase extends AsyncDisposable {
  engine: SqlEngine;
  /** A connection URL; for SQLite the path of a file that does not exist yet, in a folder of its own. */
  dsn: string;
  /** The environment that makes a server use it. */
  env: Record<string, string>;
  /** Deletes it, whoever is still connected. May be called twice. */
  drop(): Promise<void>;
}

/** Makes an empty, uniquely named database on the shared server of this run (SQLite: a file in a temporary folder). */
export async function freshDatabase(engine: SqlEngine): Promise<FreshDatabase> {
  if (engine === "sqlite") return freshSqlite();
  const server = engineUrls()[engine];
  if (server === undefined) throw new Error(`no ${engine} to use: ${skipReason(engine)}`);
  return await freshDatabaseOn(engine, server);
}

/** The same on a given server, e.g. one of a test's own. `ca` is the PEM to trust where the server speaks TLS. */
export async function freshDatabaseOn(
  engine: "postgres" | "mysql",
  serverUrl: string,
  ca?: string,
): Promise<FreshDatabase> {
  const name = `switchyard_test_${process.pid}_${randomBytes(5).toString("hex")}`;
  const run = engine === "postgres" ? runPostgres : runMysql;
  const [create, remove] =
    engine === "postgres"
      ? [
          `create database ${name} template template0`,
          `drop database if exists ${name} with (force)`,
        ]
      : [`create database ${name} character set utf8mb4`, `drop database if exists ${name}`];
  await run(serverUrl, create, ca);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const drop = (): Promise<void> => run(serverUrl, remove, ca);
  return { engine, dsn: url.href, env: { SQL_DSN: url.href }, drop, [Symbol.asyncDispose]: drop };
}

function freshSqlite(): FreshDatabase {
  const folder = mkdtempSync(join(tmpdir(), "switchyard-sqlite-"));
  const dsn = join(folder, "switchyard.db");
  const drop = async (): Promise<void> =>
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  return { engine: "sqlite", dsn, env: { SQLITE_PATH: dsn }, drop, [Symbol.asyncDispose]: drop };
}

async function runPostgres(url: string, sql: string, ca?: string): Promise<void> {
  const client = new Client({ connectionString: url, ...(ca !== undefined && { ssl: { ca } }) });
  client.on("error", () => {});
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end().catch(() => {});
  }
}

async function runMysql(url: string, sql: string, ca?: string): Promise<void> {
  const connection = await createConnection({ uri: url, ...(ca !== undefined && { ssl: { ca } }) });
  try {
    await connection.query(sql);
  } finally {
    connection.destroy();
  }
}
