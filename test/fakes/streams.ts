/**
 * Every stream there is of each API: recorded ones, those of vendors' packages, and scripted ones, which are always
 * there. Whole bodies, framed as their vendor frames them.
 */
import type { DialectId } from "../../src/wire/call.ts";
import { loadRecordings } from "./recordings.ts";
import { awsFrame } from "./scripted/aws-frame.ts";
import { sayChat } from "./scripted/chat.ts";
import { sayCohere } from "./scripted/cohere.ts";
import { sayConverse } from "./scripted/converse.ts";
import { sayGemini } from "./scripted/gemini.ts";
import { sayMessages } from "./scripted/messages.ts";
import { sayOllama } from "./scripted/ollama.ts";
import { sayResponses } from "./scripted/responses.ts";
import type { Heard, RenderedTurn, Said } from "./scripted/turn.ts";
import { loadVendorBodies } from "./vendor-bodies.ts";
import { loadVendorStreams } from "./vendor-streams.ts";

export interface WholeStream {
  readonly id: string;
  readonly contentType: string;
  readonly body: Buffer;
}

/** APIs that conversations are streamed in. */
export const streamedDialects = [
  "openai-chat",
  "openai-responses",
  "anthropic-messages",
  "gemini-content",
  "bedrock-converse",
  "cohere-v2",
  "ollama-chat",
] as const satisfies readonly DialectId[];
export type StreamedDialect = (typeof streamedDialects)[number];

interface Source {
  /** File of recordings. */
  readonly recorded?: string;
  readonly contentType: string;
  readonly say: (heard: Heard, said: Said) => RenderedTurn;
  /** Streams of vendors' packages. */
  readonly vendors: () => readonly { readonly id: string; readonly body: Buffer }[];
}

const sse = "text/event-stream";

/** A file may hold several answers, one behind another, and broken ones that its package is tested with. */
function answersIn(folder: string, last: string): { id: string; body: Buffer }[] {
  return (loadVendorStreams(folder) ?? [])
    .filter(({ id }) => !id.startsWith("spliced-"))
    .flatMap(({ id, body }) =>
      body
        .toString()
        .split(last)
        .slice(0, -1)
        .map((text, index) => ({ id: `${id}/${index}`, body: Buffer.from(text + last) })),
    );
}

function framed(
  vendor: string,
  frame: (payload: string) => string | Uint8Array,
): { id: string; body: Buffer }[] {
  return (loadVendorBodies(vendor)?.streams ?? []).map(({ name, payloads }) => ({
    id: name,
    body: Buffer.concat(payloads.map((payload) => Buffer.from(frame(payload)))),
  }));
}

function converseFrame(payload: string): Uint8Array {
  const [[type, event] = ["", {}]] = Object.entries(JSON.parse(payload) as Record<string, unknown>);
  return awsFrame(type, JSON.stringify(event));
}

const chatFolders = [
  "alibaba",
  "azure",
  "deepseek/chat",
  "groq",
  "mistral",
  "moonshotai",
  "openai/chat",
  "openai-compatible/chat",
  "perplexity",
  "xai",
];

const sources: Readonly<Record<StreamedDialect, Source>> = {
  "openai-chat": {
    recorded: "openai-chat",
    contentType: sse,
    say: sayChat,
    vendors: () =>
      chatFolders
        .flatMap((folder) => loadVendorStreams(folder) ?? [])
        .filter(({ body }) => body.includes('"choices"'))
        .map(({ id, body }) => ({
          id,
          body: Buffer.concat([body, Buffer.from("data: [DONE]\n\n")]),
        })),
  },
  "openai-responses": {
    recorded: "openai-responses",
    contentType: sse,
    say: sayResponses,
    vendors: () =>
      ["openai/responses", "azure", "open-responses/responses", "xai/responses"]
        .flatMap((folder) => loadVendorStreams(folder) ?? [])
        .filter(({ body }) => body.includes('"response.completed"')),
  },
  "anthropic-messages": {
    recorded: "anthropic",
    contentType: sse,
    say: sayMessages,
    vendors: () => answersIn("anthropic", 'data: {"type":"message_stop"}\n\n'),
  },
  "gemini-content": {
    recorded: "gemini",
    contentType: sse,
    say: sayGemini,
    vendors: () => framed("google", (payload) => `data: ${payload}\r\n\r\n`),
  },
  "bedrock-converse": {
    recorded: "bedrock-converse",
    contentType: "application/vnd.amazon.eventstream",
    say: sayConverse,
    vendors: () => framed("amazon-bedrock", converseFrame),
  },
  "cohere-v2": {
    recorded: "cohere",
    contentType: sse,
    say: sayCohere,
    vendors: () =>
      framed("cohere", (payload) => {
        const { type } = JSON.parse(payload) as { type: string };
        return `event: ${type}\ndata: ${payload}\n\n`;
      }),
  },
  "ollama-chat": { contentType: "application/x-ndjson", say: sayOllama, vendors: () => [] },
};

/** What is said has letters of one to four bytes, and every kind of content. */
const said: readonly Said[] = [
  { text: "Grüße — it is 18 °C in Köln, 名 😀 and e\u0301." },
  {
    reasoning: "Wetter? 天気…",
    text: "I will look. 😀",
    calls: [{ name: "weather", arguments: { city: "Köln", days: [1, 2], ключ: '\u2028"\\' } }],
  },
  {
    calls: [
      { name: "weather", arguments: { city: "a" } },
      { name: "weather", arguments: {} },
    ],
  },
  { text: "cut off here", cutOff: true },
];

/** One scripted answer, as a stream or whole. */
export function sayTurn(dialect: StreamedDialect, words: Said, stream: boolean): WholeStream {
  const heard = {
    model: "vendor-model",
    stream,
    tools: [],
    toolChoice: "auto",
    body: { stream, stream_options: { include_usage: true } },
  };
  const { pieces, contentType } = sources[dialect].say(heard as unknown as Heard, words);
  const body = Buffer.concat(pieces.map((piece) => Buffer.from(piece as Uint8Array)));
  return { id: JSON.stringify(words), contentType, body };
}

function recordedStreams({ recorded, contentType }: Source): WholeStream[] {
  const recordings = recorded === undefined ? [] : (loadRecordings(recorded) ?? []);
  return recordings.flatMap(({ id, response }) => {
    const type = response.headers["content-type"] ?? "";
    if (response.status !== 200 || !type.startsWith(contentType)) return [];
    return [{ id, contentType, body: response.body }];
  });
}

/** All of an API that end as whole answers. */
export function loadStreams(dialect: StreamedDialect): WholeStream[] {
  const source = sources[dialect];
  const { contentType } = source;
  const scripted = said.map((words) => sayTurn(dialect, words, true));
  const vendors = source.vendors().map((stream) => ({ ...stream, contentType }));
  return [...scripted, ...recordedStreams(source), ...vendors];
}
