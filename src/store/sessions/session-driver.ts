/**
 * Joins Kysely to our session pools, one dialect for all engines: Kysely compiles, we converse.
 * Promise: every transaction states its isolation, and a commit whose outcome is unknown says so.
 */
import type {
  CompiledQuery,
  DatabaseConnection,
  DatabaseIntrospector,
  Dialect,
  DialectAdapter,
  Driver,
  Kysely,
  QueryCompiler,
  QueryResult,
  TransactionSettings,
} from "kysely";
import {
  MysqlAdapter,
  MysqlIntrospector,
  MysqlQueryCompiler,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import type { Engine } from "../database.ts";
import { UncertainCommit } from "../sync-store.ts";
import type { Session } from "./session.ts";
import { SessionLost, toParameter } from "./session.ts";
import type { SessionPool } from "./session-pool.ts";

/** Statements that begin a transaction; `write` is what SQLite needs to know. */
export type BeginStatements = (settings: TransactionSettings) => readonly string[];

/** A Kysely dialect over a pool. */
export function makeDialect(engine: Engine, pool: SessionPool, begin: BeginStatements): Dialect {
  return {
    createDriver: () => new SessionDriver(pool, begin),
    createQueryCompiler: () => makeCompiler(engine),
    createAdapter: () => makeAdapter(engine),
    createIntrospector: (db) => makeIntrospector(engine, db),
  };
}

class SessionConnection implements DatabaseConnection {
  readonly session: Session;
  readonly pool: SessionPool;

  constructor(pool: SessionPool, session: Session) {
    this.pool = pool;
    this.session = session;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const parameters = query.parameters.map(toParameter);
    const result = await this.pool.run(this.session, query.sql, parameters);
    return {
      rows: result.rows as R[],
      ...(result.affected !== undefined && { numAffectedRows: result.affected }),
      ...(result.insertId !== undefined && { insertId: result.insertId }),
    };
  }

  // oxlint-disable-next-line require-yield -- the interface wants a generator where we offer none
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error("rows are read in pages here, not streamed");
  }
}

class SessionDriver implements Driver {
  readonly #pool: SessionPool;
  readonly #begin: BeginStatements;

  constructor(pool: SessionPool, begin: BeginStatements) {
    this.#pool = pool;
    this.#begin = begin;
  }

  async init(): Promise<void> {
    // Sessions are opened when they are first needed: a node starts while its database is down.
  }

  async acquireConnection(): Promise<SessionConnection> {
    return new SessionConnection(this.#pool, await this.#pool.acquire());
  }

  async beginTransaction(
    connection: SessionConnection,
    settings: TransactionSettings,
  ): Promise<void> {
    try {
      for (const statement of this.#begin(settings))
        await this.#pool.run(connection.session, statement, []);
    } catch (error) {
      // Half begun is neither in nor out of a transaction.
      connection.session.destroy();
      throw error;
    }
  }

  async commitTransaction(connection: SessionConnection): Promise<void> {
    try {
      await this.#pool.run(connection.session, "commit", []);
    } catch (error) {
      if (connection.session.usable && !(error instanceof SessionLost)) throw error;
      throw new UncertainCommit(error);
    }
  }

  async rollbackTransaction(connection: SessionConnection): Promise<void> {
    try {
      if (connection.session.usable) await this.#pool.run(connection.session, "rollback", []);
    } catch {
      // The error that led here is the one to tell; the server rolls back what it loses.
      connection.session.destroy();
    }
  }

  async releaseConnection(connection: SessionConnection): Promise<void> {
    this.#pool.release(connection.session);
  }

  async destroy(): Promise<void> {
    await this.#pool.close();
  }
}

function makeCompiler(engine: Engine): QueryCompiler {
  if (engine === "sqlite") return new SqliteQueryCompiler();
  return engine === "postgres" ? new PostgresQueryCompiler() : new MysqlQueryCompiler();
}

/** Adapters that know their engine, so that store functions need no second parameter. */
function makeAdapter(engine: Engine): DialectAdapter {
  const adapter =
    engine === "sqlite"
      ? new ManySqliteAdapter()
      : engine === "postgres"
        ? new PostgresAdapter()
        : new MysqlAdapter();
  return Object.assign(adapter, { engine });
}

// Kysely would queue in its own mutex, which knows neither bounds nor replacement; our pool does.
class ManySqliteAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

function makeIntrospector(engine: Engine, db: Kysely<unknown>): DatabaseIntrospector {
  if (engine === "sqlite") return new SqliteIntrospector(db);
  return engine === "postgres" ? new PostgresIntrospector(db) : new MysqlIntrospector(db);
}
