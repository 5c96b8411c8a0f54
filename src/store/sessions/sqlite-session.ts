/** A SQLite conversation held by a worker thread. A thread that dies rejects what ran and is replaced by the pool. */
import { Worker } from "node:worker_threads";
import type { Session, SessionResult, SqlParameter } from "./session.ts";
import { SessionLost } from "./session.ts";
import type { ThreadOptions, ThreadReply, ThreadRequest } from "./sqlite-thread.ts";

/** An error that SQLite told of, with its symbolic code (`SQLITE_BUSY`). */
class SqliteError extends Error {
  readonly code: string;
  readonly errcode: number;
  constructor(fault: { message: string; code: string; errcode: number }) {
    super(fault.message);
    this.name = "SqliteError";
    this.code = fault.code;
    this.errcode = fault.errcode;
  }
}

/** Starts a thread and opens the file in it. */
export async function openSqliteSession(options: ThreadOptions): Promise<Session> {
  // The released build is compiled, development runs the sources.
  const file = import.meta.url.endsWith(".ts") ? "sqlite-thread.ts" : "sqlite-thread.js";
  // No flags of the parent's: one like --input-type would keep the thread from starting.
  const worker = new Worker(new URL(file, import.meta.url), { workerData: options, execArgv: [] });
  const session = new SqliteSession(worker);
  try {
    await session.opened;
    return session;
  } catch (error) {
    session.destroy();
    throw error;
  }
}

interface Pending {
  readonly resolve: (result: SessionResult) => void;
  readonly reject: (error: Error) => void;
}

class SqliteSession implements Session {
  usable = true;
  /** Settles when the file is open in the thread. */
  readonly opened: Promise<SessionResult>;
  readonly #worker: Worker;
  #pending: Pending | undefined;
  readonly #ended: Promise<void>;

  constructor(worker: Worker) {
    this.#worker = worker;
    this.opened = this.#expect();
    worker.on("message", (reply: ThreadReply) => this.#settle(reply));
    worker.on("error", (error: unknown) => this.#lose(error));
    worker.on("messageerror", (error) => this.#lose(error));
    this.#ended = new Promise((resolve) => {
      worker.on("exit", (code) => {
        this.#lose(new Error(`the thread ended with code ${code}`));
        resolve();
      });
    });
  }

  query(sql: string, parameters: readonly SqlParameter[]): Promise<SessionResult> {
    if (!this.usable) return Promise.reject(new SessionLost("the SQLite thread has ended"));
    if (this.#pending !== undefined)
      return Promise.reject(new Error("a statement is under way on this SQLite thread"));
    const answer = this.#expect();
    const request: ThreadRequest = { sql, parameters };
    this.#send(request);
    return answer;
  }

  destroy(): void {
    // The thread itself may end later: nothing interrupts a statement inside SQLite.
    this.#lose(new Error("the thread was ended"));
    void this.#worker.terminate();
  }

  async close(): Promise<void> {
    if (this.usable) {
      this.usable = false;
      this.#worker.ref();
      this.#send("close");
    }
    await this.#ended;
  }

  #send(message: ThreadRequest | "close"): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker, not a window
    this.#worker.postMessage(message);
  }

  #expect(): Promise<SessionResult> {
    // Only a thread that owes an answer keeps the process alive.
    this.#worker.ref();
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
    });
  }

  #settle(reply: ThreadReply): void {
    const pending = this.#pending;
    this.#pending = undefined;
    this.#worker.unref();
    if ("fault" in reply) return pending?.reject(new SqliteError(reply.fault));
    pending?.resolve({
      rows: reply.rows,
      ...(reply.changes !== undefined && { affected: reply.changes }),
    });
  }

  #lose(cause: unknown): void {
    this.usable = false;
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.reject(new SessionLost("the SQLite thread ended while a statement ran", cause));
  }
}
