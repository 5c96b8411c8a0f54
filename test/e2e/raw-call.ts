/**
 * A caller that decides every byte it sends and reports every byte it gets: for tests of what crosses the gateway
 * untouched, and of callers that do not behave.
 */
import { Agent, type IncomingHttpHeaders, request as openRequest } from "node:http";
import { performance } from "node:perf_hooks";

export interface RawCall {
  readonly method?: string;
  readonly path: string;
  /** Sent as they are, names in their own letters. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Buffer | string;
  /** Sent in chunks of these sizes, with no length told. */
  readonly pieces?: readonly Buffer[];
  readonly withinMs?: number;
}

export interface RawReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The connection broke before the reply was whole. */
  readonly torn: boolean;
  /** Pieces of the body, as the socket gave them. */
  readonly pieces: number;
  readonly tookMs: number;
}

export interface RawCaller {
  /** Rejects where no reply's head came, and where it took too long. */
  send(call: RawCall): Promise<RawReply>;
  close(): void;
}

/** How long a reply may take that nobody delays: beyond it a call hangs. */
const usualMs = 60_000;

export function makeRawCaller(url: string, connections = 16): RawCaller {
  const { hostname, port } = new URL(url);
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const send = (call: RawCall): Promise<RawReply> =>
    new Promise((resolve, reject) => {
      const startedAtMs = performance.now();
      const body = call.body === undefined ? undefined : Buffer.from(call.body);
      const headers: Record<string, string | string[]> = {};
      for (const [name, value] of Object.entries(call.headers ?? {}))
        headers[name] = typeof value === "string" ? value : [...value];
      if (body !== undefined) headers["content-length"] = String(body.length);
      const request = openRequest(
        { hostname, port, agent, method: call.method ?? "POST", path: call.path, headers },
        (response) => {
          const pieces: Buffer[] = [];
          const finish = (torn: boolean): void => {
            clearTimeout(timer);
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: Buffer.concat(pieces),
              torn,
              pieces: pieces.length,
              tookMs: performance.now() - startedAtMs,
            });
          };
          response.on("data", (piece: Buffer) => void pieces.push(piece));
          response.once("end", () => finish(!response.complete));
          response.once("error", () => finish(true));
        },
      );
      const timer = setTimeout(() => {
        request.destroy();
        reject(new Error(`no whole reply within ${call.withinMs ?? usualMs} ms: ${call.path}`));
      }, call.withinMs ?? usualMs);
      request.once("error", (error) => {
        clearTimeout(timer);
        reject(error);
      });
      for (const piece of call.pieces ?? []) request.write(piece);
      request.end(body);
    });
  return { send, close: () => agent.destroy() };
}

/** Does the same with each item, so many at a time. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  act: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const index = next;
      next += 1;
      await act(items[index] as T, index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, work));
}
