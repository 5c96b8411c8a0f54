/** Names of a journal's files and positions in it. Promise: a position is a place in a file, the same however often it is read. */

/** `calls-<incarnation>-<number>.journal` */
const namePattern = /^calls-([0-9a-f]{16})-(\d{12})\.journal$/;

export function segmentName(incarnation: string, number: number): string {
  return `calls-${incarnation}-${String(number).padStart(12, "0")}.journal`;
}

export interface SegmentName {
  readonly name: string;
  readonly incarnation: string;
  readonly number: number;
}

/** Of the names in a folder, those of segments, in the order in which they were written. */
export function segmentsAmong(names: readonly string[]): readonly SegmentName[] {
  return [...names].sort().flatMap((name) => {
    const [, incarnation = "", number = ""] = namePattern.exec(name) ?? [];
    return incarnation === "" ? [] : [{ name, incarnation, number: Number(number) }];
  });
}

const offsetBits = 40n;

/** Grows along a journal: the segment's number, then bytes within it. */
export function positionAt(number: number, offset: number): bigint {
  return (BigInt(number) << offsetBits) + BigInt(offset);
}

export function segmentOf(position: bigint): number {
  return Number(position >> offsetBits);
}

export function offsetOf(position: bigint): number {
  return Number(position & ((1n << offsetBits) - 1n));
}
