/** Who changed what, newest first. */
import type { Selectable } from "kysely";
import type { Sql } from "./database.ts";
import { engineOf, nowMs } from "./dialect.ts";
import type { Page, PageOptions } from "./pages.ts";
import { readIdCursor, toIdPage } from "./pages.ts";
import type { AuditEntry } from "./sync-store.ts";
import type { AuditTable } from "./tables.ts";

export type AuditRow = Selectable<AuditTable>;

export interface AuditFilters {
  readonly kind?: string | undefined;
  readonly entityId?: string | undefined;
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  /** Ms UTC, inclusive. */
  readonly fromMs?: number | undefined;
  /** Ms UTC, exclusive. */
  readonly toMs?: number | undefined;
}

export async function listAudit(
  db: Sql,
  options: PageOptions & { readonly filters?: AuditFilters },
): Promise<Page<AuditRow>> {
  const { limit, after, filters = {} } = options;
  let query = db
    .selectFrom("audit")
    .selectAll()
    .orderBy("id", "desc")
    .limit(limit + 1);
  if (after !== undefined) query = query.where("id", "<", readIdCursor(after));
  if (filters.kind !== undefined) query = query.where("kind", "=", filters.kind);
  if (filters.entityId !== undefined) query = query.where("entity_id", "=", filters.entityId);
  if (filters.actor !== undefined) query = query.where("actor", "=", filters.actor);
  if (filters.action !== undefined) query = query.where("action", "=", filters.action);
  if (filters.fromMs !== undefined) query = query.where("at", ">=", BigInt(filters.fromMs));
  if (filters.toMs !== undefined) query = query.where("at", "<", BigInt(filters.toMs));
  return toIdPage(await query.execute(), limit);
}

/** Writes one row, in the transaction of the change that it tells of. */
export async function addAudit(trx: Sql, entry: AuditEntry): Promise<void> {
  await trx
    .insertInto("audit")
    .values({
      at: nowMs(engineOf(trx)),
      actor_id: entry.actorId === null ? null : BigInt(entry.actorId),
      actor: entry.actor,
      action: entry.action,
      kind: entry.kind,
      entity_id: entry.entityId,
      revision: BigInt(entry.revision),
      detail: entry.detail,
      address: entry.address,
      request_id: entry.requestId,
    })
    .execute();
}
