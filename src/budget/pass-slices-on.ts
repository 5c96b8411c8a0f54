/**
 * From one process to the next. Promise: slices go back to SQL when a node stops; where SQL is away they wait on the
 * disk, exactly; a process that was killed leaves nothing that could be spent twice.
 */
import { messageOf } from "../core/errors.ts";
import type { NanoDollars } from "../core/money.ts";
import type { LeaseTalk } from "./ask-leases.ts";
import type { BudgetParts } from "./budget-parts.ts";
import { dropUnused, type Slice, takenOf } from "./slice.ts";
import type { SliceBook } from "./slice-book.ts";

interface KeptSlice {
  readonly kind: Slice["share"]["kind"];
  readonly id: number;
  readonly period: string;
  /** Null: never. */
  readonly endMs: number | null;
  readonly limit: string | null;
  readonly fence: string;
  /** What was spent, and what calls had reserved that still ran. */
  readonly taken: string;
  readonly left: string;
  /** Wall clock when the database last heard of the lease. */
  readonly renewedAtMs: number;
}

interface KeptFile {
  readonly nodeId: string;
  readonly slices: readonly KeptSlice[];
}

/** Longest wait for SQL while a node stops. */
const closeMs = 1000;

/** Hands everything back; what cannot be is written to the disk. */
export async function handSlicesOver(
  parts: BudgetParts,
  book: SliceBook,
  talk: LeaseTalk,
): Promise<void> {
  const held = new Map([...book.slices.values()].map((slice) => [slice, heldOf(slice)]));
  if (!talk.away) {
    for (const slice of book.slices.values()) dropUnused(slice);
    const told = await inTime(parts, talk.sayAll());
    if (told === "told") await inTime(parts, endAll(parts, book, talk));
    talk.close();
    if (told !== "untold") return;
  }
  talk.close();
  // Nothing may be said to SQL after this; where something still is, nobody knows what holds.
  const quiet = await inTime(
    parts,
    talk.alone(async () => true),
  );
  if (quiet === true) keep(parts, book, held);
}

/** What is settled to its end leaves no lease behind. */
async function endAll(parts: BudgetParts, book: SliceBook, talk: LeaseTalk): Promise<void> {
  const before = new Map([...book.slices.values()].map((slice) => [slice, slice.spent]));
  await parts.settled();
  for (const [slice, spent] of before) {
    if (slice.fence === undefined || slice.running > 0 || slice.spent !== spent) continue;
    slice.over = true;
    slice.unsaid = true;
  }
  await talk.sayAll();
}

/** Undefined: it took too long, or failed. */
async function inTime<T>(parts: BudgetParts, work: Promise<T>): Promise<T | undefined> {
  let cancel = (): void => undefined;
  const late = new Promise<undefined>((resolve) => {
    cancel = parts.clock.after(closeMs, () => resolve(undefined));
  });
  const done = work.catch(() => undefined);
  return await Promise.race([done, late]).finally(() => cancel());
}

/** What calls may spend of a slice in all; nothing more of one that is to go back. */
function heldOf(slice: Slice): NanoDollars {
  const isGoing = slice.handBack || slice.overdrawn;
  return isGoing ? slice.spent : slice.granted;
}

function keep(parts: BudgetParts, book: SliceBook, held: ReadonlyMap<Slice, bigint>): void {
  const { kept, logger, nodeId } = parts;
  if (kept === null) return;
  const slices: KeptSlice[] = [];
  for (const slice of book.slices.values()) {
    if (slice.fence === undefined) continue;
    // What SQL was told of is as it says by now.
    const granted = slice.unsaid ? (held.get(slice) ?? 0n) : min(slice.granted, heldOf(slice));
    slices.push({
      ...slice.share,
      endMs: Number.isFinite(slice.endMs) ? slice.endMs : null,
      limit: slice.limit === null ? null : String(slice.limit),
      fence: String(slice.fence),
      taken: String(takenOf(slice)),
      left: String(max(0n, granted - slice.spent - slice.reserved)),
      renewedAtMs: slice.renewed.wallMs,
    });
  }
  if (slices.length === 0) return;
  try {
    kept.save(JSON.stringify({ nodeId, slices } satisfies KeptFile));
  } catch (error) {
    logger.warn({ error: messageOf(error) }, "slices of budgets cannot be kept");
  }
}

/** Takes up what the process before could not hand back. */
export function takeKeptSlices(parts: BudgetParts, book: SliceBook): void {
  const { kept, logger, clock } = parts;
  try {
    const text = kept?.take();
    if (text === undefined) return;
    const file = JSON.parse(text) as KeptFile;
    if (file.nodeId !== parts.nodeId) return;
    for (const row of file.slices) {
      const ageMs = clock.now() - row.renewedAtMs;
      if (ageMs < 0 || ageMs >= parts.maxStaleMs) continue;
      const { kind, id, period } = row;
      const slice = book.get({ kind, id, period }, row.endMs ?? Infinity);
      slice.limit = row.limit === null ? null : BigInt(row.limit);
      slice.fence = BigInt(row.fence);
      slice.inherited = BigInt(row.taken);
      // Calls that still ran may have cost less, or more.
      slice.doubtful = true;
      slice.granted = BigInt(row.left);
      slice.renewed = { monotonicMs: clock.monotonic() - ageMs, wallMs: row.renewedAtMs };
    }
  } catch (error) {
    logger.warn({ error: messageOf(error) }, "kept slices of budgets cannot be read");
  }
}

function max(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}

function min(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}
