/** Tells operators that a share of a budget is spent. Promise: once per period and percentage in the whole cluster. */
import { messageOf } from "../core/errors.ts";
import { formatDollars } from "../core/money.ts";
import type { BudgetParts } from "./budget-parts.ts";
import type { SlicePlan } from "./plan-slice.ts";

/** A budget as it was looked at: what was spent of it on all nodes. */
export interface SeenBudget extends Pick<SlicePlan, "spentInAll"> {
  readonly wish: Pick<SlicePlan["wish"], "slice">;
}

export type SeeBudget = (seen: SeenBudget) => void;

export function makeAlertTeller(
  parts: Pick<BudgetParts, "store" | "logger" | "meters">,
): SeeBudget {
  const tell = async (plan: SeenBudget, percent: number): Promise<void> => {
    const { share, rule } = plan.wish.slice;
    try {
      if (!(await parts.store.tellAlert(share, percent))) return;
      parts.meters.alerted(share.kind, percent);
      parts.logger.warn(
        {
          kind: share.kind,
          id: share.id,
          period: share.period,
          percent,
          spent: formatDollars(plan.spentInAll),
          amount: formatDollars(rule?.amount ?? 0n),
        },
        "budget alert",
      );
    } catch (error) {
      // The next look at the budget tells it.
      plan.wish.slice.alertAt = 0n;
      parts.logger.debug({ error: messageOf(error) }, "a budget alert cannot be told yet");
    }
  };
  return (plan) => {
    const { slice } = plan.wish;
    const { rule } = slice;
    if (rule === null || rule.alerts.length === 0 || rule.amount === 0n) return;
    const told = slice.toldPercent;
    slice.alertAt = undefined;
    for (const percent of rule.alerts) {
      if (percent <= told) continue;
      const short = (rule.amount * BigInt(percent) + 99n) / 100n - plan.spentInAll;
      if (short > 0n) {
        slice.alertAt = slice.spent + short;
        break;
      }
      slice.toldPercent = percent;
      void tell(plan, percent);
    }
  };
}
