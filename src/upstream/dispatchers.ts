/** Connection pools by where they lead (origin, proxy, connect timeout); unused ones are closed after a while. */
import { Pool, ProxyAgent, Socks5ProxyAgent, type Dispatcher, type buildConnector } from "undici";
import type { Cancel, Clock } from "../core/clock.ts";
import { GatewayError, messageOf } from "../core/errors.ts";
import { forbiddenAddress, makeAddressGuard } from "./address-guard.ts";
import { guardedOptions, makeGuardedConnector } from "./guarded-connector.ts";

export interface Destination {
  readonly origin: string;
  /** http://, https:// or socks5:// URL; null: direct. */
  readonly proxy: string | null;
  readonly connectMs: number;
}

/** One pool, and what decides when it may be closed. */
export interface Route {
  readonly dispatcher: Dispatcher;
  /** Whether connections opened here are counted: through a proxy they are not. */
  readonly counted: boolean;
  /** Connections opened so far. */
  opened: number;
  running: number;
  usedAtMs: number;
}

const sweepEveryMs = 60_000;
const closeUnusedAfterMs = 600_000;
/** How long a connection may lie idle; vendors close theirs after a minute or more. */
const keepAliveMs = 30_000;

export class Dispatchers {
  readonly #clock: Clock;
  readonly #routes = new Map<string, Route>();
  readonly #isForbidden = makeAddressGuard();
  #cancelSweep: Cancel;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#cancelSweep = clock.after(sweepEveryMs, () => this.#sweep());
  }

  /** The route to a destination, opened where there is none. Throws `upstream_unreachable` for one that cannot be. */
  get(destination: Destination): Route {
    const key = `${destination.origin} ${destination.proxy ?? ""} ${destination.connectMs}`;
    const known = this.#routes.get(key);
    if (known !== undefined) {
      known.usedAtMs = this.#clock.monotonic();
      return known;
    }
    const dispatcher = this.#open(destination);
    const usedAtMs = this.#clock.monotonic();
    const counted = destination.proxy === null;
    const route: Route = { dispatcher, counted, opened: 0, running: 0, usedAtMs };
    dispatcher.on("connect", () => (route.opened += 1));
    this.#routes.set(key, route);
    return route;
  }

  /** Number of open routes, for tests and metrics. */
  get size(): number {
    return this.#routes.size;
  }

  async close(): Promise<void> {
    this.#cancelSweep();
    const routes = [...this.#routes.values()];
    this.#routes.clear();
    await Promise.all(routes.map((route) => route.dispatcher.destroy()));
  }

  #open(destination: Destination): Dispatcher {
    const { hostname } = new URL(destination.origin);
    // Behind a proxy this is the only look we get at the target: the proxy resolves its name.
    if (this.#isForbidden(hostname)) throw forbiddenAddress(hostname);
    const settings = { allowH2: false, pipelining: 1, keepAliveTimeout: keepAliveMs } as const;
    const connect = makeGuardedConnector(this.#isForbidden, destination.connectMs);
    if (destination.proxy === null) return new Pool(destination.origin, { ...settings, connect });
    return this.#openProxy(destination.proxy, { ...settings, connectMs: destination.connectMs });
  }

  #openProxy(
    proxy: string,
    options: { allowH2: false; pipelining: 1; keepAliveTimeout: number; connectMs: number },
  ): Dispatcher {
    const { connectMs, ...settings } = options;
    try {
      const url = new URL(proxy);
      if (this.#isForbidden(url.hostname)) throw forbiddenAddress(url.hostname);
      const connect = makeGuardedConnector(this.#isForbidden, connectMs);
      if (url.protocol === "socks5:" || url.protocol === "socks5h:") {
        url.protocol = "socks5:";
        return new Socks5ProxyAgent(url, { ...settings, connect, connectTimeout: connectMs });
      }
      const requestTls = { timeout: connectMs, allowH2: false } as buildConnector.BuildOptions;
      const proxyTls = guardedOptions(this.#isForbidden, connectMs);
      return new ProxyAgent({ ...settings, uri: proxy, proxyTls, requestTls });
    } catch (thrown) {
      if (thrown instanceof GatewayError) throw thrown;
      throw new GatewayError("upstream_unreachable", `proxy: ${messageOf(thrown)}`, {
        cause: thrown,
      });
    }
  }

  #sweep(): void {
    const oldest = this.#clock.monotonic() - closeUnusedAfterMs;
    for (const [key, route] of this.#routes) {
      if (route.running > 0 || route.usedAtMs > oldest) continue;
      this.#routes.delete(key);
      void route.dispatcher.close().catch(() => undefined);
    }
    this.#cancelSweep = this.#clock.after(sweepEveryMs, () => this.#sweep());
  }
}
