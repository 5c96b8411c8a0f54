/**
 * Opens WebSockets to upstreams: past the address guard, through the channel's proxy, within its timeouts.
 * Promises kept here: no redirect is followed, and a refused upgrade is told with the upstream's own words.
 */
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Socket as NetSocket } from "node:net";
import { WebSocket } from "ws";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { OverSignal } from "../wire/call.ts";
import { ManagedSocket } from "../wire/managed-socket.ts";
import { makeAddressGuard } from "./address-guard.ts";
import { toUpstreamFault } from "./faults.ts";
import type { ReceivedHeaders } from "./headers.ts";
import { openTunnel } from "./tunnels.ts";
import type { UpstreamRequest, UpstreamTimeouts } from "./upstream.ts";

/** A request as authorizers take it (`GET`, no body) whose URL is http(s) or ws(s). */
export interface UpstreamSocketRequest extends UpstreamRequest {
  readonly method: "GET";
  /** Longest message that is taken from the upstream. */
  readonly maxMessageBytes: number;
}

export type UpstreamSocket =
  /** Open; it has to be listened to. */
  | { readonly kind: "open"; readonly socket: ManagedSocket; readonly headers: ReceivedHeaders }
  /** The upgrade was answered with an ordinary reply. */
  | {
      readonly kind: "refused";
      readonly status: number;
      readonly headers: ReceivedHeaders;
      readonly body: Buffer;
    };

export interface UpstreamSockets {
  /** Rejects with `upstream_unreachable`, `upstream_timeout`, `upstream_invalid`, or `caller_gone` once aborted. */
  open(request: UpstreamSocketRequest, gone: OverSignal): Promise<UpstreamSocket>;
}

const defaultConnectMs = 10_000;
/** An upgrade is answered at once or not at all, whatever a channel grants to slow models. */
const upgradeMs = 30_000;
const maxRefusalBytes = 1024 * 1024;

export function makeUpstreamSockets(parts: { readonly clock: Clock }): UpstreamSockets {
  const isForbidden = makeAddressGuard();
  const connect = (request: UpstreamSocketRequest): Promise<NetSocket> => {
    const url = new URL(request.url);
    const protocol = url.protocol.replace(/^ws/, "http");
    return openTunnel(
      {
        origin: `${protocol}//${url.host}`,
        proxy: request.proxy,
        connectMs: request.timeouts.connectMs ?? defaultConnectMs,
      },
      isForbidden,
    );
  };
  return { open: (request, gone) => open(request, gone, { clock: parts.clock, connect }) };
}

interface OpeningParts {
  readonly clock: Clock;
  connect(request: UpstreamSocketRequest): Promise<NetSocket>;
}

type CreateConnection = (
  options: unknown,
  connected: (error: Error | null, socket?: NetSocket) => void,
) => undefined;

function open(
  request: UpstreamSocketRequest,
  gone: OverSignal,
  parts: OpeningParts,
): Promise<UpstreamSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<UpstreamSocket>();
  const createConnection: CreateConnection = (_options, connected) => {
    parts.connect(request).then(
      (socket) => connected(null, socket),
      (thrown: unknown) => connected(thrown instanceof Error ? thrown : new Error(String(thrown))),
    );
    return undefined;
  };
  const raw = new WebSocket(request.url, {
    headers: request.headers,
    maxPayload: request.maxMessageBytes,
    perMessageDeflate: false,
    followRedirects: false,
    // The library hands it to node:http, which takes connections that are still to come; its type does not say so.
    createConnection: createConnection as unknown as () => NetSocket,
  });
  const fail = (error: GatewayError): void => {
    reject(error);
    raw.terminate();
  };
  const onGone = (): void =>
    fail(new GatewayError("caller_gone", "the caller left before the upgrade"));
  const cancelWait = parts.clock.after(waitMs(request.timeouts), () =>
    fail(new GatewayError("upstream_timeout", "the upgrade was not answered in time")),
  );
  let headers: ReceivedHeaders = {};
  raw.on("upgrade", (response) => (headers = response.headers));
  raw.on("open", () => {
    resolve({ kind: "open", socket: new ManagedSocket(raw, parts.clock), headers });
  });
  raw.on("unexpected-response", (sent, response) => void readRefusal(sent, response).then(resolve));
  raw.on("error", (thrown) => reject(faultOf(thrown)));
  if (gone.aborted) onGone();
  else gone.addEventListener("abort", onGone);
  return promise.finally(() => {
    cancelWait();
    gone.removeEventListener("abort", onGone);
  });
}

function waitMs({ connectMs = defaultConnectMs, firstByteMs }: UpstreamTimeouts): number {
  return connectMs + Math.min(firstByteMs ?? upgradeMs, upgradeMs);
}

/** The library words broken handshakes itself, without a code. */
function faultOf(thrown: Error): GatewayError {
  if (/^(?:Invalid|Server) /.test(thrown.message))
    return new GatewayError("upstream_invalid", thrown.message, { cause: thrown });
  return toUpstreamFault(thrown, "before-head");
}

/** Reads what stands in place of the upgrade, as far as it comes. */
async function readRefusal(
  sent: ClientRequest,
  response: IncomingMessage,
): Promise<UpstreamSocket> {
  const pieces: Buffer[] = [];
  let size = 0;
  try {
    for await (const piece of response as AsyncIterable<Buffer>) {
      pieces.push(piece);
      size += piece.length;
      if (size > maxRefusalBytes) break;
    }
  } catch {
    // The status was told; that its explanation broke off changes nothing.
  }
  sent.destroy();
  const { statusCode: status = 0, headers } = response;
  return { kind: "refused", status, headers, body: Buffer.concat(pieces) };
}
