/** A caller's WebSocket for tests: keeps what came, tells how it ended, and how an upgrade was refused. */
import { type ClientOptions, WebSocket } from "ws";
import { eventually, type ReceivedMessage } from "./realtime-upstream.ts";

export interface RefusedUpgrade {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface SocketCaller {
  readonly raw: WebSocket;
  readonly messages: readonly ReceivedMessage[];
  readonly closed: { readonly code: number; readonly reason: string } | undefined;
  send(event: object): void;
  /** The first event of a type that came from the given place on; rejects after 5 s. */
  event(type: string, from?: number): Promise<Record<string, unknown>>;
  /** All text messages, parsed. */
  events(): Record<string, unknown>[];
  ended(): Promise<{ readonly code: number; readonly reason: string }>;
}

export interface CallerOptions extends Omit<ClientOptions, "key" | "protocols"> {
  readonly key?: string | null;
  readonly protocols?: readonly string[];
}

function request(
  url: string,
  { key = null, protocols = [], ...options }: CallerOptions,
): WebSocket {
  const headers = {
    ...(key === null ? {} : { authorization: `Bearer ${key}` }),
    ...options.headers,
  };
  return new WebSocket(url.replace(/^http/, "ws"), [...protocols], { ...options, headers });
}

/** Rejects where the upgrade is refused. */
export async function openCaller(url: string, options: CallerOptions): Promise<SocketCaller> {
  const raw = request(url, options);
  const messages: ReceivedMessage[] = [];
  let closed: SocketCaller["closed"];
  raw.on("message", (data: Buffer, isBinary) => messages.push({ data, isBinary }));
  raw.on("close", (code, reason) => (closed = { code, reason: reason.toString() }));
  await new Promise((resolve, reject) => raw.once("open", resolve).once("error", reject));
  raw.on("error", () => undefined);
  const events = (): Record<string, unknown>[] =>
    messages
      .filter(({ isBinary }) => !isBinary)
      .map(({ data }) => JSON.parse(data.toString()) as Record<string, unknown>);
  return {
    raw,
    messages,
    get closed() {
      return closed;
    },
    send: (event) => raw.send(JSON.stringify(event)),
    event: (type, from = 0) =>
      eventually(`event ${type}`, () =>
        events()
          .slice(from)
          .find((event) => event["type"] === type),
      ),
    events,
    ended: () => eventually("the end", () => closed),
  };
}

/** Rejects where the upgrade succeeds. */
export function refusedUpgrade(url: string, options: CallerOptions): Promise<RefusedUpgrade> {
  const raw = request(url, options);
  return new Promise((resolve, reject) => {
    raw.on("open", () => {
      raw.terminate();
      reject(new Error("the upgrade was not refused"));
    });
    raw.on("error", reject);
    raw.on("unexpected-response", (sent, response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("end", () => {
        sent.destroy();
        const { statusCode: status = 0, headers } = response;
        resolve({ status, headers, body: Buffer.concat(pieces).toString() });
      });
    });
  });
}
