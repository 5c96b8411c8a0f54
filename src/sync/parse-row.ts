/** The parser of each kind of row, in one table. */
import type { SealKey } from "../core/seal.ts";
import type { CallerKind, RawRow, SnapshotKind } from "../store/sync-store.ts";
import { parseChannelRow } from "./channel-row.ts";
import { parseCredentialRow } from "./credential-row.ts";
import type { ParsedRows } from "./edition.ts";
import { parseGroupRow } from "./group-row.ts";
import { parseKeyRow } from "./key-row.ts";
import { parseModelRow } from "./model-row.ts";
import { parsePriceRow } from "./price-row.ts";
import { parseSettingRow } from "./setting-row.ts";
import { parseUserRow } from "./user-row.ts";

/** Parse one row; each throws RowFault. */
export const rowParsers: {
  readonly [K in SnapshotKind]: (row: RawRow, dataKey: SealKey) => ParsedRows[K];
} = {
  group: parseGroupRow,
  channel: parseChannelRow,
  credential: parseCredentialRow,
  price: parsePriceRow,
  model: parseModelRow,
  setting: parseSettingRow,
};

/** Checks of rows that are written through the door but live in no snapshot; each throws RowFault. */
export const callerRowChecks: { readonly [K in CallerKind]: (row: RawRow) => unknown } = {
  key: parseKeyRow,
  user: parseUserRow,
  token: (row) => row,
};
