/**
 * The plan of a call that must go to one upstream account, since what it names lies there.
 * Promise kept here: a pin gives nobody a channel that it could not be sent to without one.
 */
import { GatewayError } from "../core/errors.ts";
import type { Channel, Credential, Snapshot } from "../sync/entities.ts";
import type { Caller } from "../wire/caller.ts";
import { type Candidate, type PlanParts, type RoutePlan, mapModel, planRoute } from "./plan.ts";
import { parseSuffix } from "./suffix.ts";

export interface PinnedAccount {
  readonly channelId: number;
  /** 0: the channel needs none. */
  readonly credentialId: number;
}

/** Groups that serve a caller, in order. */
export function groupsOf(caller: Pick<Caller, "group" | "fallbackGroup">): readonly string[] {
  const { group, fallbackGroup } = caller;
  return fallbackGroup === null || fallbackGroup === group ? [group] : [group, fallbackGroup];
}

function gone(detail: string): GatewayError {
  return new GatewayError("invalid_request", detail, { values: { detail } });
}

function groupServing(parts: PlanParts, channel: Channel): string | undefined {
  const { snapshot, caller, model } = parts;
  const serving = groupsOf(caller).find((symbol) =>
    snapshot.routes
      .candidates(symbol, model)
      .some((tier) => tier.some(({ id }) => id === channel.id)),
  );
  return serving ?? (parseSuffix(caller).only === channel.id ? caller.group : undefined);
}

/**
 * The credential of an account. Where it was replaced, another one of the channel: most often the same vendor account's
 * new key, and what lies in another account is not found there.
 */
export function credentialOf(channel: Channel, account: PinnedAccount): Credential | null {
  const { credentials } = channel;
  return credentials.find(({ id }) => id === account.credentialId) ?? credentials[0] ?? null;
}

/** The enabled channel of an account, where one of a caller's groups has it; undefined: it cannot be asked. */
export function channelOf(
  snapshot: Snapshot,
  caller: Caller,
  account: PinnedAccount,
): Channel | undefined {
  const channel = snapshot.channels.get(account.channelId);
  if (channel === undefined || !channel.enabled) return undefined;
  const open = groupsOf(caller).some((symbol) => channel.groups.includes(symbol));
  return open || parseSuffix(caller).only === channel.id ? channel : undefined;
}

export type { RoutePlan } from "./plan.ts";

/** The plan of a call, pinned or not. Throws what {@link planRoute} throws, and `invalid_request` for a pin of no use. */
export function planCall(parts: PlanParts, account: PinnedAccount | null): RoutePlan {
  return account === null ? planRoute(parts) : planPinned(parts, account);
}

/** Throws `invalid_request` where the account cannot be asked for the model. */
function planPinned(parts: PlanParts, account: PinnedAccount): RoutePlan {
  const { snapshot, model } = parts;
  const channel = snapshot.channels.get(account.channelId);
  const usable = channel?.enabled === true && parts.serves(channel) ? channel : undefined;
  const symbol = usable && groupServing(parts, usable);
  if (usable === undefined || symbol === undefined)
    throw gone(`The ids in this request lie in an upstream account that does not serve ${model}`);
  const candidate: Candidate = {
    channel: usable,
    credential: credentialOf(usable, account),
    group: snapshot.groups.get(symbol),
    groupSymbol: symbol,
    ...mapModel(usable, model),
  };
  return new PinnedPlan(candidate);
}

class PinnedPlan implements RoutePlan {
  #candidate: Candidate | undefined;

  constructor(candidate: Candidate) {
    this.#candidate = candidate;
  }

  next(): Candidate | undefined {
    const candidate = this.#candidate;
    this.#candidate = undefined;
    return candidate;
  }

  exclude(): void {
    this.#candidate = undefined;
  }

  passOver(): void {
    this.#candidate = undefined;
  }
}
