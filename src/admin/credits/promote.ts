/**
 * Accounts come into a better group by what was credited to them. Promises: through the write door and audited; into
 * each group once, so that an operator's own choice after that stands; nobody is moved to a lower one.
 */
import { messageOf } from "../../core/errors.ts";
import { formatDollars } from "../../core/money.ts";
import { readBalance } from "../../store/balances.ts";
import type { Rung } from "../../store/promotions.ts";
import { listReached, listRungs, noteReached } from "../../store/promotions.ts";
import { inTransaction } from "../../store/transaction.ts";
import type { Author } from "../../sync/sync.ts";
import type { AdminParts } from "../admin-parts.ts";
import { auditDetail } from "../audit-detail.ts";

export type PromoteParts = Pick<AdminParts, "sync" | "database" | "logger">;

const author: Author = { name: "job:promotion", userId: null, address: "", requestId: "" };

/** After a credit. What fails is logged and made up for by the leader's job: the credit itself has happened. */
export async function promoteByCredit(parts: PromoteParts, userId: bigint): Promise<void> {
  try {
    for (const rung of await listRungs(parts.database.reads)) {
      const reached = await listReached(parts.database.writes, rung, { limit: 1, userId });
      if (reached.length > 0) await promoteUser(parts, userId);
    }
  } catch (error) {
    parts.logger.warn({ user: Number(userId), reason: messageOf(error) }, "promotion put off");
  }
}

const atOnce = 100;

/** Everybody who has reached a group and was not looked at since, also where the group's amount was set only now. */
export async function promoteAll(parts: PromoteParts, signal: AbortSignal): Promise<number> {
  let looked = 0;
  for (const rung of await listRungs(parts.database.reads))
    for (let found = atOnce; found === atOnce && !signal.aborted;) {
      const users = await listReached(parts.database.writes, rung, { limit: atOnce });
      for (const userId of users) await promoteUser(parts, userId);
      found = users.length;
      looked += found;
    }
  return looked;
}

/** Moves an account to the highest group it has reached, unless it was looked at for that before or stands elsewhere. */
async function promoteUser(parts: PromoteParts, userId: bigint): Promise<void> {
  const { reads, writes } = parts.database;
  const rungs = await listRungs(reads);
  const { credited } = await readBalance(writes, userId);
  const reached = rungs.filter((rung) => rung.at <= credited);
  const [highest] = reached;
  if (highest === undefined) return;
  const isNew = await listReached(writes, highest, { limit: 1, userId });
  if (isNew.length > 0) await moveUp(parts, userId, { to: highest, rungs, credited });
  await inTransaction(writes, (trx) => noteReached(trx, userId, reached));
}

interface Move {
  readonly to: Rung;
  readonly rungs: readonly Rung[];
  readonly credited: bigint;
}

async function moveUp(parts: PromoteParts, userId: bigint, move: Move): Promise<void> {
  const { to, rungs, credited } = move;
  const moved = await parts.sync.write(author, async (tx) => {
    const row = await tx.find("user", Number(userId));
    const group = String(row?.["group"]);
    if (row === undefined || !isBelow(group, to, rungs)) return false;
    await tx.update("user", Number(userId), {
      group: to.symbol,
      updated_at: BigInt(tx.nowMs),
    });
    await tx.audit({
      action: "update",
      kind: "user",
      entityId: String(userId),
      detail: auditDetail({ group }, { group: to.symbol, credited: formatDollars(credited) }),
    });
    return true;
  });
  if (moved.value)
    parts.logger.info({ user: Number(userId), group: to.symbol }, "account promoted by its credit");
}

/** From `default`, or from a group that promotes at less; one that an operator keeps by hand is left as it is. */
function isBelow(group: string, to: Rung, rungs: readonly Rung[]): boolean {
  if (group === to.symbol) return false;
  const rung = rungs.find(({ symbol }) => symbol === group);
  return rung === undefined ? group === "default" : rung.at < to.at;
}
