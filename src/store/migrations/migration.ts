/** What a migration is: one step that may be run again after a kill at any point in it. */
import type { Engine, Sql } from "../database.ts";

export interface Seed {
  readonly secretKey: string;
  /** Random bytes, a parameter so that tests can repeat themselves. */
  readonly random: (length: number) => Uint8Array;
}

export interface Migration {
  /** Never changed once released; order is the list's. */
  readonly name: string;
  /**
   * On PostgreSQL and SQLite all steps run in one transaction. On MySQL each statement commits by itself,
   * so a step must do nothing where it was done before.
   */
  readonly up: (db: Sql, engine: Engine, seed: Seed) => Promise<void>;
}
