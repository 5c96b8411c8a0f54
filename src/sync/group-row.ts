/** Field rules of a group, and a row of `groups` parsed by them. */
import { z } from "zod";
import type { RawRow } from "../store/sync-store.ts";
import type { Group } from "./entities.ts";
import { ratioColumn, ratioField, spendingColumns, spendingFields } from "./money-fields.ts";
import { displayName, groupSymbol } from "./name-fields.ts";
import { bigInteger, entityId, flag, parseColumns, plain } from "./row-columns.ts";

/** As the management API takes them: the ratio is a decimal number or text, millionths after parsing. */
export const groupFields = {
  symbol: groupSymbol,
  name: displayName,
  ratio: ratioField,
  public: z.boolean(),
  enabled: z.boolean(),
};

const schema = z.object({ ...groupFields, ...spendingFields, ratio: ratioColumn });
const columns = {
  symbol: plain("symbol"),
  name: plain("name"),
  ratio: bigInteger("ratio"),
  public: flag("public"),
  enabled: flag("enabled"),
  ...spendingColumns,
};

/** Throws RowFault. */
export function parseGroupRow(row: RawRow): Group {
  const id = entityId(row);
  return Object.freeze({ ...parseColumns(row, schema, columns), id, rev: Number(row.rev) });
}
