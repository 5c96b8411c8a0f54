/**
 * An upstream that speaks seven APIs of vendors and answers by a script: a model whose every word a test decides.
 * Its renderers share no code with the gateway's, so that a shared mistake cannot hide.
 */
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { hearChat, sayChat } from "./chat.ts";
import { hearCohere, sayCohere } from "./cohere.ts";
import { hearConverse, sayConverse } from "./converse.ts";
import { hearGemini, sayGemini } from "./gemini.ts";
import { hearMessages, sayMessages } from "./messages.ts";
import { hearOllama, sayOllama } from "./ollama.ts";
import { hearResponses, sayResponses } from "./responses.ts";
import type { Heard, RenderedTurn, Script } from "./turn.ts";
import { asObject } from "./turn.ts";

export interface ScriptedUpstream {
  /** `http://127.0.0.1:port`, without a path. */
  readonly origin: string;
  /** Every request that was understood, oldest first. */
  readonly heard: readonly Heard[];
  /** Paths of requests that were not. */
  readonly strange: readonly string[];
  close(): Promise<void>;
}

export interface Spoken {
  readonly heard: Heard;
  readonly render: (heard: Heard, said: ReturnType<Script>) => RenderedTurn;
}

type Body = Heard["body"];

/** What a request asks and how its API answers; undefined: no API has this path. */
export function understand(url: URL, body: Body, headers: Heard["headers"]): Spoken | undefined {
  const { pathname } = url;
  if (pathname.endsWith("/chat/completions"))
    return { heard: hearChat(body, headers), render: sayChat };
  if (pathname.endsWith("/responses"))
    return { heard: hearResponses(body, headers), render: sayResponses };
  if (pathname.endsWith("/messages"))
    return { heard: hearMessages(body, headers), render: sayMessages };
  if (pathname.endsWith("/v2/chat")) return { heard: hearCohere(body, headers), render: sayCohere };
  if (pathname.endsWith("/api/chat"))
    return { heard: hearOllama(body, headers), render: sayOllama };
  const converse = /\/model\/([^/]+)\/converse(-stream)?$/.exec(pathname);
  if (converse !== null) {
    const model = decodeURIComponent(converse[1] ?? "");
    const path = { model, stream: converse[2] !== undefined };
    return { heard: hearConverse(body, headers, path), render: sayConverse };
  }
  const gemini = /\/models\/([^/:]+):(generateContent|streamGenerateContent)$/.exec(pathname);
  if (gemini === null) return undefined;
  const path = {
    model: decodeURIComponent(gemini[1] ?? ""),
    stream: gemini[2] === "streamGenerateContent",
  };
  return { heard: hearGemini(body, headers, path), render: sayGemini };
}

async function readJson(request: IncomingMessage): Promise<Body> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  try {
    return asObject(JSON.parse(Buffer.concat(pieces).toString()));
  } catch {
    return {};
  }
}

/** Starts it on a free port of loopback. */
export async function startScriptedUpstream(script: Script): Promise<ScriptedUpstream> {
  const heard: Heard[] = [];
  const strange: string[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "/", "http://scripted");
    const headers = request.headers as Heard["headers"];
    const spoken = understand(url, await readJson(request), headers);
    if (spoken === undefined) {
      strange.push(`${request.method} ${url.pathname}`);
      response.writeHead(404, { "content-type": "application/json" });
      response.end(
        '{"error":{"message":"no such path","type":"invalid_request_error","code":404}}',
      );
      return;
    }
    heard.push(spoken.heard);
    const turn = spoken.render(spoken.heard, script(spoken.heard));
    response.writeHead(200, { "content-type": turn.contentType });
    for (const piece of turn.pieces) response.write(piece);
    response.end();
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    heard,
    strange,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
