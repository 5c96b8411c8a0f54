/** A vendor's export beside what was booked, day by day and model by model. Promise: nothing of either side is left out. */
import type { JsonObject } from "../core/json-value.ts";
import { formatDollars } from "../core/money.ts";
import type { ExportLine } from "./usage-export.ts";

/** What calls of a day and a model cost their channels. */
export interface BookedCost {
  readonly day: string;
  /** As it was sent. */
  readonly model: string;
  /** As the vendor's replies name it: exports often do as well. */
  readonly modelReported: string | null;
  /** Nano-dollars. */
  readonly cost: bigint;
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
}

export interface Compared {
  readonly agrees: boolean;
  readonly shown: JsonObject;
}

interface Side {
  cost: bigint | undefined;
  input: bigint | undefined;
  output: bigint | undefined;
}

/** One row for each day and model of either side; costs decide where the export tells them, else tokens do. */
export function compareExport(
  lines: readonly ExportLine[],
  booked: readonly BookedCost[],
  tolerance: bigint,
): readonly Compared[] {
  const vendor = new Map<string, Side>();
  for (const { day, model, cost, inputTokens, outputTokens } of lines)
    add(vendor, `${day} ${model}`, { cost, input: inputTokens, output: outputTokens });
  const ours = new Map<string, Side>();
  for (const row of booked) {
    const { day, model, modelReported, cost, inputTokens, outputTokens } = row;
    const reported = `${day} ${modelReported ?? model}`;
    const key = vendor.has(reported) ? reported : `${day} ${model}`;
    add(ours, key, { cost, input: inputTokens, output: outputTokens });
  }
  const keys = [...new Set([...vendor.keys(), ...ours.keys()])].sort();
  return keys.map((key) => compare(key, vendor.get(key), ours.get(key), tolerance));
}

function add(sides: Map<string, Side>, key: string, more: Side): void {
  const before = sides.get(key);
  if (before === undefined) return void sides.set(key, more);
  sides.set(key, {
    cost: plus(before.cost, more.cost),
    input: plus(before.input, more.input),
    output: plus(before.output, more.output),
  });
}

function plus(left: bigint | undefined, right: bigint | undefined): bigint | undefined {
  return left === undefined || right === undefined ? (left ?? right) : left + right;
}

function compare(
  key: string,
  vendor: Side | undefined,
  ours: Side | undefined,
  tolerance: bigint,
): Compared {
  const hasCost = vendor?.cost !== undefined || vendor === undefined;
  const difference = (ours?.cost ?? 0n) - (vendor?.cost ?? 0n);
  const near = difference <= tolerance && difference >= -tolerance;
  const agrees = hasCost ? near : sameTokens(vendor, ours);
  return {
    agrees,
    shown: {
      day: key.slice(0, 10),
      model: key.slice(11),
      vendorCost: hasCost ? formatDollars(vendor?.cost ?? 0n) : null,
      bookedCost: formatDollars(ours?.cost ?? 0n),
      difference: hasCost ? formatDollars(difference) : null,
      vendorInput: vendor?.input === undefined ? null : String(vendor.input),
      bookedInput: String(ours?.input ?? 0n),
      vendorOutput: vendor?.output === undefined ? null : String(vendor.output),
      bookedOutput: String(ours?.output ?? 0n),
      agrees,
    },
  };
}

function sameTokens(vendor: Side | undefined, ours: Side | undefined): boolean {
  const same = (left: bigint | undefined, right: bigint | undefined): boolean =>
    left === undefined || left === (right ?? 0n);
  return same(vendor?.input, ours?.input) && same(vendor?.output, ours?.output);
}
