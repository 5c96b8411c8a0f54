/** The HTTP server: Fastify with the defaults that would break promises set right. No type of it leaves this room. */
import { STATUS_CODES } from "node:http";
import type { ServerOptions } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import fastify from "fastify";
import type { FastifyInstance } from "fastify";
import type { AdminRoute } from "../admin/admin-route.ts";
import type { Config } from "../config/config.ts";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import { makeCallId, makeRandomPool } from "../core/ids.ts";
import type { Sync } from "../sync/sync.ts";
import type { SocketServer } from "../wire/socket.ts";
import { mountAdminRoutes } from "./admin-routes.ts";
import { makeAddressResolver } from "./caller-address.ts";
import { makeDrain } from "./drain.ts";
import { answerFault, brokenUrl, isManagementPath, unknownPath } from "./faults.ts";
import type { FaultParts } from "./faults.ts";
import { mountHealthRoutes } from "./health.ts";
import type { HealthParts } from "./health.ts";
import { makeHeldBytes } from "./read-body.ts";
import type { UploadLimits } from "./read-upload.ts";
import { corsHeaders, mountRelayRoutes } from "./relay-routes.ts";
import type { CallServer } from "./relay-routes.ts";
import { makeServing } from "./serving.ts";
import type { Serving } from "./serving.ts";
import { asksForWebSocket, mountWebSocketRoutes } from "./websocket-routes.ts";
import type { WebSocketRoutes } from "./websocket-routes.ts";

export interface ServerParts
  extends FaultParts, Omit<HealthParts, "startedAtMs" | "sync" | "config"> {
  readonly config: Config;
  readonly clock: Clock;
  readonly sync: Pick<Sync, "current" | "status" | "businessNowMs">;
  readonly calls: CallServer;
  /** Left out: nobody connects by WebSocket. */
  readonly sockets?: SocketServer;
  readonly admin: readonly AdminRoute[];
  /** Pace that a body must keep; the default is 30 s a pause and 5 min in all. */
  readonly bodyPace?: { readonly idleMs: number; readonly totalMs: number };
  /** Limits of uploads in place of {@link usualUploadLimits}. */
  readonly uploadLimits?: UploadLimits;
}

const usualUploadLimits: UploadLimits = {
  maxBytes: 512 * 1024 * 1024,
  idleMs: 30_000,
  totalMs: 1_800_000,
};
/** Of what bodies may hold, uploads may hold this part beside. */
const uploadShare = 0.25;

export interface HttpServer {
  /** Starts to listen; answers where. Rejects when the port is taken. */
  listen(): Promise<{ readonly host: string; readonly port: number }>;
  /** Unready at once, then all of drain.ts; resolves when nothing runs and nothing listens. */
  drain(): Promise<void>;
  readonly draining: boolean;
  /** Ends at once, cutting what runs. */
  close(): Promise<void>;
}

/** Builds the server; it listens only when told. */
export async function openServer(parts: ServerParts): Promise<HttpServer> {
  const { config, clock } = parts;
  const resolveAddress = makeAddressResolver(config);
  const holder: { serving?: Serving; webSockets?: WebSocketRoutes } = {};
  const app = makeApp(holder, parts);
  const drain = makeDrain({
    server: app.server,
    clock,
    graceMs: config.drainGraceMs,
    timeoutMs: config.drainTimeoutMs,
    cutSockets: () => holder.webSockets?.cut(),
  });
  const serving = makeServing({
    drain,
    faults: parts,
    businessNowMs: parts.sync.businessNowMs,
    random: makeRandomPool(),
    resolveAddress,
    ...readerParts(parts),
  });
  holder.serving = serving;
  mountHealthRoutes(app, serving, { ...parts, startedAtMs: clock.now() });
  mountRelayRoutes(app, serving, parts.calls);
  mountAdminRoutes(app, serving, parts.admin);
  const { sockets } = parts;
  if (sockets !== undefined)
    holder.webSockets = mountWebSocketRoutes(app, { serving, sockets, clock });
  app.setNotFoundHandler((request, reply) => {
    reply.hijack();
    const admin = isManagementPath(request.url);
    const exchange = serving.open(request.raw, reply.raw, admin ? {} : corsHeaders);
    answerFault(exchange, unknownPath(exchange), parts);
  });
  await app.ready();
  return {
    listen: async () => {
      await app.listen({ host: config.host, port: config.port });
      const address = app.server.address() as AddressInfo;
      return { host: address.address, port: address.port };
    },
    drain: async () => {
      await drain.run();
      await app.close();
    },
    get draining() {
      return drain.draining;
    },
    close: async () => {
      app.server.closeAllConnections();
      holder.webSockets?.cut();
      await app.close();
    },
  };
}

/** How bodies and uploads are read, and how much of them is held. */
function readerParts(parts: ServerParts): Pick<Serving, "bodies" | "uploads"> {
  const { config, clock } = parts;
  return {
    bodies: {
      clock,
      held: makeHeldBytes(config.maxHeldBytes),
      limits: {
        maxBytes: config.maxBodyBytes,
        ...(parts.bodyPace ?? { idleMs: 30_000, totalMs: 300_000 }),
      },
    },
    uploads: {
      clock,
      held: makeHeldBytes(config.maxHeldBytes * uploadShare),
      limits: parts.uploadLimits ?? usualUploadLimits,
    },
  };
}

function makeApp(holder: { readonly serving?: Serving }, parts: ServerParts): FastifyInstance {
  const app = fastify({
    // Requests on kept-alive connections are served to the end of the drain, not refused by the framework.
    return503OnClosing: false,
    // Longer than the common balancers' 60 s: the one who closes first must be the balancer.
    keepAliveTimeout: 75_000,
    bodyLimit: Number.MAX_SAFE_INTEGER,
    exposeHeadRoutes: true,
    http: {
      shouldUpgradeCallback: (request) => parts.sockets !== undefined && asksForWebSocket(request),
    } satisfies ServerOptions,
    routerOptions: { maxParamLength: 512, ignoreTrailingSlash: true, ignoreDuplicateSlashes: true },
    frameworkErrors: (_error, request, reply) => {
      reply.hijack();
      const exchange = holder.serving?.open(request.raw, reply.raw);
      if (exchange !== undefined) answerFault(exchange, brokenUrl(), parts);
    },
    clientErrorHandler: (error, socket) => answerBrokenRequest(error, socket, parts),
  });
  app.removeAllContentTypeParsers();
  // Bodies stay in the socket until a route reads them (read-body.ts), within its limits.
  app.addContentTypeParser("*", (_request, _payload, done) => done(null));
  return app;
}

/** What Node's parser refuses has no path yet: it is answered in OpenAI's shape on the bare socket. */
function answerBrokenRequest(
  fault: Error & { code?: string },
  socket: Socket,
  parts: ServerParts,
): void {
  if (fault.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const kind = fault.code === "ERR_HTTP_REQUEST_TIMEOUT" ? "request_timeout" : "invalid_request";
  const status = fault.code === "HPE_HEADER_OVERFLOW" ? 431 : undefined;
  const message =
    kind === "request_timeout"
      ? "The request did not arrive in time"
      : "The request is malformed HTTP";
  const error = new GatewayError(kind, message, status === undefined ? {} : { status });
  const id = makeCallId(parts.sync.businessNowMs());
  const rendered = parts.renderCallError("openai-chat", error, id);
  const headers = {
    ...rendered.headers,
    "content-length": String(Buffer.byteLength(rendered.body)),
    "x-request-id": id,
    connection: "close",
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.write(
    `HTTP/1.1 ${rendered.status} ${STATUS_CODES[rendered.status] ?? ""}\r\n${lines.join("\r\n")}\r\n\r\n`,
  );
  socket.end(rendered.body);
}
