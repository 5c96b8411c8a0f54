/** Keys of callers. Promise kept here: a key is shown once, when it is made, and lies nowhere in clear. */
import { z } from "zod";
import type { Manager } from "../../auth/authenticate-manager.ts";
import { GatewayError } from "../../core/errors.ts";
import { findKey, listKeys } from "../../store/keys.ts";
import type { KeyFilters } from "../../store/keys.ts";
import type { UserRow } from "../../store/users.ts";
import { findUser, findUserByName } from "../../store/users.ts";
import { ratioOf, ruleColumns } from "../../sync/money-fields.ts";
import type { AdminParts } from "../admin-parts.ts";
import { askDatabase, idQuery, knownSecret } from "../ask-database.ts";
import type { ConfigNoun, NounRemoval, NounWrite } from "../config-noun.ts";
import { configRoutes } from "../config-routes.ts";
import { checkGroups } from "../config-references.ts";
import { insertRow } from "../config-writes.ts";
import { makeApiKey } from "../make-secret.ts";
import { invalid } from "../parse-fields.ts";
import { outranks } from "../ranks.ts";
import type { ActReply, ActRequest, RouteSpec } from "../route-spec.ts";
import { writeThrough } from "../write-through.ts";
import { keyInput, presentKey } from "./present.ts";
import type { KeyFields } from "./schema.ts";
import { keyMade, keyRefused, keySchema, keyShown } from "./schema.ts";

const everybody = ["root", "admin", "member"] as const;

export function keyRoutes(parts: AdminParts): readonly RouteSpec[] {
  return [
    ...configRoutes(keyNoun(parts), parts),
    {
      method: "POST",
      path: "/api/keys",
      roles: everybody,
      summary: "Create a key; the answer is the only time it is shown",
      body: keySchema,
      result: keyMade,
      act: (request) => createKey(parts, request),
    },
  ];
}

function keyNoun(parts: AdminParts): ConfigNoun<KeyFields> {
  const text = z.string().exactOptional();
  return {
    kind: "key",
    name: "keys",
    singular: "key",
    readers: everybody,
    writers: everybody,
    without: "create",
    schema: keySchema,
    shown: keyShown,
    refused: keyRefused,
    filters: { owner: idQuery.exactOptional(), status: text, group: text, search: text },
    list: (db, { filters, ...page }) => listKeys(db, { ...page, filters: keyFilters(filters) }),
    find: findKey,
    onlyFilters: (manager) => (manager.role === "member" ? { owner: BigInt(manager.userId) } : {}),
    isVisible: (manager, row) =>
      manager.role !== "member" || Number(row["owner_id"]) === manager.userId,
    input: keyInput,
    present: (_db, rows) => Promise.resolve(rows.map(presentKey)),
    columns: (fields) => ({
      name: fields.name,
      group: fields.group,
      fallback_group: fields.fallbackGroup,
      models: fields.models === null ? null : JSON.stringify(fields.models),
      ip_ranges: fields.ipRanges === null ? null : JSON.stringify(fields.ipRanges),
      expires_at: fields.expiresAt === null ? null : BigInt(fields.expiresAt),
      status: fields.status,
      ...ruleColumns(fields),
      ratio: ratioOf(fields.ratio),
    }),
    mayChange: (removal) => checkOwnerOf(parts, removal),
    check: (write) => checkKey(parts, write),
  };
}

function keyFilters({ owner, ...rest }: Readonly<Record<string, unknown>>): KeyFilters {
  return { ...rest, ...(owner !== undefined && { ownerId: owner }) } as KeyFilters;
}

async function createKey(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const key = makeApiKey(parts.random);
  const noun = keyNoun(parts);
  const withSecret: ConfigNoun<KeyFields> = {
    ...noun,
    check: async (write) => ({
      ...(await checkKey(parts, write)),
      hash: knownSecret(parts.hashKey(key)),
      hint: key.slice(-4),
    }),
  };
  const { value, revision } = await writeThrough(parts.sync, request.author, (tx) =>
    insertRow(withSecret, tx, request),
  );
  return { status: 201, data: { ...presentKey(value), key }, revision, rev: Number(value.rev) };
}

/** The owner must exist, and no group may be named that does not. */
async function checkKey(
  parts: AdminParts,
  write: NounWrite<KeyFields>,
): Promise<{ owner_id: bigint }> {
  const { tx, manager, row, fields } = write;
  const owner = await findOwner(parts, fields.owner ?? manager.userId);
  if (owner === undefined) throw invalid([{ field: "owner", message: "names no account" }]);
  const same = row !== undefined && owner.id === row["owner_id"];
  if (!same) checkMayOwn(manager, owner);
  if (manager.role === "member") {
    checkMemberGroups(write, owner);
    checkMemberRatio(write);
  }
  checkGroups(tx, { group: fields.group, fallbackGroup: fields.fallbackGroup });
  return { owner_id: owner.id };
}

async function findOwner(parts: AdminParts, owner: number | string): Promise<UserRow | undefined> {
  return await askDatabase(parts, async (db) => {
    if (typeof owner === "number") return await findUser(db, BigInt(owner));
    const byName = await findUserByName(db, owner);
    return (
      byName ?? (/^[1-9]\d{0,15}$/.test(owner) ? await findUser(db, BigInt(owner)) : undefined)
    );
  });
}

function checkMayOwn(manager: Manager, owner: UserRow): void {
  const own = Number(owner.id) === manager.userId;
  if (own || outranks(manager, owner.role)) return;
  throw new GatewayError("forbidden", `You may not make or change keys of ${owner.username}`);
}

/** A member's keys use the member's own group or a public one: others may be cheaper than what the operator grants. */
function checkMemberGroups({ tx, row, fields }: NounWrite<KeyFields>, owner: UserRow): void {
  const kept: readonly unknown[] = [null, owner.group, row?.["group"], row?.["fallback_group"]];
  const wrong = (["group", "fallbackGroup"] as const).filter((field) => {
    const symbol = fields[field];
    return !kept.includes(symbol) && tx.base.groups.get(symbol ?? "")?.public !== true;
  });
  if (wrong.length === 0) return;
  const message = `must be your own group (${owner.group}), a public one, or null`;
  throw invalid(wrong.map((field) => ({ field, message })));
}

/** What a call costs is the operator's to say: members may bound their keys, not make them cheaper. */
function checkMemberRatio({ row, fields }: NounWrite<KeyFields>): void {
  if ((ratioOf(fields.ratio) ?? null) === (row?.["ratio"] ?? null)) return;
  throw invalid([{ field: "ratio", message: "may be set by an admin only" }]);
}

async function checkOwnerOf(parts: AdminParts, { manager, row }: NounRemoval): Promise<void> {
  const owner = await askDatabase(parts, (db) => findUser(db, BigInt(row["owner_id"] ?? 0)));
  if (owner !== undefined) checkMayOwn(manager, owner);
}
