/** Accounts. Promise kept here: there is always a root that can sign in, and nobody raises themselves. */
import { z } from "zod";
import { GatewayError } from "../../core/errors.ts";
import type { RowValues } from "../../store/sync-store.ts";
import { findUser, listUsers } from "../../store/users.ts";
import { ratioOf, ruleColumns } from "../../sync/money-fields.ts";
import type { AdminParts } from "../admin-parts.ts";
import type { ConfigNoun, NounWrite } from "../config-noun.ts";
import { configRoutes } from "../config-routes.ts";
import { managerOf } from "../config-reads.ts";
import { checkGroups } from "../config-references.ts";
import { checkInvitation } from "../invitations/invite.ts";
import { outranks } from "../ranks.ts";
import type { RouteSpec } from "../route-spec.ts";
import { createUser } from "./create-user.ts";
import { ownAccount } from "./own-account.ts";
import { presentUsers, userInput } from "./present.ts";
import { checkOtherRoot, removeUser } from "./remove-user.ts";
import type { UserFields } from "./schema.ts";
import { accountShown, managerShown, userRefused, userSchema, userShown } from "./schema.ts";
import { tokenRoutes } from "./token-routes.ts";

const managers = ["root", "admin"] as const;

export function userRoutes(parts: AdminParts): readonly RouteSpec[] {
  const noun = userNoun(parts);
  return [
    {
      method: "GET",
      path: "/api/me",
      roles: ["root", "admin", "member"],
      summary: "Who this management token belongs to",
      result: managerShown,
      act: (request) => {
        const { userId, username, role } = managerOf(request);
        return Promise.resolve({ data: { id: userId, username, role } });
      },
    },
    {
      method: "GET",
      path: "/api/me/account",
      roles: ["root", "admin", "member"],
      summary: "One's own account: balance, group, invitations",
      result: accountShown,
      act: (request) => ownAccount(parts, request),
    },
    ...configRoutes(noun, parts),
    {
      method: "POST",
      path: "/api/users",
      roles: managers,
      summary: "Create a user",
      body: userSchema,
      result: userShown,
      act: (request) => createUser(noun, parts, request),
    },
    ...tokenRoutes(parts),
  ];
}

function userNoun(parts: AdminParts): ConfigNoun<UserFields> {
  const text = z.string().exactOptional();
  return {
    kind: "user",
    name: "users",
    singular: "user",
    readers: managers,
    writers: managers,
    without: "create",
    schema: userSchema,
    shown: userShown,
    refused: userRefused,
    filters: { role: text, status: text, group: text, search: text },
    list: listUsers,
    find: findUser,
    input: userInput,
    present: (db, rows) => presentUsers(parts, db, rows),
    columns: ({ budget, limits, ratio, invitedBy: _invitedBy, ...fields }) => ({
      ...fields,
      ...ruleColumns({ budget, limits }),
      ratio: ratioOf(ratio),
    }),
    mayChange: ({ manager, row }) => {
      if (Number(row.id) !== manager.userId && !outranks(manager, String(row["role"])))
        throw new GatewayError("forbidden", `You may not change ${String(row["username"])}`);
    },
    check: (write) => checkUser(parts, write),
    remove: (removal) => removeUser(parts, removal),
  };
}

async function checkUser(parts: AdminParts, write: NounWrite<UserFields>): Promise<RowValues> {
  const { tx, manager, row, fields } = write;
  if (fields.role !== row?.["role"] && !outranks(manager, fields.role))
    throw new GatewayError("forbidden", `You may not make anyone ${fields.role}`);
  checkGroups(tx, { group: fields.group });
  const wasRoot = row?.["role"] === "root" && row["status"] === "enabled";
  if (wasRoot && (fields.role !== "root" || fields.status !== "enabled"))
    await checkOtherRoot(parts, row.id);
  return await checkInvitation(parts, write);
}
