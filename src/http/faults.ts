/** Answers for what no step could answer: unknown paths, wrong methods, broken URLs and bodies, in the path's own tongue. */
import type { Clock } from "../core/clock.ts";
import { errorKinds, GatewayError, toGatewayError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { FrontId } from "../wire/call.ts";
import { writeHead } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import { tongueOf } from "./public-paths.ts";

/** An error as a dialect or the management API renders it. */
export interface RenderedError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

export interface FaultParts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Renders in a caller's dialect, in the configured language. */
  readonly renderCallError: (
    dialect: FrontId,
    error: GatewayError,
    requestId: string,
  ) => RenderedError;
  /** Renders as problem details. */
  readonly renderAdminError: (error: GatewayError, requestId: string) => RenderedError;
}

/** Writes the error as the whole reply; only tears down when a reply has begun. */
export function answerFault(exchange: Exchange, thrown: unknown, parts: FaultParts): void {
  const { response } = exchange;
  const error = toGatewayError(thrown);
  if (errorKinds[error.kind].blame === "gateway")
    parts.logger.warn(
      { requestId: exchange.id, path: exchange.path, kind: error.kind, err: thrown },
      "request failed",
    );
  if (response.destroyed || error.kind === "caller_gone") return void response.destroy();
  if (response.headersSent) return void response.destroy();
  const rendered = isManagementPath(exchange.path)
    ? parts.renderAdminError(error, exchange.id)
    : parts.renderCallError(tongueOf(exchange.path, exchange.headers), error, exchange.id);
  // Who did not send in time is not waited for again.
  sendWhole(exchange, rendered, error.kind === "request_timeout" ? undefined : parts.clock);
}

/** How long the rest of a refused body is read away. */
const lingerMs = 2000;

/**
 * The rest of an unread body would be taken for the next request, so the connection ends; but not at once: a caller
 * that is still sending would see a reset in place of the reply.
 */
function sendWhole(exchange: Exchange, rendered: RenderedError, clock: Clock | undefined): void {
  const { request, response } = exchange;
  const unread = !request.complete;
  const length = { "content-length": Buffer.byteLength(rendered.body) };
  const close = unread ? { connection: "close" } : {};
  writeHead(exchange, rendered.status, { ...rendered.headers, ...length, ...close });
  if (!unread || clock === undefined) return void response.end(rendered.body);
  response.write(rendered.body);
  const cancel = clock.after(lingerMs, () => void response.end());
  request.once("end", () => {
    cancel();
    response.end();
  });
  request.resume();
}

/** No such path. */
export function unknownPath(exchange: Pick<Exchange, "method" | "path">): GatewayError {
  return new GatewayError("not_found", `Unknown URL (${exchange.method} ${exchange.path})`, {
    values: { method: exchange.method, path: exchange.path },
  });
}

/** A path that exists, with another method. */
export function wrongMethod(exchange: Pick<Exchange, "method" | "path">): GatewayError {
  return new GatewayError(
    "method_not_allowed",
    `${exchange.method} is not allowed on ${exchange.path}`,
    {
      values: { method: exchange.method, path: exchange.path },
    },
  );
}

/** A URL that cannot be decoded. */
export function brokenUrl(): GatewayError {
  return new GatewayError("invalid_request", "The URL is malformed");
}

/** Whether a URL lies in the management API. */
export function isManagementPath(url: string): boolean {
  return /^\/api(?:[/?]|$)/.test(url);
}
