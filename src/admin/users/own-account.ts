/** The account behind a management token, as it sees itself. */
import { GatewayError } from "../../core/errors.ts";
import { formatDollars } from "../../core/money.ts";
import { readBalances } from "../../store/balances.ts";
import { sumInvitations } from "../../store/invitations.ts";
import { findUser } from "../../store/users.ts";
import type { AdminParts } from "../admin-parts.ts";
import { askDatabase } from "../ask-database.ts";
import { managerOf } from "../config-reads.ts";
import { inviteCodeOf } from "../invitations/invite-code.ts";
import type { ActReply, ActRequest } from "../route-spec.ts";
import { presentBalance } from "./present.ts";

export async function ownAccount(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const id = BigInt(managerOf(request).userId);
  return await askDatabase(parts, async (db) => {
    const user = await findUser(db, id);
    if (user === undefined) throw new GatewayError("not_found", "This account is gone");
    const { invited, earned } = await sumInvitations(db, id);
    const data = {
      id: Number(id),
      username: user.username,
      role: user.role,
      group: user.group,
      billing: user.billing,
      ...presentBalance({ ...user }, await readBalances(db, [id])),
      inviteCode: inviteCodeOf(parts, id),
      invited,
      earned: formatDollars(earned),
    };
    return { data };
  });
}
