/** What goes with an account, and which account stays. Its entries in the ledger outlive it. */
import { GatewayError } from "../../core/errors.ts";
import { listKeys } from "../../store/keys.ts";
import type { Page, PageOptions } from "../../store/pages.ts";
import { listTokens } from "../../store/tokens.ts";
import { listUsers } from "../../store/users.ts";
import type { AdminParts } from "../admin-parts.ts";
import { askDatabase } from "../ask-database.ts";
import type { NounRemoval } from "../config-noun.ts";

/** Under the head's lock: no other change can take the last but one away meanwhile. */
export async function checkOtherRoot(parts: AdminParts, id: bigint): Promise<void> {
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
export async function removeUser(parts: AdminParts, { tx, row }: NounRemoval): Promise<void> {
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
