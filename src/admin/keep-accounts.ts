/** What has to happen to accounts once in the cluster, beside the requests that usually do it. */
import { dropAttempts } from "../store/redemption-codes.ts";
import type { LeaderJob } from "../sync/leader-jobs.ts";
import { rewardAll } from "./invitations/invite.ts";
import type { PromoteParts } from "./credits/promote.ts";
import { promoteAll } from "./credits/promote.ts";

const minuteMs = 60_000;

/** Grants rewards and promotions that are still due, and forgets old attempts at codes. */
export function keepAccounts(parts: PromoteParts): LeaderJob {
  return {
    name: "keep accounts",
    everyMs: minuteMs,
    run: async ({ signal }) => {
      await rewardAll(parts);
      const looked = await promoteAll(parts, signal);
      if (looked > 0) parts.logger.info({ looked }, "accounts looked at for promotion");
      const minute = BigInt(Math.floor(parts.sync.businessNowMs() / minuteMs));
      await dropAttempts(parts.database.writes, minute - 1n);
    },
  };
}
