/** Mounts the public paths: reads a call whole and hands it to the gateway with a sink for its reply. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { GatewayError } from "../core/errors.ts";
import type { CallRequest, OverSignal, ReplySink } from "../wire/call.ts";
import { writeHead } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import { answerFault, unknownPath, wrongMethod } from "./faults.ts";
import { Over } from "./over-signal.ts";
import { publicPaths, resolvePath } from "./public-paths.ts";
import type { PublicPath } from "./public-path.ts";
import { readBody } from "./read-body.ts";
import { type OpenUpload, isUpload, openUpload } from "./read-upload.ts";
import { ResponseSink } from "./reply-sink.ts";
import type { Serving } from "./serving.ts";

/** Serves one call to its end. Rejects only on a fault of the gateway itself. */
export interface CallServer {
  serve(request: CallRequest, sink: ReplySink): Promise<void>;
}

const noBody = Buffer.alloc(0);

/** Callers in browsers use any origin; keys, not cookies, tell who they are. */
export const corsHeaders = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "*",
} as const;

const preflightHeaders = {
  ...corsHeaders,
  "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
  "access-control-max-age": "86400",
} as const;

/** Some clients ask for the head of their base URL before anything else, only to see that somebody is there. */
const clientRoots = ["/v1", "/claude", "/anthropic", "/openai", "/gemini"] as const;

const otherMethods = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

/** Mounts every public path, its preflight, and an honest 405 for its other methods. */
export function mountRelayRoutes(app: FastifyInstance, serving: Serving, calls: CallServer): void {
  for (const url of clientRoots)
    app.route({
      method: "HEAD",
      url,
      handler: (request, reply) => {
        reply.hijack();
        writeHead(serving.open(request.raw, reply.raw, corsHeaders), 200, { "content-length": 0 });
        reply.raw.end();
      },
    });
  for (const [url, paths] of Map.groupBy(publicPaths, ({ path }) => path)) {
    for (const path of paths)
      app.route({
        method: path.method,
        url,
        // Served from its first hook: the framework's body parsing behind it would read nothing (read-body.ts does).
        onRequest: (request, reply) => void serveCall({ path, calls, serving }, request, reply),
        handler: () => undefined,
      });
    app.route({
      method: "OPTIONS",
      url,
      handler: (request, reply) => preflight(serving, request, reply),
    });
    const methods = paths.map(({ method }) => method);
    app.route({
      method: otherMethods.filter((method) => !methods.some((served) => served === method)),
      url,
      handler: (request, reply) => {
        reply.hijack();
        const exchange = serving.open(request.raw, reply.raw, corsHeaders);
        reply.raw.setHeader("allow", [...methods, "OPTIONS"].join(", "));
        answerFault(exchange, wrongMethod(exchange), serving.faults);
      },
    });
  }
}

function preflight(serving: Serving, request: FastifyRequest, reply: FastifyReply): void {
  reply.hijack();
  const exchange = serving.open(request.raw, reply.raw, preflightHeaders);
  const asked = exchange.headers["access-control-request-headers"];
  // A star does not cover `authorization`, so the asked names are named.
  writeHead(exchange, 204, { "access-control-allow-headers": asked ?? "*" });
  exchange.response.end();
}

interface Mounted {
  readonly path: PublicPath;
  readonly calls: CallServer;
  readonly serving: Serving;
}

async function serveCall(
  mounted: Mounted,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  reply.hijack();
  const { serving } = mounted;
  const exchange = serving.open(request.raw, reply.raw, corsHeaders);
  const leave = serving.drain.enter();
  const gone = goneSignal(exchange);
  let held = 0;
  let upload: OpenUpload | undefined;
  try {
    const resolved = resolvePath(mounted.path, namedModel(request), exchange.headers);
    if (resolved === undefined) throw unknownPath(exchange);
    if (isUpload(request.raw, resolved.operation))
      upload = openUpload(request.raw, serving.uploads);
    const body = upload === undefined ? await readBody(request.raw, serving.bodies) : noBody;
    held = body.length;
    await mounted.calls.serve(
      {
        id: exchange.id,
        ...resolved,
        ...resourceOf(mounted.path, request),
        headers: exchange.headers,
        query: exchange.query,
        ...(exchange.repeated === undefined ? {} : { repeated: exchange.repeated }),
        body,
        ...(upload === undefined ? {} : { upload }),
        address: exchange.address,
        signal: gone,
        drainSignal: serving.drain.signal,
      },
      new ResponseSink(exchange, serving.ownHeaders),
    );
    if (!reply.raw.headersSent && !gone.aborted)
      throw new GatewayError("internal", "Internal error", {
        cause: new Error("the call ended without a reply"),
      });
  } catch (error) {
    answerFault(exchange, error, serving.faults);
  } finally {
    serving.bodies.held.give(held);
    upload?.close();
    leave();
  }
}

/** What outlives a call and is named by the path. */
function resourceOf(
  { method, resource }: PublicPath,
  request: FastifyRequest,
): Pick<CallRequest, "resource"> {
  if (resource === undefined) return {};
  const { a, b } = request.params as Readonly<Record<string, string | undefined>>;
  const ids = [a, b].filter((id) => id !== undefined);
  return { resource: { method, route: resource, ids } };
}

/** Aborts when the connection ends before the reply is finished. */
function goneSignal(exchange: Exchange): OverSignal {
  const gone = new Over();
  exchange.response.on("close", () => {
    if (!exchange.response.writableFinished) gone.abort();
  });
  return gone;
}

function namedModel(request: FastifyRequest): string | undefined {
  const params = request.params as Readonly<Record<string, string | undefined>>;
  return params["model"] ?? params["*"];
}
