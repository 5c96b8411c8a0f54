/** What every step of a request on what outlives a call knows. */
import type { Clock } from "../../core/clock.ts";
import type { Dialect } from "../../dialects/contract.ts";
import { resourceRulesOf, responseRules } from "../../dialects/resource-ids.ts";
import type { Snapshot } from "../../sync/entities.ts";
import type { CallRequest } from "../../wire/call.ts";
import type { Caller } from "../../wire/caller.ts";
import type { AttemptParts } from "../attempts/attempts.ts";
import { type StateParts, sealKeyOf } from "../state/call-state.ts";
import type { Account } from "../accounts/choose-account.ts";
import type { BodyOpener } from "../ids/open-ids.ts";
import type { JobDesk } from "../jobs/job-desk.ts";
import type { Reply } from "../exchange/reply.ts";
import type { LedgerOwner } from "../state/resource-ledger.ts";
import type { ResourceRoute } from "../accounts/resource-routes.ts";
import { IdSealer } from "../ids/seal-ids.ts";
import type { Spending } from "../money/spending.ts";
import type { Tally } from "../money/tally.ts";

export interface ResourceCall {
  readonly request: CallRequest;
  readonly dialect: Dialect;
  readonly caller: Caller;
  readonly snapshot: Snapshot;
  readonly reply: Reply;
  readonly tally: Pick<Tally, "attempted" | "bounded" | "began">;
  /** What the caller may spend and ask; undefined: it is not bounded. */
  readonly spending: Spending | undefined;
  /** Business time of the admission, ms UTC. */
  readonly admittedAtMs: number;
}

export type ResourceParts = AttemptParts & {
  readonly clock: Clock;
  readonly state?: StateParts;
  /** Charges what goes on after its call; left out: nobody does. */
  readonly jobs?: JobDesk;
};

export interface Serving extends ResourceCall {
  readonly parts: ResourceParts;
  readonly state: StateParts;
  readonly route: ResourceRoute;
  readonly owner: LedgerOwner;
  readonly opener: BodyOpener;
}

export function sealerOf({ state, owner, route, request }: Serving, account: Account): IdSealer {
  const { channel, credential } = account;
  return new IdSealer({
    key: sealKeyOf(state),
    ownerId: owner.ownerId,
    pin: { channelId: channel.id, credentialId: credential?.id ?? 0 },
    dialect: request.dialect,
    rules:
      route.operation === "responses" && route.made === "response"
        ? responseRules(true)
        : resourceRulesOf(request.dialect, route.made),
  });
}
