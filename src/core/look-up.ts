/** Reads tables by words that somebody else chose. Promise kept here: what all objects inherit is no entry of a table. */

/** The entry under a word; undefined where the table has none (`constructor`, `__proto__`). */
export function lookUp<Value>(
  table: Readonly<Record<string, Value>>,
  word: string | null | undefined,
): Value | undefined {
  return word != null && Object.hasOwn(table, word) ? table[word] : undefined;
}
