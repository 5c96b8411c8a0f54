/** Tells the caller, by name, which of its fields the upstream of this model has no place for. */

const droppedHeader = "x-switchyard-dropped";
const maxLength = 1000;

/** A reply's headers with the warning in them. Names are the caller's own text: what a header cannot hold is left out. */
export function warned(
  headers: Readonly<Record<string, string>>,
  dropped: readonly string[],
): Readonly<Record<string, string>> {
  if (dropped.length === 0) return headers;
  const text = dropped.map((field) => field.replaceAll(/[^\x21-\x2b\x2d-\x7e]/g, "_")).join(", ");
  const told = text.length <= maxLength ? text : `${text.slice(0, maxLength)}...`;
  return { ...headers, [droppedHeader]: told };
}
