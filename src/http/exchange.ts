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
  readonly address: string;
  /** The connection's own peer. */
  readonly connection: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
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
  parts: ExchangeParts,
): Exchange {
  const headers = plainHeaders(request);
  const [path = "/", ...search] = (request.url ?? "/").split("?");
  const connection = request.socket.remoteAddress ?? "";
  return {
    id: makeCallId(parts.businessNowMs(), parts.random),
    method: request.method ?? "GET",
    path,
    headers,
    query: plainQuery(search.join("?")),
    address: parts.resolveAddress(connection, headers),
    connection,
    request,
    response,
  };
}

function plainHeaders(request: IncomingMessage): HeaderMap {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined) headers[name] = typeof value === "string" ? value : value.join(", ");
  return headers;
}

/** Of a repeated parameter the first counts. */
function plainQuery(search: string): HeaderMap {
  if (search === "") return {};
  const query: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(search))
    if (!Object.hasOwn(query, name)) query[name] = value;
  return query;
}
