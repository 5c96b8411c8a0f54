/**
 * The transaction as the work of a write sees it. Promises: every row written is stamped with the revision and logged as
 * a change; database faults can be told from the work's own.
 */
import { GatewayError } from "../core/errors.ts";
import { DuplicateRow, snapshotKinds } from "../store/sync-store.ts";
import type {
  Change,
  ConfigKind,
  RawRow,
  RowValues,
  SnapshotKind,
  SyncWrites,
} from "../store/sync-store.ts";
import type { Edition } from "./edition.ts";
import type { Snapshot } from "./entities.ts";
import type { Author } from "./sync.ts";
import type { RawWrites } from "./write-door.ts";

export type LoggedChange = Omit<Change, "revision">;

export interface WrittenRow {
  readonly kind: ConfigKind;
  readonly id: bigint;
}

/** What a database call of the work threw; kept apart from what the work itself throws. */
export class DatabaseFaults {
  readonly #errors = new WeakSet<object>();

  async run<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (error instanceof Error && !(error instanceof DuplicateRow)) this.#errors.add(error);
      // Passed on as it is: the store tells by it whether to run the transaction again.
      throw error;
    }
  }

  has(error: unknown): boolean {
    return error instanceof Error && this.#errors.has(error);
  }
}

export interface DoorWritesParts {
  readonly tx: SyncWrites;
  readonly base: Edition;
  readonly author: Author;
  readonly nowMs: number;
  readonly faults: DatabaseFaults;
}

export class DoorTransaction implements RawWrites {
  readonly revision: number;
  readonly nowMs: number;
  readonly base: Snapshot;
  readonly baseEdition: Edition;
  readonly #parts: DoorWritesParts;
  readonly #changes = new Map<string, LoggedChange>();
  readonly #written = new Map<string, WrittenRow>();
  readonly #audits: Parameters<RawWrites["audit"]>[0][] = [];

  constructor(parts: DoorWritesParts) {
    this.#parts = parts;
    this.baseEdition = parts.base;
    this.base = parts.base.snapshot;
    this.revision = this.base.revision + 1;
    this.nowMs = parts.nowMs;
  }

  find(kind: ConfigKind, id: number): Promise<RawRow | undefined> {
    return this.#call((tx) => tx.find(kind, BigInt(id)));
  }

  rows(kind: SnapshotKind, ids: readonly bigint[]): Promise<readonly RawRow[]> {
    return this.#call((tx) => tx.rows(kind, ids));
  }

  async insert(kind: ConfigKind, values: RowValues): Promise<number> {
    const id = await this.#call((tx) => tx.insert(kind, this.revision, values));
    this.#noteWritten(kind, { ...values, id, rev: BigInt(this.revision) } as RawRow);
    return Number(id);
  }

  async update(kind: ConfigKind, id: number, values: RowValues): Promise<void> {
    const before = await this.find(kind, id);
    if (before === undefined) throw notFound(kind, id);
    await this.#call((tx) => tx.update(kind, this.revision, before.id, values));
    const after = { ...before, ...values } as RawRow;
    if (kind === "key" && after["hash"] !== before["hash"]) this.#note(kind, before, "d");
    this.#noteWritten(kind, after);
  }

  async remove(kind: ConfigKind, id: number): Promise<void> {
    const before = await this.find(kind, id);
    // A row that serves may be gone already, by hand: then the removal is what makes that known.
    if (before === undefined && !isHeld(this.baseEdition, kind, id)) throw notFound(kind, id);
    await this.#call((tx) => tx.remove(kind, BigInt(id)));
    this.#note(kind, before ?? ({ id: BigInt(id), rev: 0n } as RawRow), "d");
    this.#written.delete(`${kind}:${id}`);
  }

  async audit(entry: Parameters<RawWrites["audit"]>[0]): Promise<void> {
    this.#audits.push(entry);
  }

  /** One entry an entity, the last write of it deciding; in the order of the first. */
  changes(): readonly LoggedChange[] {
    return [...this.#changes.values()];
  }

  /** Rows inserted or updated and not removed after. */
  written(): readonly WrittenRow[] {
    return [...this.#written.values()];
  }

  /** Writes the audit rows with the revision that the transaction has in the end. */
  async flushAudits(revision: number): Promise<void> {
    const { name: actor, userId: actorId, address, requestId } = this.#parts.author;
    for (const entry of this.#audits)
      await this.#call((tx) =>
        tx.audit({ ...entry, actor, actorId, address, requestId, revision }),
      );
  }

  #call<T>(call: (tx: SyncWrites) => Promise<T>): Promise<T> {
    return this.#parts.faults.run(() => call(this.#parts.tx));
  }

  #noteWritten(kind: ConfigKind, row: RawRow): void {
    this.#note(kind, row, "u");
    this.#written.set(`${kind}:${row.id}`, { kind, id: row.id });
  }

  /** Keys are logged by their stored hash, so that caches can be told of a deletion without the row. */
  #note(kind: ConfigKind, row: RawRow, op: "u" | "d"): void {
    const entityId = kind === "key" ? String(row["hash"]) : String(row.id);
    this.#changes.set(`${kind}:${entityId}`, { kind, entityId, op });
  }
}

function isHeld(base: Edition, kind: ConfigKind, id: number): boolean {
  const known = snapshotKinds.find((name) => name === kind);
  return known !== undefined && base.rowSet.rows[known].has(BigInt(id));
}

function notFound(kind: ConfigKind, id: number): GatewayError {
  return new GatewayError("not_found", `There is no ${kind} ${id}`);
}
