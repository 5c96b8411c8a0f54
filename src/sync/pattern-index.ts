/** Finds what a model name means among names and `prefix*` patterns: the exact name, else the longest prefix. */

export interface PatternIndex<T> {
  readonly exact: ReadonlyMap<string, T>;
  /** By prefix, without the asterisk. */
  readonly prefixes: ReadonlyMap<string, T>;
  /** Lengths of the prefixes, longest first. */
  readonly lengths: readonly number[];
}

export function isPrefixPattern(pattern: string): boolean {
  return pattern.endsWith("*");
}

/** Puts `byPattern` (as written, with the asterisk) into an index. */
export function makePatternIndex<T>(byPattern: Iterable<readonly [string, T]>): PatternIndex<T> {
  const exact = new Map<string, T>();
  const prefixes = new Map<string, T>();
  for (const [pattern, value] of byPattern) {
    if (isPrefixPattern(pattern)) prefixes.set(pattern.slice(0, -1), value);
    else exact.set(pattern, value);
  }
  return { exact, prefixes, lengths: prefixLengths(prefixes) };
}

export function prefixLengths(prefixes: ReadonlyMap<string, unknown>): readonly number[] {
  const lengths = new Set<number>();
  for (const prefix of prefixes.keys()) lengths.add(prefix.length);
  return [...lengths].sort((a, b) => b - a);
}

export function findByPattern<T>(index: PatternIndex<T>, name: string): T | undefined {
  const exact = index.exact.get(name);
  if (exact !== undefined) return exact;
  for (const length of index.lengths) {
    if (length > name.length) continue;
    const found = index.prefixes.get(name.slice(0, length));
    if (found !== undefined) return found;
  }
  return undefined;
}
