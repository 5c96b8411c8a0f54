/**
 * The table of calls in the log store, a ClickHouse. Promises: a call that is sent again replaces itself; what is asked
 * is asked of merged rows (FINAL); amounts are whole numbers all the way.
 */
import type { LogStoreSettings } from "../config/config.ts";
import type { CallRow } from "./calls.ts";
import { callColumns } from "./calls.ts";
import { LogStoreFault, openClickhouse } from "./clickhouse-http.ts";
import { dayLengthMs } from "./ledger-days.ts";
import type { CallAmounts, CallTotals } from "./sent-days.ts";
import { stretchLength } from "./sent-days.ts";

export interface LogStore {
  /** Makes the table, or adds the columns that it lacks. */
  prepare(signal?: AbortSignal): Promise<void>;
  /** `rows` as {@link renderCall} makes them. */
  insert(rows: string, signal?: AbortSignal): Promise<void>;
  /** What calls of a day add up to, by {@link stretchLength} letters of their ids. */
  sumStretches(day: number, signal?: AbortSignal): Promise<ReadonlyMap<string, CallTotals>>;
  /** Whether each of these calls of a day is there; at most {@link mostAsked}. */
  holds(day: number, calls: readonly CallAmounts[], signal?: AbortSignal): Promise<boolean>;
  /** The server's version. */
  version(): Promise<string>;
  close(): Promise<void>;
}

const table = "switchyard_calls";

/** Calls of one question: their ids must fit into the 256 KiB that a statement may have (`max_query_size`). */
export const mostAsked = 2_000;

/** Plain types, which releases of ten years know. */
const text = "String";
const maybeText = "Nullable(String)";
const int = "Int32";
const bigint = "Int64";
const flag = "UInt8";

const types: Readonly<Record<(typeof callColumns)[number], string>> = {
  day: "Date",
  call_id: text,
  admitted_at: bigint,
  node_id: text,
  key_id: bigint,
  user_id: bigint,
  group: text,
  channel_id: "Nullable(Int64)",
  dialect: text,
  operation: text,
  model_asked: text,
  model_billed: text,
  model_sent: maybeText,
  model_reported: maybeText,
  status: int,
  error: maybeText,
  outcome: text,
  stream: flag,
  attempts: int,
  input_tokens: bigint,
  cache_read_tokens: bigint,
  cache_write_tokens: bigint,
  output_tokens: bigint,
  reasoning_tokens: bigint,
  estimated: flag,
  unpriced: flag,
  cost: bigint,
  price_id: "Nullable(Int64)",
  revision: bigint,
  first_byte_ms: "Nullable(Int32)",
  duration_ms: int,
  end_user: maybeText,
  address: text,
  cache_write_1h_tokens: bigint,
  channel_cost: bigint,
  service_tier: maybeText,
  recovered: flag,
  counted: int,
};

/** Newest wins: without it, a replicated table would take a batch that is sent again for one that it has. */
const sentAt = { name: "sent_at", type: "UInt64" };

const columns: readonly { readonly name: string; readonly type: string }[] = [
  ...callColumns.map((name) => ({ name, type: types[name] })),
  sentAt,
];

export function openLogStore(settings: LogStoreSettings): LogStore {
  const { run, close } = openClickhouse(settings);
  return {
    prepare: async (signal) => {
      // Asked first: a user that may not make tables can use one that was made for it.
      const exists = await run(`exists table ${table} format TabSeparated`, { signal });
      if (exists.trim() !== "1") await run(createStatement, { signal });
      const found = await run(`describe table ${table} format TabSeparated`, { signal });
      const there = new Set(found.split("\n").map((line) => line.split("\t")[0]));
      for (const { name, type } of columns.filter((column) => !there.has(column.name)))
        await run(`alter table ${table} add column \`${name}\` ${type}`, { signal });
    },
    insert: async (rows, signal) =>
      void (await run(`insert into ${table} format JSONEachRow`, { rows, signal })),
    sumStretches: async (day, signal) => {
      const stretch = `substring(call_id, 1, ${stretchLength})`;
      const reply = await run(totals(stretch, onDay(day), "group by stretch"), { signal });
      return readTotals(reply);
    },
    holds: async (day, calls, signal) => {
      const ids = calls.map(({ call_id: id }) => quoted(id)).join(",");
      const reply = await run(totals("''", `${onDay(day)} and call_id in (${ids})`), { signal });
      return areSame(readTotals(reply).get("") ?? sumAmounts([]), sumAmounts(calls));
    },
    version: async () => (await run("select version()")).trim(),
    close,
  };
}

const createStatement = `create table if not exists ${table} (${columns
  .map(({ name, type }) => `\`${name}\` ${type}`)
  .join(", ")})
  engine = ReplacingMergeTree(${sentAt.name}) partition by toYYYYMM(day) order by (day, call_id)`;

function totals(stretch: string, where: string, grouping = ""): string {
  const sums = ["count()", "sum(cost)", "sum(channel_cost)"].map((sum) => `toString(${sum})`);
  return `select ${stretch} as stretch, ${sums.join(", ")}
    from ${table} final where ${where} ${grouping} format TabSeparated`;
}

function onDay(day: number): string {
  return `day = '${dayName(day)}'`;
}

function readTotals(reply: string): ReadonlyMap<string, CallTotals> {
  const found = new Map<string, CallTotals>();
  for (const line of reply.split("\n").filter((part) => part !== "")) {
    const match = /^([^\t]*)\t(\d+)\t(-?\d+)\t(-?\d+)$/.exec(line);
    if (match === null) throw new LogStoreFault("the log store's sums cannot be read");
    const [, stretch = "", calls = "", cost = "", channelCost = ""] = match;
    const sums = { calls: BigInt(calls), cost: BigInt(cost), channelCost: BigInt(channelCost) };
    found.set(stretch, sums);
  }
  return found;
}

/** What some calls add up to. */
export function sumAmounts(calls: readonly CallAmounts[]): CallTotals {
  let cost = 0n;
  let channelCost = 0n;
  for (const call of calls) {
    cost += call.cost;
    channelCost += call.channel_cost;
  }
  return { calls: BigInt(calls.length), cost, channelCost };
}

export function areSame(one: CallTotals, other: CallTotals): boolean {
  return (
    one.calls === other.calls && one.cost === other.cost && one.channelCost === other.channelCost
  );
}

/** One line of an insert. Whole numbers of 64 bits go as text, which is read exactly. */
export function renderCall(call: CallRow, sentAtMs: number): string {
  const line: Record<string, unknown> = {};
  for (const name of callColumns) {
    const value = call[name];
    line[name] = typeof value === "bigint" ? String(value) : value;
  }
  line["day"] = dayName(call.day);
  line[sentAt.name] = String(sentAtMs);
  return `${JSON.stringify(line)}\n`;
}

function dayName(day: number): string {
  return new Date(day * dayLengthMs).toISOString().slice(0, 10);
}

function quoted(value: string): string {
  return `'${value.replaceAll(/[\\']/g, "\\$&")}'`;
}
