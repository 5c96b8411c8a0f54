/**
 * What fuzzing stands on: a real gateway process before an upstream that always answers well (or as a test says), the
 * shapes that errors must have in each API, and the process's vital signs before and after.
 */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { FrontId } from "../../src/wire/call.ts";
import { tellError } from "../fakes/scripted/errors.ts";
import { asList, asObject } from "../fakes/scripted/turn.ts";
import { type StreamedDialect, sayTurn, streamedDialects } from "../fakes/streams.ts";
import { write } from "./cluster.ts";
import { type GatewayNode, rootKey, startNode, waitFor } from "./nodes.ts";
import { type RawCall, type RawCaller, type RawReply, makeRawCaller } from "./raw-call.ts";
import { channelSpeaking } from "./recorded-calls.ts";

export const long = process.env["CI"] === "true" || process.env["SWITCHYARD_LONG"] === "1";

/** Answers in place of the good upstream. */
export type Answer = (response: ServerResponse, request: IncomingMessage, body: Buffer) => void;

export interface Bench {
  /** Of the upstream: `http://127.0.0.1:port`. */
  readonly origin: string;
  readonly node: GatewayNode;
  readonly caller: RawCaller;
  /** A call with the root key, and an answer of its own where one is given. */
  send(call: RawCall, answer?: Answer): Promise<RawReply>;
  close(): Promise<void>;
}

/** Model that is served by a channel which speaks a dialect alone. */
export function modelOver(dialect: string): string {
  return `over-${dialect}`;
}

/** How names of models begin that a channel serves whatever stands behind. */
export function wildPrefix(dialect: string): string {
  return `wild-${dialect}-`;
}

/** Dialects of operations beside conversation, each behind a model of its own. */
const otherDialects = ["openai-media", "jina-v1"] as const;

/** Good replies of operations beside conversation, by the upstream's path. */
const plainReplies: readonly (readonly [RegExp, (body: Record<string, unknown>) => unknown])[] = [
  [
    /\/responses\/compact$/,
    () => ({
      id: "resp_1",
      object: "response.compaction",
      output: [],
      usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 },
    }),
  ],
  [/\/responses\/input_tokens$/, () => ({ object: "response.input_tokens", input_tokens: 5 })],
  [/\/count_tokens$/, () => ({ input_tokens: 5 })],
  [/:countTokens$/, () => ({ totalTokens: 5 })],
  [/:embedContent$/, () => ({ embedding: { values: [0.1, 0.2] } })],
  [
    /:batchEmbedContents$/,
    ({ requests }) => ({ embeddings: asList(requests).map(() => ({ values: [0.1, 0.2] })) }),
  ],
  [
    /\/embeddings$/,
    ({ input, model }) => ({
      object: "list",
      model,
      data: (typeof input === "string" ? [input] : asList(input)).map((_, index) => ({
        object: "embedding",
        index,
        embedding: [0.1, 0.2],
      })),
      usage: { prompt_tokens: 1, total_tokens: 1 },
    }),
  ],
  [
    /\/v2\/embed$/,
    ({ texts, inputs }) => ({
      id: "e1",
      embeddings: { float: asList(texts ?? inputs).map(() => [0.1, 0.2]) },
      meta: { billed_units: { input_tokens: 1 } },
    }),
  ],
  [
    /\/api\/embed$/,
    ({ input, model }) => ({
      model,
      embeddings: (typeof input === "string" ? [input] : asList(input)).map(() => [0.1, 0.2]),
      prompt_eval_count: 1,
    }),
  ],
  [
    /\/rerank$/,
    () => ({ results: [{ index: 0, relevance_score: 0.5 }], usage: { total_tokens: 3 } }),
  ],
  [
    /\/moderations$/,
    () => ({
      id: "modr-1",
      model: "m",
      results: [{ flagged: false, categories: {}, category_scores: {} }],
    }),
  ],
  [/\/images\//, () => ({ created: 1, data: [{ b64_json: "AAAA" }] })],
  [/\/audio\/(?:transcriptions|translations)$/, () => ({ text: "hi" })],
  [
    /\/completions$/,
    ({ model }) => ({
      id: "cmpl-1",
      object: "text_completion",
      model,
      choices: [{ index: 0, text: "hi", finish_reason: "stop", logprobs: null }],
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    }),
  ],
];

const chatPaths: readonly (readonly [RegExp, StreamedDialect])[] = [
  [/\/chat\/completions$/, "openai-chat"],
  [/\/responses$/, "openai-responses"],
  [/\/messages$/, "anthropic-messages"],
  [/:(?:generateContent|streamGenerateContent)$/, "gemini-content"],
  [/\/converse(?:-stream)?$/, "bedrock-converse"],
  [/\/v2\/chat$/, "cohere-v2"],
  [/\/api\/chat$/, "ollama-chat"],
];

const errorShapes = {
  "openai-chat": "openai",
  "openai-responses": "openai",
  "anthropic-messages": "anthropic",
  "gemini-content": "google",
  "bedrock-converse": "aws",
  "cohere-v2": "cohere",
  "ollama-chat": "ollama",
} as const;

/** What a vendor answers on a path, where it answers by one JSON object; undefined: no such path. */
export function goodReply(pathname: string, body: Record<string, unknown>): object | undefined {
  const make = plainReplies.find(([pattern]) => pattern.test(pathname))?.[1];
  return make?.(body) as object | undefined;
}

/** Answers as a vendor that has nothing to complain of but bodies that are no JSON objects. */
export function answerWell(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
  const { pathname } = new URL(request.url ?? "/", "http://vendor");
  const chat = chatPaths.find(([pattern]) => pattern.test(pathname))?.[1];
  if (pathname.endsWith("/audio/speech")) {
    response.writeHead(200, { "content-type": "audio/mpeg" });
    return void response.end("ID3 not really");
  }
  const isForm = (request.headers["content-type"] ?? "").startsWith("multipart/");
  let parsed: Record<string, unknown> | undefined;
  try {
    const value: unknown = isForm ? {} : JSON.parse(body.toString());
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      parsed = value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  if (parsed === undefined) {
    const told = tellError(errorShapes[chat ?? "openai-chat"], 400, "that is no JSON object");
    response.writeHead(told.status, told.headers);
    return void response.end(told.body);
  }
  if (chat !== undefined) {
    const streamed = /stream/i.test(pathname) || parsed["stream"] === true;
    const turn = sayTurn(chat, { text: "Good answer, 名." }, streamed);
    response.writeHead(200, { "content-type": turn.contentType });
    return void response.end(turn.body);
  }
  const plain = goodReply(pathname, parsed);
  response.writeHead(plain === undefined ? 404 : 200, { "content-type": "application/json" });
  response.end(JSON.stringify(plain ?? { error: { message: "no such path" } }));
}

/** A heap so small that whatever is kept of each call ends the process soon. */
export const smallHeap = { NODE_OPTIONS: "--max-old-space-size=384" };

/** Starts all of it. `env`: of the gateway. */
export async function openBench(env: Readonly<Record<string, string>> = {}): Promise<Bench> {
  const answers = new Map<string, Answer>();
  const server = createServer((request, response) => {
    response.on("error", () => undefined);
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => void pieces.push(piece));
    request.on("end", () => {
      const answer = answers.get(String(request.headers["traceparent"]));
      const body = Buffer.concat(pieces);
      if (answer !== undefined) answer(response, request, body);
      else answerWell(request, body, response);
    });
    request.on("error", () => undefined);
  });
  // As balancers of vendors do: longer than the gateway keeps a connection for later.
  server.keepAliveTimeout = 65_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const node = await startNode({ env });
  for (const dialect of [...streamedDialects, ...otherDialects]) {
    const { baseUrl, options } = channelSpeaking(dialect, origin);
    await write(node, "POST", "/api/channels", {
      name: dialect,
      provider: "custom",
      baseUrl,
      ...options,
      models: [modelOver(dialect), `${wildPrefix(dialect)}*`],
      credentials: ["vendor-secret"],
    });
  }
  const caller = makeRawCaller(node.url);
  let count = 0;
  return {
    origin,
    node,
    caller,
    send: async (call, answer) => {
      count += 1;
      const traceparent = `00-${String(count).padStart(32, "0")}-0000000000000001-01`;
      if (answer !== undefined) answers.set(traceparent, answer);
      try {
        return await caller.send({
          ...call,
          headers: {
            authorization: `Bearer ${rootKey}`,
            "content-type": "application/json",
            traceparent,
            ...call.headers,
          },
        });
      } finally {
        answers.delete(traceparent);
      }
    },
    close: async () => {
      caller.close();
      await node[Symbol.asyncDispose]();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface ErrorFields {
  readonly message: unknown;
  readonly code?: unknown;
}

/** The error of a reply in its API's own shape; throws where it has another. */
export function readErrorBody(dialect: FrontId, status: number, body: Buffer): ErrorFields {
  const told = asObject(JSON.parse(body.toString()));
  const inner = asObject(told["error"]);
  const isText = (value: unknown): boolean => typeof value === "string" && value !== "";
  const fail = (why: string): never => assert.fail(`${why}: ${body.toString("utf8", 0, 500)}`);
  switch (dialect) {
    case "openai-chat":
    case "openai-responses":
    case "openai-media": {
      if (!isText(inner["message"]) || !isText(inner["type"])) fail("no error of OpenAI's");
      for (const name of ["param", "code"])
        if (inner[name] !== null && typeof inner[name] !== "string") fail(`${name} is no string`);
      return { message: inner["message"], code: inner["code"] };
    }
    case "anthropic-messages":
      if (told["type"] !== "error" || !isText(inner["type"]) || !isText(inner["message"]))
        fail("no error of Anthropic's");
      return { message: inner["message"], code: inner["code"] };
    case "gemini-content": {
      if (inner["code"] !== status || !isText(inner["message"]) || !isText(inner["status"]))
        fail("no error of Google's");
      const info = asList(inner["details"])
        .map(asObject)
        .find((detail) => "reason" in detail);
      return { message: inner["message"], code: info?.["reason"] };
    }
    case "cohere-v2":
      if (!isText(told["message"])) fail("no error of Cohere's");
      return { message: told["message"], code: told["code"] };
    case "jina-v1":
      if (!isText(told["detail"])) fail("no error of Jina's");
      return { message: told["detail"], code: told["code"] };
  }
}

/** Vital signs of the process. */
export interface Vitals {
  /** Open descriptors: sockets, files. */
  readonly handles: number;
  /** Resident memory in MB. */
  readonly residentMb: number;
  /** Processor time used so far: what a busy machine makes slow takes no more of it. */
  readonly cpuSeconds: number;
}

/** What /proc counts processor time in. */
const ticksASecond = 100;

export function vitalsOf({ pid }: GatewayNode): Vitals {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
  // Behind the program's name, which may hold blanks.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return {
    handles: readdirSync(`/proc/${pid}/fd`).length,
    residentMb: kilobytes / 1024,
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksASecond,
  };
}

/** Lines of the log that nothing a caller or an upstream does may lead to. */
export function alarmsOf(node: GatewayNode): string[] {
  return node
    .output()
    .split("\n")
    .filter((line) => {
      if (!line.startsWith("{")) return line.trim() !== "" && /error|warning|unhandled/i.test(line);
      const entry = JSON.parse(line) as { level: number; kind?: string; msg?: string };
      return entry.level >= 50 || entry.kind === "internal";
    });
}

/** Asserts that calls took no more of the processor than such calls do: none of them made it think in circles. */
export function assertCheap(bench: Bench, before: Vitals, calls: number): void {
  const spent = vitalsOf(bench.node).cpuSeconds - before.cpuSeconds;
  assert.ok(spent < 4 + calls * 0.03, `${calls} calls took ${spent.toFixed(1)} s of the processor`);
}

/** Asserts that the process answers as ever, has no alarm to tell, and holds no more than it did before. */
export async function assertCalm(bench: Bench, before: Vitals, allowedMb = 250): Promise<void> {
  const { node } = bench;
  assert.deepEqual(alarmsOf(node).slice(0, 3), []);
  for (const dialect of ["openai-chat", "anthropic-messages", "bedrock-converse"]) {
    const reply = await bench.send({
      path: "/v1/chat/completions",
      body: JSON.stringify({
        model: modelOver(dialect),
        messages: [{ role: "user", content: "still there?" }],
      }),
    });
    assert.equal(reply.status, 200, reply.body.toString());
    assert.match(reply.body.toString(), /Good answer, 名\./);
  }
  // Idle connections, to callers and to the upstream, are few and of no account.
  await waitFor("handles are back", 10_000, () => vitalsOf(node).handles <= before.handles + 60);
  const { residentMb } = vitalsOf(node);
  assert.ok(
    residentMb < before.residentMb + allowedMb,
    `${residentMb.toFixed(0)} MB resident, ${before.residentMb.toFixed(0)} MB before`,
  );
}
