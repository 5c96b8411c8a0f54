/**
 * Stored responses: each row holds what one response added to its conversation, and names the one before it.
 * Promise kept here: a row is found only by its owner, and never after its time.
 */
import type { Selectable } from "kysely";
import { sql } from "kysely";
import type { Sql } from "./database.ts";
import { engineOf, nowMs } from "./dialect.ts";
import { insertUnlessThere } from "./insert-unless-there.ts";
import type { ResponseStateTable } from "./tables.ts";

export type ResponseStateRow = Selectable<ResponseStateTable>;

/** Longest conversation, in responses. */
export const maxResponseLinks = 200;

export interface NewResponseState {
  readonly id: string;
  readonly ownerId: bigint;
  /** Null: the first of its conversation. */
  readonly parentId: string | null;
  /** 1 for the first of a conversation, one more for each. */
  readonly links: number;
  /** Sealed text. */
  readonly content: string;
  /** Milliseconds that it is kept, from the database's now. */
  readonly keepMs: number;
}

/** Writes a response; again with the same id changes nothing. */
export async function insertResponseState(db: Sql, state: NewResponseState): Promise<void> {
  const now = nowMs(engineOf(db));
  await insertUnlessThere(db, "response_states", {
    id: state.id,
    owner_id: state.ownerId,
    parent_id: state.parentId,
    links: state.links,
    content: state.content,
    created_at: now,
    expires_at: sql<bigint>`${now} + ${BigInt(state.keepMs)}`,
  });
}

/** One response of an owner; undefined: never was, was deleted, is another's, or its time is over. */
export async function findResponseState(
  db: Sql,
  id: string,
  ownerId: bigint,
): Promise<ResponseStateRow | undefined> {
  return await db
    .selectFrom("response_states")
    .selectAll()
    .where("id", "=", id)
    .where("owner_id", "=", ownerId)
    .where("expires_at", ">", nowMs(engineOf(db)))
    .executeTakeFirst();
}

/**
 * A response with all before it, oldest first; undefined where any of them is missing: a conversation with a hole
 * would be another conversation.
 */
export async function findResponseChain(
  db: Sql,
  id: string,
  ownerId: bigint,
): Promise<readonly ResponseStateRow[] | undefined> {
  const now = nowMs(engineOf(db));
  const rows = await db
    .withRecursive("chain", (chain) =>
      chain
        .selectFrom("response_states")
        .selectAll()
        .where("id", "=", id)
        .where("owner_id", "=", ownerId)
        .where("expires_at", ">", now)
        .unionAll(
          chain
            .selectFrom("response_states as before")
            .innerJoin("chain", "chain.parent_id", "before.id")
            .selectAll("before")
            .where("before.owner_id", "=", ownerId)
            .where("before.expires_at", ">", now)
            .whereRef("before.links", "<", "chain.links"),
        ),
    )
    .selectFrom("chain")
    .selectAll()
    .orderBy("links")
    .limit(maxResponseLinks + 1)
    .execute();
  const [first] = rows;
  return first !== undefined && first.parent_id === null ? rows : undefined;
}

/** Deletes a response of an owner; false where there was none. */
export async function deleteResponseState(db: Sql, id: string, ownerId: bigint): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom("response_states")
    .where("id", "=", id)
    .where("owner_id", "=", ownerId)
    .where("expires_at", ">", nowMs(engineOf(db)))
    .executeTakeFirstOrThrow();
  return numDeletedRows > 0n;
}

/** Deletes rows whose time is over, at most so many; answers how many went. */
export async function deleteExpiredResponseStates(db: Sql, limit: number): Promise<number> {
  const expired = await db
    .selectFrom("response_states")
    .select("id")
    .where("expires_at", "<=", nowMs(engineOf(db)))
    .orderBy("expires_at")
    .limit(limit)
    .execute();
  if (expired.length === 0) return 0;
  const { numDeletedRows } = await db
    .deleteFrom("response_states")
    .where(
      "id",
      "in",
      expired.map(({ id }) => id),
    )
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}
