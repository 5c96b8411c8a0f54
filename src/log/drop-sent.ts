/**
 * Lets rows of a day go that were sent on. Promise: no row goes that the log store did not show, with its amounts,
 * right before; where it does not answer, rows stay.
 */
import type { Logger } from "../core/logger.ts";
import { LogStoreFault } from "../store/clickhouse-http.ts";
import type { Database } from "../store/database.ts";
import { withFence } from "../store/leases.ts";
import type { LogStore } from "../store/log-store.ts";
import { mostAsked } from "../store/log-store.ts";
import type { CallAmounts } from "../store/sent-days.ts";
import { deleteCalls, findSentDay, markSealed, readAmountsAfter } from "../store/sent-days.ts";
import type { LeaseRow } from "../store/sync-store.ts";

export interface DropSentParts {
  readonly database: Pick<Database, "writes" | "reads">;
  readonly logger: Logger;
  readonly logStore: Pick<LogStore, "holds">;
}

interface Term {
  readonly lease: LeaseRow;
  readonly signal: AbortSignal;
}

/** Rows of one transaction. */
const atOnce = 500;

/** Whether the day was found whole in the log store, and that answers now; says in the log why not. */
export async function mayDrop(parts: DropSentParts, term: Term, day: number): Promise<boolean> {
  const { sealed } = await findSentDay(parts.database.reads, day);
  if (sealed === 1) return (await findShown(parts, term, day)) !== undefined;
  const told = "an old day keeps its rows: it is not sealed in the log store yet";
  parts.logger.warn({ day: dayName(day) }, told);
  return false;
}

/** Deletes a day's rows, each of which is looked up before; false: some must stay. */
export async function dropSent(parts: DropSentParts, term: Term, day: number): Promise<boolean> {
  const { writes } = parts.database;
  while (!term.signal.aborted) {
    const shown = await findShown(parts, term, day);
    if (shown === undefined) return false;
    if (shown.length === 0) return true;
    const ids = shown.map(({ call_id: id }) => id);
    for (let at = 0; at < ids.length; at += atOnce) {
      const some = ids.slice(at, at + atOnce);
      await withFence(writes, term.lease, (trx) => deleteCalls(trx, day, some));
    }
  }
  return false;
}

/** The first rows of a day, all of which the log store shows; undefined: it does not show all, or does not answer. */
async function findShown(
  { database, logger, logStore }: DropSentParts,
  { lease, signal }: Term,
  day: number,
): Promise<readonly CallAmounts[] | undefined> {
  const ask = { day, after: "", limit: mostAsked };
  const calls = await readAmountsAfter(database.reads, ask);
  try {
    if (calls.length === 0 || (await logStore.holds(day, calls, signal))) return calls;
  } catch (error) {
    if (!(error instanceof LogStoreFault)) throw error;
    logger.warn({ day: dayName(day), reason: error.message }, "an old day keeps its rows");
    return undefined;
  }
  // With its seal broken, each of its calls is looked up again, and sent where it is not there.
  const broken = { sealed: false, calls: 0n };
  await withFence(database.writes, lease, (trx) => markSealed(trx, day, broken));
  const told = "an old day keeps its rows: the log store does not show all of them";
  logger.warn({ day: dayName(day) }, told);
  return undefined;
}

function dayName(day: number): string {
  return new Date(day * 86_400_000).toISOString().slice(0, 10);
}
