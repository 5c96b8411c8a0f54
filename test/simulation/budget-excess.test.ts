// Calls that cost more than was reserved for them, while everything breaks: overdrawn by that, and by nothing else.
import { simulateBudgets } from "./run-budget-schedules.ts";

simulateBudgets(
  "calls that cost ten times as much",
  { ci: 6000, here: 80 },
  { excess: true, breaks: true },
);
