/**
 * What the rest of the product sees of a database: three handles on one set of tables.
 * On SQLite the handles are threads (one writer, one reader); on a server they are pools.
 */
import type { Kysely } from "kysely";
import type { Tables } from "./tables.ts";

export type Engine = "sqlite" | "postgres" | "mysql";

/** A handle or a transaction: store functions take one first. */
export type Sql = Kysely<Tables>;

export interface Database {
  readonly engine: Engine;
  /** Writes and transactions of the ordinary work (admin, audit, call rows). */
  readonly writes: Sql;
  /** Reads that may wait behind others (lists, look-ups). */
  readonly reads: Sql;
  /** Connections reserved for sync: a busy pool can never starve it. */
  readonly sync: Sql;
  /** One reserved for callers' key look-ups, so that slow lists never delay a call. */
  readonly lookups: Sql;
  /** One connection for the poll of the head alone: it gives up within 2 s, where the load of a large table may not. */
  readonly poll: Sql;
  /** For migrations: opened when used, statements may last. */
  readonly schema: Sql;
  close(): Promise<void>;
}
