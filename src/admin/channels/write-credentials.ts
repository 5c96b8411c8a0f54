/** A channel's credentials, written and never read. One that stays the same keeps its row, and with it what is known of it. */
import type { SealKey } from "../../core/seal.ts";
import type { CredentialRow } from "../../store/credentials.ts";
import { parseCredentialRow, sealCredential } from "../../sync/credential-row.ts";
import type { ConfigWrites } from "../../sync/sync.ts";

export interface CredentialWrite {
  readonly tx: ConfigWrites;
  readonly channelId: number;
  readonly dataKey: SealKey;
  /** Rows of the channel, as they are under the head's lock. */
  readonly existing: readonly CredentialRow[];
  /** What they shall be, in order. */
  readonly secrets: readonly string[];
}

/** Makes the channel's credentials exactly the given ones. */
export async function writeCredentials(write: CredentialWrite): Promise<void> {
  const { tx, channelId, dataKey } = write;
  const unused = write.existing.map((row) => ({ row, secret: openRow(row, dataKey) }));
  for (const [position, secret] of write.secrets.entries()) {
    const index = unused.findIndex((known) => known.secret === secret);
    const [kept] = index === -1 ? [] : unused.splice(index, 1);
    if (kept === undefined)
      await tx.insert("credential", {
        channel_id: BigInt(channelId),
        position,
        sealed: sealCredential(dataKey, channelId, secret),
        status: "enabled",
      });
    else if (kept.row.position !== position)
      await tx.update("credential", Number(kept.row.id), { position });
  }
  for (const { row } of unused) await tx.remove("credential", Number(row.id));
}

/** The secret; undefined for a row that does not open, which is then replaced. */
function openRow(row: CredentialRow, dataKey: SealKey): string | undefined {
  try {
    return parseCredentialRow(row, dataKey).secret;
  } catch {
    return undefined;
  }
}
