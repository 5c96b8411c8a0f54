/**
 * What channels have cost, for steering. Promise: never waits; all that this node has spent counts at once, what others
 * spent within a few seconds.
 */
import type { BudgetShare } from "../core/budget-rule.ts";
import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { NanoDollars } from "../core/money.ts";
import type { LeaseStore } from "../store/budget-leases.ts";
import { shareName } from "../store/budget-leases.ts";

export interface ChannelSpending {
  /** As far as is known. */
  spent(share: BudgetShare): NanoDollars;
  add(share: BudgetShare, amount: NanoDollars): void;
}

export interface ChannelSpendingParts {
  readonly store: Pick<LeaseStore, "spent">;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Known {
  /** SQL's sum, or more where this node has spent what is not settled yet. */
  spent: NanoDollars;
  readAtMs: number;
  reading: boolean;
}

const freshMs = 2000;
const mostKnown = 10_000;

export function makeChannelSpending(parts: ChannelSpendingParts): ChannelSpending {
  const { store, clock, logger } = parts;
  const channels = new Map<string, Known>();
  let failing = false;

  const find = (share: BudgetShare): Known => {
    const name = shareName(share);
    let known = channels.get(name);
    if (known === undefined) {
      if (channels.size >= mostKnown) channels.clear();
      known = { spent: 0n, readAtMs: -Infinity, reading: false };
      channels.set(name, known);
    }
    return known;
  };
  const refresh = async (share: BudgetShare, known: Known): Promise<void> => {
    known.reading = true;
    try {
      const told = await store.spent(share);
      // What is spent never becomes less: the larger sum is the nearer one.
      if (told > known.spent) known.spent = told;
      failing = false;
    } catch (error) {
      if (!failing) logger.warn({ error: messageOf(error) }, "budgets of channels cannot be read");
      failing = true;
    }
    known.readAtMs = clock.monotonic();
    known.reading = false;
  };

  return {
    spent: (share) => {
      const known = find(share);
      if (!known.reading && clock.monotonic() - known.readAtMs >= freshMs)
        void refresh(share, known);
      return known.spent;
    },
    add: (share, amount) => {
      find(share).spent += amount;
    },
  };
}
