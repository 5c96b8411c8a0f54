/** The money side of a call or of a response over a socket, where calls are bounded at all. */
import type { CallLog } from "../../log/call-record.ts";
import { type MoneyParts, Spending, type SpendingParts } from "./spending.ts";

export interface OpenSpendingParts {
  /** Left out: nothing is bounded. */
  readonly money?: MoneyParts;
  readonly callLog: Pick<CallLog, "writable">;
}

/** Undefined where nothing can be bounded. */
export function openSpending(
  parts: OpenSpendingParts,
  call: Omit<SpendingParts, "money" | "recordable">,
): Spending | undefined {
  const { money, callLog } = parts;
  if (money === undefined) return undefined;
  return new Spending({ ...call, money, recordable: () => callLog.writable });
}
