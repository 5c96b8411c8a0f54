/** Audit rows of what is no configuration: in the transaction of the change, at the revision that this node serves. */
import type { JsonObject } from "../core/json-value.ts";
import { addAudit } from "../store/audit.ts";
import type { Sql } from "../store/database.ts";
import type { AdminParts } from "./admin-parts.ts";
import { auditDetail } from "./audit-detail.ts";
import type { ActRequest } from "./route-spec.ts";

export interface MoneyAudit {
  readonly trx: Sql;
  readonly action: "create" | "update";
  readonly kind: string;
  readonly entityId: string;
  /** What it is now. */
  readonly detail: JsonObject;
}

export async function auditMoney(
  parts: Pick<AdminParts, "sync">,
  { author }: Pick<ActRequest, "author">,
  { trx, detail, ...entry }: MoneyAudit,
): Promise<void> {
  await addAudit(trx, {
    ...entry,
    revision: parts.sync.status().appliedRevision ?? 0,
    detail: auditDetail(undefined, detail),
    actor: author.name,
    actorId: author.userId,
    address: author.address,
    requestId: author.requestId,
  });
}
