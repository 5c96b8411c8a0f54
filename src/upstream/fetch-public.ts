/**
 * Fetches files from URLs that callers name: the one way by which a caller can make the gateway connect somewhere.
 * Promises kept here: only public addresses (and ranges that the operator allows) are connected to, judged after the
 * name was resolved and again on the socket; the connection goes to the judged addresses, whatever the name becomes
 * meanwhile; each redirect is judged anew; no credential travels; size, time and hops are bounded.
 */
import { isIP, type LookupFunction } from "node:net";
import { Client, type Dispatcher, buildConnector } from "undici";
import { makeAddressMatcher } from "../config/address-range.ts";
import type { Clock } from "../core/clock.ts";
import type { OverSignal } from "../wire/call.ts";
import { makeAddressGuard } from "./address-guard.ts";
import { makePublicJudge } from "./public-address.ts";
import { type Resolve, resolveName } from "./resolve-name.ts";

/**
 * Why nothing was fetched. `url`: no http or https URL. `host`: not resolved, not public, or not reached, which are not
 * told apart so that nobody can ask about inner networks. `size`: larger than wished. `budget`: `take` said no.
 */
export type FetchRefusal =
  | "url"
  | "credentials"
  | "port"
  | "host"
  | "redirects"
  | "status"
  | "encoding"
  | "size"
  | "budget"
  | "slow"
  | "gone";

export interface FetchedFile {
  readonly kind: "file";
  readonly body: Buffer;
  /** The header as it came; null: none. */
  readonly contentType: string | null;
}

export interface FetchRefused {
  readonly kind: "refused";
  readonly reason: FetchRefusal;
  /** Of the answer, where that is the reason. */
  readonly status?: number;
}

export interface FetchWish {
  readonly url: string;
  readonly maxBytes: number;
  /** Hears of bytes before they are kept; false: no more may be kept. */
  take(bytes: number): boolean;
  /** Ends it: the caller is gone. */
  readonly signal: OverSignal;
}

/** Fetches one file. Never rejects. */
export type FetchPublic = (wish: FetchWish) => Promise<FetchedFile | FetchRefused>;

export interface FetchPublicParts {
  readonly clock: Clock;
  /** Ranges of inner addresses that callers may have fetched, on any port. */
  readonly allowedRanges: readonly string[];
  /** In place of the system's name servers. */
  readonly resolve?: Resolve;
}

const maxRedirects = 3;
/** For all of it: names, connections, redirects, body. */
const maxFetchMs = 10_000;
const redirects: readonly number[] = [301, 302, 303, 307, 308];
const plainPorts: readonly string[] = ["", "80", "443"];

interface Redirect {
  readonly kind: "redirect";
  readonly to: string;
}

/** What a URL leads to: addresses to connect to, in order. */
interface Judged {
  readonly kind: "judged";
  readonly url: URL;
  readonly addresses: readonly string[];
}

interface Judges {
  readonly resolve: Resolve;
  /** Whether an address may be connected to. */
  mayReach(address: string): boolean;
  /** Whether the operator allows it by a range. */
  isAllowed(address: string): boolean;
}

function refused(reason: FetchRefusal): FetchRefused {
  return { kind: "refused", reason };
}

export function makeFetchPublic(parts: FetchPublicParts): FetchPublic {
  const isMetadata = makeAddressGuard();
  const isPublic = makePublicJudge();
  const isAllowed = makeAddressMatcher(parts.allowedRanges);
  const judges: Judges = {
    resolve: parts.resolve ?? resolveName,
    isAllowed,
    mayReach: (address) => !isMetadata(address) && (isPublic(address) || isAllowed(address)),
  };
  return (wish) => fetchInTime(wish, judges, parts.clock);
}

async function fetchInTime(
  wish: FetchWish,
  judges: Judges,
  clock: Clock,
): Promise<FetchedFile | FetchRefused> {
  const over = new AbortController();
  const cancelLate = clock.after(maxFetchMs, () => over.abort("slow"));
  const onGone = (): void => over.abort("gone");
  wish.signal.addEventListener("abort", onGone);
  try {
    if (wish.signal.aborted) return refused("gone");
    const fetched = await follow(wish, judges, over.signal);
    return over.signal.aborted ? refused(over.signal.reason as "slow" | "gone") : fetched;
  } catch {
    return refused(over.signal.aborted ? (over.signal.reason as "slow" | "gone") : "host");
  } finally {
    cancelLate();
    wish.signal.removeEventListener("abort", onGone);
  }
}

async function follow(
  wish: FetchWish,
  judges: Judges,
  signal: AbortSignal,
): Promise<FetchedFile | FetchRefused> {
  let { url } = wish;
  for (let hop = 0; hop <= maxRedirects; hop += 1) {
    const judged = await judge(url, judges, signal);
    if (judged.kind === "refused") return judged;
    const answer = await get(judged, wish, { mayReach: judges.mayReach, signal });
    if (answer.kind !== "redirect") return answer;
    url = answer.to;
  }
  return refused("redirects");
}

async function judge(
  text: string,
  judges: Judges,
  signal: AbortSignal,
): Promise<Judged | FetchRefused> {
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol)) return refused("url");
  if (url.username !== "" || url.password !== "") return refused("credentials");
  // The parser has brought every spelling of an address (octal, hexadecimal, short, mapped) to one.
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const addresses = isIP(host) === 0 ? await judges.resolve(host, signal) : [host];
  if (!plainPorts.includes(url.port) && !addresses.every(judges.isAllowed)) return refused("port");
  // One address that is not public spoils the name: nobody honest has both.
  if (addresses.length === 0 || !addresses.every(judges.mayReach)) return refused("host");
  return { kind: "judged", url, addresses };
}

/** Answers the judged addresses, whatever is asked. */
function pinnedLookup(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_hostname, options, callback) => {
    const [first] = all;
    if (options.all === true) return callback(null, all);
    callback(null, first?.address ?? "", first?.family ?? 0);
  };
}

function pinnedConnector(
  addresses: readonly string[],
  mayReach: Judges["mayReach"],
): buildConnector.connector {
  const options = { lookup: pinnedLookup(addresses), allowH2: false, timeout: maxFetchMs };
  // The connector hands on what net.connect takes, though its type asks for a port here.
  const connect = buildConnector(options as unknown as buildConnector.BuildOptions);
  return (wanted, callback) =>
    connect(wanted, (...outcome) => {
      const [, socket] = outcome;
      if (socket == null || mayReach(socket.remoteAddress ?? "")) return callback(...outcome);
      socket.destroy();
      callback(new Error("the connection led to another address"), null);
    });
}

async function get(
  { url, addresses }: Judged,
  wish: FetchWish,
  parts: { readonly mayReach: Judges["mayReach"]; readonly signal: AbortSignal },
): Promise<FetchedFile | FetchRefused | Redirect> {
  const client = new Client(url.origin, {
    connect: pinnedConnector(addresses, parts.mayReach),
    allowH2: false,
    headersTimeout: maxFetchMs,
    bodyTimeout: maxFetchMs,
  });
  try {
    const response = await client.request({
      method: "GET",
      path: url.pathname + url.search,
      headers: { accept: "*/*", "accept-encoding": "identity", "user-agent": "switchyard" },
      signal: parts.signal,
    });
    return await readAnswer(response, url, wish);
  } finally {
    void client.destroy().catch(() => undefined);
  }
}

function headerOf(response: Dispatcher.ResponseData, name: string): string | null {
  const value = response.headers[name];
  return (typeof value === "string" ? value : value?.[0]) ?? null;
}

async function readAnswer(
  response: Dispatcher.ResponseData,
  url: URL,
  wish: FetchWish,
): Promise<FetchedFile | FetchRefused | Redirect> {
  // An abandoned body ends with an error that nobody waits for.
  response.body.on("error", () => undefined);
  const status = response.statusCode;
  const location = headerOf(response, "location");
  if (redirects.includes(status) && location !== null)
    return { kind: "redirect", to: URL.parse(location, url.href)?.href ?? "" };
  if (status !== 200) return { kind: "refused", reason: "status", status };
  if ((headerOf(response, "content-encoding") ?? "identity") !== "identity")
    return refused("encoding");
  if (Number(headerOf(response, "content-length") ?? 0) > wish.maxBytes) return refused("size");
  const body = await readBody(response, wish);
  if (!Buffer.isBuffer(body)) return refused(body);
  return { kind: "file", body, contentType: headerOf(response, "content-type") };
}

async function readBody(
  response: Dispatcher.ResponseData,
  wish: FetchWish,
): Promise<Buffer | "size" | "budget"> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of response.body as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > wish.maxBytes) return "size";
    if (!wish.take(piece.length)) return "budget";
    pieces.push(piece);
  }
  return Buffer.concat(pieces, size);
}
