/** A well-behaved vendor for end-to-end tests: chat (plain and streaming, usage when asked for) and embeddings. */
import type { ServerResponse } from "node:http";
import { type Behaviour, type FakeUpstream, openFakeUpstream } from "../fakes/upstream.ts";

interface AskedBody {
  readonly model: string;
  readonly stream?: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
}

const usage = { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 };

function chunk(model: string, choices: unknown[], more: object = {}): string {
  return `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1_790_000_000, model, choices, ...more })}\n\n`;
}

const delta = (content: object, finish: string | null = null): unknown => ({
  index: 0,
  delta: content,
  finish_reason: finish,
});

/** The events of one streamed answer of `words`. */
export function chatEvents(model: string, words: readonly string[], usageAsked: boolean): string[] {
  return [
    chunk(model, [delta({ role: "assistant", content: "" })]),
    ...words.map((word) => chunk(model, [delta({ content: word })])),
    chunk(model, [delta({}, "stop")]),
    ...(usageAsked ? [chunk(model, [], { usage })] : []),
    "data: [DONE]\n\n",
  ];
}

function chat(asked: AskedBody, response: ServerResponse): void {
  if (asked.stream === true) {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const event of chatEvents(
      asked.model,
      ["Hello", " there", "."],
      asked.stream_options?.include_usage === true,
    ))
      response.write(event);
    response.end();
    return;
  }
  sendJson(response, {
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1_790_000_000,
    model: asked.model,
    choices: [
      { index: 0, message: { role: "assistant", content: "Hello there." }, finish_reason: "stop" },
    ],
    usage,
  });
}

function sendJson(response: ServerResponse, body: object): void {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

const answer: Behaviour = (request, response) => {
  const asked = JSON.parse(request.body.toString()) as AskedBody;
  if (request.path.endsWith("/chat/completions")) return chat(asked, response);
  if (!request.path.endsWith("/embeddings")) return void response.writeHead(404).end();
  const data = [{ object: "embedding", index: 0, embedding: [0.1, 0.2, 0.3] }];
  return sendJson(response, {
    object: "list",
    data,
    model: asked.model,
    usage: { prompt_tokens: 2, total_tokens: 2 },
  });
};

/** Opens it on a free port. */
export function openVendor(): Promise<FakeUpstream> {
  return openFakeUpstream(answer);
}

/** Streams `count` words, one each `intervalMs`. */
export function slowStream(count: number, intervalMs: number): Behaviour {
  return async (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const words = Array.from({ length: count }, (_, index) => ` ${index}`);
    for (const event of chatEvents("slow", words, false)) {
      if (response.destroyed) return;
      response.write(event);
      await new Promise((wake) => setTimeout(wake, intervalMs));
    }
    response.end();
  };
}
