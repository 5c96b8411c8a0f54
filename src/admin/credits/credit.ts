/** One credit. Promise: sent again with its reference it happens once, and says what it said the first time. */
import { GatewayError } from "../../core/errors.ts";
import { formatDollars } from "../../core/money.ts";
import { type AccountEntryRow, findAccountEntry } from "../../store/account-entries.ts";
import { type Posting, leftOf, postToBalance, readBalance } from "../../store/balances.ts";
import type { Sql } from "../../store/database.ts";
import { type UserRow, findUser } from "../../store/users.ts";
import type { AdminParts } from "../admin-parts.ts";
import { askDatabase, changeDatabase } from "../ask-database.ts";
import { auditMoney } from "../audit-money.ts";
import { managerOf, rowId, unknownRow } from "../config-reads.ts";
import { parseFields } from "../parse-fields.ts";
import { outranks } from "../ranks.ts";
import type { ActReply, ActRequest } from "../route-spec.ts";
import { presentEntry } from "./present.ts";
import { promoteByCredit } from "./promote.ts";
import { anyReference, referenceOf } from "./reference.ts";
import { refusing } from "./refuse.ts";
import { creditSchema } from "./schema.ts";

/** Throws `conflict` for what the balance does not allow, and for a reference that another credit has. */
export async function credit(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const { amount, remark, reference } = parseFields(creditSchema, request.body);
  const user = await creditedUser(parts, request);
  const name = referenceOf(request, reference) ?? anyReference(parts);
  const posting: Posting = {
    kind: "credit",
    userId: user.id,
    amount,
    reference: `credit:${user.id}:${name}`,
    remark,
    actorId: managerOf(request).userId,
  };
  const isNew = await changeDatabase(parts, (trx) => post(parts, request, { trx, posting }));
  if (isNew) await promoteByCredit(parts, user.id);
  const { entry, left } = await askDatabase(parts, async (db) => ({
    entry: await findAccountEntry(db, posting.reference),
    left: leftOf(await readBalance(db, user.id)),
  }));
  if (entry === undefined)
    throw new GatewayError("temporarily_unavailable", "The entry cannot be read yet");
  if (!isNew) checkSame(entry, posting);
  const data = { ...presentEntry(entry), balance: formatDollars(left) };
  return { status: isNew ? 201 : 200, data };
}

/** Whom a manager may credit: nobody gives money to themselves or their equals, but root. */
async function creditedUser(parts: AdminParts, request: ActRequest): Promise<UserRow> {
  const id = rowId("user", request);
  const user = await askDatabase(parts, (db) => findUser(db, id));
  if (user === undefined) throw unknownRow("user", request);
  if (outranks(managerOf(request), user.role)) return user;
  throw new GatewayError("forbidden", `You may not credit ${user.username}`);
}

interface PostWork {
  readonly trx: Sql;
  readonly posting: Posting;
}

async function post(
  parts: AdminParts,
  request: ActRequest,
  { trx, posting }: PostWork,
): Promise<boolean> {
  if (!(await refusing(() => postToBalance(trx, posting)))) return false;
  const { amount, remark, reference } = posting;
  const detail = { amount: formatDollars(amount), remark, reference };
  const entityId = String(posting.userId);
  await auditMoney(parts, request, { trx, action: "create", kind: "credit", entityId, detail });
  return true;
}

function checkSame(entry: AccountEntryRow, posting: Posting): void {
  if (entry.amount === posting.amount && entry.remark === posting.remark) return;
  throw new GatewayError("conflict", "This reference belongs to another credit of the account", {
    fields: [{ field: "reference", message: "is taken by another credit" }],
  });
}
