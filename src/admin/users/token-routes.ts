/** Management tokens of an account: shown once when made, stored as a keyed hash. */
import { z } from "zod";
import type { Manager } from "../../auth/authenticate-manager.ts";
import { GatewayError } from "../../core/errors.ts";
import { listTokens } from "../../store/tokens.ts";
import type { UserRow } from "../../store/users.ts";
import { findUser } from "../../store/users.ts";
import type { AdminParts } from "../admin-parts.ts";
import { askDatabase, knownSecret, pageOptions, pageQuery } from "../ask-database.ts";
import { auditDetail } from "../audit-detail.ts";
import { managerOf, rowId, unknownRow } from "../config-reads.ts";
import { makeManagementToken } from "../make-secret.ts";
import { parseFields } from "../parse-fields.ts";
import { outranks } from "../ranks.ts";
import type { ActReply, ActRequest, RouteSpec } from "../route-spec.ts";
import { writeThrough } from "../write-through.ts";
import { presentToken } from "./present.ts";
import { tokenMade, tokenSchema, tokenShown } from "./schema.ts";

const everybody = ["root", "admin", "member"] as const;
const path = "/api/users/:id/tokens";

export function tokenRoutes(parts: AdminParts): readonly RouteSpec[] {
  const query = z.strictObject(pageQuery);
  return [
    {
      method: "GET",
      path,
      roles: everybody,
      summary: "List an account's management tokens",
      query,
      result: tokenShown,
      list: true,
      act: (request) => listOf(parts, request),
    },
    {
      method: "POST",
      path,
      roles: everybody,
      summary: "Make a management token; the answer is the only time it is shown",
      body: tokenSchema,
      result: tokenMade,
      act: (request) => make(parts, request),
    },
    {
      method: "DELETE",
      path: `${path}/:tokenId`,
      roles: everybody,
      summary: "End a management token",
      act: (request) => end(parts, request),
    },
  ];
}

async function listOf(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const user = await managedUser(parts, request);
  const page = await askDatabase(parts, (db) =>
    listTokens(db, { ...pageOptions(request.query), filters: { userId: user.id } }),
  );
  return { data: page.rows.map(presentToken), nextCursor: page.nextCursor };
}

async function make(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const { name, expiresAt } = parseFields(tokenSchema, request.body);
  const token = makeManagementToken(parts.random);
  const { value, revision } = await writeThrough(parts.sync, request.author, async (tx) => {
    const user = await managedUser(parts, request);
    const values = {
      hash: knownSecret(parts.hashToken("management", token)),
      user_id: user.id,
      name,
      expires_at: expiresAt === null ? null : BigInt(expiresAt),
      created_at: BigInt(tx.nowMs),
    };
    const id = await tx.insert("token", values);
    await tx.audit({
      action: "create",
      kind: "token",
      entityId: String(id),
      detail: auditDetail(undefined, { user: Number(user.id), name }),
    });
    return presentToken({ ...values, id: BigInt(id) });
  });
  return { status: 201, data: { ...value, token }, revision };
}

async function end(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const tokenId = /^[1-9]\d{0,15}$/.test(request.params["tokenId"] ?? "")
    ? Number(request.params["tokenId"])
    : 0;
  const { revision } = await writeThrough(parts.sync, request.author, async (tx) => {
    const user = await managedUser(parts, request);
    const row = await tx.find("token", tokenId);
    if (row === undefined || row["user_id"] !== user.id)
      throw new GatewayError(
        "not_found",
        `There is no token ${request.params["tokenId"] ?? ""} of this account`,
      );
    await tx.remove("token", tokenId);
    await tx.audit({
      action: "delete",
      kind: "token",
      entityId: String(tokenId),
      detail: auditDetail({ user: Number(user.id), name: String(row["name"]) }, undefined),
    });
  });
  return { data: { id: tokenId }, revision };
}

/** The account of the path, when the manager is it or stands above it; else it is not there. */
async function managedUser(parts: AdminParts, request: ActRequest): Promise<UserRow> {
  const manager = managerOf(request);
  const id = rowId("user", request);
  const user = await askDatabase(parts, (db) => findUser(db, id));
  if (user === undefined || !mayManage(manager, user)) throw unknownRow("user", request);
  return user;
}

function mayManage(manager: Manager, user: UserRow): boolean {
  return Number(user.id) === manager.userId || outranks(manager, user.role);
}
