/** Counts of budgets: how often the database was asked, who was refused, what was warned of. Never an id as a label. */
import { Counter, Histogram } from "@prometheus-io/client";
import type { Registry } from "@prometheus-io/client";
import type { BudgetMeters } from "./meters.ts";

/** Registers them. */
export function makeBudgetMeters(registry: Registry): BudgetMeters {
  const registers = [registry];
  const asked = new Histogram({
    name: "switchyard_budget_transaction_seconds",
    help: "Transactions with the database about slices of budgets",
    labelNames: ["result"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const refused = new Counter({
    name: "switchyard_budget_refusals_total",
    help: "Calls refused because a budget or balance had too little left",
    labelNames: ["kind"],
    registers,
  });
  const alerted = new Counter({
    name: "switchyard_budget_alerts_total",
    help: "Alerts of budgets told by this node",
    labelNames: ["kind", "percent"],
    registers,
  });
  return {
    asked: (result, seconds) => asked.observe({ result }, seconds),
    refused: (kind) => refused.inc({ kind }),
    alerted: (kind, percent) => alerted.inc({ kind, percent }),
  };
}
