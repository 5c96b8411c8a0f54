/** Joins what calls keep beyond themselves: responses, the ledger of what was made at vendors, and the jobs that tidy up. */
import type { Logger } from "../../core/logger.ts";
import type { SealKey } from "../../core/seal.ts";
import type { Database } from "../../store/database.ts";
import { deleteExpiredResponseStates } from "../../store/response-states.ts";
import type { LeaderJob } from "../../sync/leader-jobs.ts";
import type { StateParts } from "./call-state.ts";
import { makeResourceLedger } from "./resource-ledger.ts";
import { makeStoredResponses } from "./stored-responses.ts";

export interface KeptParts {
  readonly database: Pick<Database, "writes" | "reads">;
  /** Undefined while the cluster's secrets are not known. */
  readonly dataKey: () => SealKey | undefined;
  readonly logger: Logger;
}

export function makeStateParts({ database, dataKey, logger }: KeptParts): StateParts {
  const parts = { database: () => database, dataKey, logger };
  return {
    stored: makeStoredResponses(parts),
    resources: makeResourceLedger(parts),
    dataKey,
  };
}

const expiredAtOnce = 500;

/** Deletes responses whose time is over. */
export function expireResponses({ database, logger }: Omit<KeptParts, "dataKey">): LeaderJob {
  return {
    name: "expire stored responses",
    everyMs: 10 * 60 * 1000,
    run: async ({ signal }) => {
      let gone = 0;
      for (let last = expiredAtOnce; last === expiredAtOnce && !signal.aborted; gone += last)
        last = await deleteExpiredResponseStates(database.writes, expiredAtOnce);
      if (gone > 0) logger.info({ gone }, "expired responses deleted");
    },
  };
}
