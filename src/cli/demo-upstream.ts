/**
 * A local upstream for `--demo`: speaks OpenAI's API on loopback and answers from recorded replies of our own making.
 * Promise kept here: the way of a demo call through the gateway is the real one; only the vendor is played.
 */
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { sleep } from "../core/clock.ts";
import type { Clock } from "../core/clock.ts";
import { isObject, type JsonObject } from "../core/json-value.ts";
import { demoModels, findDemoError, renderDemoReply, renderDemoStream } from "./demo-answers.ts";

export interface DemoUpstream {
  /** With the version segment: `http://127.0.0.1:PORT/v1`. */
  readonly baseUrl: string;
  close(): Promise<void>;
}

export interface DemoUpstreamOptions {
  readonly clock: Clock;
  /** Pause before each piece of a stream, so that streaming can be seen; 0 for tests. */
  readonly pieceMs?: number;
}

const defaultPieceMs = 25;
/** What a demo may be sent; the gateway has its own limit before this one. */
const maxBodyBytes = 32 * 1024 * 1024;

/** Listens on a free port of 127.0.0.1. */
export async function openDemoUpstream(options: DemoUpstreamOptions): Promise<DemoUpstream> {
  const server = createServer((request, response) => {
    answer(request, response, options).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return { baseUrl: `http://127.0.0.1:${portOf(server)}/v1`, close: () => closeServer(server) };
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port to tell");
  return address.port;
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: DemoUpstreamOptions,
): Promise<void> {
  const path = new URL(request.url ?? "/", "http://demo").pathname;
  if (request.method === "GET" && path === "/v1/models")
    return sendJson(response, 200, { object: "list", data: demoModels });
  const body = parseBody(await readBody(request));
  if (request.method !== "POST" || body === undefined)
    return sendJson(response, 400, fault("The body must be a JSON object."));
  const error = findDemoError(body);
  if (error !== undefined) {
    if (error.retryAfter !== undefined) response.setHeader("retry-after", error.retryAfter);
    return sendJson(response, error.status, { error: error.error });
  }
  const pieces = body["stream"] === true ? renderDemoStream(path, body) : undefined;
  if (pieces !== undefined) return await sendStream(response, pieces, options);
  const reply = renderDemoReply(path, body);
  if (reply === undefined) return sendJson(response, 404, fault(`Unknown path: ${path}`));
  sendJson(response, 200, reply);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > maxBodyBytes) throw new Error("body too large");
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseBody(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

async function sendStream(
  response: ServerResponse,
  pieces: readonly JsonObject[],
  options: DemoUpstreamOptions,
): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
  for (const piece of pieces) {
    if (response.destroyed) return;
    // A vendor that breaks off: the socket ends without the stream's terminator.
    if (piece["cut"] === true) return void response.destroy();
    response.write(`data: ${JSON.stringify(piece)}\n\n`);
    await sleep(options.clock, options.pieceMs ?? defaultPieceMs);
  }
  response.end("data: [DONE]\n\n");
}

function sendJson(response: ServerResponse, status: number, body: JsonObject): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": bytes.length,
  });
  response.end(bytes);
}

function fault(message: string): JsonObject {
  return { error: { message, type: "invalid_request_error", param: null, code: null } };
}
