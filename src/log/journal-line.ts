/**
 * One entry of the journal as one line: `<crc32 hex> <json>\n`. Promise: a torn or damaged line is recognised and left
 * out, and every other line around it is still read.
 */
import { crc32 } from "node:zlib";
import type { CallRecord, OpenCall } from "./call-record.ts";

/** `open`: a call was admitted; `close`: it is over. */
export type JournalEntry =
  | { readonly kind: "open"; readonly call: OpenCall }
  | { readonly kind: "close"; readonly call: CallRecord };

/** Amounts are written as decimal text, since JSON numbers would lose digits. */
export function renderClose(record: CallRecord): string {
  // What the vendor told stands in the details, where it is wanted.
  const { raw: _raw, ...usage } = record.usage;
  return renderLine({
    close: {
      ...record,
      usage,
      cost: String(record.cost),
      channelCost: String(record.channelCost),
      shares: record.shares.map((share) => ({ ...share, amount: String(share.amount) })),
    },
  });
}

export function renderOpen(call: OpenCall): string {
  return renderLine({ open: call });
}

function renderLine(value: object): string {
  const json = JSON.stringify(value);
  return `${checksum(json)} ${json}\n`;
}

function checksum(bytes: string | Uint8Array): string {
  return crc32(bytes).toString(16).padStart(8, "0");
}

/** A line without its end; undefined: torn or damaged. */
export function parseLine(line: Buffer): JournalEntry | undefined {
  if (line.length < 12 || line[8] !== 0x20) return undefined;
  if (checksum(line.subarray(9)) !== line.toString("latin1", 0, 8)) return undefined;
  const { open, close } = JSON.parse(line.toString("utf8", 9)) as {
    readonly open?: OpenCall;
    readonly close?: CallRecord;
  };
  if (open !== undefined) return { kind: "open", call: open };
  if (close === undefined) return undefined;
  return {
    kind: "close",
    call: {
      ...close,
      cost: BigInt(close.cost),
      channelCost: BigInt(close.channelCost),
      shares: close.shares.map((share) => ({ ...share, amount: BigInt(share.amount) })),
    },
  };
}

export interface ParsedLines {
  /** Each with the number of bytes up to its end, from the begin of what was parsed. */
  readonly entries: readonly { readonly entry: JournalEntry; readonly end: number }[];
  /** Lines that were torn or damaged. */
  readonly damaged: number;
  /** Bytes of whole lines; what follows is the begin of one that is not there yet. */
  readonly bytes: number;
}

/** Reads the whole lines of a piece of a journal, at most so many entries. */
export function parseLines(piece: Buffer, most = Infinity): ParsedLines {
  const entries: { entry: JournalEntry; end: number }[] = [];
  let damaged = 0;
  let bytes = 0;
  while (entries.length < most) {
    const end = piece.indexOf(10, bytes);
    if (end < 0) break;
    const entry = parseLine(piece.subarray(bytes, end));
    bytes = end + 1;
    if (entry === undefined) damaged += 1;
    else entries.push({ entry, end: bytes });
  }
  return { entries, damaged, bytes };
}
