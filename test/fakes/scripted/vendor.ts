/**
 * A whole vendor over HTTP whose conversations follow a script: beside the four APIs it counts tokens, embeds, completes,
 * paints, speaks, transcribes and judges, and refuses with its API's own errors what a vendor would refuse.
 */
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type ErrorShape, tellError } from "./errors.ts";
import { plainEndpoints } from "./plain-endpoints.ts";
import type { Heard, RenderedTurn, Said, Script } from "./turn.ts";
import { asList, asObject, markOf } from "./turn.ts";
import { understand } from "./upstream.ts";

export interface Vendor {
  /** `http://127.0.0.1:port`, without a path. */
  readonly origin: string;
  /** Every conversation, oldest first. */
  readonly heard: readonly Heard[];
  /** Method and path of every request, oldest first. */
  readonly paths: readonly string[];
  /** The next conversations come to grief, one each, before others are answered; also by `POST /fail-next`. */
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

function isWrong({ role, content }: Json): boolean {
  if (!["string", "undefined"].includes(typeof role)) return true;
  return asList(content).some((part) => typeof part !== "object");
}

/** What a vendor finds wrong with a conversation; undefined: nothing. */
function faultOf({ api, body }: Heard): string | undefined {
  const named = api === "gemini" ? "contents" : api === "responses" ? "input" : "messages";
  const turns = body[named];
  const isText = api === "responses" && typeof turns === "string";
  if (!isText && !Array.isArray(turns)) return `${named}: must be a list`;
  const wrong = asList(turns).map(asObject).findIndex(isWrong);
  if (wrong !== -1) return `${named}[${wrong}]: has a wrong role or content`;
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
  replicate: "replicate",
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
    if (url.pathname === "/fail-next") {
      failures.push(...(asList(body["failures"]) as Failure[]));
      return send(response, 200, {});
    }
    const served = plainEndpoints.find(([pattern]) => pattern.test(url.pathname));
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
