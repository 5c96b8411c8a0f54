/** Listens to what crosses the gateway's connections to vendors: the bytes of each request and of its reply. */
import type { Upstream, UpstreamReceiver, UpstreamRequest } from "../../src/upstream/upstream.ts";
import type { ReceivedHeaders } from "../../src/upstream/headers.ts";

export interface Exchange {
  readonly request: UpstreamRequest;
  status: number;
  headers: ReceivedHeaders;
  readonly pieces: Buffer[];
}

export interface WireTap {
  readonly exchanges: readonly Exchange[];
  readonly around: (real: Upstream) => Upstream;
}

function listening(receiver: UpstreamReceiver, exchange: Exchange): UpstreamReceiver {
  return {
    onHead: (status, headers) => {
      Object.assign(exchange, { status, headers });
      receiver.onHead(status, headers);
    },
    onChunk: (chunk) => {
      // The buffer may be used again once the receiver has read it.
      exchange.pieces.push(Buffer.from(chunk));
      receiver.onChunk(chunk);
    },
    onEnd: () => receiver.onEnd(),
    onError: (error) => receiver.onError(error),
  };
}

export function openWireTap(): WireTap {
  const exchanges: Exchange[] = [];
  return {
    exchanges,
    around: (real) => ({
      send: (request, receiver) => {
        const exchange: Exchange = { request, status: 0, headers: {}, pieces: [] };
        exchanges.push(exchange);
        return real.send(request, listening(receiver, exchange));
      },
      close: () => real.close(),
    }),
  };
}
