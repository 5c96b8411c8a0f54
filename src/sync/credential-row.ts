/** A channel's credential: sealed in the table, in clear only in memory. */
import { z } from "zod";
import type { SealKey } from "../core/seal.ts";
import { openText, sealText } from "../core/seal.ts";
import type { RawRow } from "../store/sync-store.ts";
import type { Credential } from "./entities.ts";
import { statusField } from "./name-fields.ts";
import { entityId, integer, parseColumns, plain, RowFault } from "./row-columns.ts";

/** Sealed for one channel: a row moved to another channel by hand does not open there. */
function sealContext(channelId: number): string {
  return `credential:${channelId}`;
}

/** The `sealed` column of a credential. */
export function sealCredential(dataKey: SealKey, channelId: number, secret: string): string {
  return sealText(dataKey, sealContext(channelId), secret);
}

const columns = {
  channelId: integer("channel_id"),
  position: integer("position"),
  sealed: plain("sealed"),
  status: plain("status"),
};

const schema = z.object({
  channelId: z.int().min(1),
  position: z.int().min(0),
  sealed: z.string(),
  status: statusField,
});

/** Throws RowFault, also for a secret that the cluster's data key does not open. */
export function parseCredentialRow(row: RawRow, dataKey: SealKey): Credential {
  const id = entityId(row);
  const { channelId, position, sealed, status } = parseColumns(row, schema, columns);
  return Object.freeze({
    id,
    channelId,
    position,
    secret: openSecret(dataKey, channelId, sealed),
    enabled: status === "enabled",
  });
}

function openSecret(dataKey: SealKey, channelId: number, sealed: string): string {
  try {
    return openText(dataKey, sealContext(channelId), sealed);
  } catch {
    const message = "does not open with this cluster's data key";
    throw new RowFault([{ column: "sealed", field: "credentials", message }]);
  }
}
