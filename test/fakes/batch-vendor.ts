/**
 * A vendor of jobs over real HTTP: files, OpenAI's batches, Anthropic's message batches, responses in the background.
 * Each request asks, by the text of its last message, for so many tokens of output; nothing is ever input. Jobs run
 * until the test ends them.
 */
import type { ServerResponse } from "node:http";
import { ResponseStreams, type StreamManner } from "./response-streams.ts";
import { type FakeUpstream, type ReceivedRequest, openFakeUpstream } from "./upstream.ts";

type Json = Record<string, unknown>;
type Ending = "completed" | "failed" | "cancelled" | "expired";

interface Batch {
  readonly id: string;
  readonly file: string;
  status: string;
  output: string | null;
}

interface MessageBatch {
  readonly id: string;
  readonly requests: readonly { readonly custom_id: string; readonly params: Json }[];
  ended: boolean;
}

export interface BatchVendor {
  readonly upstream: FakeUpstream;
  readonly baseUrl: string;
  /** Ids of what was begun, in order. */
  readonly begun: readonly string[];
  /** How often anybody asked how far a job is. */
  readonly polls: number;
  /** Ends a job; of a batch that was cancelled only the first answer is there. */
  end(id: string, how?: Ending): void;
  /** From now on nobody has the files of this batch's results, as after a month. */
  dropResults(id: string): void;
  /** From now on what begins a job is answered so much later than it begins. */
  answerLate(ms: number): void;
  /** From now on responses say that they began so long ago. */
  backdate(seconds: number): void;
  /** Ends a message batch at the moment in which its results are asked for. */
  endWhenRead(id: string): void;
  /** So many questions how far a job is are answered with an error. */
  failPolls(count: number): void;
  /** From now on streams of responses end so. */
  stream(manner: StreamManner): void;
  /** From now on nobody is handed the files that batches begin with. */
  hideInputs(): void;
  /** Whether a thing was deleted. */
  gone(id: string): boolean;
  close(): Promise<void>;
}

function wished(messages: unknown): number {
  const last = (Array.isArray(messages) ? messages.at(-1) : undefined) as Json | undefined;
  return Number(last?.["content"] ?? 0) || 0;
}

function chatReply(body: Json): Json {
  const tokens = wished(body["messages"]);
  return {
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1,
    // As vendors do: dated.
    model: `${String(body["model"])}-2026-01-01`,
    choices: [{ index: 0, message: { role: "assistant", content: "ok" }, finish_reason: "stop" }],
    usage: { prompt_tokens: 0, completion_tokens: tokens, total_tokens: tokens },
  };
}

class World {
  readonly files = new Map<string, string>();
  readonly batches = new Map<string, Batch>();
  readonly messageBatches = new Map<string, MessageBatch>();
  readonly responses = new Map<string, Json>();
  readonly streams = new ResponseStreams();
  readonly begun: string[] = [];
  readonly deleted = new Set<string>();
  /** Tokens of output, by file. */
  readonly used = new Map<string, number>();
  polls = 0;
  lateMs = 0;
  backdatedS = 0;
  failingPolls = 0;
  readonly endingWhenRead = new Set<string>();
  /** How files begin that nobody is handed. */
  hidden = "none";
  #count = 0;

  name(prefix: string): string {
    this.#count += 1;
    return `${prefix}${String(this.#count).padStart(8, "0")}`;
  }

  begin(prefix: string): string {
    const id = this.name(prefix);
    this.begun.push(id);
    return id;
  }

  end(id: string, how: Ending): void {
    const response = this.responses.get(id);
    if (response !== undefined) return this.#endResponse(response, how);
    const messages = this.messageBatches.get(id);
    if (messages !== undefined) return void (messages.ended = true);
    const batch = this.batches.get(id)!;
    batch.status = how;
    if (how !== "failed") batch.output = this.#answer(batch, how);
  }

  #endResponse(response: Json, how: Ending): void {
    response["status"] = how;
    response["completed_at"] = how === "completed" ? Math.floor(Date.now() / 1000) : null;
    const output_tokens = Number(response["wished"]);
    if (how === "completed")
      response["usage"] = { input_tokens: 0, output_tokens, total_tokens: output_tokens };
    this.streams.ended(response);
  }

  #answer({ file }: Batch, how: Ending): string {
    const asked = (this.files.get(file) ?? "").split("\n").filter((line) => line !== "");
    const answered = how === "completed" ? asked : asked.slice(0, 1);
    const lines = answered.map((line) => {
      const { custom_id, body } = JSON.parse(line) as { custom_id: string; body: Json };
      const response = { status_code: 200, request_id: "r", body: chatReply(body) };
      return JSON.stringify({ id: "batch_req_1", custom_id, response, error: null });
    });
    const id = this.name("file-out");
    this.files.set(id, `${lines.join("\n")}\n`);
    const used = lines.reduce((sum, line) => {
      const { response } = JSON.parse(line) as { response: { body: { usage: Json } } };
      return sum + Number(response.body.usage["completion_tokens"]);
    }, 0);
    this.used.set(file, used);
    return id;
  }
}

const shownBatch = (world: World, { id, file, status, output }: Batch): Json => ({
  id,
  model: "batched-2026-01-01",
  usage: output === null ? null : { input_tokens: 0, output_tokens: world.used.get(file) },
  object: "batch",
  endpoint: "/v1/chat/completions",
  errors: null,
  input_file_id: file,
  completion_window: "24h",
  status,
  output_file_id: output,
  error_file_id: null,
  created_at: Math.floor(Date.now() / 1000),
});

const shownMessages = ({ id, ended }: MessageBatch): Json => ({
  id,
  type: "message_batch",
  processing_status: ended ? "ended" : "in_progress",
  request_counts: { processing: 0, succeeded: 0, errored: 0, canceled: 0, expired: 0 },
  created_at: new Date().toISOString(),
  results_url: ended ? `https://vendor.example/v1/messages/batches/${id}/results` : null,
});

function messageResults({ requests }: MessageBatch): string {
  const lines = requests.map(({ custom_id, params }, index) => {
    // The last of several failed: it costs nothing.
    if (index > 0 && index === requests.length - 1)
      return { custom_id, result: { type: "errored", error: { type: "invalid_request" } } };
    const message = {
      id: "msg_1",
      type: "message",
      role: "assistant",
      model: params["model"],
      content: [{ type: "text", text: "ok" }],
      stop_reason: "end_turn",
      usage: {
        input_tokens: 0,
        output_tokens: wished(params["messages"]),
        service_tier: "batch",
      },
    };
    return { custom_id, result: { type: "succeeded", message } };
  });
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

/** The file of a form, found by the blank line before it and the boundary behind. */
function fileOf({ body, headers }: ReceivedRequest): string {
  const boundary = /boundary="?([^";]+)/.exec(headers["content-type"] ?? "")?.[1] ?? "";
  const part = body
    .toString()
    .split(`--${boundary}`)
    .find((one) => /name="file"/.test(one));
  return (part ?? "").split("\r\n\r\n").slice(1).join("\r\n\r\n").replace(/\r\n$/, "");
}

/** A reply that is no document. */
class Streamed {
  readonly play: (response: ServerResponse) => void;

  constructor(play: (response: ServerResponse) => void) {
    this.play = play;
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (body instanceof Streamed) return body.play(response);
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const type = typeof body === "string" ? "application/octet-stream" : "application/json";
  response.writeHead(status, { "content-type": type });
  response.end(text);
}

type Asked = ReceivedRequest & { readonly id: string; readonly json: () => Json };
type Row = readonly [method: string, path: RegExp, (world: World, asked: Asked) => unknown];

function makeResponse(world: World, { json }: Asked): Json | Streamed {
  const asked = json();
  const id = world.begin("resp_");
  const told = {
    id,
    object: "response",
    created_at: Math.floor(Date.now() / 1000) - world.backdatedS,
    model: asked["model"],
    background: true,
    status: "queued",
    output: [],
    usage: null,
    wished: Number(asked["input"]),
  };
  world.responses.set(id, told);
  if (asked["stream"] !== true) return told;
  return new Streamed((response) => world.streams.play(response, told, -1));
}

function findResponse(world: World, { id, path }: Asked): Json | Streamed | undefined {
  world.polls += 1;
  const told = world.responses.get(id);
  const query = new URLSearchParams(path.split("?")[1]);
  // As frameworks read it: the last one counts, in whatever spelling of yes.
  const streams = /^(?:true|1|t|y|yes|on)$/i.test(query.getAll("stream").at(-1) ?? "");
  if (told === undefined || !streams) return told;
  const after = Number(query.get("starting_after") ?? -1);
  return new Streamed((response) => world.streams.play(response, told, after));
}

const rows: readonly Row[] = [
  [
    "POST",
    /\/files$/,
    (world, asked) => {
      const id = world.name("file-in");
      world.files.set(id, fileOf(asked));
      return { id, object: "file", bytes: 1, created_at: 1, filename: "f", purpose: "batch" };
    },
  ],
  [
    "GET",
    /\/files\/([^/]+)\/content$/,
    (world, { id }) => (id.startsWith(world.hidden) ? undefined : world.files.get(id)),
  ],
  [
    "POST",
    /\/messages\/batches$/,
    (world, { json }) => {
      const id = world.begin("msgbatch_");
      const requests = json()["requests"] as MessageBatch["requests"];
      const batch = { id, requests, ended: false };
      world.messageBatches.set(id, batch);
      return shownMessages(batch);
    },
  ],
  [
    "GET",
    /\/messages\/batches\/([^/]+)\/results$/,
    (world, { id }) => {
      const batch = world.messageBatches.get(id)!;
      if (world.endingWhenRead.has(id)) batch.ended = true;
      return batch.ended ? messageResults(batch) : undefined;
    },
  ],
  [
    "GET",
    /\/messages\/batches\/([^/]+)$/,
    (world, { id }) => {
      world.polls += 1;
      const batch = world.messageBatches.get(id);
      return batch && shownMessages(batch);
    },
  ],
  [
    "DELETE",
    /\/messages\/batches\/([^/]+)$/,
    (world, { id }) => {
      world.messageBatches.delete(id);
      world.deleted.add(id);
      return { id, type: "message_batch_deleted" };
    },
  ],
  [
    "POST",
    /\/batches$/,
    (world, { json }) => {
      const file = String(json()["input_file_id"]);
      const batch: Batch = { id: world.begin("batch_"), file, status: "in_progress", output: null };
      world.batches.set(batch.id, batch);
      return shownBatch(world, batch);
    },
  ],
  [
    "GET",
    /\/batches\/([^/]+)$/,
    (world, { id }) => {
      world.polls += 1;
      const batch = world.batches.get(id);
      return batch && shownBatch(world, batch);
    },
  ],
  ["POST", /\/responses$/, makeResponse],
  ["GET", /\/responses\/([^/]+)$/, findResponse],
  [
    "DELETE",
    /\/responses\/([^/]+)$/,
    (world, { id }) => {
      world.responses.delete(id);
      world.deleted.add(id);
      return { id, object: "response", deleted: true };
    },
  ],
];

/** Opens it on a free port. */
export async function openBatchVendor(): Promise<BatchVendor> {
  const world = new World();
  const upstream = await openFakeUpstream((request, response) => {
    const [path = ""] = request.path.split("?");
    if (request.method === "GET" && world.failingPolls > 0) {
      world.failingPolls -= 1;
      return send(response, 500, { error: { message: "not now", type: "server_error" } });
    }
    for (const [method, pattern, answer] of rows) {
      const found = pattern.exec(path);
      if (found === null || method !== request.method) continue;
      const json = (): Json => JSON.parse(request.body.toString()) as Json;
      const told = answer(world, { ...request, id: found[1] ?? "", json });
      if (told === undefined) continue;
      const lateMs = method === "POST" && !pattern.test("/files") ? world.lateMs : 0;
      if (lateMs === 0) return send(response, 200, told);
      return void setTimeout(() => send(response, 200, told), lateMs);
    }
    return send(response, 404, { error: { message: "there is no such thing", type: "not_found" } });
  });
  return {
    upstream,
    baseUrl: upstream.baseUrl,
    begun: world.begun,
    get polls() {
      return world.polls;
    },
    end: (id, how = "completed") => world.end(id, how),
    dropResults: (id) => void world.files.delete(world.batches.get(id)?.output ?? ""),
    answerLate: (ms) => void (world.lateMs = ms),
    backdate: (seconds) => void (world.backdatedS = seconds),
    endWhenRead: (id) => void world.endingWhenRead.add(id),
    failPolls: (count) => void (world.failingPolls = count),
    stream: (manner) => void (world.streams.manner = manner),
    hideInputs: () => void (world.hidden = "file-in"),
    gone: (id) => world.deleted.has(id),
    close: () => upstream.close(),
  };
}
