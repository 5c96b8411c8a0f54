// A loopback proxy between a node and its database, to partition them without touching the machine's network.
import type { Server, Socket } from "node:net";
import { connect, createServer } from "node:net";
import { freePort } from "./free-port.ts";

/** Which way bytes are held back; `to-client` lets a commit reach the database but not its answer the caller. */
export type StallDirection = "both" | "to-server" | "to-client";

/** What stands between a client and a server. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** A URL of the real server, turned to this proxy. */
  through(url: string): string;
  /** Connections that are open now. */
  connections(): number;
  /** Connections that were ever made. */
  accepted(): number;
  /** Resets every connection, and each new one, until restore(). */
  cut(): void;
  /** Nothing arrives and nothing is refused, as when packets are dropped; restore() delivers what was held. */
  stall(direction?: StallDirection): void;
  restore(): void;
  close(): Promise<void>;
}

/** Opens a proxy to a server given by its URL (or host and port). */
export async function openTcpProxy(
  target: string | { host: string; port: number },
): Promise<TcpProxy> {
  const to = typeof target === "string" ? addressOf(target) : target;
  const state: ProxyState = { mode: "open", pairs: new Set(), accepted: 0 };
  // Half-open, because a side that ended its half may still be answered.
  const server = createServer({ allowHalfOpen: true }, (client) => join(state, client, to));
  const port = await listen(server);
  const close = async (): Promise<void> => {
    state.mode = "cut";
    for (const pair of state.pairs) reset(pair);
    await new Promise<void>((resolve) => void server.close(() => resolve()));
  };
  const change = (mode: Mode): void => {
    state.mode = mode;
    for (const pair of state.pairs) apply(mode, pair);
  };
  return {
    port,
    through: (url) => turned(url, port),
    connections: () => state.pairs.size,
    accepted: () => state.accepted,
    cut: () => change("cut"),
    stall: (direction = "both") => change(direction),
    restore: () => change("open"),
    close,
    [Symbol.asyncDispose]: close,
  };
}

type Mode = "open" | "cut" | StallDirection;

interface Pair {
  client: Socket;
  server: Socket;
  /** A side that broke while its peer could not be told. */
  broken: boolean;
}

interface ProxyState {
  mode: Mode;
  pairs: Set<Pair>;
  accepted: number;
}

function join(state: ProxyState, client: Socket, to: { host: string; port: number }): void {
  state.accepted += 1;
  client.on("error", () => {});
  if (state.mode === "cut") {
    client.resetAndDestroy();
    return;
  }
  const server = connect({ ...to, allowHalfOpen: true, noDelay: true });
  client.setNoDelay(true);
  const pair: Pair = { client, server, broken: false };
  state.pairs.add(pair);
  server.on("error", () => {});
  for (const side of [client, server])
    side.on("close", (hadError) => sideClosed(state, pair, hadError));
  apply(state.mode, pair);
}

function sideClosed(state: ProxyState, pair: Pair, hadError: boolean): void {
  // In a stall the other side must not learn of it: that is the whole point of a partition.
  if (hadError && state.mode === "open") reset(pair);
  pair.broken ||= hadError;
  if (pair.client.destroyed && pair.server.destroyed) state.pairs.delete(pair);
}

function apply(mode: Mode, pair: Pair): void {
  if (mode === "cut" || (mode === "open" && pair.broken)) {
    reset(pair);
    return;
  }
  flow(pair.client, pair.server, mode === "open" || mode === "to-client");
  flow(pair.server, pair.client, mode === "open" || mode === "to-server");
}

function flow(from: Socket, to: Socket, open: boolean): void {
  from.unpipe(to);
  if (open) from.pipe(to);
  else from.pause();
}

function reset({ client, server }: Pair): void {
  client.resetAndDestroy();
  server.resetAndDestroy();
}

async function listen(server: Server): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen({ port, host: "127.0.0.1" }, resolve);
      });
      return port;
    } catch (error) {
      // Taken between the look and the bind.
      if (attempt === 4) throw error;
    }
  }
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  "postgres:": 5432,
  "postgresql:": 5432,
  "mysql:": 3306,
  "redis:": 6379,
  "rediss:": 6379,
  "http:": 80,
  "https:": 443,
};

function addressOf(url: string): { host: string; port: number } {
  const { hostname, port, protocol } = new URL(url);
  return { host: hostname, port: port === "" ? (DEFAULT_PORTS[protocol] ?? 0) : Number(port) };
}

function turned(url: string, port: number): string {
  const parsed = new URL(url);
  parsed.hostname = "127.0.0.1";
  parsed.port = String(port);
  return parsed.href;
}
