/**
 * What callers made at vendors: rows found by their owner alone, in the order in which they were made.
 * Promise kept here: a list holds one owner's things and nobody else's.
 */
import { createHash } from "node:crypto";
import type { Selectable } from "kysely";
import type { Sql } from "./database.ts";
import { engineOf, nowMs } from "./dialect.ts";
import { insertUnlessThere } from "./insert-unless-there.ts";
import type { ResourceTable } from "./tables.ts";

export type ResourceRow = Selectable<ResourceTable>;

export interface NewResource {
  readonly ownerId: bigint;
  readonly dialect: string;
  readonly kind: string;
  readonly id: string;
  /** Sealed text. */
  readonly content: string;
}

export interface ResourcePage {
  readonly ownerId: bigint;
  readonly dialect: string;
  readonly kind: string;
  /** Most rows. */
  readonly limit: number;
  readonly order: "asc" | "desc";
  /** The id behind which the page begins; null: at the beginning. */
  readonly after: string | null;
}

function digestOf(id: string): string {
  return createHash("sha256").update(id).digest("hex");
}

/** Writes a thing; where it stands already its content is put anew. */
export async function putResource(db: Sql, resource: NewResource): Promise<void> {
  const digest = digestOf(resource.id);
  const { numUpdatedRows } = await db
    .updateTable("resources")
    .set({ content: resource.content })
    .where("digest", "=", digest)
    .where("owner_id", "=", resource.ownerId)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows > 0n) return;
  await insertUnlessThere(db, "resources", {
    digest,
    owner_id: resource.ownerId,
    dialect: resource.dialect,
    kind: resource.kind,
    id: resource.id,
    content: resource.content,
    created_at: nowMs(engineOf(db)),
  });
}

/** Forgets a thing of an owner; false where there was none. */
export async function deleteResource(db: Sql, id: string, ownerId: bigint): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom("resources")
    .where("digest", "=", digestOf(id))
    .where("owner_id", "=", ownerId)
    .executeTakeFirstOrThrow();
  return numDeletedRows > 0n;
}

/** A page of an owner's things; undefined where `after` names none of them. */
export async function listResources(
  db: Sql,
  page: ResourcePage,
): Promise<readonly ResourceRow[] | undefined> {
  const { ownerId, dialect, kind, order, limit, after } = page;
  const own = db
    .selectFrom("resources")
    .selectAll()
    .where("owner_id", "=", ownerId)
    .where("dialect", "=", dialect)
    .where("kind", "=", kind);
  const sorted = own.orderBy("created_at", order).orderBy("digest", order).limit(limit);
  if (after === null) return await sorted.execute();
  const first = await own.where("digest", "=", digestOf(after)).executeTakeFirst();
  if (first === undefined) return undefined;
  const behind = order === "asc" ? ">" : "<";
  return await sorted
    .where((where) =>
      where.or([
        where("created_at", behind, first.created_at),
        where.and([
          where("created_at", "=", first.created_at),
          where("digest", behind, first.digest),
        ]),
      ]),
    )
    .execute();
}
