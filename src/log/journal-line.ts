/**
 * One finished call as one line of the journal: `<crc32 hex> <json>\n`.
 * Promise: a torn or damaged line is recognised and left out, and every other line around it is still read.
 */
import { crc32 } from "node:zlib";
import type { CallRecord } from "./call-record.ts";

/** Renders a record; amounts in nano-dollars are written as decimal text, since JSON numbers would lose digits. */
export function renderLine(record: CallRecord): string {
  const json = JSON.stringify(record, (_name, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  );
  return `${crc32(json).toString(16).padStart(8, "0")} ${json}\n`;
}

export interface ParsedLines {
  readonly records: readonly CallRecord[];
  /** Lines that were torn or damaged. */
  readonly damaged: number;
}

/** Reads a whole journal file. */
export function parseLines(text: string): ParsedLines {
  const lines = text.split("\n");
  const records: CallRecord[] = [];
  let damaged = 0;
  for (const line of lines) {
    if (line === "") continue;
    const record = parseLine(line);
    if (record === undefined) damaged += 1;
    else records.push(record);
  }
  return { records, damaged };
}

function parseLine(line: string): CallRecord | undefined {
  const json = line.slice(9);
  if (line[8] !== " " || crc32(json).toString(16).padStart(8, "0") !== line.slice(0, 8))
    return undefined;
  const value = JSON.parse(json) as CallRecord;
  return {
    ...value,
    cost: BigInt(value.cost),
    channelCost: BigInt(value.channelCost),
    shares: value.shares.map((share) => ({ ...share, amount: BigInt(share.amount) })),
  };
}
