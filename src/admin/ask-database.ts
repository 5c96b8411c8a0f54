/** Reads of the management API come from the database: when it cannot answer, that is a retryable 503. */
import { z } from "zod";
import { GatewayError } from "../core/errors.ts";
import type { Sql } from "../store/database.ts";
import { InvalidCursor } from "../store/pages.ts";
import { inTransaction } from "../store/transaction.ts";
import type { AdminParts } from "./admin-parts.ts";
import { invalid } from "./parse-fields.ts";

/** Runs a read of the store; `temporarily_unavailable` when the database cannot be asked. */
export async function askDatabase<T>(
  parts: Pick<AdminParts, "database">,
  read: (db: Sql) => Promise<T>,
): Promise<T> {
  try {
    return await read(parts.database.reads);
  } catch (cause) {
    if (cause instanceof InvalidCursor)
      throw invalid([{ field: "cursor", message: "must be a nextCursor of this list" }]);
    throw unanswered(cause);
  }
}

/**
 * Changes what is no configuration (money, codes) in one transaction; the work may run several times.
 * `temporarily_unavailable` when the database cannot do it now: then it may or may not have happened.
 */
export async function changeDatabase<T>(
  parts: Pick<AdminParts, "database">,
  work: (trx: Sql) => Promise<T>,
): Promise<T> {
  try {
    return await inTransaction(parts.database.writes, work);
  } catch (cause) {
    throw unanswered(cause);
  }
}

function unanswered(cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause;
  return new GatewayError("temporarily_unavailable", "The database cannot be asked at the moment", {
    cause,
    retryAfterS: 2,
  });
}

/** What only the cluster's secrets can give; `temporarily_unavailable` until they are known. */
export function knownSecret<T>(value: T | undefined): T {
  if (value !== undefined) return value;
  throw new GatewayError("temporarily_unavailable", "The cluster's secrets are not known yet", {
    retryAfterS: 2,
  });
}

/** Query parameters of every list. */
export const pageQuery = {
  limit: z
    .string()
    .regex(/^(?:1000|[1-9]\d{0,2})$/, "must be a whole number from 1 to 1000")
    .exactOptional(),
  cursor: z.string().max(100).exactOptional(),
};

/** An id in a query. */
export const idQuery = z
  .string()
  .regex(/^[1-9]\d{0,15}$/, "must be an id")
  .transform((text) => BigInt(text));

/** Page options of a checked query. */
export function pageOptions(query: Readonly<Record<string, unknown>>): {
  readonly limit: number;
  readonly after?: string;
} {
  const { limit, cursor } = query;
  return { limit: Number(limit ?? 100), ...(typeof cursor === "string" && { after: cursor }) };
}
