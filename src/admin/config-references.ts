/** Checks of what one noun names in another, under the door's lock. */
import type { FieldFault } from "../core/errors.ts";
import type { ConfigWrites } from "../sync/sync.ts";
import { invalid } from "./parse-fields.ts";

/** Throws `validation_failed` for a group that does not exist; `undefined` and null name none. */
export function checkGroups(
  tx: ConfigWrites,
  named: Readonly<Record<string, string | null | undefined>>,
): void {
  const faults: FieldFault[] = [];
  for (const [field, symbol] of Object.entries(named))
    if (symbol !== null && symbol !== undefined && !tx.base.groups.has(symbol))
      faults.push({ field, message: `names group "${symbol}", which does not exist` });
  if (faults.length > 0) throw invalid(faults);
}
