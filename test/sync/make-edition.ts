// Editions made from rows as a table would hold them, without a database.
import { deriveKey } from "../../src/core/seal.ts";
import type { RawRow } from "../../src/store/sync-store.ts";
import { sealCredential } from "../../src/sync/credential-row.ts";
import type { Edition, Position } from "../../src/sync/edition.ts";
import type { ReadRow } from "../../src/sync/row-set.ts";
import { changeRowSet, emptyRowSet } from "../../src/sync/row-set.ts";
import { buildEdition } from "../../src/sync/snapshot.ts";
import type { Slices } from "../../src/sync/time-slice.ts";

export const testDataKey = deriveKey("test", "data");
export const noSlices: Slices = { breathe: () => undefined };

export function positionAt(revision: number, epoch = "epoch"): Position {
  return {
    epoch,
    revision,
    commitId: `commit-${revision}`,
    committedAtMs: 1_700_000_000_000 + revision,
  };
}

export function channelRow(
  id: number,
  rev: number,
  values: Record<string, string | number | null> = {},
): RawRow {
  return {
    id: BigInt(id),
    rev: BigInt(rev),
    name: `channel ${id}`,
    provider: "openai",
    base_url: null,
    models: '["gpt-4o","claude-*"]',
    groups: '["default"]',
    priority: 0,
    weight: 1,
    status: "enabled",
    model_mapping: null,
    headers: null,
    parameters: null,
    proxy: null,
    tag: null,
    timeouts: null,
    options: null,
    created_at: 0n,
    updated_at: 9_007_199_254_740_993n,
    ...values,
  };
}

export function credentialRow(id: number, rev: number, channelId: number): RawRow {
  return {
    id: BigInt(id),
    rev: BigInt(rev),
    channel_id: BigInt(channelId),
    position: 0,
    sealed: sealCredential(testDataKey, channelId, `secret ${id}`),
    status: "enabled",
  };
}

/** The edition of these rows, put onto `base` when given; `byHand` names rows (`kind:id`) that no revision tells of. */
export async function makeTestEdition(
  revision: number,
  rows: readonly ReadRow[],
  options: { base?: Edition; byHand?: readonly string[]; slices?: Slices } = {},
): Promise<Edition> {
  const position = positionAt(revision);
  const { base, byHand = [], slices = noSlices } = options;
  const { rowSet, touched } = await changeRowSet(
    base?.rowSet ?? emptyRowSet(position),
    position,
    { read: rows, isLogged: (kind, id) => !byHand.includes(`${kind}:${id}`), sameTimeline: true },
    { dataKey: testDataKey, slices },
  );
  return buildEdition(base, rowSet, touched, slices);
}

/** All there is in a snapshot, as text to be compared. */
export function snapshotText(edition: Edition): string {
  const { routes: _routes, findPrice: _find, ...snapshot } = edition.snapshot;
  const plain = (_name: string, value: unknown): unknown => {
    if (typeof value === "bigint") return `${value}n`;
    if (value instanceof Map)
      return [...value].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
    return value;
  };
  return JSON.stringify(snapshot, plain);
}
