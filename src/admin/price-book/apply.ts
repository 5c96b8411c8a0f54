/**
 * Writes a plan through the door. Promises kept here: only what was looked at is written; all rows of a model, channel and
 * side are written in one transaction or not at all; a plan that fits one transaction is written whole or not at all.
 */
import { GatewayError, toGatewayError } from "../../core/errors.ts";
import type { Author, ConfigWrites } from "../../sync/sync.ts";
import { listPrices } from "../../store/prices.ts";
import type { RawRow } from "../../store/sync-store.ts";
import type { AdminParts } from "../admin-parts.ts";
import { askDatabase } from "../ask-database.ts";
import { writeThrough } from "../write-through.ts";
import type { BookPlan, PlannedModel } from "./plan.ts";
import { digestOf, planBook } from "./plan.ts";
import type { OpenedList } from "./read-list.ts";
import type { BookSource } from "./schema.ts";

export type BookParts = Pick<AdminParts, "sync" | "database">;

/** Row changes in one transaction: the head's lock is held no longer than a moment. */
export const changesPerWrite = 500;
/** More prices than the door lets a cluster have. */
const allRows = 100_000;

/** Every row of the table. */
export async function readPriceRows(
  parts: Pick<AdminParts, "database">,
): Promise<readonly RawRow[]> {
  const { rows } = await askDatabase(parts, (db) => listPrices(db, { limit: allRows }));
  return rows as unknown as readonly RawRow[];
}

export interface ConfirmedPlan {
  readonly source: BookSource;
  readonly list: OpenedList;
  /** Of the plan that was looked at; undefined: whatever it is (the first start). */
  readonly digest: string | undefined;
}

export interface AppliedPlan {
  readonly plan: BookPlan;
  readonly revision: number;
}

/** Writes the plan. Throws `conflict` where it is no longer the one that was looked at; what is written then is told. */
export async function applyPlan(
  parts: BookParts,
  author: Author,
  confirmed: ConfirmedPlan,
): Promise<AppliedPlan> {
  const first = await writeThrough(parts.sync, author, async (tx) => {
    // Under the head's lock: nothing can change between this look and the commit.
    const plan = await planNow(parts, tx, confirmed);
    if (confirmed.digest !== undefined && plan.digest !== confirmed.digest) throw changedSince();
    const chunks = chunksOf(plan.models);
    await writeModels(tx, confirmed.source, chunks[0] ?? []);
    return { plan, chunks };
  });
  const { plan, chunks } = first.value;
  let { revision } = first;
  for (const [index, chunk] of chunks.entries()) {
    if (index === 0) continue;
    try {
      const written = await writeThrough(parts.sync, author, async (tx) => {
        await checkUnchanged(parts, tx, confirmed, chunk);
        await writeModels(tx, confirmed.source, chunk);
      });
      ({ revision } = written);
    } catch (error) {
      throw partlyDone(error, chunks.slice(0, index).flat().length, plan.models.length);
    }
  }
  return { plan, revision };
}

async function planNow(
  parts: BookParts,
  tx: ConfigWrites,
  { list }: ConfirmedPlan,
): Promise<BookPlan> {
  const { rows } = await list.select(tx.base.channels);
  return planBook(rows, await readPriceRows(parts));
}

/** That what is about to be written is still what the plan said of these models. */
async function checkUnchanged(
  parts: BookParts,
  tx: ConfigWrites,
  confirmed: ConfirmedPlan,
  chunk: readonly PlannedModel[],
): Promise<void> {
  const names = new Set(chunk.map(({ name }) => name));
  const now = await planNow(parts, tx, confirmed);
  const same = now.models.filter(({ name }) => names.has(name));
  if (digestOf(same) !== digestOf(chunk)) throw changedSince();
}

function changedSince(): GatewayError {
  return new GatewayError(
    "conflict",
    "The price book has changed since this diff was made; look at the diff again",
    { fields: [{ field: "digest", message: "is not of the diff as it is now" }] },
  );
}

function partlyDone(error: unknown, written: number, all: number): GatewayError {
  const cause = toGatewayError(error);
  const told = `${written} of ${all} models are written, each whole; ask for the diff again for the rest`;
  return new GatewayError(cause.kind, `${cause.message} (${told})`, {
    cause: error,
    ...(cause.retryAfterS !== undefined && { retryAfterS: cause.retryAfterS }),
  });
}

/** Models in groups that one transaction writes. */
function chunksOf(models: readonly PlannedModel[]): readonly (readonly PlannedModel[])[] {
  const chunks: PlannedModel[][] = [];
  let room = 0;
  for (const model of models) {
    const size = model.added.length + model.changed.length + model.removed.length;
    if (size > room) {
      chunks.push([]);
      room = changesPerWrite;
    }
    chunks.at(-1)?.push(model);
    room -= size;
  }
  return chunks;
}

async function writeModels(
  tx: ConfigWrites,
  source: BookSource,
  models: readonly PlannedModel[],
): Promise<void> {
  if (models.length === 0) return;
  const updated = { updated_at: BigInt(tx.nowMs) };
  for (const { added, changed, removed } of models) {
    // First what goes: its date may be the one of a row that comes.
    for (const { id } of removed) await tx.remove("price", Number(id));
    for (const { id, next } of changed)
      await tx.update("price", Number(id), { ...next.columns, ...updated });
    for (const { columns } of added)
      await tx.insert("price", { ...columns, ...updated, created_at: BigInt(tx.nowMs) });
  }
  await tx.audit({
    action: "update",
    kind: "price-book",
    entityId: source,
    detail: JSON.stringify({ after: auditOf(models) }),
  });
}

/** What was done, in full where something was there before. */
function auditOf(models: readonly PlannedModel[]): object {
  return {
    added: models.flatMap((model) => model.added.map(({ shown }) => shown["model"])),
    changed: models.flatMap((model) =>
      model.changed.map(({ id, fields }) => ({ id: Number(id), fields })),
    ),
    removed: models.flatMap((model) => model.removed.map(({ shown }) => shown)),
  };
}
