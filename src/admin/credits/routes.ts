/**
 * Money put into accounts and taken out, and the ledger's entries of an account. Promises: a credit that is sent again
 * with its reference happens once; members see their own entries and nobody else's.
 */
import { z } from "zod";
import { listAccountEntries } from "../../store/account-entries.ts";
import { findUser } from "../../store/users.ts";
import type { AdminParts } from "../admin-parts.ts";
import { askDatabase, pageOptions, pageQuery } from "../ask-database.ts";
import { managerOf, rowId, unknownRow } from "../config-reads.ts";
import type { ActReply, ActRequest, RouteSpec } from "../route-spec.ts";
import { credit } from "./credit.ts";
import { presentEntry } from "./present.ts";
import { creditSchema, entryShown, postedShown } from "./schema.ts";

export function creditRoutes(parts: AdminParts): readonly RouteSpec[] {
  return [
    {
      method: "POST",
      path: "/api/users/:id/credits",
      roles: ["root", "admin"],
      summary: "Put money into an account's balance, or take some out (a negative amount)",
      body: creditSchema,
      result: postedShown,
      act: (request) => credit(parts, request),
    },
    {
      method: "GET",
      path: "/api/users/:id/entries",
      roles: ["root", "admin", "member"],
      summary: "List the ledger's entries of an account, newest first",
      query: z.strictObject({ ...pageQuery, kind: z.string().exactOptional() }),
      result: entryShown,
      list: true,
      act: (request) => listEntries(parts, request),
    },
  ];
}

/** Entries outlive their account: managers still see them. */
async function listEntries(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const manager = managerOf(request);
  const accountId = rowId("user", request);
  if (manager.role === "member" && Number(accountId) !== manager.userId)
    throw unknownRow("user", request);
  const { kind } = request.query;
  const filters = {
    accountKind: "user",
    accountId,
    ...(typeof kind === "string" && { kind }),
  };
  return await askDatabase(parts, async (db) => {
    const page = await listAccountEntries(db, { ...pageOptions(request.query), filters });
    const known = page.rows.length > 0 || (await findUser(db, accountId)) !== undefined;
    if (!known) throw unknownRow("user", request);
    return { data: page.rows.map(presentEntry), nextCursor: page.nextCursor };
  });
}
