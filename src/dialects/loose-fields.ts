/** Reads what upstreams send: whatever is missing, null or of another type than expected reads as nothing. */

export type Fields = Readonly<Record<string, unknown>>;

/** The members of an object; none for anything else. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : {};
}

/** Whether there is an object at all, be it empty. */
export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The items of a list; none for anything else. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

/** A string; empty for anything else. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** A string that is not empty; null for anything else. */
export function findText(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

/** A count of whole things; undefined for anything else. */
export function findCount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0
    ? Math.floor(value)
    : undefined;
}
