// A ledger beside a log store, both real, with the leader's jobs that tests run by name.
import assert from "node:assert/strict";
import type { LogStoreSettings } from "../../src/config/config.ts";
import type { Logger } from "../../src/core/logger.ts";
import { settledCall } from "../../src/log/call-row.ts";
import type { LedgerJob } from "../../src/log/ledger-jobs.ts";
import { ledgerJobs } from "../../src/log/ledger-jobs.ts";
import { sendCallsJobs } from "../../src/log/send-calls.ts";
import { dayOf } from "../../src/store/calls.ts";
import type { Database } from "../../src/store/database.ts";
import { readNowMs } from "../../src/store/ledger-days.ts";
import { releaseLease, takeLease } from "../../src/store/leases.ts";
import type { LogStore } from "../../src/store/log-store.ts";
import { openLogStore } from "../../src/store/log-store.ts";
import type { CallTotals } from "../../src/store/sent-days.ts";
import { findSentDay, sumStretches } from "../../src/store/sent-days.ts";
import type { Settlement } from "../../src/store/settlement.ts";
import { makeSettlementStore } from "../../src/store/settlement.ts";
import type { SqlEngine } from "../engines/engines.ts";
import type { ClickhouseInstance } from "../engines/start-clickhouse.ts";
import type { RecordOptions } from "./call-records.ts";
import { makeRecord } from "./call-records.ts";
import { openFresh } from "../store/open-fresh.ts";

export const dayMs = 86_400_000;

export interface Said {
  readonly level: string;
  readonly message: string;
  readonly reason: string;
  readonly calls: number;
}

export interface Place extends AsyncDisposable {
  readonly database: Database;
  readonly dsn: string;
  readonly logStore: LogStore;
  readonly settings: LogStoreSettings;
  readonly nowMs: number;
  readonly today: number;
  readonly said: Said[];
  /** Calls that jobs told to have sent. */
  sent(): number;
  setRetention(days: number): void;
  /** Gives the leader's lease up, or takes it again. */
  resign(): Promise<void>;
  lead(): Promise<void>;
  settle(calls: readonly RecordOptions[], more?: Partial<Settlement>): Promise<void>;
  /** Runs a job once; with another log store between where one is given. */
  job(name: string, logStore?: LogStore): Promise<void>;
  isSealed(day: number): Promise<boolean>;
  rows(day: number): Promise<CallTotals>;
  /** The log store asked apart from the product. */
  query(statement: string): Promise<string>;
  /** `calls cost channelCost` of a day there. */
  there(day: number): Promise<string>;
}

export function shown({ calls, cost, channelCost }: CallTotals): string {
  return `${calls} ${cost} ${channelCost}`;
}

/** Settings of a database on a ClickHouse of ours. */
export function settingsOf(url: string, database: string): LogStoreSettings {
  const { origin, username, password } = new URL(url);
  return { origin, database, user: username, password };
}

export async function openPlace(
  engine: SqlEngine,
  clickhouse: ClickhouseInstance,
  name: string,
): Promise<Place> {
  await clickhouse.query(`create database ${name}`);
  const fresh = await openFresh(engine);
  const { database } = fresh;
  const settings = settingsOf(clickhouse.url, name);
  const logStore = openLogStore(settings);
  const store = makeSettlementStore(database.writes);
  let lease = await takeLease(database.writes, "leader", "n1/1", 600_000);
  const ledgerSettings = { reportingTimeZone: "UTC", callRetentionDays: 90, callDetailDays: 3 };
  const said: Said[] = [];
  const logger = listen(said);
  let sent = 0;
  const jobsOf = (other: LogStore): readonly LedgerJob[] => {
    const parts = { database, logger, logStore: other };
    return [
      ...ledgerJobs({ ...parts, settings: () => ledgerSettings }),
      ...sendCallsJobs({ ...parts, onSent: (calls) => void (sent += calls) }),
    ];
  };
  const jobs = jobsOf(logStore);
  const nowMs = await readNowMs(database.reads);
  const place: Place = {
    database,
    dsn: fresh.fresh.dsn,
    logStore,
    settings,
    nowMs,
    today: dayOf(nowMs),
    said,
    sent: () => sent,
    setRetention: (days) => void (ledgerSettings.callRetentionDays = days),
    resign: async () => {
      assert.ok(lease);
      await releaseLease(database.writes, lease);
    },
    lead: async () => {
      lease = await takeLease(database.writes, "leader", "n1/1", 600_000);
    },
    settle: async (calls, more) => {
      const from = await store.openCursor("n1", "one");
      const settled = calls.map((options, index) =>
        settledCall(makeRecord(index, options), "n1", false),
      );
      const cursor = { nodeId: "n1", incarnation: "one", from, to: from + 1n };
      const settlement = { ...cursor, settledUntilMs: place.today * dayMs, calls: settled };
      assert.equal(await store.settle({ ...settlement, ...more }), true);
    },
    job: async (wanted, between) => {
      const among = between === undefined ? jobs : jobsOf(between);
      const job = among.find((other) => other.name === wanted);
      assert.ok(job && lease, wanted);
      await job.run({ lease, signal: new AbortController().signal });
    },
    isSealed: async (day) => (await findSentDay(database.reads, day)).sealed === 1,
    rows: async (day) => {
      let [calls, cost, channelCost] = [0n, 0n, 0n];
      for (const sums of (await sumStretches(database.reads, day)).values()) {
        calls += sums.calls;
        cost += sums.cost;
        channelCost += sums.channelCost;
      }
      return { calls, cost, channelCost };
    },
    query: (statement) => clickhouse.query(statement, name),
    there: async (day) => {
      const date = new Date(day * dayMs).toISOString().slice(0, 10);
      const sums = "toString(count()), toString(sum(cost)), toString(sum(channel_cost))";
      const text = await clickhouse.query(
        `select ${sums} from switchyard_calls final where day = '${date}'`,
        name,
      );
      return text.replaceAll("\t", " ");
    },
    [Symbol.asyncDispose]: async () => {
      await logStore.close();
      await fresh[Symbol.asyncDispose]();
    },
  };
  return place;
}

function listen(said: Said[]): Logger {
  const say =
    (level: string) =>
    (fields: object, message: string): void => {
      const { reason = "", calls = 0 } = fields as Partial<Said>;
      said.push({ level, message, reason, calls });
    };
  return { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") };
}

/** Calls spread over a day; every seventh costs nothing. */
export function callsOf(day: number, count: number): RecordOptions[] {
  return Array.from({ length: count }, (_, index) => ({
    admittedAtMs: day * dayMs + Math.floor((index * dayMs) / count),
    cost: index % 7 === 0 ? 0n : 2n ** 44n + BigInt(index),
    channelCost: BigInt(index) * 3n,
    shares: [],
  }));
}
