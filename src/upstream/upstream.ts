/**
 * The only opener of connections to upstreams: sends one request, hands its reply over in pieces.
 * Promises kept here: no redirect is followed, no total timeout cuts a stream, and a request is sent a second
 * time only when the first one met a connection that the other side had already closed (an upload: and all of what it
 * had read is still held).
 */
import { Readable } from "node:stream";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { Dispatcher } from "undici";
import { Dispatchers, type Route } from "./dispatchers.ts";
import { isDeadConnection, toUpstreamFault } from "./faults.ts";
import type { ReceivedHeaders } from "./headers.ts";

export interface UpstreamTimeouts {
  /** TCP and TLS; 10 s where left out. */
  readonly connectMs?: number;
  /** Until the reply's head; 10 minutes where left out. */
  readonly firstByteMs?: number;
  /** Between two chunks of the reply; 5 minutes where left out. */
  readonly idleMs?: number;
}

/** A body that is not held: an upload on its way through. */
export interface StreamedBody {
  /** Bytes in all; null: not known, so it goes in chunks. */
  readonly length: number | null;
  /** Reads it from its start; undefined where what was read before is not held any more. */
  open(): AsyncIterable<Uint8Array> | undefined;
}

export interface UpstreamRequest {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | StreamedBody | null;
  readonly proxy: string | null;
  readonly timeouts: UpstreamTimeouts;
}

/** Takes a reply as it comes: `onHead` once, then chunks, then either `onEnd` or `onError`. Must not throw. */
export interface UpstreamReceiver {
  onHead(status: number, headers: ReceivedHeaders): void;
  onChunk(chunk: Buffer): void;
  /** The reply is whole. */
  onEnd(): void;
  /** `upstream_unreachable` or `upstream_timeout` before the head, `upstream_truncated` or `upstream_timeout` after it. */
  onError(error: GatewayError): void;
}

/** A running exchange. */
export interface UpstreamExchange {
  /** Back-pressure: no chunk comes until `resume` (but those already read). */
  pause(): void;
  resume(): void;
  /** Ends it at once; the receiver hears nothing more. */
  cancel(): void;
}

export interface Upstream {
  send(request: UpstreamRequest, receiver: UpstreamReceiver): UpstreamExchange;
  /** Closes all connections; running exchanges fail. */
  close(): Promise<void>;
}

const defaultConnectMs = 10_000;
const defaultFirstByteMs = 600_000;
const defaultIdleMs = 300_000;
/** A connection that was dead already fails within a round trip; a later reset may follow real work. */
const deadWithinMs = 2_000;

interface Target {
  readonly origin: string;
  readonly path: string;
}

const maxTargets = 1000;

/** URLs taken apart: few different ones are called very often. */
class Targets {
  readonly #known = new Map<string, Target>();

  get(url: string): Target {
    const known = this.#known.get(url);
    if (known !== undefined) return known;
    const { origin, pathname, search } = new URL(url);
    if (this.#known.size >= maxTargets) this.#known.clear();
    const target = { origin, path: pathname + search };
    this.#known.set(url, target);
    return target;
  }
}

class Exchange implements UpstreamExchange, Dispatcher.DispatchHandler {
  readonly #request: UpstreamRequest;
  readonly #receiver: UpstreamReceiver;
  readonly #route: Route;
  readonly #target: Target;
  readonly #clock: Clock;
  #controller: Dispatcher.DispatchController | undefined;
  #ended = false;
  #headSeen = false;
  #paused = false;
  #sentAtMs = 0;
  #openedBefore = 0;
  #retried = false;

  constructor(parts: {
    request: UpstreamRequest;
    receiver: UpstreamReceiver;
    route: Route;
    target: Target;
    clock: Clock;
  }) {
    this.#request = parts.request;
    this.#receiver = parts.receiver;
    this.#route = parts.route;
    this.#target = parts.target;
    this.#clock = parts.clock;
    this.#route.running += 1;
  }

  dispatch(): void {
    const { method, timeouts } = this.#request;
    const sent = this.#sent();
    if (sent === undefined)
      return this.#fail(
        new GatewayError("upstream_unreachable", "the connection broke while the upload went up"),
      );
    const options = {
      ...this.#target,
      method,
      ...sent,
      headersTimeout: timeouts.firstByteMs ?? defaultFirstByteMs,
      bodyTimeout: timeouts.idleMs ?? defaultIdleMs,
    };
    this.#sentAtMs = this.#clock.monotonic();
    this.#openedBefore = this.#route.opened;
    try {
      this.#route.dispatcher.dispatch(options, this);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  /** Headers and body; undefined where the body cannot be read once more. */
  #sent(): Pick<Dispatcher.DispatchOptions, "headers" | "body"> | undefined {
    const { headers, body } = this.#request;
    if (body === null || Buffer.isBuffer(body)) return { headers, body };
    const opened = body.open();
    if (opened === undefined) return undefined;
    const length = body.length === null ? {} : { "content-length": String(body.length) };
    return {
      headers: { ...headers, ...length },
      body: Readable.from(opened, { objectMode: false }),
    };
  }

  pause(): void {
    this.#paused = true;
    this.#controller?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#controller?.resume();
  }

  cancel(): void {
    if (!this.#end()) return;
    this.#controller?.abort(new GatewayError("caller_gone", "The exchange was cancelled"));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#ended)
      controller.abort(new GatewayError("caller_gone", "The exchange was cancelled"));
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: ReceivedHeaders,
  ): void {
    // 1xx heads are only news on the way.
    if (this.#ended || status < 200) return;
    this.#headSeen = true;
    this.#receiver.onHead(status, headers);
    if (this.#paused) controller.pause();
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#ended) this.#receiver.onChunk(chunk);
  }

  onResponseEnd(): void {
    if (this.#end()) this.#receiver.onEnd();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (!this.#ended) this.#fail(error);
  }

  #fail(thrown: unknown): void {
    if (this.#metDeadConnection(thrown)) {
      this.#retried = true;
      return this.dispatch();
    }
    if (this.#end())
      this.#receiver.onError(toUpstreamFault(thrown, this.#headSeen ? "in-body" : "before-head"));
  }

  /** Nothing came back, no connection was opened since (so an old one was used), and it failed within a round trip. */
  #metDeadConnection(thrown: unknown): boolean {
    if (this.#headSeen || this.#retried || !isDeadConnection(thrown)) return false;
    const reused = this.#route.counted && this.#route.opened === this.#openedBefore;
    return reused && this.#clock.monotonic() - this.#sentAtMs < deadWithinMs;
  }

  #end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#route.running -= 1;
    return true;
  }
}

const nothingToCancel: UpstreamExchange = {
  pause: () => undefined,
  resume: () => undefined,
  cancel: () => undefined,
};

/** Never throws: what cannot be sent is told to the receiver, after `send` has answered. */
export function makeUpstream(parts: { readonly clock: Clock }): Upstream {
  const dispatchers = new Dispatchers(parts.clock);
  const targets = new Targets();
  return {
    send: (request, receiver) => {
      try {
        const connectMs = request.timeouts.connectMs ?? defaultConnectMs;
        const target = targets.get(request.url);
        const { origin } = target;
        const route = dispatchers.get({ origin, proxy: request.proxy, connectMs });
        const exchange = new Exchange({ request, receiver, route, target, clock: parts.clock });
        exchange.dispatch();
        return exchange;
      } catch (thrown) {
        queueMicrotask(() => receiver.onError(toUpstreamFault(thrown, "before-head")));
        return nothingToCancel;
      }
    },
    close: () => dispatchers.close(),
  };
}
