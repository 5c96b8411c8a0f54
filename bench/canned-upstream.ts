/**
 * An upstream that costs almost nothing: raw sockets, answers prepared once. So that a benchmark measures the proxy
 * between, not the vendor behind it. `stream: true` in the body asks for 100 events.
 */
import { createServer, type Server, type Socket } from "node:net";

const eventsPerStream = 100;

const chatBody = JSON.stringify({
  id: "chatcmpl-bench",
  object: "chat.completion",
  created: 1_790_000_000,
  model: "bench-model",
  choices: [
    {
      index: 0,
      message: {
        role: "assistant",
        content: "The quick brown fox jumps over the lazy dog. ".repeat(8),
      },
      logprobs: null,
      finish_reason: "stop",
    },
  ],
  usage: { prompt_tokens: 120, completion_tokens: 80, total_tokens: 200 },
});

const plainReply = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(chatBody)}\r\nx-request-id: req_bench\r\n\r\n${chatBody}`,
);

const streamHead = Buffer.from(
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n",
);

function frame(text: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
}

function event(choices: unknown[], usage: unknown): Buffer {
  const body = {
    id: "chatcmpl-bench",
    object: "chat.completion.chunk",
    created: 1_790_000_000,
    model: "bench-model",
    choices,
    usage,
  };
  return frame(`data: ${JSON.stringify(body)}\n\n`);
}

const streamEvents: readonly Buffer[] = [
  event([{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }], null),
  ...Array.from({ length: eventsPerStream - 4 }, (_, index) =>
    event([{ index: 0, delta: { content: ` word${index}` }, finish_reason: null }], null),
  ),
  event([{ index: 0, delta: {}, finish_reason: "stop" }], null),
  event([], { prompt_tokens: 120, completion_tokens: 96, total_tokens: 216 }),
  Buffer.concat([frame("data: [DONE]\n\n"), Buffer.from("0\r\n\r\n")]),
];

/** Sends one event per turn of the loop, as a vendor's tokens come: one write each. */
function stream(socket: Socket, done: () => void): void {
  socket.write(streamHead);
  let next = 0;
  const step = (): void => {
    const bytes = streamEvents[next];
    next += 1;
    if (bytes === undefined || socket.destroyed) return done();
    if (socket.write(bytes)) setImmediate(step);
    else socket.once("drain", step);
  };
  step();
}

function serve(socket: Socket): void {
  let held: Buffer = Buffer.alloc(0);
  let busy = false;
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  const answer = (): void => {
    if (busy) return;
    const headEnd = held.indexOf("\r\n\r\n");
    if (headEnd < 0) return;
    const length = Number(
      /content-length: *(\d+)/i.exec(held.toString("latin1", 0, headEnd))?.[1] ?? 0,
    );
    if (held.length < headEnd + 4 + length) return;
    const body = held.subarray(headEnd + 4, headEnd + 4 + length);
    held = held.subarray(headEnd + 4 + length);
    if (!body.includes('"stream":true')) {
      socket.write(plainReply);
      return answer();
    }
    busy = true;
    stream(socket, () => {
      busy = false;
      answer();
    });
  };
  socket.on("data", (chunk: Buffer) => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    answer();
  });
}

/** Listens on a free loopback port. */
export async function openCannedUpstream(): Promise<{ port: number; server: Server }> {
  const server = createServer(serve);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the upstream has no port");
  return { port: address.port, server };
}
