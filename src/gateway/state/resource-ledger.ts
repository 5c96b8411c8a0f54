/**
 * The ledger of what callers made at vendors, for their lists: vendors list what all tenants of an account made.
 * Promises kept here: what is written of a thing is sealed; a database that is away costs a list, never a call.
 */
import { GatewayError, messageOf } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { Logger } from "../../core/logger.ts";
import { type SealKey, openText, sealText } from "../../core/seal.ts";
import type { Sql } from "../../store/database.ts";
import { deleteResource, listResources, putResource } from "../../store/resources.ts";
import type { FrontId, ResourceKind } from "../../wire/call.ts";

export interface LedgerEntry {
  /** Sealed. */
  readonly id: string;
  /** As it was last told to its owner. */
  readonly document: JsonObject;
}

export interface LedgerOwner {
  readonly ownerId: number;
  readonly dialect: FrontId;
  readonly kind: ResourceKind;
}

export interface LedgerPage {
  readonly limit: number;
  readonly order: "asc" | "desc";
  readonly after: string | null;
}

export interface ResourceLedger {
  /** Null: written. Otherwise why not; never rejects. */
  note(owner: LedgerOwner, entry: LedgerEntry): Promise<string | null>;
  /** Never rejects. */
  forget(ownerId: number, id: string): Promise<void>;
  /** Undefined: `after` names none of them. Throws `temporarily_unavailable`. */
  page(
    owner: LedgerOwner,
    page: LedgerPage,
  ): Promise<{ readonly entries: readonly LedgerEntry[]; readonly hasMore: boolean } | undefined>;
}

export interface LedgerParts {
  readonly database: () => { readonly writes: Sql; readonly reads: Sql } | undefined;
  readonly dataKey: () => SealKey | undefined;
  readonly logger: Logger;
}

function contextOf(id: string): string {
  return `resource ${id}`;
}

function unavailable(cause?: unknown): GatewayError {
  return new GatewayError("temporarily_unavailable", "the list cannot be read now", {
    retryAfterS: 5,
    ...(cause === undefined ? {} : { cause }),
  });
}

function readDocument(key: SealKey, id: string, content: string): JsonObject {
  try {
    return JSON.parse(openText(key, contextOf(id), content)) as JsonObject;
  } catch {
    return { id };
  }
}

export function makeResourceLedger(parts: LedgerParts): ResourceLedger {
  const ready = (): { writes: Sql; reads: Sql; key: SealKey } => {
    const database = parts.database();
    const key = parts.dataKey();
    if (database === undefined || key === undefined) throw unavailable();
    return { ...database, key };
  };
  return {
    note: async ({ ownerId, dialect, kind }, { id, document }) => {
      try {
        const { writes, key } = ready();
        const content = sealText(key, contextOf(id), JSON.stringify(document));
        await putResource(writes, { ownerId: BigInt(ownerId), dialect, kind, id, content });
        return null;
      } catch (thrown) {
        parts.logger.warn({ kind, reason: messageOf(thrown) }, "resource not listed");
        return "the database could not be written";
      }
    },
    forget: async (ownerId, id) => {
      try {
        await deleteResource(ready().writes, id, BigInt(ownerId));
      } catch (thrown) {
        parts.logger.warn({ reason: messageOf(thrown) }, "resource not taken off its list");
      }
    },
    page: async ({ ownerId, dialect, kind }, { limit, order, after }) => {
      const { reads, key } = ready();
      const owner = { ownerId: BigInt(ownerId), dialect, kind };
      const rows = await listResources(reads, { ...owner, limit: limit + 1, order, after }).catch(
        (thrown: unknown) => {
          throw unavailable(thrown);
        },
      );
      if (rows === undefined) return undefined;
      const entries = rows
        .slice(0, limit)
        .map(({ id, content }) => ({ id, document: readDocument(key, id, content) }));
      return { entries, hasMore: rows.length > limit };
    },
  };
}
