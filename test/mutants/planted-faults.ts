/** Every fault that must never come back, by where it was seen. */
import { accountFaults } from "./account-faults.ts";
import { callerFaults } from "./caller-faults.ts";
import { copyFaults } from "./copy-faults.ts";
import { jobFaults } from "./job-faults.ts";
import { leaderFaults } from "./leader-faults.ts";
import { ledgerFaults } from "./ledger-faults.ts";
import { oneHubFaults } from "./one-hub-faults.ts";
import type { Mutant } from "./planted-tree.ts";
import { storeFaults } from "./store-faults.ts";
import { syncFaults } from "./sync-faults.ts";

export const mutants: readonly Mutant[] = [
  ...oneHubFaults,
  ...syncFaults,
  ...storeFaults,
  ...callerFaults,
  ...leaderFaults,
  ...copyFaults,
  ...accountFaults,
  ...ledgerFaults,
  ...jobFaults,
];
