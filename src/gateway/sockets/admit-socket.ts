/** Who may call which model over a socket, and through which channels: the steps of a call up to its plan. */
import { checkModelAllowed } from "../../auth/model-allowed.ts";
import { GatewayError } from "../../core/errors.ts";
import type { CallFacts } from "../../dialects/contract.ts";
import { parseModelWish } from "../../route/model-wish.ts";
import { type RoutePlan, planRoute } from "../../route/plan.ts";
import type { Snapshot } from "../../sync/entities.ts";
import type { CallRequest } from "../../wire/call.ts";
import type { Caller } from "../../wire/caller.ts";
import type { GatewayParts } from "../serve-call.ts";
import { servesCall } from "../models/serves-call.ts";

/** What is held of the configuration from one response to the next. */
export interface Pinned {
  readonly caller: Caller;
  readonly snapshot: Snapshot;
}

export interface Admitted extends Pinned {
  /** Name asked for, without a wish behind it. */
  readonly model: string;
  readonly facts: CallFacts;
  readonly plan: RoutePlan;
}

/** Throws where nobody may know anything yet: the configuration has not been loaded. */
export function currentSnapshot(parts: Pick<GatewayParts, "sync">): Snapshot {
  const snapshot = parts.sync.current();
  if (snapshot !== undefined) return snapshot;
  throw new GatewayError("temporarily_unavailable", "no configuration has been loaded yet");
}

/** What is known of a call whose body names nothing but a model. */
export function bareFacts(model: string): CallFacts {
  return {
    model,
    bodyModel: null,
    stream: true,
    streamForm: "sse",
    usageAsked: true,
    usesTools: false,
    endUser: null,
    maxOutputTokens: null,
    scan: { members: {}, inside: 0, empty: true },
  };
}

/** Rejects as the steps of any call do. */
export async function admitSocket(
  parts: GatewayParts,
  request: CallRequest,
  asked: string,
): Promise<Admitted> {
  const caller = await parts.authenticate(request);
  const snapshot = currentSnapshot(parts);
  const { model } = parseModelWish(asked);
  checkModelAllowed(caller, model);
  const { health, random } = parts;
  health.keepOnly(snapshot.channels);
  const facts = bareFacts(model);
  // A channel whose streams are switched off may still serve sockets.
  const serves = servesCall({ request, facts: { ...facts, stream: false } });
  const plan = planRoute({ snapshot, caller, model, health, random, serves });
  return { caller, snapshot, model, facts, plan };
}
