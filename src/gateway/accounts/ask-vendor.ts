/**
 * One request on what outlives a call, to the account where it lies: its reply whole, or handed on as it comes.
 * Promise kept here: what broke off is never taken for whole.
 */
import { GatewayError, toGatewayError } from "../../core/errors.ts";
import { SseFramer } from "../../core/sse.ts";
import { endpointUrl } from "../../providers/address-channel.ts";
import { settingsOf } from "../../providers/fill-template.ts";
import {
  type ReceivedHeaders,
  downHeaders,
  headerValue,
  upHeaders,
} from "../../upstream/headers.ts";
import type { StreamedBody, UpstreamExchange, UpstreamRequest } from "../../upstream/upstream.ts";
import type { CallRequest, ResourceMethod } from "../../wire/call.ts";
import type { Account } from "./choose-account.ts";
import type { Reply } from "../exchange/reply.ts";
import type { SendingParts } from "../exchange/prepared-attempt.ts";
import { completeEvent } from "../exchange/complete-event.ts";
import { Pieces } from "../exchange/held-reply.ts";

/** Largest JSON document. */
const maxDocumentBytes = 64 * 1024 * 1024;

export interface VendorRequest {
  readonly account: Account;
  readonly method: ResourceMethod;
  /** Behind the endpoint's path, ids filled in. */
  readonly tail: string;
  readonly query: URLSearchParams;
  readonly body: Buffer | StreamedBody | null;
  readonly accept: string;
}

/** A question that changes nothing. `tail`: behind the endpoint's path, its ids escaped. */
export function getRequest(
  account: Account,
  tail: string,
  accept = "application/json",
): VendorRequest {
  return { account, method: "GET", tail, query: new URLSearchParams(), body: null, accept };
}

function urlOf({ account, tail, query }: VendorRequest): string {
  const { provider, channel, endpoint, credential } = account;
  const [path = "", own = ""] = endpoint.path.split("?", 2);
  const search = new URLSearchParams([...new URLSearchParams(own), ...query]).toString();
  const whole = path + tail + (search === "" ? "" : `?${search}`);
  const wish = { model: "", secret: credential?.secret ?? "", stream: false };
  return endpointUrl(provider, channel, { ...endpoint, path: whole }, wish);
}

/** The request with its credential. Rejects with `upstream_auth` and faults of token exchanges. */
async function authorized(
  ask: VendorRequest,
  caller: CallRequest,
  { authorizer }: SendingParts,
): Promise<UpstreamRequest> {
  const { channel, provider, endpoint, credential } = ask.account;
  const { "content-type": usualType = "application/json", ...headers } = upHeaders({
    dialect: endpoint.dialect,
    caller: caller.headers,
    provider: provider.headers,
    channel: channel.headers,
    accept: ask.accept,
  });
  const type = Buffer.isBuffer(ask.body) ? usualType : caller.headers["content-type"];
  const request: UpstreamRequest = {
    method: ask.method,
    url: urlOf(ask),
    headers: {
      ...headers,
      ...(ask.body === null || type === undefined ? {} : { "content-type": type }),
    },
    body: ask.body,
    proxy: channel.proxy,
    timeouts: channel.timeouts,
  };
  const settings = settingsOf(provider, channel.options.settings);
  const auth = endpoint.auth ?? provider.auth;
  const given = await authorizer.authorize(request, auth, credential?.secret ?? "", settings);
  return { ...request, headers: { ...request.headers, ...given } };
}

/** A reply that was read whole. */
export interface VendorAnswer {
  readonly status: number;
  readonly received: ReceivedHeaders;
  readonly body: Buffer;
}

/** Takes what is handed on, piece by piece; what it throws, or rejects with, ends the exchange. */
export type Taking = Pick<Reply, "begin" | "beginBytes" | "fail"> & {
  /** A promise: nothing more is taken from the vendor until it resolves, and the end waits for it. */
  write(bytes: Buffer): Promise<void> | undefined;
  end(): void;
};

/** Where a reply that is not to be held goes. */
export interface Handing {
  readonly reply: Taking;
  /** Bytes of whatever kind, or a stream's events one by one. */
  readonly form: "bytes" | "events";
}

export interface AskParts extends SendingParts {
  readonly caller: CallRequest;
  /** Left out: the reply is read whole. */
  readonly handing?: Handing;
}

/** Undefined: it was handed on, to its end. Rejects with the upstream's faults, and with `caller_gone`. */
export async function askVendor(
  ask: VendorRequest,
  parts: AskParts,
): Promise<VendorAnswer | undefined> {
  const request = await authorized(ask, parts.caller, parts);
  const { signal, drainSignal } = parts.caller;
  const { promise, resolve, reject } = Promise.withResolvers<VendorAnswer | undefined>();
  const taker = new AnswerTaker(parts.handing, { resolve, reject });
  const onGone = (): void => taker.stop(new GatewayError("caller_gone", "The caller left"));
  const onDrain = (): void => taker.stop(stopsNow());
  if (signal.aborted) throw new GatewayError("caller_gone", "The caller left");
  if (drainSignal.aborted) throw stopsNow();
  signal.addEventListener("abort", onGone);
  drainSignal.addEventListener("abort", onDrain);
  taker.exchange = parts.upstream.send(request, taker);
  return await promise.finally(() => {
    signal.removeEventListener("abort", onGone);
    drainSignal.removeEventListener("abort", onDrain);
  });
}

function stopsNow(): GatewayError {
  return new GatewayError("temporarily_unavailable", "this node is stopping");
}

interface Settling {
  readonly resolve: (answer: VendorAnswer | undefined) => void;
  readonly reject: (error: GatewayError) => void;
}

class AnswerTaker {
  readonly #handing: Handing | undefined;
  readonly #settling: Settling;
  readonly #pieces = new Pieces(maxDocumentBytes);
  #head: { readonly status: number; readonly received: ReceivedHeaders } | undefined;
  #handed: Handing | undefined;
  #framer: SseFramer | undefined;
  /** Pieces whose taker is waited for. */
  #waiting = 0;
  #ended = false;
  exchange: UpstreamExchange | undefined;

  constructor(handing: Handing | undefined, settling: Settling) {
    this.#handing = handing;
    this.#settling = settling;
  }

  onHead(status: number, received: ReceivedHeaders): void {
    this.#head = { status, received };
    const handing = this.#handing;
    if (handing === undefined || status < 200 || status > 299) return;
    const { reply, form } = handing;
    const type = headerValue(received, "content-type") ?? "";
    if (form === "bytes") reply.beginBytes(byteHeaders(received));
    else if (type.startsWith("text/event-stream")) {
      this.#framer = new SseFramer((event) => this.#write(event));
      reply.begin(downHeaders(received));
    } else return;
    this.#handed = handing;
  }

  onChunk(chunk: Buffer): void {
    const framer = this.#framer;
    if (framer !== undefined) return this.#taken(() => framer.push(chunk));
    if (this.#handed !== undefined) return this.#taken(() => this.#write(chunk));
    if (this.#pieces.add(chunk)) return;
    this.exchange?.cancel();
    this.onError(new GatewayError("upstream_invalid", "the reply is too long"));
  }

  onEnd(): void {
    if (this.#handed !== undefined) {
      return this.#taken(() => {
        const rest = this.#framer?.rest();
        const last = rest === undefined || rest.length === 0 ? undefined : completeEvent(rest);
        if (last !== undefined) this.#write(last);
        this.#ended = true;
        this.#finish();
      });
    }
    if (this.#head !== undefined)
      this.#settling.resolve({ ...this.#head, body: this.#pieces.join() });
  }

  /** What was handed on has been taken, too. */
  #finish(): void {
    if (!this.#ended || this.#waiting > 0) return;
    this.#handed?.reply.end();
    this.#settling.resolve(undefined);
  }

  onError(error: GatewayError): void {
    this.#handed?.reply.fail(error);
    this.#settling.reject(error);
  }

  stop(error: GatewayError): void {
    this.exchange?.cancel();
    this.onError(error);
  }

  #taken(take: () => void): void {
    try {
      take();
    } catch (thrown) {
      this.stop(toGatewayError(thrown));
    }
  }

  #write(bytes: Buffer): void {
    const { exchange } = this;
    const drained = this.#handed?.reply.write(bytes);
    if (drained === undefined) return;
    exchange?.pause();
    this.#waiting += 1;
    drained
      .then(() => {
        this.#waiting -= 1;
        if (this.#waiting === 0) exchange?.resume();
        this.#taken(() => this.#finish());
      })
      .catch((thrown: unknown) => this.stop(toGatewayError(thrown)));
  }
}

/** Files are a caller's own, and this host has a console: no browser may take one for a page of it. */
function byteHeaders(received: ReceivedHeaders): Record<string, string> {
  const headers: Record<string, string> = {
    ...downHeaders(received),
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
  };
  for (const name of ["content-disposition", "content-length"]) {
    const value = headerValue(received, name);
    if (value !== undefined) headers[name] = value;
  }
  return headers;
}
