/**
 * Accounts that come by invitation. Promises: who invited is said once, when the account is made; each side's reward is
 * the one that stood in the settings then, and is granted once.
 */
import { messageOf } from "../../core/errors.ts";
import { parseDollars } from "../../core/money.ts";
import { grantRewards, listUnrewarded } from "../../store/invitations.ts";
import type { Invited } from "../../store/invitations.ts";
import type { RowValues } from "../../store/sync-store.ts";
import { inTransaction } from "../../store/transaction.ts";
import { findUser } from "../../store/users.ts";
import type { AdminParts } from "../admin-parts.ts";
import { askDatabase } from "../ask-database.ts";
import type { NounWrite } from "../config-noun.ts";
import type { PromoteParts } from "../credits/promote.ts";
import { promoteByCredit } from "../credits/promote.ts";
import { invalid } from "../parse-fields.ts";
import type { UserFields } from "../users/schema.ts";
import { readInviteCode } from "./invite-code.ts";

/** The columns of an invitation. Throws `validation_failed`. */
export async function checkInvitation(
  parts: AdminParts,
  { tx, row, fields }: NounWrite<UserFields>,
): Promise<RowValues> {
  const { invitedBy } = fields;
  if (row !== undefined) {
    const before = row["invited_by"] ?? null;
    if (invitedBy === (before === null ? null : Number(before))) return {};
    throw invalid([{ field: "invitedBy", message: "can only be said when the account is made" }]);
  }
  if (invitedBy === null) return {};
  const id = typeof invitedBy === "number" ? BigInt(invitedBy) : readInviteCode(parts, invitedBy);
  const inviter = id === undefined ? undefined : await askDatabase(parts, (db) => findUser(db, id));
  if (inviter?.status !== "enabled")
    throw invalid([{ field: "invitedBy", message: "names no account that may invite" }]);
  const { inviterReward, inviteeReward } = tx.base.settings;
  return {
    invited_by: inviter.id,
    inviter_reward: parseDollars(inviterReward) ?? null,
    invitee_reward: parseDollars(inviteeReward) ?? null,
  };
}

/** Grants what an account was made with. What fails is logged and made up for by the leader's job. */
export async function rewardInvitation(parts: PromoteParts, invited: Invited): Promise<void> {
  if (invited.invited_by === null) return;
  try {
    await inTransaction(parts.database.writes, (trx) => grantRewards(trx, invited));
  } catch (error) {
    const reason = messageOf(error);
    parts.logger.warn({ user: Number(invited.id), reason }, "rewards put off");
    return;
  }
  for (const userId of [invited.invited_by, invited.id]) await promoteByCredit(parts, userId);
}

const atOnce = 100;

/** Rewards that were not granted when their account was made: the process or the database was gone by then. */
export async function rewardAll(parts: PromoteParts): Promise<void> {
  for (const invited of await listUnrewarded(parts.database.writes, atOnce))
    await rewardInvitation(parts, invited);
}
