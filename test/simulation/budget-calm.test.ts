// Nothing breaks: nobody is told that budgets cannot be checked, and what is left can be spent.
import { simulateBudgets } from "./run-budget-schedules.ts";

simulateBudgets("a calm day", { ci: 4000, here: 60 }, { excess: false, breaks: false });
simulateBudgets(
  "a calm day with dear calls",
  { ci: 2000, here: 40 },
  { excess: true, breaks: false },
);
