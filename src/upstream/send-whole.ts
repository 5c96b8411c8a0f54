/** Sends a request whose reply is small and wanted whole: token exchanges, lists of models. */
import { GatewayError } from "../core/errors.ts";
import type { ReceivedHeaders } from "./headers.ts";
import type { Upstream, UpstreamExchange, UpstreamRequest } from "./upstream.ts";

export interface WholeAnswer {
  readonly status: number;
  readonly headers: ReceivedHeaders;
  readonly body: Buffer;
}

/** Rejects with the upstream's faults, and with `upstream_invalid` for a reply longer than `maxBytes`. */
export function sendWhole(
  upstream: Upstream,
  request: UpstreamRequest,
  maxBytes: number,
): Promise<WholeAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let head: Omit<WholeAnswer, "body"> = { status: 0, headers: {} };
    let size = 0;
    const exchange: UpstreamExchange = upstream.send(request, {
      onHead: (status, headers) => void (head = { status, headers }),
      onChunk: (chunk) => {
        size += chunk.length;
        if (size <= maxBytes) return void chunks.push(chunk);
        exchange.cancel();
        const { host } = new URL(request.url);
        reject(new GatewayError("upstream_invalid", `the reply of ${host} is too long`));
      },
      onEnd: () => resolve({ ...head, body: Buffer.concat(chunks) }),
      onError: reject,
    });
  });
}
