/** Mounts the management API: the admin room decides everything, this only carries requests to it. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { AdminMethod, AdminRoute } from "../admin/admin-route.ts";
import { writeHead } from "./exchange.ts";
import { answerFault, wrongMethod } from "./faults.ts";
import { readBody } from "./read-body.ts";
import type { Serving } from "./serving.ts";

const methods: readonly AdminMethod[] = ["GET", "POST", "PATCH", "DELETE"];

/** Mounts every route and an honest 405 for the other methods of its path. */
export function mountAdminRoutes(
  app: FastifyInstance,
  serving: Serving,
  routes: readonly AdminRoute[],
): void {
  const taken: Record<string, AdminMethod[]> = {};
  for (const route of routes) {
    (taken[route.path] ??= []).push(route.method);
    app.route({
      method: route.method,
      url: route.path,
      handler: (request, reply) => void serveAdmin(route, serving, request, reply),
    });
  }
  for (const [path, allowed] of Object.entries(taken)) {
    const others = methods.filter((method) => !allowed.includes(method));
    for (const method of [...others, "PUT", "OPTIONS"] as const)
      app.route({
        method,
        url: path,
        handler: (request, reply) => {
          reply.hijack();
          const exchange = serving.open(request.raw, reply.raw);
          reply.raw.setHeader("allow", allowed.join(", "));
          answerFault(exchange, wrongMethod(exchange), serving.faults);
        },
      });
  }
}

async function serveAdmin(
  route: AdminRoute,
  serving: Serving,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  reply.hijack();
  const exchange = serving.open(request.raw, reply.raw, { "cache-control": "no-store" });
  const leave = serving.drain.enter();
  let held = 0;
  try {
    const body = await readBody(request.raw, serving.bodies);
    held = body.length;
    const answer = await route.handle({
      params: request.params as Readonly<Record<string, string>>,
      query: exchange.query,
      headers: exchange.headers,
      body,
      address: exchange.address,
      requestId: exchange.id,
    });
    writeHead(exchange, answer.status, {
      ...answer.headers,
      ...(answer.status === 204 ? {} : { "content-length": Buffer.byteLength(answer.body) }),
    });
    reply.raw.end(answer.body);
  } catch (error) {
    answerFault(exchange, error, serving.faults);
  } finally {
    serving.bodies.held.give(held);
    leave();
  }
}
