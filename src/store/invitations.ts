/** Who was invited by whom, and the rewards for it. Promise: a reward is granted once, however often it is tried. */
import { sql } from "kysely";
import type { NanoDollars } from "../core/money.ts";
import type { Posting } from "./balances.ts";
import { postToBalance } from "./balances.ts";
import type { Sql } from "./database.ts";
import type { UserRow } from "./users.ts";

export type Invited = Pick<
  UserRow,
  "id" | "username" | "invited_by" | "inviter_reward" | "invitee_reward"
>;

const referenceOf = {
  inviter: (inviteeId: bigint): string => `reward:inviter:${inviteeId}`,
  invitee: (inviteeId: bigint): string => `reward:invitee:${inviteeId}`,
};

/** Grants both sides what the account was made with, inside a transaction. Throws BalanceRefusal. */
export async function grantRewards(trx: Sql, invited: Invited): Promise<void> {
  // By account, as balances are locked: two grants never wait for each other in a ring.
  const postings = rewardsOf(invited).toSorted((left, right) =>
    left.userId < right.userId ? -1 : 1,
  );
  for (const posting of postings) await postToBalance(trx, posting);
}

function rewardsOf(invited: Invited): readonly Posting[] {
  const { id, username, invited_by: inviterId } = invited;
  if (inviterId === null) return [];
  const reward = { kind: "reward", actorId: null } as const;
  const all = [
    {
      ...reward,
      userId: inviterId,
      amount: invited.inviter_reward ?? 0n,
      reference: referenceOf.inviter(id),
      remark: `invited ${username}`,
    },
    {
      ...reward,
      userId: id,
      amount: invited.invitee_reward ?? 0n,
      reference: referenceOf.invitee(id),
      remark: "came by invitation",
    },
  ];
  return all.filter(({ amount }) => amount > 0n);
}

/** Accounts that came by invitation and whose rewards are not in the ledger, whole or in part. */
export async function listUnrewarded(db: Sql, limit: number): Promise<readonly Invited[]> {
  return await db
    .selectFrom("users")
    .select(["id", "username", "invited_by", "inviter_reward", "invitee_reward"])
    .where("invited_by", "is not", null)
    .where(sql<boolean>`(${lacking(db, "inviter")} or ${lacking(db, "invitee")})`)
    .orderBy("id")
    .limit(limit)
    .execute();
}

function lacking(db: Sql, side: "inviter" | "invitee"): ReturnType<typeof sql<boolean>> {
  const amount = sql.ref(`users.${side}_reward`);
  const reference = sql<string>`concat(${sql.lit(`reward:${side}:`)}, users.id)`;
  const entry = db
    .selectFrom("account_entries")
    .select("account_entries.id")
    .where("account_entries.reference", "=", reference);
  return sql<boolean>`(${amount} > 0 and not exists ${entry})`;
}

export interface InvitationSums {
  readonly invited: number;
  readonly earned: NanoDollars;
}

/** How many came by an account's invitation, and what it got for them. */
export async function sumInvitations(db: Sql, userId: bigint): Promise<InvitationSums> {
  const { invited } = await db
    .selectFrom("users")
    .select(sql<bigint>`count(*)`.as("invited"))
    .where("invited_by", "=", userId)
    .executeTakeFirstOrThrow();
  const { earned } = await db
    .selectFrom("account_entries")
    .select(sql<bigint | null>`sum(amount)`.as("earned"))
    .where("account_kind", "=", "user")
    .where("account_id", "=", userId)
    .where("kind", "=", "reward")
    .where("reference", "like", "reward:inviter:%")
    .executeTakeFirstOrThrow();
  return { invited: Number(invited), earned: earned ?? 0n };
}
