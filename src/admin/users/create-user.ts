/** A new account, with what it came with. */
import type { ColumnValue } from "../../store/sync-store.ts";
import type { AdminParts } from "../admin-parts.ts";
import { askDatabase } from "../ask-database.ts";
import type { ConfigNoun } from "../config-noun.ts";
import { insertRow } from "../config-writes.ts";
import { rewardInvitation } from "../invitations/invite.ts";
import type { ActReply, ActRequest } from "../route-spec.ts";
import { writeThrough } from "../write-through.ts";
import type { UserFields } from "./schema.ts";

/** The account is there before its rewards are: what is promised to it lies in its row. */
export async function createUser(
  noun: ConfigNoun<UserFields>,
  parts: AdminParts,
  request: ActRequest,
): Promise<ActReply> {
  const { value, revision } = await writeThrough(parts.sync, request.author, (tx) =>
    insertRow(noun, tx, request),
  );
  await rewardInvitation(parts, {
    id: value.id,
    username: String(value["username"]),
    invited_by: amountColumn(value["invited_by"]),
    inviter_reward: amountColumn(value["inviter_reward"]),
    invitee_reward: amountColumn(value["invitee_reward"]),
  });
  const [data = {}] = await askDatabase(parts, (db) => noun.present(db, [value]));
  return { status: 201, data, revision, rev: Number(value.rev) };
}

function amountColumn(value: ColumnValue | undefined): bigint | null {
  return value === null || value === undefined ? null : BigInt(value);
}
