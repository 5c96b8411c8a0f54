/**
 * What a copy holds, as lines of JSON: one line a row, so that writing and reading 10,000 channels never stops the
 * event loop for longer than a slice.
 */
import type { CallerRows, ColumnValue, RawRow, SnapshotKind } from "../store/sync-store.ts";
import type { CallerExport } from "./caller-cache.ts";
import type { Position } from "./edition.ts";
import type { Slices } from "./time-slice.ts";

/** What only the database knows otherwise: needed to check keys and to open credentials. */
export interface ClusterSecrets {
  readonly clusterId: string;
  readonly pepper: Buffer;
  readonly dataKey: Buffer;
}

/** A row whose state in the database is not what serves. */
export interface OddRow {
  readonly kind: SnapshotKind;
  readonly id: bigint;
  readonly status: "quarantined" | "unlogged";
  /** Undefined: deleted by hand. */
  readonly seen: RawRow | undefined;
}

export interface CopyContent {
  readonly position: Position;
  readonly cluster: ClusterSecrets;
  /** Rows that serve. */
  readonly served: ReadonlyMap<SnapshotKind, readonly RawRow[]>;
  readonly odd: readonly OddRow[];
  readonly callers: CallerExport;
}

interface FirstLine {
  readonly position: Position;
  readonly clusterId: string;
  readonly pepper: string;
  readonly dataKey: string;
  readonly denied: readonly string[];
}

/** Opens a run of rows with the same columns; `table` is a kind, `odd:<kind>:<status>`, `key` or `owner`. */
interface TableLine {
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: number;
}

type Cell = string | number | null | readonly [string];

const rowsPerTable = 200;

export async function renderContent(content: CopyContent, slices: Slices): Promise<Buffer> {
  const { clusterId, pepper, dataKey } = content.cluster;
  const first: FirstLine = {
    position: content.position,
    clusterId,
    pepper: pepper.toString("base64"),
    dataKey: dataKey.toString("base64"),
    denied: content.callers.denied,
  };
  const chunks = [Buffer.from(`${JSON.stringify(first)}\n`)];
  for (const [table, rows] of tablesOf(content)) {
    chunks.push(Buffer.from(renderTable(table, rows)));
    const pause = slices.breathe();
    if (pause !== undefined) await pause;
  }
  return Buffer.concat(chunks);
}

function* tablesOf(content: CopyContent): Iterable<[table: string, rows: readonly RawRow[]]> {
  for (const [kind, rows] of content.served) yield* cut(kind, rows);
  for (const { kind, id, status, seen } of content.odd)
    yield [`odd:${kind}:${status}`, [seen ?? ({ id, gone: 1 } as unknown as RawRow)]];
  const { callers } = content.callers;
  yield* cut(
    "key",
    callers.map(({ key }) => key),
  );
  yield* cut(
    "owner",
    callers.map(({ owner }) => owner),
  );
}

/** Runs of rows with equal columns, short enough for a slice. */
function* cut(table: string, rows: readonly RawRow[]): Iterable<[string, readonly RawRow[]]> {
  let run: RawRow[] = [];
  let columns = "";
  for (const row of rows) {
    const names = Object.keys(row).join();
    if (run.length > 0 && (names !== columns || run.length === rowsPerTable)) {
      yield [table, run];
      run = [];
    }
    columns = names;
    run.push(row);
  }
  if (run.length > 0) yield [table, run];
}

function renderTable(table: string, rows: readonly RawRow[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const head: TableLine = { table, columns, rows: rows.length };
  const lines = rows.map((row) =>
    JSON.stringify(columns.map((name): Cell => renderCell(row[name] ?? null))),
  );
  return `${JSON.stringify(head)}\n${lines.join("\n")}\n`;
}

/** JSON has no BigInt: an array of its digits stands for one. */
function renderCell(value: ColumnValue): Cell {
  return typeof value === "bigint" ? [String(value)] : value;
}

function parseCell(cell: Cell): ColumnValue {
  return typeof cell === "object" && cell !== null ? BigInt(cell[0]) : cell;
}

/** Throws on text that {@link renderContent} did not make. */
export async function parseContent(bytes: Buffer, slices: Slices): Promise<CopyContent> {
  const lines = makeLines(bytes);
  const first = lines.next<FirstLine>();
  const tables = new Map<string, RawRow[]>();
  while (lines.more()) {
    const head = lines.next<TableLine>();
    const rows = tables.get(head.table) ?? [];
    tables.set(head.table, rows);
    for (let count = 0; count < head.rows; count += 1) {
      const cells = lines.next<readonly Cell[]>();
      const pairs = head.columns.map((name, index) => [name, parseCell(cells[index] ?? null)]);
      rows.push(Object.fromEntries(pairs) as RawRow);
    }
    const pause = slices.breathe();
    if (pause !== undefined) await pause;
  }
  return contentOf(first, tables);
}

function makeLines(bytes: Buffer): { more(): boolean; next<T>(): T } {
  let at = 0;
  return {
    more: () => at < bytes.length,
    next: <T>() => {
      const end = bytes.indexOf(10, at);
      if (end < 0) throw new Error("it ends in the middle of a line");
      const line = bytes.toString("utf8", at, end);
      at = end + 1;
      return JSON.parse(line) as T;
    },
  };
}

function contentOf(first: FirstLine, tables: ReadonlyMap<string, readonly RawRow[]>): CopyContent {
  const served = new Map<SnapshotKind, readonly RawRow[]>();
  const odd: OddRow[] = [];
  for (const [table, rows] of tables) {
    const [word, kind, status] = table.split(":");
    if (word === "odd")
      for (const row of rows)
        odd.push(oddRow(kind as SnapshotKind, status as OddRow["status"], row));
    else if (table !== "key" && table !== "owner") served.set(table as SnapshotKind, rows);
  }
  const owners = tables.get("owner") ?? [];
  const callers = (tables.get("key") ?? []).map((key, index): CallerRows => ({
    key,
    owner: owners[index] as RawRow,
  }));
  return {
    position: first.position,
    cluster: {
      clusterId: first.clusterId,
      pepper: Buffer.from(first.pepper, "base64"),
      dataKey: Buffer.from(first.dataKey, "base64"),
    },
    served,
    odd,
    callers: { callers, denied: first.denied },
  };
}

function oddRow(kind: SnapshotKind, status: OddRow["status"], row: RawRow): OddRow {
  return { kind, id: row.id, status, seen: row["gone"] === 1 ? undefined : row };
}
