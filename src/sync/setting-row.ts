/** A row of `settings`: a known name and a value that its rule allows. */
import { z } from "zod";
import type { Json } from "../core/json-value.ts";
import type { RawRow } from "../store/sync-store.ts";
import { entityId, json, parseColumns, plain, RowFault } from "./row-columns.ts";
import type { SettingName } from "./settings.ts";
import { isSettingName, settingRules } from "./settings.ts";

export interface SettingRow {
  readonly id: number;
  readonly rev: number;
  readonly name: SettingName;
  readonly value: Json;
}

const schema = z.object({ name: z.string(), value: z.json() });
const columns = { name: plain("name"), value: json("value") };

/** Throws RowFault. */
export function parseSettingRow(row: RawRow): SettingRow {
  const id = entityId(row);
  const { name, value } = parseColumns(row, schema, columns);
  if (!isSettingName(name))
    throw new RowFault([{ column: "name", field: name, message: `there is no setting "${name}"` }]);
  const result = settingRules[name].schema.safeParse(value);
  if (!result.success)
    throw new RowFault(
      result.error.issues.map(({ message }) => ({ column: "value", field: name, message })),
    );
  return Object.freeze({ id, rev: Number(row.rev), name, value });
}
