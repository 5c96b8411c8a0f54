/** Transactions that move money beside configuration. Promise: what loses against another is run again from its start. */
import type { Sql } from "./database.ts";
import { isRetryable } from "./sql-errors.ts";

/** Deadlocks are broken in favour of one: with this many tries somebody always got through meanwhile. */
const tries = 20;
/** For work in the background, which comes again of itself. */
const backgroundTries = 5;

/** Runs a transaction; the work may run several times and must have no effect beyond it. */
export async function inTransaction<T>(db: Sql, work: (trx: Sql) => Promise<T>): Promise<T> {
  return await retried(
    () => db.transaction().setIsolationLevel("read committed").execute(work),
    tries,
  );
}

/** Lost against another transaction, nothing was written: it is simply run again. */
export async function retried<T>(work: () => Promise<T>, most = backgroundTries): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= most || !isRetryable(error)) throw error;
    }
  }
}
