/**
 * What the leader does for the log store: sends rows of calls on, and seals closed days that are whole there. Promises:
 * a call that may not be there is sent again, which doubles nothing; a day is sealed only when each of its calls was
 * found there, to the nano-dollar.
 */
import { makeCallId } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";
import { dayOf } from "../store/calls.ts";
import { LogStoreFault } from "../store/clickhouse-http.ts";
import type { Database } from "../store/database.ts";
import { atOneInstant } from "../store/ledger-checks.ts";
import {
  currentDay,
  dayLengthMs,
  oldestDay,
  readClosedDay,
  readNowMs,
} from "../store/ledger-days.ts";
import { withFence } from "../store/leases.ts";
import type { LogStore } from "../store/log-store.ts";
import { areSame, mostAsked, renderCall } from "../store/log-store.ts";
import type { CallAmounts, CallTotals, SentDay } from "../store/sent-days.ts";
import { sumRolledDay } from "../store/rollups.ts";
import * as sentDays from "../store/sent-days.ts";
import type { LedgerJob } from "./ledger-jobs.ts";
import { lateDays } from "./ledger-jobs.ts";

export interface SendCallsParts {
  readonly database: Pick<Database, "writes" | "reads">;
  readonly logger: Logger;
  readonly logStore: Omit<LogStore, "close" | "version">;
  /** So many calls went. */
  readonly onSent?: (calls: number) => void;
  /** A turn ended because the log store did not do what it was asked. */
  readonly onFailed?: () => void;
}

type Term = Parameters<LedgerJob["run"]>[0];

const minuteMs = 60_000;
/** How long a running call or a silent node holds up what was admitted after it. */
const patienceMs = 60 * minuteMs;
/** Of one insert: ClickHouse likes few and large ones. */
const batch = { calls: 10_000, bytes: 8 * 1024 ** 2 } as const;
/** Rows that are read and rendered at a time: the loop has turns between. */
const pageRows = 250;

export function sendCallsJobs(parts: SendCallsParts): readonly LedgerJob[] {
  return [
    { name: "send calls on", everyMs: minuteMs / 2, run: guarded(parts, sendCalls) },
    { name: "seal sent days", everyMs: 5 * minuteMs, run: guarded(parts, sealDays) },
  ];
}

/** A log store that is away is told once, and once that it is back: until then rows stay in SQL. */
function guarded(
  parts: SendCallsParts,
  work: (parts: SendCallsParts, term: Term) => Promise<void>,
): LedgerJob["run"] {
  const { logger, logStore, onFailed } = parts;
  let told = "";
  return async (term) => {
    try {
      await logStore.prepare(term.signal);
      await work(parts, term);
      if (told !== "") logger.info({}, "calls are sent on to the log store again");
      told = "";
    } catch (error) {
      if (!(error instanceof LogStoreFault) || term.signal.aborted) throw error;
      onFailed?.();
      const kept = "calls are not sent on to the log store; their rows stay in the database";
      if (error.message !== told) logger.warn({ reason: error.message }, kept);
      told = error.message;
    }
  };
}

async function sendCalls(parts: SendCallsParts, term: Term): Promise<void> {
  const { reads } = parts.database;
  const nowMs = await readNowMs(reads);
  const untilMs = await sentDays.settledUntilMs(reads, nowMs, patienceMs);
  const lastDay = dayOf(untilMs);
  const firstDay = await oldestDay(reads);
  if (firstDay === undefined) return;
  for (const sent of await sentDays.listSentDays(reads, firstDay, lastDay)) {
    if (term.signal.aborted) return;
    // What comes late into a sealed day is found by the look at it, which breaks the seal.
    if (sent.sealed === 1) continue;
    const before = sent.day === lastDay ? firstCallId(untilMs) : undefined;
    await sendDay(parts, term, { sent, before, nowMs });
  }
}

/** The least id of a call that was admitted at an instant. */
function firstCallId(atMs: number): string {
  return makeCallId(atMs, (length) => new Uint8Array(length));
}

async function sendDay(
  parts: SendCallsParts,
  { lease, signal }: Term,
  ask: { readonly sent: SentDay; readonly before: string | undefined; readonly nowMs: number },
): Promise<void> {
  const { day } = ask.sent;
  let after = ask.sent.sent_to;
  while (!signal.aborted) {
    const { rows, calls, last } = await readBatch(parts, { ...ask, day, after });
    if (calls === 0) return;
    await parts.logStore.insert(rows, signal);
    await withFence(parts.database.writes, lease, (trx) => sentDays.moveSent(trx, day, last));
    parts.onSent?.(calls);
    after = last;
  }
}

async function readBatch(
  { database }: SendCallsParts,
  ask: {
    readonly day: number;
    readonly after: string;
    readonly before: string | undefined;
    readonly nowMs: number;
  },
): Promise<{ readonly rows: string; readonly calls: number; readonly last: string }> {
  let rows = "";
  let calls = 0;
  let last = ask.after;
  while (calls < batch.calls && rows.length < batch.bytes) {
    const page = { ...ask, after: last, limit: pageRows };
    const read = await sentDays.readCallsAfter(database.reads, page);
    for (const call of read) rows += renderCall(call, ask.nowMs);
    calls += read.length;
    last = read.at(-1)?.call_id ?? last;
    if (read.length < pageRows) break;
  }
  return { rows, calls, last };
}

async function sealDays(parts: SendCallsParts, term: Term): Promise<void> {
  const { reads } = parts.database;
  const today = await currentDay(reads);
  const firstDay = (await oldestDay(reads)) ?? today;
  for (const sent of await sentDays.listSentDays(reads, firstDay, today - 1)) {
    if (term.signal.aborted) return;
    if (sent.sealed === 1) {
      if (sent.day < today - lateDays) continue;
      if ((await sumRolledDay(reads, sent.day)).calls === sent.calls) continue;
      await setSeal(parts, term, sent.day, { sealed: false, calls: 0n });
    }
    await sealDay(parts, term, sent);
  }
}

async function setSeal(
  { database }: SendCallsParts,
  { lease }: Term,
  day: number,
  seal: { readonly sealed: boolean; readonly calls: bigint },
): Promise<void> {
  await withFence(database.writes, lease, (trx) => sentDays.markSealed(trx, day, seal));
}

async function sealDay(parts: SendCallsParts, term: Term, sent: SentDay): Promise<void> {
  const { logStore, logger } = parts;
  const { day } = sent;
  const unsent = { day, after: sent.sent_to, limit: 1 };
  if ((await sentDays.readAmountsAfter(parts.database.reads, unsent)).length > 0) return;
  const seen = await look(parts, day);
  if (seen.state === "open") return;
  const faults = findFaults(seen.rows, await logStore.sumStretches(day, term.signal));
  if (faults.length > 0) {
    const resent = await sendMissing(parts, term, { day, faults });
    if (resent === undefined) return;
    if (resent > 0) logger.info({ day: dayName(day), calls: resent }, "calls were sent on again");
    // Where rows went before, those that are left are all there is to compare.
    if (!seen.hasDropped && !(await isWhole(parts, term, day))) return;
  }
  await setSeal(parts, term, day, { sealed: true, calls: seen.rolled });
  logger.info({ day: dayName(day) }, "a day of calls is sealed in the log store");
}

async function look({ database }: SendCallsParts, day: number) {
  return await atOneInstant(database.reads, async (trx) => ({
    ...(await readClosedDay(trx, day)),
    rolled: (await sumRolledDay(trx, day)).calls,
    rows: await sentDays.sumStretches(trx, day),
  }));
}

type Stretches = ReadonlyMap<string, CallTotals>;

/** Stretches that are not the same here and there. */
function findFaults(rows: Stretches, there: Stretches): readonly string[] {
  return [...new Set([...rows.keys(), ...there.keys()])].filter(
    (stretch) => !areSame(rows.get(stretch) ?? noCalls, there.get(stretch) ?? noCalls),
  );
}

const noCalls: CallTotals = { calls: 0n, cost: 0n, channelCost: 0n };

async function isWhole(parts: SendCallsParts, term: Term, day: number): Promise<boolean> {
  const { rows } = await look(parts, day);
  const there = await parts.logStore.sumStretches(day, term.signal);
  const faults = findFaults(rows, there);
  const callsOf = (sums: Stretches, stretch: string): bigint =>
    (sums.get(stretch) ?? noCalls).calls;
  // Fewer there are calls that were settled just now: the next turn's.
  if (faults.some((stretch) => callsOf(there, stretch) >= callsOf(rows, stretch)))
    parts.logger.error(
      { day: dayName(day) },
      "a day is not sealed in the log store, which holds calls of it that the database does not (docs/ledger.md)",
    );
  return faults.length === 0;
}

/** Looks calls of some stretches up and sends again what is not there; answers how many, undefined if told to end. */
async function sendMissing(
  parts: SendCallsParts,
  { signal }: Term,
  { day, faults }: { readonly day: number; readonly faults: readonly string[] },
): Promise<number | undefined> {
  const { reads } = parts.database;
  let resent = 0;
  for (const stretch of faults)
    for (let after: string | undefined = stretch; after !== undefined;) {
      if (signal.aborted) return undefined;
      const read = await sentDays.readAmountsAfter(reads, { day, after, limit: mostAsked });
      const calls = read.filter(({ call_id: id }) => id.startsWith(stretch));
      resent += await sendUnlessThere(parts, day, calls, signal);
      after = calls.length < mostAsked ? undefined : calls.at(-1)?.call_id;
    }
  return resent;
}

async function sendUnlessThere(
  { database, logStore }: SendCallsParts,
  day: number,
  calls: readonly CallAmounts[],
  signal: AbortSignal,
): Promise<number> {
  if (calls.length === 0 || (await logStore.holds(day, calls, signal))) return 0;
  await logStore.insert(await renderCalls(database.reads, day, calls), signal);
  if (await logStore.holds(day, calls, signal)) return calls.length;
  throw new LogStoreFault("the log store does not show calls that it has taken");
}

async function renderCalls(
  reads: Database["reads"],
  day: number,
  calls: readonly CallAmounts[],
): Promise<string> {
  const nowMs = await readNowMs(reads);
  const ids = calls.map(({ call_id: id }) => id);
  let rows = "";
  for (let at = 0; at < ids.length; at += pageRows)
    for (const row of await sentDays.readCallsByIds(reads, day, ids.slice(at, at + pageRows)))
      rows += renderCall(row, nowMs);
  return rows;
}

function dayName(day: number): string {
  return new Date(day * dayLengthMs).toISOString().slice(0, 10);
}
