/** Tells a change that a copy must learn of at once: something was taken away that a restart must not bring back. */
import { snapshotKinds } from "../store/sync-store.ts";
import type { Edition, HeldRow } from "./edition.ts";

/** Whether `next` lacks or has switched off a row that `previous` had on. */
export function takesAway(previous: Edition | undefined, next: Edition): boolean {
  if (previous === undefined) return false;
  return snapshotKinds.some((kind) => {
    const before = previous.rowSet.rows[kind] as ReadonlyMap<bigint, HeldRow>;
    const after = next.rowSet.rows[kind] as ReadonlyMap<bigint, HeldRow>;
    if (before === after) return false;
    for (const [id, held] of before) if (isOn(held) && !isOn(after.get(id))) return true;
    return false;
  });
}

function isOn(held: HeldRow | undefined): boolean {
  if (held?.parsed === undefined) return false;
  return !("enabled" in held.parsed) || held.parsed.enabled;
}
