/**
 * Runs inside a worker: one SQLite connection, one statement at a time. A lock wait or a long scan stalls this thread
 * and never a loop that serves calls.
 */
import type { StatementSync } from "node:sqlite";
import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import type { SqlParameter } from "./session.ts";

/** What the thread is started with. */
export interface ThreadOptions {
  readonly path: string;
  readonly role: "writer" | "reader";
  readonly busyTimeoutMs: number;
}

export interface ThreadRequest {
  readonly sql: string;
  readonly parameters: readonly SqlParameter[];
}

export type ThreadReply =
  | { readonly rows: Record<string, unknown>[]; readonly changes: bigint | undefined }
  | { readonly fault: { message: string; code: string; errcode: number } };

const statementLimit = 200;

function openConnection(options: ThreadOptions): DatabaseSync {
  const database = new DatabaseSync(options.path, {
    timeout: options.busyTimeoutMs,
    readBigInts: true,
    enableForeignKeyConstraints: true,
  });
  database.exec("pragma journal_mode = wal");
  // FULL syncs the log at each commit: a change that was answered for outlives a power cut.
  database.exec("pragma synchronous = full");
  database.exec("pragma temp_store = memory");
  if (options.role === "reader") database.exec("pragma query_only = on");
  return database;
}

/** Statements by text, oldest dropped first: unfinalised ones would pile up until the next collection. */
function makeStatements(database: DatabaseSync): (sql: string) => StatementSync {
  const statements = new Map<string, StatementSync>();
  return (sql) => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const made = database.prepare(sql);
    if (statements.size >= statementLimit) {
      const oldest = statements.keys().next().value;
      if (oldest !== undefined) statements.delete(oldest);
    }
    statements.set(sql, made);
    return made;
  };
}

/**
 * Columns declared INT hold small numbers (tables.ts `number`); every other integer stays a BigInt. The declaration
 * is asked of SQLite after the run, which is when a statement made stale by a migration has been prepared anew.
 */
function narrow(rows: Record<string, unknown>[], statement: StatementSync): void {
  const small = statement.columns().flatMap(({ name, type }) => (type === "INT" ? [name] : []));
  if (small.length === 0) return;
  for (const row of rows)
    for (const name of small) if (typeof row[name] === "bigint") row[name] = Number(row[name]);
}

function run(statement: StatementSync, request: ThreadRequest): ThreadReply {
  if (statement.columns().length > 0) {
    const rows = statement.all(...request.parameters) as Record<string, unknown>[];
    narrow(rows, statement);
    // `insert … returning` is a statement with columns that also changes rows.
    return { rows, changes: BigInt(rows.length) };
  }
  const { changes } = statement.run(...request.parameters);
  return { rows: [], changes: BigInt(changes) };
}

function faultOf(error: unknown): { message: string; code: string; errcode: number } {
  const { message, errcode } = error as { message?: unknown; errcode?: unknown };
  const number = typeof errcode === "number" ? errcode : 0;
  return {
    message: typeof message === "string" ? message : String(error),
    errcode: number,
    code: codeNames[number] ?? codeNames[number & 0xff] ?? "SQLITE_ERROR",
  };
}

// https://www.sqlite.org/rescode.html
const codeNames: Readonly<Record<number, string>> = {
  5: "SQLITE_BUSY",
  6: "SQLITE_LOCKED",
  7: "SQLITE_NOMEM",
  8: "SQLITE_READONLY",
  10: "SQLITE_IOERR",
  11: "SQLITE_CORRUPT",
  13: "SQLITE_FULL",
  14: "SQLITE_CANTOPEN",
  19: "SQLITE_CONSTRAINT",
  26: "SQLITE_NOTADB",
  1555: "SQLITE_CONSTRAINT_PRIMARYKEY",
  2067: "SQLITE_CONSTRAINT_UNIQUE",
};

function serve(): void {
  const port = parentPort;
  if (port === null) throw new Error("this file runs in a worker thread only");
  const reply = (message: ThreadReply): void => {
    port.postMessage(message);
  };
  let database: DatabaseSync;
  try {
    database = openConnection(workerData as ThreadOptions);
  } catch (error) {
    reply({ fault: faultOf(error) });
    port.close();
    return;
  }
  const statementFor = makeStatements(database);
  port.on("message", (request: ThreadRequest | "close") => {
    if (request === "close") {
      database.close();
      port.close();
      return;
    }
    try {
      reply(run(statementFor(request.sql), request));
    } catch (error) {
      reply({ fault: faultOf(error) });
    }
  });
  reply({ rows: [], changes: undefined });
}

serve();
