/**
 * Where a channel's requests go: its endpoints for an operation, and the URL of one of them.
 * Promise kept here: what a caller names (the model) can never change the host or climb out of the endpoint's path.
 */
import { GatewayError } from "../core/errors.ts";
import type { DialectId } from "../wire/call.ts";
import type { Endpoint, ModelListing, Provider, UpstreamOperation } from "./contract.ts";
import { fillTemplate, settingsOf } from "./fill-template.ts";
import { standardEndpoint, standardListing } from "./standard-endpoints.ts";

/** What is read of a channel. */
export interface AddressedChannel {
  /** Null: the provider's own. */
  readonly baseUrl: string | null;
  readonly options: {
    readonly settings: Readonly<Record<string, string>>;
    readonly dialects: readonly string[];
  };
}

/**
 * In order of preference. Where the channel names its dialects, those in its order: the provider's own endpoints in
 * them, or, on a base URL of the channel's own, the usual ones.
 */
export function endpointsOf(
  provider: Provider,
  channel: AddressedChannel,
  operation: UpstreamOperation,
): readonly Endpoint[] {
  const own = provider.endpoints[operation] ?? [];
  const reachable =
    channel.baseUrl === null ? own : own.filter((endpoint) => endpoint.baseUrl === undefined);
  const { dialects } = channel.options;
  if (dialects.length === 0) return reachable;
  return dialects.flatMap((dialect) => {
    const spoken = reachable.filter((endpoint) => endpoint.dialect === dialect);
    if (spoken.length > 0 || channel.baseUrl === null) return spoken;
    const usual = standardEndpoint(dialect as DialectId, operation);
    return usual === undefined ? [] : [usual];
  });
}

/** Whether an endpoint serves a model, by its name as sent. */
export function servesModel(endpoint: Endpoint, model: string): boolean {
  return endpoint.models?.some((pattern) => matches(pattern, model)) ?? true;
}

/** `*` stands for any text, anywhere. */
function matches(pattern: string, name: string): boolean {
  const [head = "", ...rest] = pattern.split("*");
  const tail = rest.pop();
  if (tail === undefined) return name === pattern;
  if (!name.startsWith(head)) return false;
  let at = head.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return name.length - at >= tail.length && name.endsWith(tail);
}

/** What an address is made for. */
export interface AddressWish {
  /** Name that is sent. */
  readonly model: string;
  /** The credential; empty: none. */
  readonly secret: string;
  readonly stream: boolean;
}

/** Throws `upstream_unreachable` where a base URL or a setting is missing, `invalid_request` for an impossible model name. */
export function endpointUrl(
  provider: Provider,
  channel: AddressedChannel,
  endpoint: Endpoint,
  wish: AddressWish,
): string {
  const base = channel.baseUrl ?? endpoint.baseUrl ?? provider.defaultBaseUrl;
  if (base === null) throw new GatewayError("upstream_unreachable", "the channel has no base URL");
  const path = (wish.stream ? endpoint.streamPath : undefined) ?? endpoint.path;
  const settings = settingsOf(provider, channel.options.settings);
  return joinUrl(
    // A channel's own base URL is text, not a template.
    channel.baseUrl ?? fillTemplate(base, { settings }),
    fillTemplate(path, { settings, model: wish.model, secret: wish.secret }),
    endpoint.unversioned,
  );
}

/** Where a channel's models are listed, and in whose shape. */
export interface ListingAddress {
  readonly url: string;
  /** What further pages are asked behind. */
  readonly baseUrl: string;
  readonly listing: ModelListing;
}

/** Undefined: nothing lists them. Throws as {@link endpointUrl}. */
export function listingAddress(
  provider: Provider,
  channel: AddressedChannel,
): ListingAddress | undefined {
  const listing = listingOf(provider, channel);
  if (listing === undefined) return undefined;
  const base = channel.baseUrl ?? listing.baseUrl ?? provider.defaultBaseUrl;
  if (base === null) throw new GatewayError("upstream_unreachable", "the channel has no base URL");
  const settings = settingsOf(provider, channel.options.settings);
  const baseUrl = channel.baseUrl ?? fillTemplate(base, { settings });
  return { listing, baseUrl, url: joinUrl(baseUrl, listing.path, listing.unversioned) };
}

/** On a base URL of its own a channel lists as the first of its dialects does, or as the provider's own API there. */
function listingOf(provider: Provider, channel: AddressedChannel): ModelListing | undefined {
  const { models } = provider;
  if (channel.baseUrl === null) return models;
  const [dialect] = channel.options.dialects;
  if (dialect !== undefined) return standardListing(dialect as DialectId);
  if (models !== undefined && models.baseUrl === undefined) return models;
  const own = provider.endpoints.chat?.find(({ baseUrl }) => baseUrl === undefined);
  return own === undefined ? undefined : standardListing(own.dialect);
}

/**
 * A base URL with a path behind it. A version segment that both have stands once; `unversioned`: the base's own is left
 * out; its query is kept.
 */
export function joinUrl(base: string, path: string, unversioned = false): string {
  // As nearly all are: nothing to be cut from either.
  if (!unversioned && !base.endsWith("/") && !base.includes("?") && !path.startsWith("/v"))
    return base + path;
  const [before = "", query] = base.split("?", 2);
  let joined = before.replace(/\/+$/, "");
  const [, version] = /^(\/v\d\w*)\//.exec(path) ?? [];
  if (version !== undefined && joined.endsWith(version)) joined = joined.slice(0, -version.length);
  else if (unversioned) joined = joined.replace(/\/v\d\w*$/, "");
  joined += path;
  return query === undefined || query === ""
    ? joined
    : `${joined}${path.includes("?") ? "&" : "?"}${query}`;
}
