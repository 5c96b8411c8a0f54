/** Field rules of a group, and a row of `groups` parsed by them. */
import { z } from "zod";
import { parseRatio } from "../core/money.ts";
import type { RawRow } from "../store/sync-store.ts";
import type { Group } from "./entities.ts";
import { displayName, groupSymbol } from "./name-fields.ts";
import { bigInteger, entityId, flag, parseColumns, plain } from "./row-columns.ts";

const ratioMillionths = z
  .bigint()
  .min(0n, "must not be negative")
  .max(1_000_000_000_000n, "must be at most 1000000");

/** As the management API takes them: the ratio is a decimal number or text, millionths after parsing. */
export const groupFields = {
  symbol: groupSymbol,
  name: displayName,
  ratio: z
    .union([z.number(), z.string()])
    .transform((value, context) => {
      const ratio = parseRatio(value);
      if (ratio !== undefined) return ratio;
      context.addIssue("must be a decimal with at most 6 decimals");
      return z.NEVER;
    })
    .pipe(ratioMillionths),
  public: z.boolean(),
  enabled: z.boolean(),
};

const schema = z.object({ ...groupFields, ratio: ratioMillionths });
const columns = {
  symbol: plain("symbol"),
  name: plain("name"),
  ratio: bigInteger("ratio"),
  public: flag("public"),
  enabled: flag("enabled"),
};

/** Throws RowFault. */
export function parseGroupRow(row: RawRow): Group {
  const id = entityId(row);
  return Object.freeze({ ...parseColumns(row, schema, columns), id, rev: Number(row.rev) });
}
