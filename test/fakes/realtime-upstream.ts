/**
 * A realtime vendor played over real WebSockets on a free loopback port. A test says what becomes of each upgrade and of
 * each event; what came in is recorded byte for byte.
 *
 *   const vendor = await openRealtimeUpstream();
 *   channel.baseUrl = vendor.baseUrl;                 // http://127.0.0.1:PORT/v1
 *   vendor.behave({ refuse: { status: 503 } });       // upgrades from now on
 *   await vendor.connected(1);                        // resolves with the first connection
 */
import { type IncomingHttpHeaders, type IncomingMessage, createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";

export interface ReceivedMessage {
  readonly data: Buffer;
  readonly isBinary: boolean;
}

/** One connection that the gateway opened. */
export interface RealtimeConnection {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly received: readonly ReceivedMessage[];
  /** How the gateway closed it; undefined: it is open. */
  readonly closed: { readonly code: number; readonly reason: string } | undefined;
  readonly socket: WebSocket;
  send(event: object): void;
}

export interface RealtimeBehaviour {
  /** An ordinary reply in place of the upgrade. */
  readonly refuse?: { readonly status: number; readonly body?: string; readonly headers?: object };
  /** The socket is destroyed in place of the upgrade. */
  readonly cut?: boolean;
  /** The upgrade is never answered. */
  readonly hang?: boolean;
  readonly onOpen?: (connection: RealtimeConnection) => void;
  readonly onEvent?: (event: { readonly type: string }, connection: RealtimeConnection) => void;
}

export interface RealtimeUpstream {
  readonly baseUrl: string;
  readonly port: number;
  readonly connections: readonly RealtimeConnection[];
  /** Upgrades asked for, whatever became of them. */
  readonly upgrades: number;
  behave(behaviour: RealtimeBehaviour): void;
  /** Resolves with a connection, counted from 1; rejects after 5 s. */
  connected(count: number): Promise<RealtimeConnection>;
  close(): Promise<void>;
}

export async function eventually<T>(what: string, find: () => T | undefined): Promise<T> {
  const deadline = performance.now() + 5000;
  for (;;) {
    const found = find();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`not within 5 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export const usage = {
  total_tokens: 160,
  input_tokens: 100,
  output_tokens: 60,
  input_token_details: {
    text_tokens: 30,
    audio_tokens: 70,
    cached_tokens: 40,
    cached_tokens_details: { text_tokens: 10, audio_tokens: 30 },
  },
  output_token_details: { text_tokens: 20, audio_tokens: 40 },
};

/** Tells the session, and answers each `response.create` with one word and what it cost. */
export const wellBehaved = {
  onOpen: (connection) => {
    const model = new URL(connection.path, "http://vendor").searchParams.get("model");
    connection.send({
      type: "session.created",
      event_id: "event_1",
      session: { type: "realtime", object: "realtime.session", id: "sess_1", model },
    });
  },
  onEvent: (event, connection) => {
    if (event.type === "session.update")
      return connection.send({ ...event, type: "session.updated", event_id: "event_2" });
    if (event.type !== "response.create") return;
    const id = `resp_${connection.received.length}`;
    connection.send({ type: "response.created", response: { id, status: "in_progress" } });
    connection.send({
      type: "response.output_text.delta",
      response_id: id,
      item_id: "item_1",
      output_index: 0,
      content_index: 0,
      delta: "Hello",
    });
    connection.send({ type: "response.done", response: { id, status: "completed", usage } });
  },
} satisfies RealtimeBehaviour;

/** `tls`: PEM texts for wss. */
export async function openRealtimeUpstream(tls?: {
  readonly key: string;
  readonly cert: string;
}): Promise<RealtimeUpstream> {
  const server = tls === undefined ? createServer() : createTlsServer(tls);
  const upgrader = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 * 1024 });
  const connections: RealtimeConnection[] = [];
  const sockets = new Set<Duplex>();
  let behaviour: RealtimeBehaviour = wellBehaved;
  let upgrades = 0;
  const take = (raw: WebSocket, request: IncomingMessage): void => {
    const received: ReceivedMessage[] = [];
    const own = behaviour;
    const connection = {
      path: request.url ?? "",
      headers: request.headers,
      received,
      closed: undefined as RealtimeConnection["closed"],
      socket: raw,
      send: (event: object) => raw.send(JSON.stringify(event)),
    };
    connections.push(connection);
    raw.on("error", () => undefined);
    raw.on("close", (code, reason) => (connection.closed = { code, reason: reason.toString() }));
    raw.on("message", (data: Buffer, isBinary) => {
      received.push({ data, isBinary });
      if (isBinary || own.onEvent === undefined) return;
      own.onEvent(JSON.parse(data.toString()) as { type: string }, connection);
    });
    own.onOpen?.(connection);
  };
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgrades += 1;
    sockets.add(socket);
    socket.on("error", () => undefined);
    const { refuse, cut, hang } = behaviour;
    if (cut === true) return void socket.destroy();
    if (hang === true) return;
    if (refuse === undefined)
      return upgrader.handleUpgrade(request, socket, head, (raw) => take(raw, request));
    const { status, body = "", headers = {} } = refuse;
    const lines = Object.entries({ "content-length": Buffer.byteLength(body), ...headers });
    const told = lines.map(([name, value]) => `${name}: ${String(value)}\r\n`).join("");
    socket.end(`HTTP/1.1 ${status} Refused\r\n${told}connection: close\r\n\r\n${body}`);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}/v1`,
    port,
    connections,
    get upgrades() {
      return upgrades;
    },
    behave: (next) => void (behaviour = next),
    connected: (count) => eventually(`${count} connections`, () => connections[count - 1]),
    close: async () => {
      for (const raw of upgrader.clients) raw.terminate();
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}
