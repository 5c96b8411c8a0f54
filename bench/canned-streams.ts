/** An upstream that streams the same prepared reply in any of four APIs: raw sockets, one write an event. */
import { createServer, type Server, type Socket } from "node:net";
import { sayChat } from "../test/fakes/scripted/chat.ts";
import { sayGemini } from "../test/fakes/scripted/gemini.ts";
import { sayMessages } from "../test/fakes/scripted/messages.ts";
import { sayResponses } from "../test/fakes/scripted/responses.ts";
import type { Heard } from "../test/fakes/scripted/turn.ts";

export type Api = "chat" | "responses" | "messages" | "gemini";

const said = { text: "The quick brown fox jumps over the lazy dog, and then some. ".repeat(12) };

function heard(api: Api): Heard {
  return {
    api,
    model: "bench-model",
    stream: true,
    tools: [],
    toolChoice: "auto",
    userText: "",
    toolResults: [],
    format: null,
    body: { stream_options: { include_usage: true } },
    headers: {},
  };
}

const sayings = {
  chat: sayChat,
  responses: sayResponses,
  messages: sayMessages,
  gemini: sayGemini,
};

function frame(piece: string | Uint8Array): Buffer {
  const bytes = Buffer.from(piece);
  return Buffer.concat([
    Buffer.from(`${bytes.length.toString(16)}\r\n`),
    bytes,
    Buffer.from("\r\n"),
  ]);
}

function prepare(api: Api): readonly Buffer[] {
  const head =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
  const frames = sayings[api](heard(api), said).pieces.map(frame);
  const last = frames.pop() ?? Buffer.alloc(0);
  return [Buffer.from(head), ...frames, Buffer.concat([last, Buffer.from("0\r\n\r\n")])];
}

function apiOf(path: string): Api {
  if (path.endsWith("/messages")) return "messages";
  if (path.endsWith("/responses")) return "responses";
  return path.includes(":streamGenerateContent") ? "gemini" : "chat";
}

export interface CannedStreams {
  readonly port: number;
  readonly server: Server;
  /** Events of one stream of each API. */
  readonly events: Readonly<Record<Api, number>>;
}

/** Listens on a free loopback port. */
export async function openCannedStreams(): Promise<CannedStreams> {
  const streams = {
    chat: prepare("chat"),
    responses: prepare("responses"),
    messages: prepare("messages"),
    gemini: prepare("gemini"),
  };
  const play = (socket: Socket, api: Api, done: () => void): void => {
    let next = 0;
    const step = (): void => {
      const bytes = streams[api][next];
      next += 1;
      if (bytes === undefined || socket.destroyed) return done();
      if (socket.write(bytes)) setImmediate(step);
      else socket.once("drain", step);
    };
    step();
  };
  const server = createServer((socket) => {
    let held: Buffer = Buffer.alloc(0);
    let busy = false;
    socket.setNoDelay(true);
    socket.on("error", () => socket.destroy());
    const answer = (): void => {
      const headEnd = busy ? -1 : held.indexOf("\r\n\r\n");
      if (headEnd < 0) return;
      const head = held.toString("latin1", 0, headEnd);
      const end = headEnd + 4 + Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      if (held.length < end) return;
      held = held.subarray(end);
      busy = true;
      play(socket, apiOf(head.split(" ")[1]?.split("?")[0] ?? ""), () => {
        busy = false;
        answer();
      });
    };
    socket.on("data", (chunk: Buffer) => {
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      answer();
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the upstream has no port");
  const count = (api: Api): number => streams[api].length - 1;
  const events = {
    chat: count("chat"),
    responses: count("responses"),
    messages: count("messages"),
    gemini: count("gemini"),
  };
  return { port: address.port, server, events };
}
