/**
 * Takes callers' WebSockets: what refuses one is an ordinary reply in the path's own tongue, before the upgrade.
 * Promises kept here: other requests with an `Upgrade` header are served as if they had none; every socket is counted
 * by the drain and none outlives it.
 */
import { type IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { FastifyInstance } from "fastify";
import { type WebSocket, WebSocketServer } from "ws";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import { ManagedSocket } from "../wire/managed-socket.ts";
import type { SocketServer } from "../wire/socket.ts";
import type { Exchange } from "./exchange.ts";
import { answerFault } from "./faults.ts";
import { Over } from "./over-signal.ts";
import { corsHeaders } from "./relay-routes.ts";
import type { Serving } from "./serving.ts";
import { type WebSocketPath, findWebSocketPath, realtimePaths } from "./websocket-paths.ts";

/** Longest event of a realtime session: 15 MB of sound in base64 is what OpenAI takes. */
const maxEventBytes = 16 * 1024 * 1024;
/** How long the answer to a close frame is waited for. */
const closeMs = 5000;

export interface WebSocketParts {
  readonly serving: Serving;
  readonly sockets: SocketServer;
  readonly clock: Clock;
}

export interface WebSocketRoutes {
  /** Cuts every connection that is left. */
  cut(): void;
}

/** Whether a request asks for a WebSocket where there is one: all others are served as if they asked for nothing. */
export function asksForWebSocket(request: IncomingMessage): boolean {
  const upgrade = (request.headers.upgrade ?? "").toLowerCase();
  return upgrade === "websocket" && findWebSocketPath(request.url ?? "") !== undefined;
}

/** Mounts the WebSocket paths on a server made with {@link asksForWebSocket}. */
export function mountWebSocketRoutes(app: FastifyInstance, parts: WebSocketParts): WebSocketRoutes {
  const upgrader = makeUpgrader(parts);
  app.server.on("upgrade", (request, socket, head) => {
    const path = findWebSocketPath(request.url ?? "");
    if (path === undefined) return void socket.destroy();
    void serveUpgrade({ request, socket, head, path }, parts, upgrader);
  });
  for (const url of realtimePaths)
    app.get(url, (request, reply) => {
      reply.hijack();
      const exchange = parts.serving.open(request.raw, reply.raw, corsHeaders);
      reply.raw.setHeader("upgrade", "websocket");
      answerFault(
        exchange,
        handshakeFault("Connect to this path by WebSocket", 426),
        parts.serving.faults,
      );
    });
  return { cut: () => upgrader.cut() };
}

interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly path: WebSocketPath;
}

interface Upgrader {
  /** Undefined: the connection broke. */
  upgrade(upgrade: Upgrade, requestId: string): WebSocket | undefined;
  cut(): void;
}

function makeUpgrader({ serving }: WebSocketParts): Upgrader {
  const make = (maxPayload: number): WebSocketServer =>
    new WebSocketServer({
      noServer: true,
      maxPayload,
      perMessageDeflate: false,
      closeTimeout: closeMs,
      handleProtocols: (offered) => chooseProtocol([...offered]),
    } as ConstructorParameters<typeof WebSocketServer>[0]);
  const servers = {
    events: make(maxEventBytes),
    bodies: make(serving.bodies.limits.maxBytes),
  } as const;
  return {
    upgrade: ({ request, socket, head, path }, requestId) => {
      const server = servers[path.messages];
      let upgraded: WebSocket | undefined;
      // Both are called back at once.
      server.once("headers", (lines) => lines.push(`x-request-id: ${requestId}`));
      server.handleUpgrade(request, socket, head, (raw) => (upgraded = raw));
      if (upgraded === undefined) server.removeAllListeners("headers");
      return upgraded;
    },
    cut: () => {
      for (const server of Object.values(servers))
        for (const raw of server.clients) raw.terminate();
    },
  };
}

/** Clients want one of the protocols that they offered, and those that hold keys are none. */
function chooseProtocol(offered: readonly string[]): string | false {
  if (offered.includes("realtime")) return "realtime";
  return offered.find((one) => !/^openai-(?:insecure-api-key|beta)\./.test(one)) ?? false;
}

async function serveUpgrade(
  upgrade: Upgrade,
  parts: WebSocketParts,
  upgrader: Upgrader,
): Promise<void> {
  const { request, socket, path } = upgrade;
  const { serving } = parts;
  const response = refusalOn(request, socket);
  const exchange = serving.open(request, response, corsHeaders);
  const leave = serving.drain.enter();
  const gone = new Over();
  socket.on("error", () => gone.abort()).on("close", () => gone.abort());
  try {
    checkHandshake(request);
    const session = await parts.sockets.accept({
      request: callOf(exchange, path, { serving, gone }),
      closing: serving.drain.closing,
      hold: (bytes) => serving.bodies.held.take(bytes),
      release: (bytes) => serving.bodies.held.give(bytes),
    });
    response.detachSocket(socket as Parameters<ServerResponse["detachSocket"]>[0]);
    const raw = gone.aborted ? undefined : upgrader.upgrade(upgrade, exchange.id);
    if (raw === undefined) {
      session.abandon();
      socket.destroy();
      return leave();
    }
    raw.on("close", leave);
    const managed = new ManagedSocket(raw, parts.clock);
    managed.listen(session.begin(managed));
  } catch (error) {
    leave();
    answerFault(exchange, error, serving.faults);
  }
}

/** A response on the bare socket, which ends with it. */
function refusalOn(request: IncomingMessage, socket: Duplex): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as Parameters<ServerResponse["assignSocket"]>[0]);
  response.on("finish", () => socket.end());
  return response;
}

function callOf(
  exchange: Exchange,
  { dialect, operation }: WebSocketPath,
  { serving, gone }: { readonly serving: Serving; readonly gone: Over },
): Parameters<SocketServer["accept"]>[0]["request"] {
  return {
    id: exchange.id,
    dialect,
    operation,
    headers: exchange.headers,
    query: exchange.query,
    body: Buffer.alloc(0),
    address: exchange.address,
    signal: gone,
    drainSignal: serving.drain.signal,
  };
}

/** What the library would refuse by itself, without a body that a client of ours could read. */
function checkHandshake(request: IncomingMessage): void {
  if (request.method !== "GET")
    throw new GatewayError("method_not_allowed", `${request.method} cannot become a WebSocket`, {
      values: { method: request.method ?? "", path: request.url ?? "" },
    });
  const { headers } = request;
  if (!/^[+/0-9A-Za-z]{22}==$/.test(headers["sec-websocket-key"] ?? ""))
    throw handshakeFault("`Sec-WebSocket-Key` must be 16 bytes in base64", 400);
  if (!["13", "8"].includes(headers["sec-websocket-version"] ?? ""))
    throw handshakeFault("`Sec-WebSocket-Version` must be 13", 426);
  const offered = headers["sec-websocket-protocol"];
  if (offered !== undefined && !isProtocolList(offered))
    throw handshakeFault("`Sec-WebSocket-Protocol` must be a list of different names", 400);
}

function isProtocolList(text: string): boolean {
  const names = text.split(",").map((name) => name.trim());
  const isName = (name: string): boolean => /^[!#$%&'*+\-.0-9A-Z^_`|a-z~]+$/.test(name);
  return new Set(names).size === names.length && names.every(isName);
}

function handshakeFault(message: string, status: number): GatewayError {
  return new GatewayError("invalid_request", message, { status, values: { detail: message } });
}
