/** What callers of the four conversational APIs ask the conformance suite's questions with, and all that they are told. */
import type { FrontId } from "../../src/wire/call.ts";
import { testKey } from "../e2e/call-harness.ts";
import { type Front, type Understood, fronts, payloads } from "../e2e/fronts.ts";
import type { SpokenTurn } from "../fakes/scripted/history.ts";
import { asList, asObject, cut } from "../fakes/scripted/turn.ts";

type Fields = Readonly<Record<string, unknown>>;

/** A tool call of the history and what it gave. */
export interface PastCall {
  readonly name: string;
  readonly arguments: Fields;
  readonly result: string;
}

export interface Question {
  readonly model: string;
  readonly stream: boolean;
  readonly turns: readonly SpokenTurn[];
  readonly system?: string;
  readonly tools?: boolean;
  /** Called in one turn after the last of `turns`, and answered. */
  readonly past?: readonly PastCall[];
  /** A picture beside the last words of the user, base64 of a PNG. */
  readonly image?: string;
}

/** The tools that are offered: one with nested parameters, one without any. */
export const tools = [
  {
    name: "weather",
    description: "Weather of a place",
    parameters: {
      type: "object",
      properties: {
        city: { type: "string" },
        days: { type: "array", items: { type: "integer" } },
        unit: { type: "object", properties: { kind: { type: "string", enum: ["°C", "°F"] } } },
      },
      required: ["city"],
    },
  },
  { name: "clock", description: "The time", parameters: { type: "object", properties: {} } },
] as const;

const limit = 200;

/** The words of a turn, with the picture where it has one. */
type Speak = (turn: SpokenTurn, image: string | undefined) => unknown;

function spoken(question: Question, speak: Speak): unknown[] {
  const last = question.turns.length - 1;
  return question.turns.map((turn, index) =>
    speak(turn, index === last ? question.image : undefined),
  );
}

const idOf = (prefix: string, index: number): string => `${prefix}_past_${index}`;

function chatBody(question: Question): Fields {
  const { past = [] } = question;
  const calls = past.map((call, index) => ({
    id: idOf("call", index),
    type: "function",
    function: { name: call.name, arguments: JSON.stringify(call.arguments) },
  }));
  const url = `data:image/png;base64,${question.image}`;
  return {
    messages: [
      ...(question.system === undefined ? [] : [{ role: "system", content: question.system }]),
      ...spoken(question, ({ role, text }, image) => ({
        role,
        content:
          image === undefined
            ? text
            : [
                { type: "text", text },
                { type: "image_url", image_url: { url } },
              ],
      })),
      ...(calls.length === 0 ? [] : [{ role: "assistant", content: null, tool_calls: calls }]),
      ...past.map(({ result }, index) => ({
        role: "tool",
        tool_call_id: idOf("call", index),
        content: result,
      })),
    ],
    max_completion_tokens: limit,
    ...(question.stream ? { stream_options: { include_usage: true } } : {}),
    ...(question.tools === true
      ? { tools: tools.map((tool) => ({ type: "function", function: tool })) }
      : {}),
  };
}

function responsesBody(question: Question): Fields {
  const { past = [] } = question;
  return {
    ...(question.system === undefined ? {} : { instructions: question.system }),
    input: [
      ...spoken(question, ({ role, text }, image) => ({
        role,
        content:
          image === undefined
            ? text
            : [
                { type: "input_text", text },
                { type: "input_image", image_url: `data:image/png;base64,${image}` },
              ],
      })),
      ...past.map((call, index) => ({
        type: "function_call",
        call_id: idOf("call", index),
        name: call.name,
        arguments: JSON.stringify(call.arguments),
      })),
      ...past.map(({ result }, index) => ({
        type: "function_call_output",
        call_id: idOf("call", index),
        output: result,
      })),
    ],
    store: false,
    max_output_tokens: limit,
    ...(question.tools === true
      ? { tools: tools.map((tool) => ({ type: "function", ...tool, strict: false })) }
      : {}),
  };
}

function messagesBody(question: Question): Fields {
  const { past = [] } = question;
  const uses = past.map((call, index) => ({
    type: "tool_use",
    id: idOf("toolu", index),
    name: call.name,
    input: call.arguments,
  }));
  const results = past.map(({ result }, index) => ({
    type: "tool_result",
    tool_use_id: idOf("toolu", index),
    content: result,
  }));
  const source = { type: "base64", media_type: "image/png", data: question.image };
  return {
    ...(question.system === undefined ? {} : { system: question.system }),
    messages: [
      ...spoken(question, ({ role, text }, image) => ({
        role,
        content:
          image === undefined
            ? text
            : [
                { type: "text", text },
                { type: "image", source },
              ],
      })),
      ...(uses.length === 0 ? [] : [{ role: "assistant", content: uses }]),
      ...(uses.length === 0 ? [] : [{ role: "user", content: results }]),
    ],
    max_tokens: limit,
    ...(question.tools === true
      ? {
          tools: tools.map(({ parameters, ...tool }) => ({ ...tool, input_schema: parameters })),
        }
      : {}),
  };
}

function geminiBody(question: Question): Fields {
  const { past = [] } = question;
  const calls = past.map(({ name, arguments: args }) => ({ functionCall: { name, args } }));
  const results = past.map(({ name, result }) => ({
    functionResponse: { name, response: { result } },
  }));
  return {
    ...(question.system === undefined
      ? {}
      : { systemInstruction: { parts: [{ text: question.system }] } }),
    contents: [
      ...spoken(question, ({ role, text }, image) => ({
        role: role === "user" ? "user" : "model",
        parts: [
          { text },
          ...(image === undefined ? [] : [{ inlineData: { mimeType: "image/png", data: image } }]),
        ],
      })),
      ...(calls.length === 0 ? [] : [{ role: "model", parts: calls }]),
      ...(calls.length === 0 ? [] : [{ role: "user", parts: results }]),
    ],
    generationConfig: { maxOutputTokens: limit },
    ...(question.tools === true
      ? {
          tools: [
            {
              functionDeclarations: tools.map(({ parameters, ...tool }) => ({
                ...tool,
                parametersJsonSchema: parameters,
              })),
            },
          ],
        }
      : {}),
  };
}

export type Finish = "stop" | "length" | "tools" | "other";

const finishWords: Readonly<Record<string, Finish>> = {
  stop: "stop",
  end_turn: "stop",
  STOP: "stop",
  length: "length",
  max_tokens: "length",
  max_output_tokens: "length",
  MAX_TOKENS: "length",
  tool_calls: "tools",
  tool_use: "tools",
};

/** Tokens as a caller is told them. */
export interface SeenTokens {
  /** Those of caches included. */
  readonly input: number;
  readonly cached: number;
  readonly output: number;
}

/** What a caller is told beside what fronts.ts reads: of a whole reply, or of all events of a stream. */
interface Reading {
  finish(told: readonly Fields[]): Finish;
  tokens(told: readonly Fields[]): SeenTokens | undefined;
  /** Pieces that arguments of tool calls came in. */
  fragments(told: readonly Fields[]): number;
}

const word = (value: unknown): Finish => finishWords[String(value)] ?? "other";

function lastUsage(told: readonly Fields[], find: (event: Fields) => unknown): Fields | undefined {
  const found = told.map(find).findLast((usage) => typeof usage === "object" && usage !== null);
  return found === undefined ? undefined : asObject(found);
}

const count = (value: unknown): number => Number(value ?? 0);

const chatReading: Reading = {
  finish: (told) => {
    const choices = told.flatMap((event) => asList(event["choices"]).map(asObject));
    return word(choices.map((choice) => choice["finish_reason"]).findLast((one) => one != null));
  },
  tokens: (told) => {
    const usage = lastUsage(told, (event) => event["usage"]);
    if (usage === undefined) return undefined;
    return {
      input: count(usage["prompt_tokens"]),
      cached: count(asObject(usage["prompt_tokens_details"])["cached_tokens"]),
      output: count(usage["completion_tokens"]),
    };
  },
  fragments: (told) =>
    told
      .flatMap((event) =>
        asList(asObject(asObject(asList(event["choices"])[0])["delta"])["tool_calls"]),
      )
      .filter((call) => Boolean(asObject(asObject(call)["function"])["arguments"])).length,
};

const responseOf = (told: readonly Fields[]): Fields =>
  asObject(told.at(-1)?.["response"] ?? told.at(-1));

const responsesReading: Reading = {
  finish: (told) => {
    const response = responseOf(told);
    if (response["status"] === "incomplete")
      return word(asObject(response["incomplete_details"])["reason"]);
    const calls = asList(response["output"]).some(
      (item) => asObject(item)["type"] === "function_call",
    );
    return response["status"] !== "completed" ? "other" : calls ? "tools" : "stop";
  },
  tokens: (told) => {
    const usage = responseOf(told)["usage"];
    if (typeof usage !== "object" || usage === null) return undefined;
    return {
      input: count(asObject(usage)["input_tokens"]),
      cached: count(asObject(asObject(usage)["input_tokens_details"])["cached_tokens"]),
      output: count(asObject(usage)["output_tokens"]),
    };
  },
  fragments: (told) =>
    told.filter((event) => event["type"] === "response.function_call_arguments.delta").length,
};

const messagesReading: Reading = {
  finish: (told) => {
    const reasons = told.map(
      (event) => asObject(event["delta"])["stop_reason"] ?? event["stop_reason"],
    );
    return word(reasons.findLast((one) => one != null));
  },
  tokens: (told) => {
    // What the last event leaves out, the first one told.
    const start = lastUsage(told, (event) => asObject(event["message"])["usage"]);
    const end = lastUsage(told, (event) => event["usage"]);
    if (start === undefined && end === undefined) return undefined;
    const usage = { ...start, ...end };
    const cached = count(usage["cache_read_input_tokens"]);
    const written = count(usage["cache_creation_input_tokens"]);
    const input = count(usage["input_tokens"]) + cached + written;
    return { input, cached, output: count(usage["output_tokens"]) };
  },
  fragments: (told) =>
    told.filter((event) => Boolean(asObject(event["delta"])["partial_json"])).length,
};

const geminiReading: Reading = {
  finish: (told) => {
    const candidates = told.flatMap((event) => asList(event["candidates"]).map(asObject));
    const calls = candidates.some((candidate) =>
      asList(asObject(candidate["content"])["parts"]).some(
        (part) => "functionCall" in asObject(part),
      ),
    );
    const reason = word(
      candidates.map((candidate) => candidate["finishReason"]).findLast((one) => one != null),
    );
    return reason === "stop" && calls ? "tools" : reason;
  },
  tokens: (told) => {
    const usage = lastUsage(told, (event) => event["usageMetadata"]);
    if (usage === undefined) return undefined;
    return {
      input: count(usage["promptTokenCount"]),
      cached: count(usage["cachedContentTokenCount"]),
      output: count(usage["candidatesTokenCount"]) + count(usage["thoughtsTokenCount"]),
    };
  },
  fragments: () => 1,
};

interface Tongue {
  readonly body: (question: Question) => Fields;
  readonly reading: Reading;
}

const tongues: Readonly<Partial<Record<FrontId, Tongue>>> = {
  "openai-chat": { body: chatBody, reading: chatReading },
  "openai-responses": { body: responsesBody, reading: responsesReading },
  "anthropic-messages": { body: messagesBody, reading: messagesReading },
  "gemini-content": { body: geminiBody, reading: geminiReading },
};

/** A caller of one API. */
export interface Caller {
  readonly id: FrontId;
  readonly front: Front;
}

export const callers: readonly Caller[] = fronts.map((front) => ({ id: front.id, front }));

/** `interleaved-…` is known to all that list what they know; the other one to nobody. */
export const askedBetas = ["interleaved-thinking-2025-05-14", "unheard-of-2031-01-01"] as const;

/** What careless callers send along: none of it is the vendor's business. */
const baggage: Readonly<Record<string, string>> = {
  cookie: "session=CALLER-SECRET",
  "openai-organization": "org-CALLER-SECRET",
  "openai-project": "proj_CALLER-SECRET",
  "x-forwarded-for": "203.0.113.9",
  "x-goog-user-project": "CALLER-SECRET",
};

export interface Heard {
  readonly status: number;
  readonly headers: Headers;
  readonly raw: string;
  readonly understood: Understood;
  readonly finish: Finish;
  readonly tokens: SeenTokens | undefined;
  readonly fragments: number;
}

/** Asks a node and reads all of the answer. */
export async function ask(url: string, caller: Caller, question: Question): Promise<Heard> {
  const { front } = caller;
  const tongue = tongues[caller.id];
  if (tongue === undefined) throw new Error(`nobody asks in ${caller.id}`);
  const { stream, model } = question;
  const isClaudes = caller.id === "anthropic-messages";
  const inBody = caller.id === "gemini-content" ? {} : { model, ...(stream ? { stream } : {}) };
  const response = await fetch(url + front.path({ stream, model }), {
    method: "POST",
    headers: {
      authorization: `Bearer ${testKey}`,
      "content-type": "application/json",
      ...front.headers,
      ...baggage,
      ...(isClaudes ? { "anthropic-beta": askedBetas.join(",") } : {}),
    },
    body: JSON.stringify({ ...inBody, ...tongue.body(question) }),
  });
  const raw = await response.text();
  const isStream = (response.headers.get("content-type") ?? "").includes("event-stream");
  const told = isStream ? payloads(raw) : [JSON.parse(raw) as Fields];
  return {
    status: response.status,
    headers: response.headers,
    raw,
    understood: isStream ? front.readStream(told, raw) : front.readWhole(told[0] ?? {}),
    finish: tongue.reading.finish(told),
    tokens: tongue.reading.tokens(told),
    fragments: tongue.reading.fragments(told),
  };
}

/** How many pieces a text is cut into by the scripted vendors. */
export const piecesOf = (text: string): number => cut(text).length;
