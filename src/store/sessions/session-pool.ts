/**
 * A bounded set of sessions, opened when first needed. Promises: a broken or silent session is never handed out again,
 * waiting ends within a bound, and nothing that happens to a connection can crash the process.
 */
import type { Cancel, Clock } from "../../core/clock.ts";
import type { Session, SessionResult, SqlParameter } from "./session.ts";
import { SessionLost } from "./session.ts";
import { isFailover } from "../sql-errors.ts";

export interface SessionPoolOptions {
  /** Opens one session with its settings made; rejects within its own connect timeout. */
  readonly connect: () => Promise<Session>;
  readonly size: number;
  readonly clock: Clock;
  /** Longest wait for a free session. */
  readonly acquireTimeoutMs: number;
  /** Longest time for one statement; undefined: unbounded. */
  readonly statementTimeoutMs?: number;
  /** Idle sessions are closed after this; undefined: kept. */
  readonly idleMs?: number;
}

interface Waiter {
  /** Called with a session, or with nothing when there is room to open one. */
  readonly wake: (session: Session | undefined) => void;
  readonly fail: (error: Error) => void;
}

interface Held {
  readonly generation: number;
  idleSince: number;
}

export class SessionPool {
  readonly #options: SessionPoolOptions;
  readonly #sessions = new Map<Session, Held>();
  readonly #idle: Session[] = [];
  readonly #waiters: Waiter[] = [];
  #opening = 0;
  /** Raised when a server showed itself dead or demoted: older sessions are not trusted any more. */
  #generation = 0;
  #closed = false;
  #sweep: Cancel | undefined;

  constructor(options: SessionPoolOptions) {
    this.#options = options;
  }

  async acquire(): Promise<Session> {
    for (;;) {
      if (this.#closed) throw new Error("the database is closed");
      const idle = this.#takeIdle();
      if (idle !== undefined) return idle;
      if (this.#sessions.size + this.#opening < this.#options.size) return await this.#open();
      const handed = await this.#wait();
      if (handed !== undefined) return handed;
    }
  }

  release(session: Session): void {
    const held = this.#sessions.get(session);
    if (held === undefined) return;
    if (!session.usable || held.generation !== this.#generation || this.#closed) {
      this.#drop(session);
      return;
    }
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) return waiter.wake(session);
    held.idleSince = this.#options.clock.monotonic();
    this.#idle.push(session);
    this.#planSweep();
  }

  /** Runs one statement on an acquired session, within the pool's statement timeout. */
  async run(
    session: Session,
    sql: string,
    parameters: readonly SqlParameter[],
  ): Promise<SessionResult> {
    const limit = this.#options.statementTimeoutMs;
    let silent = false;
    const cancel =
      limit === undefined
        ? undefined
        : this.#options.clock.after(limit, () => {
            silent = true;
            this.#generation += 1;
            session.destroy();
          });
    try {
      return await session.query(sql, parameters);
    } catch (error) {
      if (silent) throw new SessionLost(`the database did not answer within ${limit} ms`, error);
      if (isFailover(error)) {
        this.#generation += 1;
        session.destroy();
      }
      throw error;
    } finally {
      cancel?.();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#sweep?.();
    for (const waiter of this.#waiters.splice(0)) waiter.fail(new Error("the database is closed"));
    const idle = this.#idle.splice(0);
    for (const session of idle) this.#sessions.delete(session);
    // What is still in use belongs to work that outlived its caller; waiting for it could last for ever.
    for (const session of this.#sessions.keys()) session.destroy();
    this.#sessions.clear();
    await Promise.all(idle.map((session) => session.close()));
  }

  #takeIdle(): Session | undefined {
    for (;;) {
      const session = this.#idle.pop();
      if (session === undefined) return undefined;
      if (session.usable && this.#sessions.get(session)?.generation === this.#generation)
        return session;
      this.#drop(session);
    }
  }

  async #open(): Promise<Session> {
    this.#opening += 1;
    const generation = this.#generation;
    try {
      const session = await this.#options.connect();
      if (this.#closed) {
        session.destroy();
        throw new Error("the database is closed");
      }
      this.#sessions.set(session, { generation, idleSince: 0 });
      return session;
    } catch (error) {
      // Whoever waits tries for himself: he must hear the cause, not a timeout.
      queueMicrotask(() => this.#waiters.shift()?.wake(undefined));
      throw error;
    } finally {
      this.#opening -= 1;
    }
  }

  #wait(): Promise<Session | undefined> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        wake: (session) => {
          cancel();
          resolve(session);
        },
        fail: (error) => {
          cancel();
          reject(error);
        },
      };
      const limit = this.#options.acquireTimeoutMs;
      const cancel = this.#options.clock.after(limit, () => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        reject(new Error(`no database connection became free within ${limit} ms`));
      });
      this.#waiters.push(waiter);
    });
  }

  #drop(session: Session): void {
    this.#sessions.delete(session);
    if (session.usable) void session.close();
    else session.destroy();
    this.#waiters.shift()?.wake(undefined);
  }

  #planSweep(): void {
    const { idleMs, clock } = this.#options;
    if (idleMs === undefined || this.#sweep !== undefined) return;
    this.#sweep = clock.after(idleMs, () => {
      this.#sweep = undefined;
      const oldest = clock.monotonic() - idleMs;
      const over = this.#idle.filter(
        (session) => (this.#sessions.get(session)?.idleSince ?? 0) <= oldest,
      );
      for (const session of over) {
        this.#idle.splice(this.#idle.indexOf(session), 1);
        this.#drop(session);
      }
      if (this.#idle.length > 0) this.#planSweep();
    });
  }
}
