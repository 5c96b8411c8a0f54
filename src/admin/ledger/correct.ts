/** One correction: an entry of its own, never an edit. Promise: sent again with its reference it happens once. */
import { GatewayError } from "../../core/errors.ts";
import { formatDollars } from "../../core/money.ts";
import { addAccountEntry, findAccountEntry } from "../../store/account-entries.ts";
import { postToBalance } from "../../store/balances.ts";
import type { Sql } from "../../store/database.ts";
import type { AdminParts } from "../admin-parts.ts";
import { askDatabase, changeDatabase } from "../ask-database.ts";
import { auditMoney } from "../audit-money.ts";
import { managerOf } from "../config-reads.ts";
import { anyReference, referenceOf } from "../credits/reference.ts";
import { refusing } from "../credits/refuse.ts";
import { parseFields } from "../parse-fields.ts";
import type { ActReply, ActRequest } from "../route-spec.ts";
import { presentLedgerEntry } from "./present.ts";
import { correctionSchema } from "./schema.ts";

/** Of a user it moves the balance as well; of others it says what was wrong. */
export async function correct(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const fields = parseFields(correctionSchema, request.body);
  const { accountKind, account, amount, remark } = fields;
  const name = referenceOf(request, fields.reference) ?? anyReference(parts);
  const reference = `correction:${accountKind}:${account}:${name}`;
  const actorId = managerOf(request).userId;
  const entry = { kind: "correction", amount, remark, reference, actorId } as const;
  const isNew = await changeDatabase(parts, async (trx) => {
    const added = await (accountKind === "user"
      ? refusing(() => postToBalance(trx, { ...entry, userId: BigInt(account) }))
      : addAccountEntry(trx, { ...entry, accountKind, accountId: account, day: null }));
    if (added) await audit(parts, request, trx, { ...entry, accountKind, account });
    return added;
  });
  const row = await askDatabase(parts, (db) => findAccountEntry(db, reference));
  if (row === undefined)
    throw new GatewayError("temporarily_unavailable", "The entry cannot be read yet");
  if (row.amount !== amount || row.remark !== remark)
    throw new GatewayError("conflict", "This reference belongs to another correction", {
      fields: [{ field: "reference", message: "is taken by another correction" }],
    });
  return { status: isNew ? 201 : 200, data: presentLedgerEntry(row) };
}

interface Corrected {
  readonly accountKind: string;
  readonly account: number;
  readonly amount: bigint;
  readonly remark: string;
  readonly reference: string;
}

async function audit(
  parts: AdminParts,
  request: ActRequest,
  trx: Sql,
  { accountKind, account, amount, remark, reference }: Corrected,
): Promise<void> {
  const detail = { amount: formatDollars(amount), remark, reference };
  const entityId = `${accountKind}:${account}`;
  await auditMoney(parts, request, { trx, action: "create", kind: "correction", entityId, detail });
}
