/**
 * Opens the database that a node was configured with. Promise: opening never waits for a server (a node starts while
 * its database is down), and no handle can take the connections of another.
 */
import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import type { TransactionSettings } from "kysely";
import { Kysely } from "kysely";
import type { Clock } from "../core/clock.ts";
import { systemClock } from "../core/clock.ts";
import type { Database, Engine, Sql } from "./database.ts";
import type { ServerTarget } from "./database-target.ts";
import { DsnError } from "./database-target.ts";
import { parseDsn } from "./dsn.ts";
import { explainConnectError } from "./explain-connect-error.ts";
import { faultOf } from "./sql-errors.ts";
import { readTlsFiles } from "./sessions/tls-options.ts";
import { beginMysql, openMysqlSession } from "./sessions/mysql-session.ts";
import { beginPostgres, openPostgresSession } from "./sessions/postgres-session.ts";
import type { Session } from "./sessions/session.ts";
import { makeDialect } from "./sessions/session-driver.ts";
import { SessionPool } from "./sessions/session-pool.ts";
import { openSqliteSession } from "./sessions/sqlite-session.ts";
import type { Tables } from "./tables.ts";

export interface OpenDatabaseOptions {
  /** undefined or empty: the embedded file. */
  readonly dsn: string | undefined;
  readonly sqlitePath: string;
  readonly clock?: Clock;
  /** Most connections for ordinary reads and for writes each (server engines). */
  readonly poolSize?: number;
}

/** Throws DsnError for a setting that cannot be meant; never because a server is away. */
export async function openDatabase(options: OpenDatabaseOptions): Promise<Database> {
  const clock = options.clock ?? systemClock;
  if (options.dsn === undefined || options.dsn.trim() === "")
    return await openFile(options.sqlitePath, clock);
  const target = parseDsn(options.dsn);
  // Files named by the setting are read at once, so that a wrong path is told at start and not at the first call.
  readTlsFiles(target.tls);
  return openServer(target, clock, options.poolSize ?? 6);
}

/** What one handle may take: sessions, and time for one statement. */
interface Lane {
  readonly size: number;
  readonly acquireTimeoutMs: number;
  readonly statementTimeoutMs?: number;
}

export type LaneName = Exclude<keyof Database, "engine" | "close">;

function openServer(target: ServerTarget, clock: Clock, size: number): Database {
  const pools: SessionPool[] = [];
  const lanes: Readonly<Record<LaneName, Lane>> = {
    writes: { size, acquireTimeoutMs: 10_000, statementTimeoutMs: 30_000 },
    reads: {
      size: Math.max(2, Math.ceil(size / 2)),
      acquireTimeoutMs: 5000,
      statementTimeoutMs: 30_000,
    },
    sync: { size: 3, acquireTimeoutMs: 5000, statementTimeoutMs: 15_000 },
    lookups: { size: 2, acquireTimeoutMs: 2000, statementTimeoutMs: 2000 },
    poll: { size: 1, acquireTimeoutMs: 2000, statementTimeoutMs: 2000 },
    schema: { size: 1, acquireTimeoutMs: 5000 },
  };
  const handle = (name: LaneName): Sql => {
    const lane = lanes[name];
    const session = {
      clock,
      statementTimeoutMs: lane.statementTimeoutMs,
      lockTimeoutMs: name === "schema" ? undefined : lockTimeoutMs,
    };
    const pool = new SessionPool({
      ...lane,
      clock,
      idleMs: idleMs[target.engine],
      connect: () =>
        target.engine === "postgres"
          ? openPostgresSession(target, session)
          : openMysqlSession(target, session),
    });
    pools.push(pool);
    const begin = target.engine === "postgres" ? beginPostgres : beginMysql;
    return new Kysely<Tables>({ dialect: makeDialect(target.engine, pool, begin) });
  };
  return joinHandles(target.engine, pools, handle);
}

/** Longest wait for another's row lock. */
const lockTimeoutMs = 3000;

// Below MySQL's session limit for idle connections (mysql-session.ts), which frees the locks of a stopped process.
const idleMs: Readonly<Record<ServerTarget["engine"], number>> = {
  postgres: 60_000,
  mysql: 10_000,
};

/** A file, unlike a server, that cannot be opened now cannot be opened later either: the operator is told at once. */
async function openFile(path: string, clock: Clock): Promise<Database> {
  try {
    return await openSqlite(path, clock);
  } catch (error) {
    const { code, message } = faultOf(error);
    const why = code.startsWith("SQLITE_") ? explainConnectError(error) : message;
    throw new DsnError(`the embedded database ${path} cannot be used. ${why}`, "SQLITE_PATH");
  }
}

async function openSqlite(path: string, clock: Clock): Promise<Database> {
  makePrivateFile(path);
  const open = (role: "writer" | "reader") => (): Promise<Session> =>
    openSqliteSession({ path, role, busyTimeoutMs: 5000 });
  const pools = (["writer", "reader", "reader"] as const).map(
    (role) => new SessionPool({ size: 1, clock, acquireTimeoutMs: 30_000, connect: open(role) }),
  );
  const [writer, reader, follower] = pools as [SessionPool, SessionPool, SessionPool];
  const kysely = (pool: SessionPool, begin: (settings: TransactionSettings) => string[]): Sql =>
    new Kysely<Tables>({ dialect: makeDialect("sqlite", pool, begin) });
  const writes = kysely(writer, () => ["begin immediate"]);
  const reads = kysely(reader, () => ["begin"]);
  const follow = kysely(follower, () => ["begin"]);
  // The writer goes first: only one connection may turn a new file to WAL.
  writer.release(await writer.acquire());
  return joinHandles("sqlite", pools, (name) =>
    name === "reads" ? reads : name === "writes" || name === "schema" ? writes : follow,
  );
}

/** The file holds password hashes and sealed credentials: it is its owner's alone. */
function makePrivateFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if (existsSync(path)) return;
  closeSync(openSync(path, "a", 0o600));
  chmodSync(path, 0o600);
}

function joinHandles(
  engine: Engine,
  pools: readonly SessionPool[],
  handle: (name: LaneName) => Sql,
): Database {
  const handles: Record<LaneName, Sql> = {
    writes: handle("writes"),
    reads: handle("reads"),
    sync: handle("sync"),
    lookups: handle("lookups"),
    poll: handle("poll"),
    schema: handle("schema"),
  };
  // The pools themselves: a Kysely that never ran a query would leave its pool open.
  const close = async (): Promise<void> => {
    await Promise.all(pools.map((pool) => pool.close()));
  };
  return { engine, ...handles, close };
}
