/** Writes of the management API go through the one door; what it refuses is told in the API's words. */
import { GatewayError } from "../core/errors.ts";
import { DuplicateRow } from "../store/sync-store.ts";
import type { Author, ConfigWrites, Sync, Written } from "../sync/sync.ts";

/** As `sync.write`; a taken unique value becomes `conflict` naming the field. */
export async function writeThrough<T>(
  sync: Pick<Sync, "write">,
  author: Author,
  work: (tx: ConfigWrites) => Promise<T>,
): Promise<Written<T>> {
  try {
    return await sync.write(author, work);
  } catch (error) {
    if (!(error instanceof DuplicateRow)) throw error;
    const field = error.column === "" ? "name" : error.column;
    throw new GatewayError("conflict", `A ${error.kind} with this ${field} exists already`, {
      cause: error,
      fields: [{ field, message: "is taken already" }],
    });
  }
}
