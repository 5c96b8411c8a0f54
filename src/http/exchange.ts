/** One request as every route of this room reads it: id, address, plain headers and query, before any step runs. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { makeCallId } from "../core/ids.ts";
import type { RandomBytes } from "../core/ids.ts";
import type { HeaderMap } from "../wire/call.ts";
import type { AddressResolver } from "./caller-address.ts";

export interface Exchange {
  /** Sent as `x-request-id` on whatever is answered. */
  readonly id: string;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly headers: HeaderMap;
  readonly query: HeaderMap;
  /** All values of the parameters that are repeated. */
  readonly repeated?: Readonly<Record<string, readonly string[]>>;
  readonly address: string;
  /** The connection's own peer. */
  readonly connection: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Headers that whatever is answered carries. */
  readonly shared: HeaderMap;
}

export interface ExchangeParts {
  readonly businessNowMs: () => number;
  /** For request ids. */
  readonly random: RandomBytes;
  readonly resolveAddress: AddressResolver;
}

/** Reads what the head of a request tells. */
export function makeExchange(
  request: IncomingMessage,
  response: ServerResponse,
  parts: ExchangeParts & { readonly shared: HeaderMap },
): Exchange {
  const headers = plainHeaders(request);
  const url = request.url ?? "/";
  const mark = url.indexOf("?");
  const connection = request.socket.remoteAddress ?? "";
  const id = makeCallId(parts.businessNowMs(), parts.random);
  return {
    id,
    method: request.method ?? "GET",
    path: mark === -1 ? url : url.slice(0, mark),
    headers,
    ...(mark === -1 ? { query: {} } : readQuery(url.slice(mark + 1))),
    address: parts.resolveAddress(connection, headers),
    connection,
    request,
    response,
    shared: { ...parts.shared, "x-request-id": id },
  };
}

/**
 * Writes the head of a reply in one go: Node keeps headers that are set one by one in a second form first.
 * The given ones win over the shared ones.
 */
export function writeHead(
  exchange: Pick<Exchange, "response" | "shared">,
  status: number,
  headers: Readonly<Record<string, string | number | string[]>>,
): void {
  exchange.response.writeHead(status, { ...exchange.shared, ...headers });
}

/** Only `set-cookie` is ever a list, and requests hardly ever have one. */
function plainHeaders(request: IncomingMessage): HeaderMap {
  if (request.headers["set-cookie"] === undefined) return request.headers as HeaderMap;
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined) headers[name] = typeof value === "string" ? value : value.join(", ");
  return headers;
}

/** Of a repeated parameter the first counts, but where all of them are asked for. */
function readQuery(search: string): Pick<Exchange, "query" | "repeated"> {
  const query: Record<string, string> = {};
  const repeated: Record<string, string[]> = {};
  for (const [name, value] of new URLSearchParams(search)) {
    const first = Object.hasOwn(query, name) ? query[name] : undefined;
    if (first === undefined) query[name] = value;
    else if (Object.hasOwn(repeated, name)) repeated[name]?.push(value);
    else repeated[name] = [first, value];
  }
  return Object.keys(repeated).length === 0 ? { query } : { query, repeated };
}
