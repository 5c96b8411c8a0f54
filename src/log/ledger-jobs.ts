/**
 * What the leader does for the ledger: folds roll-ups, closes days, lets rows go. Promises: each step is one
 * transaction that a former leader cannot commit; no row goes before entries say what it said.
 */
import type { Logger } from "../core/logger.ts";
import { periodAt } from "../core/periods.ts";
import type { Database, Sql } from "../store/database.ts";
import { atOneInstant, checkClosing, checkRollups } from "../store/ledger-checks.ts";
import {
  closeDay,
  currentDay,
  dayLengthMs,
  deleteRows,
  findClosing,
  isDaySettled,
  markDropped,
  markDropping,
  nextOpenDay,
  oldestDay,
  readClosedDay,
  readNowMs,
} from "../store/ledger-days.ts";
import { withFence } from "../store/leases.ts";
import { foldDays, foldNodes, sumRolledDay } from "../store/rollups.ts";
import type { LeaseRow } from "../store/sync-store.ts";
import type { DropSentParts } from "./drop-sent.ts";
import { dropSent, mayDrop } from "./drop-sent.ts";

/** As the leader's jobs are run (sync/leader-jobs.ts). */
export interface LedgerJob {
  readonly name: string;
  readonly everyMs: number;
  run(term: { readonly lease: LeaseRow; readonly signal: AbortSignal }): Promise<void>;
}

export interface LedgerSettings {
  readonly reportingTimeZone: string;
  readonly callRetentionDays: number;
  readonly callDetailDays: number;
}

export interface LedgerJobParts {
  readonly database: Pick<Database, "writes" | "reads">;
  readonly logger: Logger;
  /** Undefined: no configuration is there yet. */
  readonly settings: () => LedgerSettings | undefined;
  /** Where there is one, rows go only once they stand there. */
  readonly logStore?: DropSentParts["logStore"] | undefined;
}

type Term = Parameters<LedgerJob["run"]>[0];

const minuteMs = 60_000;
const quarterMs = 15 * minuteMs;
/** Rows of one transaction. */
const atOnce = 500;
/** Buckets of nodes are folded when they are over for so long. */
const foldAfterMs = 10 * minuteMs;
const quarterHourDays = 40;
/** Days that are looked at again for calls that were settled late, while their quarter-hours are there. */
export const lateDays = 35;

export function ledgerJobs(parts: LedgerJobParts): readonly LedgerJob[] {
  return [
    { name: "fold usage", everyMs: minuteMs, run: (term) => foldUsage(parts, term) },
    { name: "close days", everyMs: 5 * minuteMs, run: (term) => closeDays(parts, term) },
    { name: "drop old calls", everyMs: 10 * minuteMs, run: (term) => dropOld(parts, term) },
  ];
}

async function foldUsage(parts: LedgerJobParts, { lease, signal }: Term): Promise<void> {
  const { writes, reads } = parts.database;
  const settings = parts.settings();
  if (settings === undefined) return;
  const zone = settings.reportingTimeZone;
  const nowMs = await readNowMs(reads);
  const closed = nowMs - foldAfterMs;
  const steps: readonly ((trx: Sql) => Promise<number>)[] = [
    (trx) => foldNodes(trx, closed - (closed % quarterMs), atOnce),
    (trx) =>
      foldDays(trx, {
        // A whole day of the zone is folded at a time or later: rows of one day meet in one row anyhow.
        beforeMs: periodAt("day", zone, nowMs - quarterHourDays * dayLengthMs).startMs,
        limit: atOnce,
        startOfDay: (atMs) => periodAt("day", zone, atMs).startMs,
      }),
  ];
  for (const step of steps)
    while (!signal.aborted && (await withFence(writes, lease, step)) === atOnce);
}

async function closeDays(parts: LedgerJobParts, { lease, signal }: Term): Promise<void> {
  const { database, logger } = parts;
  const { reads } = database;
  const today = await currentDay(reads);
  for (let day = await nextOpenDay(reads); day !== undefined && day < today; day += 1) {
    if (signal.aborted || !(await isDaySettled(reads, day))) break;
    if (!(await isSound(parts, day, today))) return;
    const entries = await close(database, lease, day);
    // Another leader was at it.
    if (entries === 0) return;
    logger.info({ day: dayName(day), entries }, "a day of the ledger is closed");
  }
  const next = (await nextOpenDay(reads)) ?? 0;
  for (let day = today - lateDays; day < Math.min(today, next) && !signal.aborted; day += 1)
    await closeLate(parts, { lease, signal }, day);
}

/** Answers how many entries that took; 0 too where others were written meanwhile: the next turn looks again. */
async function close(
  { reads, writes }: LedgerJobParts["database"],
  lease: LeaseRow,
  day: number,
): Promise<number> {
  const closing = await atOneInstant(reads, (trx) => findClosing(trx, day));
  if (closing.entries.length === 0) return 0;
  const isWritten = await withFence(writes, lease, (trx) => closeDay(trx, day, closing));
  return isWritten ? closing.entries.length : 0;
}

/** Rows and roll-ups must agree before a day is closed by them. */
async function isSound(parts: LedgerJobParts, day: number, today: number): Promise<boolean> {
  if (day < today - lateDays) return true;
  const faults = await atOneInstant(parts.database.reads, (trx) => checkRollups(trx, day));
  const [first] = faults;
  if (first === undefined) return true;
  const { account, of, expected, found } = first;
  parts.logger.error(
    { day: dayName(day), faults: faults.length, account, of, rows: expected, rollups: found },
    "a day of the ledger is not closed: its rows and its sums differ (switchyard ledger verify)",
  );
  return false;
}

/**
 * Calls without entries of a day that is closed or before such, which were settled while it was being closed, or before
 * it was, or by a node of an earlier release: told by the sums, which are few.
 */
async function closeLate(parts: LedgerJobParts, { lease }: Term, day: number): Promise<void> {
  const isLate = await atOneInstant(parts.database.reads, async (trx) => {
    const { state, allSums } = await readClosedDay(trx, day);
    if (state === "dropping") return false;
    let channelCost = 0n;
    for (const [account, amount] of allSums)
      if (account.startsWith("channel ")) channelCost += amount;
    const rolled = await sumRolledDay(trx, day);
    const cost = allSums.get(`day ${day}`) ?? 0n;
    return rolled.cost !== cost || rolled.channelCost !== channelCost;
  });
  if (!isLate) return;
  const entries = await close(parts.database, lease, day);
  if (entries > 0)
    parts.logger.warn({ day: dayName(day), entries }, "calls of a closed day were settled late");
}

async function dropOld(parts: LedgerJobParts, term: Term): Promise<void> {
  const { reads, writes } = parts.database;
  const settings = parts.settings();
  if (settings === undefined) return;
  const today = await currentDay(reads);
  const lastDay = today - settings.callDetailDays - 1;
  const details = { firstDay: 0, lastDay, limit: atOnce };
  while (!term.signal.aborted && (await deleteRows(writes, "call_details", details)));
  const keep = today - settings.callRetentionDays;
  for (let day = await oldestDay(reads); day !== undefined && day < keep;) {
    if (term.signal.aborted || !(await dropDay(parts, term, day))) return;
    day = await oldestDay(reads);
  }
}

/** False: the day's rows must stay. */
async function dropDay(parts: LedgerJobParts, term: Term, day: number): Promise<boolean> {
  const { lease } = term;
  const { reads, writes } = parts.database;
  const { logStore } = parts;
  const sent = logStore && { ...parts, logStore };
  const { state } = await readClosedDay(reads, day);
  // Before the first day that was closed nobody closes days in turn.
  const isBefore = state === "open" && day < ((await nextOpenDay(reads)) ?? 0);
  if (state === "open" && !isBefore) return false;
  if (isBefore) await close(parts.database, lease, day);
  if (sent !== undefined && !(await mayDrop(sent, term, day))) return false;
  if (state === "dropped") await close(parts.database, lease, day);
  if (state !== "dropping") {
    const faults = await atOneInstant(reads, (trx) => checkClosing(trx, day));
    if (faults.length > 0) return tellKept(parts, day, faults.length);
    await withFence(writes, lease, (trx) => markDropping(trx, day));
  }
  const dropped = await (sent === undefined
    ? dropAll(parts, term, day)
    : dropSent(sent, term, day));
  if (!dropped) return false;
  // A call may have come just now.
  if (!(await withFence(writes, lease, (trx) => markDropped(trx, day)))) return false;
  parts.logger.info({ day: dayName(day) }, "the rows of an old day were dropped");
  return true;
}

async function dropAll(
  { database }: LedgerJobParts,
  { lease, signal }: Term,
  day: number,
): Promise<boolean> {
  const rows = { firstDay: day, lastDay: day, limit: atOnce };
  while (await withFence(database.writes, lease, (trx) => deleteRows(trx, "calls", rows)))
    if (signal.aborted) return false;
  return true;
}

function tellKept(parts: LedgerJobParts, day: number, faults: number): false {
  const told = "an old day keeps its rows: its closing entries do not say what they say";
  parts.logger.error({ day: dayName(day), faults }, told);
  return false;
}

function dayName(day: number): string {
  return new Date(day * dayLengthMs).toISOString().slice(0, 10);
}
