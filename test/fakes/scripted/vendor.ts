/**
 * A whole vendor over HTTP whose conversations follow a script: beside the four APIs it counts tokens, embeds, completes,
 * paints, speaks, transcribes and judges, and refuses with its API's own errors what a vendor would refuse.
 */
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type ErrorShape, tellError } from "./errors.ts";
import { countTokens } from "./mind.ts";
import type { Heard, RenderedTurn, Said, Script } from "./turn.ts";
import { asList, asObject, markOf, textOf } from "./turn.ts";
import { understand } from "./upstream.ts";
import { wishesOf } from "./wishes.ts";

export interface Vendor {
  /** `http://127.0.0.1:port`, without a path. */
  readonly origin: string;
  /** Every conversation, oldest first. */
  readonly heard: readonly Heard[];
  /** Method and path of every request, oldest first. */
  readonly paths: readonly string[];
  /** The next conversations come to grief, one each, before others are answered. */
  failNext(...failures: readonly Failure[]): void;
  /** How many of those are still to come. */
  readonly failing: number;
  /** So many conversations were left by the other side before they were answered. */
  readonly left: number;
  /** Resolves once the claim holds; rejects after 5 s. */
  until(claim: () => boolean): Promise<void>;
  close(): Promise<void>;
}

/** What a conversation comes to: an error of the API's own, no answer ever, or one that breaks off. */
export type Failure =
  | {
      readonly status: number;
      readonly message?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | { readonly hangs: true }
  /** Behind so many pieces of a stream. */
  | { readonly cutBehind: number };

type Body = Heard["body"];
type Json = Readonly<Record<string, unknown>>;

/** A pixel, and a short sound. */
const png =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
const sound = Buffer.from([0xff, 0xf3, 0x44, 0xc4, 0, 0, 0, 3, 0x48, 0, 0, 0, 0, 0x4c, 0x41, 0x4d]);

function vectorOf(text: string, dimensions: number): number[] {
  return Array.from({ length: dimensions }, (_, index) => ((text.length + index) % 7) / 8);
}

const textsIn = (input: unknown): string[] => (Array.isArray(input) ? input : [input]).map(String);

function embeddings(body: Body): Json {
  const texts = textsIn(body["input"]);
  const tokens = countTokens(texts.join(" "));
  const data = texts.map((text, index) => {
    const vector = vectorOf(text, Number(body["dimensions"] ?? 8));
    const embedding =
      body["encoding_format"] === "base64"
        ? Buffer.from(new Float32Array(vector).buffer).toString("base64")
        : vector;
    return { object: "embedding", index, embedding };
  });
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  return { object: "list", data, model: body["model"], usage };
}

function cohereEmbeddings(body: Body): Json {
  const dimensions = Number(body["output_dimension"] ?? 8);
  const texts = textsIn(body["texts"]);
  return {
    id: "emb-scripted",
    texts,
    embeddings: { float: texts.map((text) => vectorOf(text, dimensions)) },
    meta: { billed_units: { input_tokens: countTokens(texts.join(" ")) } },
    response_type: "embeddings_by_type",
  };
}

/** The more words of the query a document holds, the better it fits. */
function rerank(body: Body): Json {
  const words = String(body["query"]).toLowerCase().split(/\W+/u);
  const results = textsIn(body["documents"])
    .map((text, index) => {
      const found = words.filter((word) => text.toLowerCase().includes(word)).length;
      return { index, relevance_score: found / words.length };
    })
    .toSorted((one, other) => other.relevance_score - one.relevance_score)
    .slice(0, Number(body["top_n"] ?? 1000));
  return { id: "rerank-scripted", results, meta: { billed_units: { search_units: 1 } } };
}

function ollamaEmbeddings(body: Body): Json {
  const texts = textsIn(body["input"]);
  const embedded = texts.map((text) => vectorOf(text, Number(body["dimensions"] ?? 8)));
  const tokens = countTokens(texts.join(" "));
  return { model: body["model"], embeddings: embedded, prompt_eval_count: tokens };
}

function geminiEmbeddings(body: Body): Json {
  const requests = asList(body["requests"]).map(asObject);
  const embedded = requests.map((one) => ({
    values: vectorOf(JSON.stringify(one["content"]), Number(one["outputDimensionality"] ?? 8)),
  }));
  const text = requests.map((one) => textOf(asObject(one["content"])["parts"])).join(" ");
  return { embeddings: embedded, usageMetadata: { promptTokenCount: countTokens(text) } };
}

function completion(body: Body): Json {
  const tokens = countTokens(String(body["prompt"]));
  const choice = { text: " Paris.", index: 0, logprobs: null, finish_reason: "stop" };
  return {
    id: "cmpl-scripted",
    object: "text_completion",
    created: 1_790_000_000,
    model: body["model"],
    choices: [choice],
    usage: { prompt_tokens: tokens, completion_tokens: 2, total_tokens: tokens + 2 },
  };
}

const images = (): Json => ({ created: 1_790_000_000, data: [{ b64_json: png }] });
const counted = (api: Heard["api"], body: Body): number =>
  countTokens(wishesOf({ api, body }).prompt);

/** By how the path ends. */
const plain: readonly (readonly [RegExp, (body: Body) => Json | Buffer])[] = [
  [/\/messages\/count_tokens$/, (body) => ({ input_tokens: counted("messages", body) })],
  [
    /\/responses\/input_tokens$/,
    (body) => ({ object: "response.input_tokens", input_tokens: counted("responses", body) }),
  ],
  [
    /:countTokens$/,
    (body) => ({
      totalTokens: counted("gemini", asObject(body["generateContentRequest"] ?? body)),
    }),
  ],
  [/\/embeddings$/, embeddings],
  [/:batchEmbedContents$/, geminiEmbeddings],
  [/\/v2\/embed$/, cohereEmbeddings],
  [/\/api\/embed$/, ollamaEmbeddings],
  [/\/rerank$/, rerank],
  [/:embedContent$/, (body) => ({ embedding: { values: vectorOf(JSON.stringify(body), 8) } })],
  [/[^t]\/completions$/, completion],
  [/\/images\/(?:generations|edits|variations)$/, images],
  [/\/audio\/speech$/, () => sound],
  [/\/audio\/(?:transcriptions|translations)$/, () => ({ text: "Hello." })],
  [
    /\/moderations$/,
    (body) => ({
      id: "modr-scripted",
      model: body["model"],
      results: [{ flagged: false, categories: {}, category_scores: {} }],
    }),
  ],
];

/** What a vendor finds wrong with a conversation; undefined: nothing. */
function faultOf({ api, body }: Heard): string | undefined {
  const turns = body[api === "gemini" ? "contents" : "messages"];
  if (api !== "responses" && !Array.isArray(turns)) return "messages: must be a list";
  if (api === "responses" && !["string", "object"].includes(typeof body["input"]))
    return "input: must be a string or a list";
  if (api !== "messages") return undefined;
  if (typeof body["max_tokens"] !== "number") return "max_tokens: Field required";
  const budget = asObject(body["thinking"])["budget_tokens"];
  return typeof budget === "number" && budget >= body["max_tokens"]
    ? "max_tokens: must be greater than thinking.budget_tokens"
    : undefined;
}

const shapes: Readonly<Record<Heard["api"], ErrorShape>> = {
  chat: "openai",
  responses: "openai",
  messages: "anthropic",
  gemini: "google",
  converse: "aws",
  cohere: "cohere",
  ollama: "ollama",
  coze: "coze",
};

function refuse(response: ServerResponse, api: Heard["api"], failure: Failure): void {
  if (!("status" in failure)) return;
  const { status, message = `played ${status}`, headers: more = {} } = failure;
  const { headers, body, status: told } = tellError(shapes[api], status, message);
  response.writeHead(told, { ...headers, ...more }).end(body);
}

function write(response: ServerResponse, pieces: RenderedTurn["pieces"], failure?: Failure): void {
  const isCut = failure !== undefined && "cutBehind" in failure;
  const told = isCut ? pieces.slice(0, failure.cutBehind) : pieces;
  for (const piece of told.slice(0, -1)) response.write(piece);
  const last = told.at(-1) ?? "";
  if (isCut) response.write(last, () => setImmediate(() => response.destroy()));
  else response.end(last);
}

const isStream = ({ contentType }: RenderedTurn): boolean => contentType === "text/event-stream";

async function readJson(request: IncomingMessage): Promise<Body> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  try {
    return asObject(JSON.parse(Buffer.concat(pieces).toString()));
  } catch {
    return {};
  }
}

function send(response: ServerResponse, status: number, body: Json | Buffer): void {
  const isBytes = Buffer.isBuffer(body);
  response.writeHead(status, { "content-type": isBytes ? "audio/mpeg" : "application/json" });
  response.end(isBytes ? body : JSON.stringify(body));
}

/** Responses are kept, so that others can go on from them. */
interface Memory {
  /** The body with all that it goes on from before its input. */
  recall(body: Body): Body;
  keep(heard: Heard, said: Said): void;
}

const itemsIn = (input: unknown): readonly unknown[] =>
  typeof input === "string" ? [{ role: "user", content: input }] : asList(input);

function openMemory(): Memory {
  const kept = new Map<string, readonly unknown[]>();
  return {
    recall: (body) => {
      const before = kept.get(String(body["previous_response_id"]));
      if (before === undefined) return body;
      return { ...body, input: [...before, ...itemsIn(body["input"])] };
    },
    keep: ({ body }, said) => {
      const answer = {
        role: "assistant",
        content: [{ type: "output_text", text: said.text ?? "" }],
      };
      kept.set(`resp_${markOf(said)}`, [...itemsIn(body["input"]), answer]);
    },
  };
}

/** Starts it on a free port of loopback. */
export async function startVendor(script: Script): Promise<Vendor> {
  const heard: Heard[] = [];
  const paths: string[] = [];
  const memory = openMemory();
  const failures: Failure[] = [];
  let left = 0;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "/", "http://scripted");
    paths.push(`${request.method} ${url.pathname}`);
    const body = memory.recall(await readJson(request));
    const served = plain.find(([pattern]) => pattern.test(url.pathname));
    if (served !== undefined) return send(response, 200, served[1](body));
    const spoken = understand(url, body, request.headers as Heard["headers"]);
    if (spoken === undefined) return refuse(response, "chat", { status: 404 });
    heard.push(spoken.heard);
    const { api } = spoken.heard;
    const message = faultOf(spoken.heard);
    const failure = message === undefined ? failures.shift() : { status: 400, message };
    if (failure !== undefined && "hangs" in failure)
      return void response.on("close", () => (left += 1));
    if (failure !== undefined && "status" in failure) return refuse(response, api, failure);
    const said = { ...script(spoken.heard), ...(body["background"] === true && { queued: true }) };
    const turn = spoken.render(spoken.heard, said);
    if (api === "responses") memory.keep(spoken.heard, said);
    response.writeHead(200, { "content-type": turn.contentType });
    // The terminator that Open Responses wants of its vendors.
    const closes = api === "responses" && isStream(turn);
    const last = closes ? `${String(turn.pieces.at(-1))}data: [DONE]\n\n` : turn.pieces.at(-1);
    write(response, [...turn.pieces.slice(0, -1), last ?? ""], failure);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    heard,
    paths,
    get failing() {
      return failures.length;
    },
    get left() {
      return left;
    },
    until: async (claim) => {
      const deadline = performance.now() + 5000;
      while (!claim()) {
        if (performance.now() > deadline) throw new Error("not within 5 s");
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    failNext: (...next) => void failures.push(...next),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
