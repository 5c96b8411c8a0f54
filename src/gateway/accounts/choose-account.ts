/**
 * Which upstream account takes what a caller makes.
 * Promise kept here: all that one owner makes lies in one account as long as the configuration stays, so that what was
 * made can be used together.
 */
import { createHash } from "node:crypto";
import { GatewayError } from "../../core/errors.ts";
import { endpointsOf } from "../../providers/address-channel.ts";
import type { Endpoint, Provider } from "../../providers/contract.ts";
import { findProvider } from "../../providers/registry.ts";
import { channelOf, credentialOf, groupsOf } from "../../route/pinned-plan.ts";
import { parseSuffix } from "../../route/suffix.ts";
import type { Channel, Credential, Snapshot } from "../../sync/entities.ts";
import type { Caller } from "../../wire/caller.ts";
import type { Pin } from "../ids/pin.ts";
import type { ResourceRoute } from "./resource-routes.ts";

export interface Account {
  readonly channel: Channel;
  readonly credential: Credential | null;
  readonly provider: Provider;
  readonly endpoint: Endpoint;
  readonly groupSymbol: string;
}

/** What decides it. */
export interface AccountWish {
  readonly snapshot: Snapshot;
  readonly caller: Caller;
  readonly route: ResourceRoute;
  /** Models that the body names, each of which the account must serve. */
  readonly models: readonly string[];
  /** Whether an id that nobody sealed must be taken. */
  readonly unsealed: boolean;
}

/** Where a channel serves the paths of a row; undefined: it does not. */
function findEndpoint(
  channel: Channel,
  { dialect, operation }: ResourceRoute,
): { readonly provider: Provider; readonly endpoint: Endpoint } | undefined {
  const provider = findProvider(channel.provider);
  if (provider === undefined) return undefined;
  // Responses lie behind the very path that makes them.
  const found = endpointsOf(provider, channel, operation === "responses" ? "chat" : operation).find(
    (endpoint) => endpoint.dialect === dialect,
  );
  const base = channel.baseUrl ?? found?.baseUrl ?? provider.defaultBaseUrl;
  return found === undefined || base === null ? undefined : { provider, endpoint: found };
}

/** A number that is always the same for an owner and a thing, and differs from owner to owner. */
function lot(ownerId: number, thing: string): string {
  return createHash("sha256").update(`${ownerId} ${thing}`).digest("hex");
}

/** The one that an owner always draws. */
function draw<T>(
  ownerId: number,
  things: readonly T[],
  nameOf: (thing: T) => string,
): T | undefined {
  const drawn = things.map((thing) => ({ thing, lot: lot(ownerId, nameOf(thing)) }));
  return drawn.sort((left, right) => (left.lot < right.lot ? -1 : 1))[0]?.thing;
}

/** Whether a channel serves all of the models for a group. */
export function servesModels(
  wish: Pick<AccountWish, "snapshot" | "models">,
  symbol: string,
  channel: Channel,
): boolean {
  const { routes } = wish.snapshot;
  return wish.models.every((model) =>
    routes.candidates(symbol, model).some((tier) => tier.some(({ id }) => id === channel.id)),
  );
}

function fits(wish: AccountWish, symbol: string, channel: Channel): boolean {
  const { only, except } = parseSuffix(wish.caller);
  if (!channel.enabled || channel.id === except) return false;
  if (only === null ? !channel.groups.includes(symbol) : channel.id !== only) return false;
  if (wish.unsealed && !channel.options.unsealedIds) return false;
  return findEndpoint(channel, wish.route) !== undefined && servesModels(wish, symbol, channel);
}

/** Undefined: no channel of the caller's groups serves it. Throws `forbidden` for a wish of the key that may not be. */
export function chooseAccount(wish: AccountWish): Account | undefined {
  const { snapshot, caller, route } = wish;
  for (const groupSymbol of groupsOf(caller)) {
    const fitting = [...snapshot.channels.values()].filter((one) => fits(wish, groupSymbol, one));
    const best = Math.max(...fitting.map(({ priority }) => priority));
    const first = fitting.filter(({ priority }) => priority === best);
    const channel = draw(caller.userId, first, ({ id }) => `channel ${id}`);
    const found = channel && findEndpoint(channel, route);
    if (channel === undefined || found === undefined) continue;
    const drawn = draw(caller.userId, channel.credentials, ({ id }) => `credential ${id}`);
    return { channel, credential: drawn ?? null, groupSymbol, ...found };
  }
  return undefined;
}

/** The account of a pin; undefined: it is gone, is disabled, or is not the caller's any more. */
export function pinnedAccount(
  { snapshot, caller, route, models }: Omit<AccountWish, "unsealed">,
  pin: Pin,
): Account | undefined {
  const channel = channelOf(snapshot, caller, pin);
  const found = channel && findEndpoint(channel, route);
  if (channel === undefined || found === undefined) return undefined;
  const wish = { snapshot, caller, route, models, unsealed: false };
  const groups = groupsOf(caller);
  const groupSymbol = groups.find((symbol) => channel.groups.includes(symbol)) ?? caller.group;
  if (!servesModels(wish, groupSymbol, channel)) return undefined;
  return { channel, credential: credentialOf(channel, pin), groupSymbol, ...found };
}

/** The same account for another of its paths, whoever asks; undefined: it serves none such. */
export function accountFor(
  account: Omit<Account, "provider" | "endpoint">,
  route: ResourceRoute,
): Account | undefined {
  const found = findEndpoint(account.channel, route);
  return found && { ...account, ...found };
}

/** The error of there being no account. */
export function noAccount({ route, models, caller }: AccountWish): GatewayError {
  const what = models.length === 0 ? route.operation : `${route.operation} of ${models.join(", ")}`;
  return new GatewayError(
    "no_available_channel",
    `No channel of group ${caller.group} serves ${what}`,
    { values: { model: what, group: caller.group } },
  );
}
