/**
 * A vendor played over real HTTP on a free loopback port. It records the raw bytes of every request and answers by
 * behaviours, which a test sets and changes while calls run.
 *
 *   const vendor = await openFakeUpstream(reply(json({ … })));
 *   channel.baseUrl = vendor.baseUrl;            // http://127.0.0.1:PORT/v1
 *   vendor.behave(stream(["data: …\n\n"]));       // from now on
 *   vendor.behave(inTurn(status(500), reply(…))); // one behaviour a request, the last one for the rest
 *   vendor.requests[0].body                       // Buffer, exactly as received
 *   await vendor.received(2);                     // resolves when two requests have come in whole
 *   await vendor.aborted(1);                      // … when one reply was cut off by the gateway
 *   await vendor.close();
 *
 * Behaviours: `reply` (status, headers, body), `json`, `status` (an OpenAI-shaped error), `stream` (pieces, each its own
 * write, with pauses by gates), `cut` (pieces, then the socket is destroyed), `hang` (never answers), `malformed`
 * (not HTTP), `echo` (tells what it received), `replay` (a recording), `inTurn`, `gate` (waits for a signal).
 */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Recording } from "./recordings.ts";

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

export type Behaviour = (
  request: ReceivedRequest,
  response: ServerResponse,
) => void | Promise<void>;

export interface FakeUpstream {
  /** With the version segment. */
  readonly baseUrl: string;
  readonly port: number;
  readonly requests: readonly ReceivedRequest[];
  behave(behaviour: Behaviour): void;
  /** From now on answers as soon as a request's head is there, its body unread. */
  answerAtHead(behaviour: Behaviour): void;
  /** Resolves when the heads of so many requests have come in; rejects after 5 s. */
  began(count: number): Promise<void>;
  /** Resolves when so many requests have come in; rejects after 5 s. */
  received(count: number): Promise<void>;
  /** Resolves when so many replies were cut off from the other side; rejects after 5 s. */
  aborted(count: number): Promise<void>;
  /** Destroys idle connections without a word, as vendors' balancers do. */
  dropConnections(): void;
  /** Connections accepted so far. */
  readonly connections: number;
  close(): Promise<void>;
}

const deadlineMs = 5000;

/** Waits for a claim about a thing that tells of its changes. */
class Watch {
  readonly #waiting = new Set<() => void>();

  changed(): void {
    for (const check of this.#waiting) check();
  }

  until(claim: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => finish(new Error(`not within ${deadlineMs} ms: ${what}`)),
        deadlineMs,
      );
      const finish = (error?: Error): void => {
        clearTimeout(timer);
        this.#waiting.delete(check);
        if (error === undefined) resolve();
        else reject(error);
      };
      const check = (): void => {
        if (claim()) finish();
      };
      this.#waiting.add(check);
      check();
    });
  }
}

export async function openFakeUpstream(first: Behaviour): Promise<FakeUpstream> {
  const requests: ReceivedRequest[] = [];
  const watch = new Watch();
  const sockets = new Set<Socket>();
  let behaviour = first;
  let atHead: Behaviour | undefined;
  let heads = 0;
  let aborted = 0;
  let connections = 0;
  const server = createServer({ keepAliveTimeout: 60_000 }, (message, response) => {
    const pieces: Buffer[] = [];
    heads += 1;
    watch.changed();
    response.on("close", () => {
      if (response.writableEnded && response.writableFinished) return;
      aborted += 1;
      watch.changed();
    });
    if (atHead !== undefined) {
      const { method = "", url: path = "", headers, rawHeaders } = message;
      const request = { method, path, headers, rawHeaders, body: Buffer.alloc(0) };
      return void Promise.resolve(atHead(request, response));
    }
    message.on("data", (piece: Buffer) => pieces.push(piece));
    message.on("end", () => {
      const { method = "", url: path = "", headers, rawHeaders } = message;
      const request = { method, path, headers, rawHeaders, body: Buffer.concat(pieces) };
      requests.push(request);
      watch.changed();
      void Promise.resolve(behaviour(request, response)).catch(() => response.destroy());
    });
  });
  server.on("connection", (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    port,
    requests,
    behave: (next) => void (behaviour = next),
    answerAtHead: (next) => void (atHead = next),
    began: (count) => watch.until(() => heads >= count, `${count} heads`),
    received: (count) => watch.until(() => requests.length >= count, `${count} requests`),
    aborted: (count) => watch.until(() => aborted >= count, `${count} aborted replies`),
    dropConnections: () => {
      for (const socket of sockets) socket.destroy();
    },
    get connections() {
      return connections;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A whole reply. */
export function reply(
  body: string | Buffer,
  headers: Record<string, string> = {},
  code = 200,
): Behaviour {
  return (_request, response) => {
    response.writeHead(code, { "content-type": "application/json", ...headers });
    response.end(body);
  };
}

export function json(value: unknown, headers: Record<string, string> = {}): Behaviour {
  return reply(JSON.stringify(value), headers);
}

/** An error reply in OpenAI's shape. */
export function status(
  code: number,
  headers: Record<string, string> = {},
  error: object = {},
): Behaviour {
  const told = {
    message: `played ${code}`,
    type: "played_error",
    param: null,
    code: null,
    ...error,
  };
  return reply(JSON.stringify({ error: told }), headers, code);
}

/** Waits where it stands among the pieces of a stream until it is opened. */
export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

export function gate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

export type Piece = string | Buffer | Gate;

async function writePieces(response: ServerResponse, pieces: readonly Piece[]): Promise<void> {
  for (const piece of pieces) {
    if (response.destroyed) return;
    if (typeof piece === "string" || Buffer.isBuffer(piece)) await writePiece(response, piece);
    else await piece.opened;
  }
}

/** Each piece is to reach the other side on its own, so the loop turns once in between. */
function writePiece(response: ServerResponse, piece: string | Buffer): Promise<void> {
  return new Promise((resolve) => response.write(piece, () => setImmediate(resolve)));
}

const streamHead = { "content-type": "text/event-stream" };

/** A stream, each piece its own write. */
export function stream(pieces: readonly Piece[], headers: Record<string, string> = {}): Behaviour {
  return async (_request, response) => {
    response.writeHead(200, { ...streamHead, ...headers });
    response.flushHeaders();
    await writePieces(response, pieces);
    response.end();
  };
}

/** A stream whose connection breaks behind its pieces. */
export function cut(pieces: readonly Piece[]): Behaviour {
  return async (_request, response) => {
    response.writeHead(200, streamHead);
    response.flushHeaders();
    await writePieces(response, pieces);
    response.socket?.destroy();
  };
}

/** Never answers. */
export const hang: Behaviour = () => undefined;

/** Answers with what is no HTTP. */
export const malformed: Behaviour = (_request, response) => {
  response.socket?.end("SMTP ready\r\n\r\n");
};

/** Tells as a chat reply what it received. */
export const echo: Behaviour = (request, response) => {
  const content = JSON.stringify({
    headers: request.headers,
    body: request.body.toString("base64"),
  });
  return json({
    id: "echo",
    object: "chat.completion",
    model: "echo",
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  })(request, response);
};

/** Answers one behaviour a request; the last one answers the rest. */
export function inTurn(...behaviours: readonly Behaviour[]): Behaviour {
  let next = 0;
  return (request, response) => {
    const behaviour = behaviours[Math.min(next, behaviours.length - 1)];
    next += 1;
    return behaviour?.(request, response);
  };
}

/** Answers with a recorded reply, byte for byte. */
export function replay(recording: Recording): Behaviour {
  return reply(
    recording.response.body,
    { ...recording.response.headers },
    recording.response.status,
  );
}
