/** Writes of the management API go through the one door; what it refuses is told in the API's words. */
import { GatewayError } from "../core/errors.ts";
import { DuplicateRow } from "../store/sync-store.ts";
import type { Author, ConfigWrites, Sync, Written } from "../sync/sync.ts";

/** Kinds that several fields name together, and the one to mend. */
const takenTogether: Readonly<
  Partial<Record<DuplicateRow["kind"], { readonly field: string; readonly what: string }>>
> = { price: { field: "model", what: "model, channelId, side and effectiveFrom" } };

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
    const column = error.column === "" ? "name" : error.column;
    const { field, what } = takenTogether[error.kind] ?? { field: column, what: column };
    throw new GatewayError("conflict", `A ${error.kind} with this ${what} exists already`, {
      cause: error,
      fields: [{ field, message: "is taken already" }],
    });
  }
}
