/**
 * Opens one connection for a WebSocket: direct, or through the channel's proxy by CONNECT or SOCKS5, with TLS on top.
 * Promise kept here: the same guard, the same proxies and the same patience as for every other request.
 */
import type { Socket } from "node:net";
import { Client, Socks5ProxyAgent, type buildConnector } from "undici";
import { GatewayError, messageOf } from "../core/errors.ts";
import { type IsForbidden, forbiddenAddress } from "./address-guard.ts";
import { makeGuardedConnector } from "./guarded-connector.ts";

/** Where a connection leads. */
export interface TunnelTarget {
  /** `https://host:port` or `http://host:port`. */
  readonly origin: string;
  /** http://, https:// or socks5:// URL; null: direct. */
  readonly proxy: string | null;
  readonly connectMs: number;
}

interface Route extends TunnelTarget {
  readonly hostname: string;
  readonly port: string;
  readonly isSecure: boolean;
  readonly connect: buildConnector.connector;
}

/** undici's own SOCKS5 handshake, which its types leave out. */
interface SocksTunnels {
  createSocks5Connection(host: string, port: number): Promise<Socket>;
}

/** Rejects with `upstream_unreachable` for addresses that are forbidden and proxies that refuse, else as sockets do. */
export async function openTunnel(target: TunnelTarget, isForbidden: IsForbidden): Promise<Socket> {
  const { protocol, hostname, port } = new URL(target.origin);
  // Behind a proxy this is the only look we get at the target: the proxy resolves its name.
  if (isForbidden(hostname)) throw forbiddenAddress(hostname);
  const isSecure = protocol === "https:";
  const connect = makeGuardedConnector(isForbidden, target.connectMs);
  const usualPort = isSecure ? "443" : "80";
  const route = { ...target, hostname, port: port === "" ? usualPort : port, isSecure, connect };
  if (target.proxy === null) return await open(route, undefined);
  const tunnel = await openThrough(parseProxy(target.proxy), route);
  return isSecure ? await open(route, tunnel) : tunnel;
}

function parseProxy(proxy: string): URL {
  try {
    return new URL(proxy);
  } catch (thrown) {
    throw new GatewayError("upstream_unreachable", `proxy: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}

/** A connection of our own, or TLS over a tunnel. */
function open(route: Route, httpSocket: Socket | undefined): Promise<Socket> {
  const { hostname, port, isSecure } = route;
  return new Promise((resolve, reject) => {
    const bare = hostname.replace(/^\[|\]$/g, "");
    const options = {
      hostname: bare,
      host: `${hostname}:${port}`,
      port,
      protocol: isSecure ? "https:" : "http:",
      ...(httpSocket === undefined ? {} : { httpSocket }),
    };
    route.connect(options, (error, socket) => {
      if (error === null) return resolve(socket);
      httpSocket?.destroy();
      reject(error);
    });
  });
}

async function openThrough(proxy: URL, route: Route): Promise<Socket> {
  if (proxy.protocol === "socks5:" || proxy.protocol === "socks5h:") {
    proxy.protocol = "socks5:";
    const options = { connect: route.connect, connectTimeout: route.connectMs };
    const agent = new Socks5ProxyAgent(proxy, options) as unknown as SocksTunnels;
    return await agent.createSocks5Connection(
      route.hostname.replace(/^\[|\]$/g, ""),
      Number(route.port),
    );
  }
  const client = new Client(proxy.origin, {
    connect: route.connect,
    headersTimeout: route.connectMs,
  });
  const host = `${route.hostname}:${route.port}`;
  try {
    const { statusCode, socket } = await client.connect({
      path: host,
      headers: { host, ...authorizationOf(proxy) },
    });
    if (statusCode === 200) return socket as Socket;
    socket.on("error", () => undefined).destroy();
    throw new GatewayError("upstream_unreachable", `the proxy answered ${statusCode} to CONNECT`);
  } finally {
    // The connection is not the client's any more.
    void client.destroy();
  }
}

function authorizationOf({ username, password }: URL): Record<string, string> {
  if (username === "") return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { "proxy-authorization": `Basic ${Buffer.from(pair).toString("base64")}` };
}
