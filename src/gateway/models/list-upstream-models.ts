/** Asks a channel's upstream which models it has: all pages, in whichever shape the vendor lists them. */
import { GatewayError } from "../../core/errors.ts";
import { type ListingAddress, joinUrl, listingAddress } from "../../providers/address-channel.ts";
import { settingsOf } from "../../providers/fill-template.ts";
import { getProvider } from "../../providers/registry.ts";
import type { Provider } from "../../providers/contract.ts";
import type { Channel } from "../../sync/entities.ts";
import type { Authorizer } from "../../upstream/authorizer.ts";
import { type WholeAnswer, sendWhole } from "../../upstream/send-whole.ts";
import type { Upstream, UpstreamRequest } from "../../upstream/upstream.ts";
import { type ListedPage, pageReaders } from "./model-pages.ts";

export interface ListingParts {
  readonly upstream: Upstream;
  readonly authorizer: Authorizer;
}

/** What is read of a channel: it need not have been saved. */
export type ListedChannel = Pick<
  Channel,
  "provider" | "baseUrl" | "credentials" | "headers" | "proxy" | "timeouts" | "options"
>;

const waitMs = 30_000;
const maxPageBytes = 16 * 1024 * 1024;
const maxPages = 50;

/**
 * Names of the models as the vendor lists them, each once. The answered function rejects with `validation_failed` where
 * the provider publishes no list, else with what went wrong upstream.
 */
export function makeModelLister(
  parts: ListingParts,
): (channel: ListedChannel) => Promise<readonly string[]> {
  return async (channel) => {
    const provider = getProvider(channel.provider);
    const address = listingAddress(provider, channel);
    if (address === undefined) throw noList(provider);
    return await readAllPages(parts, { provider, channel, address });
  };
}

function noList(provider: Provider): GatewayError {
  const message = `publishes no list of its models here: name them yourself`;
  return new GatewayError("validation_failed", `provider ${provider.id} ${message}`, {
    fields: [{ field: "provider", message }],
  });
}

interface Listing {
  readonly provider: Provider;
  readonly channel: ListedChannel;
  readonly address: ListingAddress;
}

async function readAllPages(parts: ListingParts, listing: Listing): Promise<readonly string[]> {
  const { address } = listing;
  const found = new Set<string>();
  const { unversioned } = address.listing;
  let url: string | undefined = address.url;
  for (let pages = 0; url !== undefined && pages < maxPages; pages += 1) {
    const page: ListedPage = await readPage(parts, listing, url);
    for (const id of page.ids) found.add(id);
    // A vendor that names the same page again has no more to say.
    const next: string | undefined =
      page.next === null ? undefined : joinUrl(address.baseUrl, page.next, unversioned);
    url = next === url ? undefined : next;
  }
  return [...found];
}

async function readPage(parts: ListingParts, listing: Listing, url: string): Promise<ListedPage> {
  const request = requestOf(listing, url);
  const { provider, channel, address } = listing;
  const settings = settingsOf(provider, channel.options.settings);
  const secret = channel.credentials[0]?.secret ?? "";
  const headers = await parts.authorizer.authorize(request, provider.auth, secret, settings);
  const reply = await sendWhole(
    parts.upstream,
    { ...request, headers: { ...request.headers, ...headers } },
    maxPageBytes,
  );
  const body = parseJson(reply.body);
  if (reply.status < 200 || reply.status > 299) throw refusal(url, reply, body);
  const { path, shape } = address.listing;
  const page = pageReaders[shape](body, path, url);
  if (page !== undefined) return page;
  const { host } = new URL(url);
  throw new GatewayError("upstream_invalid", `${host} answered what is no list of models`);
}

function requestOf({ provider, channel }: Listing, url: string): UpstreamRequest {
  return {
    method: "GET",
    url,
    headers: {
      accept: "application/json",
      "user-agent": "switchyard",
      ...provider.headers,
      ...Object.fromEntries(
        Object.entries(channel.headers).map(([name, value]) => [name.toLowerCase(), value]),
      ),
      "accept-encoding": "identity",
    },
    body: null,
    proxy: channel.proxy,
    timeouts: { ...channel.timeouts, firstByteMs: waitMs, idleMs: waitMs },
  };
}

function refusal(url: string, reply: WholeAnswer, body: unknown): GatewayError {
  const { status } = reply;
  const kind =
    status === 401 || status === 403
      ? "upstream_auth"
      : status === 429
        ? "upstream_overloaded"
        : "upstream_failed";
  const { host } = new URL(url);
  return new GatewayError(kind, `${host} answered ${status}: ${reasonIn(body)}`);
}

/** The upstream's own words, wherever vendors put them. */
function reasonIn(body: unknown): string {
  const words = wordsIn(body);
  return words === undefined ? "no reason told" : words.slice(0, 500);
}

function wordsIn(value: unknown): string | undefined {
  if (typeof value === "string") return value === "" ? undefined : value;
  if (Array.isArray(value)) return wordsIn(value[0]);
  if (typeof value !== "object" || value === null) return undefined;
  const fields = value as Readonly<Record<string, unknown>>;
  for (const name of ["error", "errors", "message", "Message", "detail", "msg"]) {
    const words = wordsIn(fields[name]);
    if (words !== undefined) return words;
  }
  return undefined;
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
