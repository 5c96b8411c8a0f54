/**
 * A vendor's usage export: CSV with a column for the day, one for the model, one for dollars or some for tokens.
 * Promise: no line is passed over in silence, and no amount goes through a float.
 */
import { parseDollars } from "../core/money.ts";

export interface ExportLine {
  /** UTC day, `2026-11-23`. */
  readonly day: string;
  readonly model: string;
  /** Nano-dollars; undefined: the export tells none. */
  readonly cost: bigint | undefined;
  readonly inputTokens: bigint | undefined;
  readonly outputTokens: bigint | undefined;
}

export interface ExportColumns {
  readonly date?: string | undefined;
  readonly model?: string | undefined;
  readonly cost?: string | undefined;
}

/** What vendors call their columns. */
const known = {
  date: [
    "date",
    "day",
    "usage_date",
    "usage_date_utc",
    "start_time",
    "start_time_iso",
    "bucket_start",
    "timestamp",
  ],
  model: ["model", "model_name", "model_version", "snapshot_id", "line_item"],
  cost: ["cost", "cost_usd", "cost_in_usd", "total_cost", "amount", "amount_value", "list_amount"],
  input: ["input_tokens", "prompt_tokens", "n_context_tokens_total", "context_tokens"],
  output: ["output_tokens", "completion_tokens", "n_generated_tokens_total", "generated_tokens"],
} as const;

/** What is wrong with an export, and where. */
export class ExportFault extends Error {
  /** Line of the file, from 1; 0: its head. */
  readonly line: number;
  /** Columns that it lacks, and those that it has. */
  readonly missing: readonly string[];
  readonly columns: readonly string[];
  constructor(
    line: number,
    what: string,
    missing: readonly string[] = [],
    columns: readonly string[] = [],
  ) {
    super(what);
    this.name = "ExportFault";
    this.line = line;
    this.missing = missing;
    this.columns = columns;
  }
}

/** Throws {@link ExportFault}. */
export function parseUsageExport(text: string, given: ExportColumns): readonly ExportLine[] {
  const [head, ...rows] = parseCsv(text);
  const columns = (head?.cells ?? []).map((name) => name.trim());
  const find = (names: readonly string[], wanted?: string): number =>
    wanted === undefined
      ? columns.findIndex((name) => names.includes(name.toLowerCase().replaceAll(" ", "_")))
      : columns.indexOf(wanted);
  const places = {
    date: find(known.date, given.date),
    model: find(known.model, given.model),
    cost: find(known.cost, given.cost),
    input: find(known.input),
    output: find(known.output),
  };
  const missing = [
    ...(places.date < 0 ? ["day"] : []),
    ...(places.model < 0 ? ["model"] : []),
    ...(places.cost < 0 && places.input < 0 && places.output < 0 ? ["cost"] : []),
  ];
  if (missing.length > 0) throw new ExportFault(0, "columns are missing", missing, columns);
  return rows.flatMap((row): ExportLine[] => {
    const cell = (place: number): string => (row.cells[place] ?? "").trim();
    if (row.cells.every((value) => value.trim() === "")) return [];
    const day = dayOf(cell(places.date));
    if (day === undefined) throw new ExportFault(row.line, `no day: ${cell(places.date)}`);
    return [
      {
        day,
        model: cell(places.model),
        cost: places.cost < 0 ? undefined : amountOf(cell(places.cost), row.line),
        inputTokens: places.input < 0 ? undefined : countOf(cell(places.input), row.line),
        outputTokens: places.output < 0 ? undefined : countOf(cell(places.output), row.line),
      },
    ];
  });
}

/** Dates, times with a zone, and seconds since 1970. */
function dayOf(text: string): string | undefined {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) return text;
  const ms = /^\d{9,11}$/.test(text) ? Number(text) * 1000 : Date.parse(zoned(text));
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString().slice(0, 10);
}

/** A time without a zone is UTC, wherever this runs. */
function zoned(text: string): string {
  return /^\d{4}-\d{2}-\d{2}[ T][\d:.]+$/.test(text) ? `${text.replace(" ", "T")}Z` : text;
}

const tenth = 9;

/** Vendors print more decimals than money has here: what is beyond a nano-dollar is rounded half up. */
function amountOf(text: string, line: number): bigint {
  const plain = text.replace(/^\$/, "").replaceAll(",", "");
  if (plain === "") return 0n;
  const [, sign = "", whole = "", fraction = ""] = /^(-?)(\d+)(?:\.(\d*))?$/.exec(plain) ?? [];
  const exact =
    whole === "" ? undefined : parseDollars(`${whole}.${fraction.slice(0, tenth) || "0"}`);
  if (exact === undefined) throw new ExportFault(line, `no amount of dollars: ${text}`);
  const rounded = exact + ((fraction[tenth] ?? "0") >= "5" ? 1n : 0n);
  return sign === "-" ? -rounded : rounded;
}

function countOf(text: string, line: number): bigint {
  const plain = text.replaceAll(",", "");
  if (plain === "") return 0n;
  if (!/^\d{1,18}$/.test(plain)) throw new ExportFault(line, `no number of tokens: ${text}`);
  return BigInt(plain);
}

interface CsvRow {
  readonly line: number;
  readonly cells: readonly string[];
}

/** RFC 4180: quoted cells may hold commas, line ends and doubled quotes. */
function parseCsv(text: string): readonly CsvRow[] {
  const rows: { line: number; cells: string[] }[] = [];
  const cell = /("(?:[^"]|"")*"|[^,\r\n]*)(,|\r?\n|$)/y;
  const body = text.replace(/^\u{feff}/u, "");
  let row: { line: number; cells: string[] } = { line: 1, cells: [] };
  let line = 1;
  while (cell.lastIndex < body.length) {
    const found = cell.exec(body);
    if (found === null) throw new ExportFault(line, "a quote is not closed");
    const [, raw = "", end = ""] = found;
    row.cells.push(raw.startsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : raw);
    line += raw.split("\n").length - 1;
    if (end === ",") continue;
    rows.push(row);
    line += 1;
    row = { line, cells: [] };
  }
  if (row.cells.length > 0) rows.push(row);
  return rows;
}
