// Nodes that die, are cut off or stopped, answers that are lost, clocks that jump: no budget is overdrawn by a nano-dollar.
import { simulateBudgets } from "./run-budget-schedules.ts";

simulateBudgets(
  "crashes, cuts and lost answers",
  { ci: 8000, here: 120 },
  { excess: false, breaks: true },
);
