// A SQL server in virtual time: real SQLite in memory behind the shipped sessions' interface, with statements that take
// time, connections that break at any of them, answers of commits that are lost, and commits that arrive late.
import { DatabaseSync } from "node:sqlite";
import { Kysely } from "kysely";
import type { Database } from "../../src/store/database.ts";
import { migrate } from "../../src/store/migrate.ts";
import { makeDialect } from "../../src/store/sessions/session-driver.ts";
import { SessionPool } from "../../src/store/sessions/session-pool.ts";
import type { Session, SessionResult, SqlParameter } from "../../src/store/sessions/session.ts";
import { SessionLost } from "../../src/store/sessions/session.ts";
import type { Tables } from "../../src/store/tables.ts";
import type { Chance, VirtualClock } from "./virtual-clock.ts";

const codes: Readonly<Record<number, string>> = {
  1555: "SQLITE_CONSTRAINT_PRIMARYKEY",
  2067: "SQLITE_CONSTRAINT_UNIQUE",
};

export type Faults = "none" | "down" | "flaky";

/** Holds its tables across schedules: making them anew for each would take most of the time. */
export class SimServer {
  readonly #database = new DatabaseSync(":memory:", { readBigInts: true });
  #clock: VirtualClock;
  #chance: Chance;
  #holder: object | undefined;
  #waiting: (() => void)[] = [];
  faults: Faults = "none";

  constructor(clock: VirtualClock, chance: Chance) {
    this.#clock = clock;
    this.#chance = chance;
  }

  async prepare(): Promise<void> {
    const db = this.connect(() => true);
    const database: Database = {
      engine: "sqlite",
      writes: db,
      reads: db,
      sync: db,
      lookups: db,
      poll: db,
      schema: db,
      close: async () => undefined,
    };
    await migrate(database, { secretKey: "a secret of simulations" });
  }

  /** Empties the tables for the next schedule, in its time. */
  reset(clock: VirtualClock, chance: Chance): void {
    this.#clock = clock;
    this.#chance = chance;
    this.#holder = undefined;
    this.#waiting = [];
    this.faults = "none";
    if (this.#database.isTransaction) this.#database.exec("rollback");
    for (const table of [
      "calls",
      "call_details",
      "budgets",
      "budget_leases",
      "usage_rollups",
      "journal_cursors",
      "jobs",
    ])
      this.#database.exec(`delete from ${table}`);
  }

  /** What stands there now. */
  rows(text: string): Record<string, bigint | string | null>[] {
    return this.#database.prepare(text).all() as Record<string, bigint | string | null>[];
  }

  /** A process's pool; once it is dead nothing answers it, and the server rolls back. */
  connect(isAlive: () => boolean): Kysely<Tables> {
    const pool = new SessionPool({
      size: 1,
      clock: this.#clock,
      acquireTimeoutMs: 5000,
      statementTimeoutMs: 20_000,
      connect: async () => {
        await this.#travel(isAlive);
        if (this.faults === "down") throw new SessionLost("the server is away");
        return this.#session(isAlive);
      },
    });
    return new Kysely<Tables>({ dialect: makeDialect("sqlite", pool, () => ["begin immediate"]) });
  }

  async #travel(isAlive: () => boolean): Promise<void> {
    const ms = this.#chance.happens(0.02) ? this.#chance.between(10, 400) : 0;
    if (ms > 0) await this.#clock.sleep(ms);
    if (!isAlive()) await new Promise<never>(() => undefined);
  }

  #session(isAlive: () => boolean): Session {
    let usable = true;
    const self = {};
    const rollBack = (): void => {
      if (this.#holder !== self) return;
      if (this.#database.isTransaction) this.#database.exec("rollback");
      this.#letGo();
    };
    const query = async (
      sql: string,
      parameters: readonly SqlParameter[],
    ): Promise<SessionResult> => {
      const lost = (): never => {
        usable = false;
        throw new SessionLost("the connection broke");
      };
      const breaks = this.faults === "flaky" && this.#chance.happens(0.04);
      const isCommit = sql === "commit";
      if (isCommit && breaks && this.#chance.happens(0.5)) {
        // The commit is under way, and its sender hears no more of it.
        this.#clock.after(this.#chance.between(0, 900), () => {
          if (this.#holder !== self) return;
          this.#database.exec("commit");
          this.#letGo();
        });
        usable = false;
        throw new SessionLost("the connection broke in the midst of a commit");
      }
      await this.#clock.sleep(this.#chance.happens(0.02) ? this.#chance.between(1, 200) : 0);
      if (!isAlive()) {
        // The server notices by and by; what was sent before may still be done.
        if (isCommit && this.#chance.happens(0.5) && this.#holder === self) {
          this.#database.exec("commit");
          this.#letGo();
        } else rollBack();
        return await new Promise<never>(() => undefined);
      }
      if (!usable || this.faults === "down" || (breaks && !isCommit)) {
        rollBack();
        return lost();
      }
      if (this.#holder !== self) await this.#take(self);
      const result = this.#run(sql, parameters);
      if (!this.#database.isTransaction) this.#letGo();
      if ("fault" in result) throw result.fault;
      if (breaks) return lost();
      return result;
    };
    return {
      get usable() {
        return usable;
      },
      query,
      destroy: () => {
        usable = false;
        rollBack();
      },
      close: async () => {
        usable = false;
        rollBack();
      },
    };
  }

  async #take(self: object): Promise<void> {
    while (this.#holder !== undefined) await new Promise<void>((wake) => this.#waiting.push(wake));
    this.#holder = self;
  }

  #letGo(): void {
    this.#holder = undefined;
    this.#waiting.shift()?.();
  }

  #run(
    sql: string,
    parameters: readonly SqlParameter[],
  ): SessionResult | { readonly fault: Error } {
    try {
      const statement = this.#database.prepare(sql);
      const columns = statement.columns();
      if (columns.length === 0)
        return { rows: [], affected: BigInt(statement.run(...parameters).changes) };
      const rows = statement.all(...parameters) as Record<string, unknown>[];
      const small = columns.flatMap(({ name, type }) => (type === "INT" ? [name] : []));
      for (const row of rows)
        for (const name of small) if (typeof row[name] === "bigint") row[name] = Number(row[name]);
      return { rows, affected: BigInt(rows.length) };
    } catch (error) {
      const fault = error as Error & { errcode?: number };
      return { fault: Object.assign(fault, { code: codes[fault.errcode ?? 0] ?? "SQLITE_ERROR" }) };
    }
  }
}
