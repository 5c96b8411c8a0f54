/** Accounts. Promise kept here: there is always a root that can sign in, and nobody raises themselves. */
import { z } from "zod";
import { GatewayError } from "../../core/errors.ts";
import { listKeys } from "../../store/keys.ts";
import type { Page, PageOptions } from "../../store/pages.ts";
import { listTokens } from "../../store/tokens.ts";
import { findUser, listUsers } from "../../store/users.ts";
import { ratioOf, ruleColumns } from "../../sync/money-fields.ts";
import type { AdminParts } from "../admin-parts.ts";
import { askDatabase } from "../ask-database.ts";
import type { ConfigNoun, NounRemoval, NounWrite } from "../config-noun.ts";
import { configRoutes } from "../config-noun.ts";
import { managerOf } from "../config-reads.ts";
import { checkGroups } from "../config-references.ts";
import { outranks } from "../ranks.ts";
import type { RouteSpec } from "../route-spec.ts";
import { presentUser, userInput } from "./present.ts";
import type { UserFields } from "./schema.ts";
import { managerShown, userRefused, userSchema, userShown } from "./schema.ts";
import { tokenRoutes } from "./token-routes.ts";

const managers = ["root", "admin"] as const;

export function userRoutes(parts: AdminParts): readonly RouteSpec[] {
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
    ...configRoutes(userNoun(parts), parts),
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
    schema: userSchema,
    shown: userShown,
    refused: userRefused,
    filters: { role: text, status: text, group: text, search: text },
    list: listUsers,
    find: findUser,
    input: userInput,
    present: (_db, rows) => Promise.resolve(rows.map(presentUser)),
    columns: ({ budget, limits, ratio, ...fields }) => ({
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

async function checkUser(parts: AdminParts, write: NounWrite<UserFields>): Promise<void> {
  const { tx, manager, row, fields } = write;
  if (fields.role !== row?.["role"] && !outranks(manager, fields.role))
    throw new GatewayError("forbidden", `You may not make anyone ${fields.role}`);
  checkGroups(tx, { group: fields.group });
  const wasRoot = row?.["role"] === "root" && row["status"] === "enabled";
  if (wasRoot && (fields.role !== "root" || fields.status !== "enabled"))
    await checkOtherRoot(parts, row.id);
}

/** Under the head's lock: no other change can take the last but one away meanwhile. */
async function checkOtherRoot(parts: AdminParts, id: bigint): Promise<void> {
  const roots = await askDatabase(parts, (db) =>
    listUsers(db, { limit: 2, filters: { role: "root", status: "enabled" } }),
  );
  if (roots.rows.every((root) => root.id === id))
    throw new GatewayError(
      "conflict",
      "This is the last enabled root account: at least one must remain",
    );
}

/** Keys and tokens go with their owner. */
async function removeUser(parts: AdminParts, { tx, row }: NounRemoval): Promise<void> {
  if (row["role"] === "root" && row["status"] === "enabled") await checkOtherRoot(parts, row.id);
  const keys = await askDatabase(parts, (db) =>
    everyRow((page) => listKeys(db, { ...page, filters: { ownerId: row.id } })),
  );
  const tokens = await askDatabase(parts, (db) =>
    everyRow((page) => listTokens(db, { ...page, filters: { userId: row.id } })),
  );
  for (const key of keys) await tx.remove("key", Number(key.id));
  for (const token of tokens) await tx.remove("token", Number(token.id));
}

async function everyRow<Row>(
  read: (page: PageOptions) => Promise<Page<Row>>,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  let after: string | undefined;
  do {
    const page = await read({ limit: 500, after });
    rows.push(...page.rows);
    after = page.nextCursor ?? undefined;
  } while (after !== undefined);
  return rows;
}
