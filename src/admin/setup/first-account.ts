/** Makes the first account. Promise kept here: of any number of nodes and links at once, exactly one makes it. */
import { GatewayError } from "../../core/errors.ts";
import { hasUsers } from "../../store/users.ts";
import type { Author, ConfigWrites } from "../../sync/sync.ts";
import type { AdminParts } from "../admin-parts.ts";
import { askDatabase, knownSecret } from "../ask-database.ts";
import { auditDetail } from "../audit-detail.ts";

/** What the first account begins with; a secret left out is not made. */
export interface FirstAccount {
  readonly username: string;
  /** Management token, in clear. */
  readonly managementToken?: string | undefined;
  /** Caller's key, in clear. */
  readonly apiKey?: string | undefined;
}

export type FirstAccountParts = Pick<AdminParts, "sync" | "database" | "hashKey" | "hashToken">;

/** Makes the account; throws `conflict` where one exists. Answers its id. */
export async function makeFirstAccount(
  parts: FirstAccountParts,
  author: Author,
  account: FirstAccount,
): Promise<{ readonly id: number; readonly revision: number }> {
  const { value, revision } = await parts.sync.write(author, async (tx) => {
    // Under the head's lock: no other node can make one between this look and the commit.
    if (await askDatabase(parts, hasUsers))
      throw new GatewayError("conflict", "This gateway has been set up already");
    const id = await insertRoot(tx, account.username);
    if (account.managementToken !== undefined)
      await tx.insert("token", {
        hash: knownSecret(parts.hashToken("management", account.managementToken)),
        user_id: BigInt(id),
        name: "first management token",
        expires_at: null,
        created_at: BigInt(tx.nowMs),
      });
    if (account.apiKey !== undefined) await insertFirstKey(parts, tx, { id, key: account.apiKey });
    await tx.audit({
      action: "create",
      kind: "user",
      entityId: String(id),
      detail: auditDetail(undefined, { username: account.username, role: "root" }),
    });
    return id;
  });
  return { id: value, revision };
}

async function insertRoot(tx: ConfigWrites, username: string): Promise<number> {
  return await tx.insert("user", {
    username,
    role: "root",
    group: "default",
    billing: "postpaid",
    status: "enabled",
    created_at: BigInt(tx.nowMs),
    updated_at: BigInt(tx.nowMs),
  });
}

async function insertFirstKey(
  parts: FirstAccountParts,
  tx: ConfigWrites,
  first: { readonly id: number; readonly key: string },
): Promise<void> {
  await tx.insert("key", {
    hash: knownSecret(parts.hashKey(first.key)),
    name: "first key",
    owner_id: BigInt(first.id),
    group: null,
    fallback_group: null,
    models: null,
    ip_ranges: null,
    expires_at: null,
    status: "enabled",
    hint: first.key.slice(-4),
    created_at: BigInt(tx.nowMs),
    updated_at: BigInt(tx.nowMs),
  });
}
