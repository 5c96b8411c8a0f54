/**
 * Looks at every row each SYNC_FREQUENCY and takes in what was changed by hand. Promise: such a change is never served
 * before it has a revision, so that equal revisions mean equal content; an invalid one is told and never adopted.
 */
import type { Cancel, Clock } from "../core/clock.ts";
import { GatewayError, messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { SyncMeters } from "../metrics/meters.ts";
import type { RawRow, SnapshotKind } from "../store/sync-store.ts";
import { snapshotKinds } from "../store/sync-store.ts";
import type { HeldRow } from "./edition.ts";
import type { Rejected } from "./entities.ts";
import type { Follower } from "./follower.ts";
import { sameRow } from "./row-set.ts";
import type { Author } from "./sync.ts";
import type { Door, RawWrites } from "./write-door.ts";

export interface ReconcilerParts {
  readonly follower: Pick<Follower, "edition" | "onApplied" | "reconcile" | "noteRefused">;
  readonly door: Pick<Door, "writeRaw">;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  readonly meters: SyncMeters;
  /** Ms between full reconciliations (SYNC_FREQUENCY). */
  readonly everyMs: number;
  /** Live nodes of the cluster as last known; at least 1. */
  readonly liveNodes: () => number;
}

export interface Reconciler {
  start(): void;
  /** One reconciliation now: resolves when every row was looked at and what can be adopted is. */
  runNow(): Promise<void>;
  close(): Promise<void>;
}

const author: Author = { name: "sql", userId: null, address: "", requestId: "" };
const retryMs = 2000;
/** So many under one lock: other writes get their turn between. */
const rowsAtOnce = 200;

export function makeReconciler(parts: ReconcilerParts): Reconciler {
  return new PeriodicReconciler(parts);
}

class PeriodicReconciler implements Reconciler {
  readonly #parts: ReconcilerParts;
  /** Rows that were tried and not adopted: not again before the next look at every row. */
  #tried = new WeakSet<HeldRow>();
  #refused: Rejected[] = [];
  #adopting: Promise<void> | undefined;
  #running: Promise<void> | undefined;
  #timer: Cancel | undefined;
  #adoptTimer: Cancel | undefined;
  #stopListening: () => void = () => undefined;
  #closed = false;

  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#stopListening = this.#parts.follower.onApplied(() => this.#noticeUnlogged());
    this.#noticeUnlogged();
    this.#plan();
  }

  runNow(): Promise<void> {
    this.#running ??= this.#reconcile().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.();
    this.#adoptTimer?.();
    this.#stopListening();
    await this.#adopting;
  }

  #plan(): void {
    const { clock, everyMs, random } = this.#parts;
    // Never later than promised; spread, so that nodes do not all read everything at once.
    const delayMs = everyMs * (0.8 + 0.2 * random());
    this.#timer = clock.after(delayMs, () => {
      void this.runNow().finally(() => {
        if (!this.#closed) this.#plan();
      });
    });
  }

  async #reconcile(): Promise<void> {
    await this.#parts.follower.reconcile();
    this.#tried = new WeakSet();
    this.#refused = [];
    await this.#adopt();
    this.#parts.follower.noteRefused(this.#refused);
  }

  /** All nodes may find the same rows at the same moment: the first to come adopts them, the others see it done. */
  #noticeUnlogged(): void {
    if (this.#adoptTimer !== undefined || this.#closed || this.#adoptable().length === 0) return;
    const { clock, random, liveNodes } = this.#parts;
    this.#adoptIn(clock, random() * Math.min(20 * liveNodes(), 1000));
  }

  #adoptIn(clock: Clock, delayMs: number): void {
    if (this.#closed) return;
    this.#adoptTimer?.();
    this.#adoptTimer = clock.after(delayMs, () => {
      this.#adoptTimer = undefined;
      void this.#adopt();
    });
  }

  #adoptable(): readonly HeldRow[] {
    const odd = this.#parts.follower.edition()?.rowSet.odd.values() ?? [];
    const rows = [...odd].filter(
      (held) => held.status === "unlogged" && held.fault === undefined && !this.#tried.has(held),
    );
    // A group before the channels that name it.
    return rows.sort((a, b) => snapshotKinds.indexOf(a.kind) - snapshotKinds.indexOf(b.kind));
  }

  #adopt(): Promise<void> {
    this.#adopting ??= this.#adoptAll().finally(() => (this.#adopting = undefined));
    return this.#adopting;
  }

  async #adoptAll(): Promise<void> {
    const rows = this.#adoptable();
    try {
      for (let start = 0; start < rows.length && !this.#closed; start += rowsAtOnce) {
        const some = rows.slice(start, start + rowsAtOnce);
        if (!(await this.#adoptTogether(some))) await this.#adoptEach(some);
      }
    } catch (error) {
      const { logger, clock } = this.#parts;
      logger.warn({ error: messageOf(error) }, "rows changed by hand could not be adopted yet");
      this.#adoptIn(clock, retryMs);
    }
  }

  /** False when the rows are not valid together. */
  async #adoptTogether(rows: readonly HeldRow[]): Promise<boolean> {
    const { door, meters, logger } = this.#parts;
    try {
      const { value, revision } = await door.writeRaw(author, (tx) => adoptRows(tx, rows));
      for (const held of rows) this.#tried.add(held);
      if (value.length === 0) return true;
      meters.unloggedChanges(value.length);
      const detail = { revision, rows: value.slice(0, 100), count: value.length };
      logger.warn(detail, "rows were changed by hand in the database; they are adopted");
      return true;
    } catch (error) {
      if (!(error instanceof GatewayError) || error.kind !== "validation_failed") throw error;
      if (rows.length === 1 && rows[0] !== undefined) this.#refuse(rows[0], error.message);
      return rows.length === 1;
    }
  }

  /** One bad change must not hold up the others; what one allows for another may come after it, so in rounds. */
  async #adoptEach(rows: readonly HeldRow[]): Promise<void> {
    let left = rows;
    for (;;) {
      const refused: HeldRow[] = [];
      for (const held of left) {
        const before = this.#refused.length;
        await this.#adoptTogether([held]);
        if (this.#refused.length > before) refused.push(held);
      }
      if (refused.length === 0 || refused.length === left.length) return;
      this.#refused = this.#refused.slice(0, this.#refused.length - refused.length);
      left = refused;
    }
  }

  #refuse(held: HeldRow, reason: string): void {
    this.#tried.add(held);
    const { kind, id, seen, served } = held;
    const rev = Number(seen?.rev ?? 0n);
    this.#refused.push({
      kind,
      id: Number(id),
      rev,
      reason,
      servingPrevious: served !== undefined,
    });
    this.#parts.follower.noteRefused(this.#refused);
    this.#parts.logger.warn(
      { kind, id: Number(id), reason },
      "a row was changed by hand in the database; it is invalid and not adopted",
    );
  }
}

/**
 * Gives the rows a revision, as they lie in the table now, under the lock. Rows that the locked configuration already
 * holds (another node was first) are passed over. Answers what was adopted, as `kind:id`.
 */
async function adoptRows(tx: RawWrites, rows: readonly HeldRow[]): Promise<readonly string[]> {
  const adopted: string[] = [];
  for (const kind of snapshotKinds) {
    const ids = rows.filter((held) => held.kind === kind).map((held) => held.id);
    if (ids.length === 0) continue;
    const now = new Map((await tx.rows(kind, ids)).map((row): [bigint, RawRow] => [row.id, row]));
    for (const id of ids)
      if (await adoptRow(tx, kind, id, now.get(id))) adopted.push(`${kind}:${id}`);
  }
  return adopted;
}

async function adoptRow(
  tx: RawWrites,
  kind: SnapshotKind,
  id: bigint,
  row: RawRow | undefined,
): Promise<boolean> {
  const held = tx.baseEdition.rowSet.rows[kind].get(id) as HeldRow | undefined;
  if (row === undefined) {
    if (held === undefined) return false;
    await tx.remove(kind, Number(id));
    return true;
  }
  if (held !== undefined && sameRow(held.served, row)) return false;
  await tx.update(kind, Number(id), {});
  return true;
}
