/** How this node is: alive, ready, One Hub's status shape, the metrics page, and the two plain pages. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyInstance } from "fastify";
import type { Config } from "../config/config.ts";
import { GatewayError } from "../core/errors.ts";
import type { Sync } from "../sync/sync.ts";
import { isLoopbackCaller } from "./caller-address.ts";
import { writeHead } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import { answerFault } from "./faults.ts";
import { renderFrontPage, renderSetupPage } from "./pages.ts";
import type { Page } from "./pages.ts";
import type { Serving } from "./serving.ts";

export interface HealthParts {
  readonly config: Pick<Config, "metricsToken">;
  readonly sync: Pick<Sync, "current" | "status">;
  readonly version: string;
  /** Ms UTC. */
  readonly startedAtMs: number;
  /** What beside the snapshot is still awaited before the node is ready; left out: nothing ever. */
  readonly awaited?: () => string | undefined;
  readonly metricsPage: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

/** Why this node should get no calls; undefined while it should. */
function unreadyReason(
  parts: Pick<HealthParts, "sync" | "awaited">,
  draining: boolean,
): string | undefined {
  if (draining) return "draining";
  if (parts.sync.status().state === "unsupported")
    return "the database's schema is newer than this version supports";
  if (parts.sync.current() !== undefined) return parts.awaited?.();
  const { lastError } = parts.sync.status();
  const none = "no validated configuration has been loaded yet";
  return lastError === null ? none : `${none}: the database could not be read (${lastError})`;
}

/** Mounts health, metrics and pages. */
export function mountHealthRoutes(
  app: FastifyInstance,
  serving: Serving,
  parts: HealthParts,
): void {
  const answer = (path: string, act: (exchange: Exchange) => Promise<void> | void): void => {
    app.get(path, (request, reply) => {
      reply.hijack();
      const exchange = serving.open(request.raw, reply.raw, { "cache-control": "no-store" });
      Promise.resolve()
        .then(() => act(exchange))
        .catch((error: unknown) => answerFault(exchange, error, serving.faults));
    });
  };
  const unready = (): string | undefined => unreadyReason(parts, serving.drain.draining);
  const systemName = (): string => parts.sync.current()?.settings.systemName ?? "Switchyard";
  answer("/livez", (exchange) => sendJson(exchange, 200, { status: "alive" }));
  answer("/readyz", (exchange) => {
    const reason = unready();
    if (reason === undefined) sendJson(exchange, 200, { status: "ready" });
    else sendJson(exchange, 503, { status: "unready", reason });
  });
  answer("/api/status", (exchange) =>
    sendStatus(exchange, unready(), { ...parts, systemName: systemName() }),
  );
  answer("/metrics", (exchange) => sendMetrics(exchange, parts));
  answer("/", (exchange) =>
    sendPage(exchange, renderFrontPage(systemName(), unready() === undefined)),
  );
  answer("/setup", (exchange) => sendPage(exchange, renderSetupPage(systemName())));
}

/** One Hub's container health checks look for `success:true` here. */
function sendStatus(
  exchange: Exchange,
  unready: string | undefined,
  parts: HealthParts & { systemName: string },
): void {
  if (unready !== undefined) return sendJson(exchange, 503, { success: false, message: unready });
  sendJson(exchange, 200, {
    success: true,
    message: "",
    data: {
      version: parts.version,
      start_time: Math.floor(parts.startedAtMs / 1000),
      system_name: parts.systemName,
    },
  });
}

async function sendMetrics(exchange: Exchange, parts: HealthParts): Promise<void> {
  const { metricsToken } = parts.config;
  const given = /^bearer\s+(.+)$/i.exec(exchange.headers["authorization"] ?? "")?.[1]?.trim();
  const allowed =
    metricsToken === undefined
      ? isLoopbackCaller(exchange.connection, exchange.headers)
      : given !== undefined && sameText(given, metricsToken);
  if (!allowed)
    throw metricsToken === undefined
      ? new GatewayError(
          "forbidden",
          "Metrics are shown only to this machine unless METRICS_TOKEN is set",
        )
      : new GatewayError("unauthorized", "Send the METRICS_TOKEN as `Authorization: Bearer …`");
  const page = await parts.metricsPage();
  send(exchange, 200, page.contentType, page.text);
}

function sameText(left: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}

function sendJson(exchange: Exchange, status: number, value: object): void {
  send(exchange, status, "application/json; charset=utf-8", `${JSON.stringify(value)}\n`);
}

function sendPage(exchange: Exchange, page: Page): void {
  exchange.response.setHeader("content-security-policy", page.policy);
  exchange.response.setHeader("x-content-type-options", "nosniff");
  exchange.response.setHeader("referrer-policy", "no-referrer");
  send(exchange, 200, "text/html; charset=utf-8", page.html);
}

function send(exchange: Exchange, status: number, contentType: string, body: string): void {
  writeHead(exchange, status, {
    "content-type": contentType,
    "content-length": Buffer.byteLength(body),
  });
  exchange.response.end(body);
}
