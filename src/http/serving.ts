/** What all routes of one server share: how a request is opened, how bodies are read, what every reply carries. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Drain } from "./drain.ts";
import { makeExchange } from "./exchange.ts";
import type { Exchange, ExchangeParts } from "./exchange.ts";
import type { FaultParts } from "./faults.ts";
import type { BodyReaderParts } from "./read-body.ts";
import type { UploadReaderParts } from "./read-upload.ts";

export interface Serving {
  readonly drain: Drain;
  readonly bodies: BodyReaderParts;
  readonly uploads: UploadReaderParts;
  readonly faults: FaultParts;
  /** Headers decided when a reply's head is written. */
  readonly ownHeaders: () => Readonly<Record<string, string>>;
  /** Opens a request: reads its head; the reply will carry `x-request-id` and the given headers. */
  open(
    request: IncomingMessage,
    response: ServerResponse,
    headers?: Readonly<Record<string, string>>,
  ): Exchange;
}

export interface ServingParts extends ExchangeParts {
  readonly drain: Drain;
  readonly bodies: BodyReaderParts;
  readonly uploads: UploadReaderParts;
  readonly faults: FaultParts;
}

/** Joins the shared parts of one server. */
export function makeServing(parts: ServingParts): Serving {
  // While draining, a kept-alive connection would send its next request to a node that is about to go.
  const ownHeaders = (): Readonly<Record<string, string>> =>
    parts.drain.draining ? { connection: "close" } : {};
  return {
    drain: parts.drain,
    bodies: parts.bodies,
    uploads: parts.uploads,
    faults: parts.faults,
    ownHeaders,
    open: (request, response, headers = {}) =>
      makeExchange(request, response, { ...parts, shared: { ...headers, ...ownHeaders() } }),
  };
}
