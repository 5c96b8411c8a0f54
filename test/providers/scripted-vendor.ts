/**
 * A vendor of any of nine APIs whose every word and every fault a test decides: paths of Vertex and of Bedrock's invoke,
 * errors in the API's own shape, streams that end early or hold what nobody has heard of, tokens for credentials.
 * Requests come with the URL that the gateway meant in their path (redirect.ts).
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { invokeFrame } from "../fakes/scripted/aws-frame.ts";
import { complaintOf } from "../fakes/scripted/complaints.ts";
import { type ErrorShape, strangePiece, tellError } from "../fakes/scripted/errors.ts";
import { hearCoze, sayCoze } from "../fakes/scripted/coze.ts";
import { hearReplicate, sayReplicate } from "../fakes/scripted/replicate.ts";
import { hearMessages, sayMessages } from "../fakes/scripted/messages.ts";
import type { Heard, RenderedTurn, Said } from "../fakes/scripted/turn.ts";
import { asObject } from "../fakes/scripted/turn.ts";
import { type Spoken, understand } from "../fakes/scripted/upstream.ts";

/** How an exchange goes wrong. `kept`: the part of a stream's pieces that is still sent, in (0, 1). */
export type Fault =
  /** An error reply in the API's own shape. */
  | { readonly kind: "refuse"; readonly status: number; readonly message: string }
  /** The stream ends early, as if it were over. */
  | { readonly kind: "end"; readonly kept: number }
  /** The connection breaks. */
  | { readonly kind: "break"; readonly kept: number }
  /** Events that nobody has heard of stand between all others. */
  | { readonly kind: "strange" };

export interface Answer extends Said {
  readonly fault?: Fault;
  /** Chat completions: usage comes with the finish though nobody asked, and asking is refused (Mistral, Perplexity). */
  readonly usageUnasked?: boolean;
  /** Whose shape an error has; left out: that of the API. */
  readonly errors?: ErrorShape;
}

/** A request as it arrived. */
export interface Asked {
  readonly method: string;
  /** As the gateway meant it. */
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Heard["body"];
  readonly heard: Heard;
  /** What the API refuses in it; undefined: nothing. */
  readonly complaint: string | undefined;
}

export interface ScriptedVendor {
  /** `http://127.0.0.1:port` */
  readonly origin: string;
  /** Conversations, oldest first. */
  readonly asked: readonly Asked[];
  /** URLs that no API has, and requests that could not be read. */
  readonly strange: readonly string[];
  /** Forgets what was asked. */
  clear(): void;
  close(): Promise<void>;
}

/** The token that a Google service account is exchanged for. */
export const exchangedToken = "ya29.scripted";

const shapes: Readonly<Record<Heard["api"], ErrorShape>> = {
  chat: "openai",
  responses: "openai",
  messages: "anthropic",
  gemini: "google",
  converse: "aws",
  cohere: "cohere",
  ollama: "ollama",
  coze: "coze",
  replicate: "replicate",
};

interface Understood extends Spoken {
  readonly invoked: boolean;
}

/** Claude behind other hosts: the model and whether to stream stand in the path. */
function understandClaude(
  url: URL,
  body: Heard["body"],
  headers: Heard["headers"],
): Understood | undefined {
  const invoke = /\/model\/([^/]+)\/invoke(-with-response-stream)?$/.exec(url.pathname);
  const vertex = /\/publishers\/anthropic\/models\/([^/]+):(stream)?rawPredict$/i.exec(
    url.pathname,
  );
  const found = invoke ?? vertex;
  if (found === null) return undefined;
  const model = decodeURIComponent(found[1] ?? "");
  const heard = hearMessages(body, headers);
  return {
    heard: { ...heard, model, stream: found[2] !== undefined },
    render: sayMessages,
    invoked: invoke !== null,
  };
}

function understandOthers(
  url: URL,
  body: Heard["body"],
  headers: Heard["headers"],
): Understood | undefined {
  if (url.pathname.endsWith("/v3/chat"))
    return { heard: hearCoze(body, headers), render: sayCoze, invoked: false };
  if (url.pathname.endsWith("/v1/predictions"))
    return { heard: hearReplicate(body, headers), render: sayReplicate, invoked: false };
  const plain = understand(url, body, headers);
  return plain === undefined ? undefined : { ...plain, invoked: false };
}

const payloadOf = (piece: string | Uint8Array): string =>
  /^data: (.*)$/m.exec(Buffer.from(piece as Uint8Array).toString())?.[1] ?? "";

function framed(turn: RenderedTurn, stream: boolean): RenderedTurn {
  if (!stream) return turn;
  return {
    contentType: "application/vnd.amazon.eventstream",
    pieces: turn.pieces.map((piece) => invokeFrame(payloadOf(piece))),
  };
}

/** Usage in the event that tells the finish, as vendors tell it that take no wish for it. */
function withUnaskedUsage(turn: RenderedTurn): RenderedTurn {
  const told = turn.pieces.map(payloadOf);
  const at = told.findIndex((payload) => payload.includes('"choices":[]'));
  const finish = told.findIndex((payload) => /"finish_reason":"/.test(payload));
  const { usage } = asObject(JSON.parse(told[at] ?? "{}"));
  const merged = { ...asObject(JSON.parse(told[finish] ?? "{}")), usage };
  const pieces = turn.pieces.with(finish, `data: ${JSON.stringify(merged)}\n\n`);
  return { ...turn, pieces: pieces.filter((_, index) => index !== at) };
}

function render({ heard, render: say, invoked }: Understood, answer: Answer): RenderedTurn {
  if (invoked) return framed(say(heard, answer), heard.stream);
  if (answer.usageUnasked !== true || heard.api !== "chat" || !heard.stream)
    return say(heard, answer);
  const body = { ...heard.body, stream_options: { include_usage: true } };
  return withUnaskedUsage(say({ ...heard, body }, answer));
}

function send(response: ServerResponse, spoken: Understood, answer: Answer): void {
  const { fault } = answer;
  const turn = render(spoken, answer);
  const { api, stream } = spoken.heard;
  const pieces = turn.pieces.flatMap((piece, index) =>
    fault?.kind === "strange" && stream && index > 0
      ? [strangePiece(api, spoken.invoked), piece]
      : [piece],
  );
  const isCut = fault?.kind === "end" || fault?.kind === "break";
  const kept = isCut ? pieces.slice(0, Math.floor(pieces.length * fault.kept)) : pieces;
  response.writeHead(200, { "content-type": turn.contentType });
  if (fault?.kind !== "break") {
    for (const piece of kept) response.write(piece);
    return void response.end();
  }
  // What was written is to arrive before the connection breaks.
  const bytes = Buffer.concat(kept.map((piece) => Buffer.from(piece as Uint8Array)));
  response.write(bytes, () => setImmediate(() => response.socket?.destroy()));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

/** Starts it on a free port of loopback. What the API itself would refuse is refused, whatever the script says. */
export async function startScriptedVendor(
  script: (heard: Heard) => Answer,
): Promise<ScriptedVendor> {
  const asked: Asked[] = [];
  const strange: string[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const meant = (request.url ?? "/").slice(1);
    const url = new URL(meant);
    const text = await readBody(request);
    if (url.pathname.endsWith("/token"))
      return sendJson(response, 200, { access_token: exchangedToken, expires_in: 3600 });
    const body = asObject(JSON.parse(text));
    const headers = request.headers as Heard["headers"];
    const spoken = understandClaude(url, body, headers) ?? understandOthers(url, body, headers);
    if (spoken === undefined) {
      strange.push(meant);
      return sendJson(response, 404, { error: { message: "no such path", code: 404 } });
    }
    const { heard } = spoken;
    const said = script(heard);
    const refusesWish = said.usageUnasked === true && "stream_options" in body;
    const complaint = refusesWish
      ? "stream_options: Extra inputs are not permitted"
      : complaintOf(heard);
    const { method = "" } = request;
    asked.push({ method, url: meant, headers: request.headers, body, heard, complaint });
    const refused =
      complaint === undefined
        ? said.fault?.kind === "refuse" && said.fault
        : { status: 400, message: complaint };
    if (refused === false) return send(response, spoken, said);
    const shape = said.errors ?? (spoken.invoked ? "aws" : shapes[heard.api]);
    const told = tellError(shape, refused.status, refused.message);
    response.writeHead(told.status, told.headers);
    response.end(told.body);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((thrown: unknown) => {
      strange.push(`${request.url}: ${String(thrown)}`);
      response.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    asked,
    strange,
    clear: () => void (asked.length = 0),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
