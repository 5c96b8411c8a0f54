/** Callers of the four conversational APIs: how each asks, and what each understands of an answer. */
import { eventData } from "../../src/core/sse.ts";
import { SseFramer } from "../../src/core/sse.ts";
import type { FrontId } from "../../src/wire/call.ts";
import { asList, asObject, textOf } from "../fakes/scripted/turn.ts";

type Fields = Readonly<Record<string, unknown>>;

export interface Ask {
  readonly stream?: boolean;
  readonly tools?: boolean;
  readonly model?: string;
  /** Further members of the body. */
  readonly more?: Fields;
}

/** What a caller understood. */
export interface Understood {
  readonly text: string;
  readonly calls: readonly { readonly name: string; readonly arguments: unknown }[];
  readonly model: string | undefined;
  /** Whether the answer looks whole to this API's clients. */
  readonly whole: boolean;
  /** The error that was told, as text; empty: none. */
  readonly error: string;
  readonly tokens: { readonly input: number; readonly output: number } | undefined;
}

export interface Front {
  readonly id: FrontId;
  readonly headers: Readonly<Record<string, string>>;
  path(ask: Ask): string;
  body(ask: Ask): Fields;
  readWhole(body: Fields): Understood;
  readStream(events: readonly Fields[], text: string): Understood;
}

const parameters = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
};

/** The payloads of a stream's events; terminators that are no JSON are left out. */
export function payloads(text: string): Fields[] {
  const events: Fields[] = [];
  const framer = new SseFramer((event) => {
    const data = eventData(event)?.toString() ?? "";
    if (data !== "" && data !== "[DONE]") events.push(JSON.parse(data) as Fields);
  });
  framer.push(Buffer.from(text));
  return events;
}

const counted = (input: unknown, output: unknown): Understood["tokens"] =>
  typeof input === "number" ? { input, output: Number(output) } : undefined;

const chat: Front = {
  id: "openai-chat",
  headers: {},
  path: () => "/v1/chat/completions",
  body: (ask) => ({
    model: ask.model ?? "own-model",
    messages: [{ role: "user", content: "hi" }],
    ...(ask.stream === true ? { stream: true, stream_options: { include_usage: true } } : {}),
    ...(ask.tools === true
      ? { tools: [{ type: "function", function: { name: "weather", parameters } }] }
      : {}),
    ...ask.more,
  }),
  readWhole: (body) => {
    const choice = asObject(asList(body["choices"])[0]);
    const message = asObject(choice["message"]);
    const usage = asObject(body["usage"]);
    return {
      text: textOf(message["content"]),
      calls: asList(message["tool_calls"]).map((call) => {
        const fn = asObject(asObject(call)["function"]);
        return { name: String(fn["name"]), arguments: JSON.parse(String(fn["arguments"])) };
      }),
      model: body["model"] as string,
      whole: typeof choice["finish_reason"] === "string",
      error: textOf(asObject(body["error"])["message"]),
      tokens: counted(usage["prompt_tokens"], usage["completion_tokens"]),
    };
  },
  readStream: (events, raw) => {
    let text = "";
    let error = "";
    let finished = false;
    let tokens: Understood["tokens"];
    const calls: { name: string; text: string }[] = [];
    for (const event of events) {
      error += textOf(asObject(event["error"])["message"]);
      const usage = asObject(event["usage"]);
      tokens = counted(usage["prompt_tokens"], usage["completion_tokens"]) ?? tokens;
      const choice = asObject(asList(event["choices"])[0]);
      finished ||= typeof choice["finish_reason"] === "string";
      const delta = asObject(choice["delta"]);
      text += textOf(delta["content"]);
      for (const one of asList(delta["tool_calls"]).map(asObject)) {
        const fn = asObject(one["function"]);
        const call = (calls[Number(one["index"])] ??= { name: "", text: "" });
        call.name += fn["name"] === undefined ? "" : String(fn["name"]);
        call.text += fn["arguments"] === undefined ? "" : String(fn["arguments"]);
      }
    }
    return {
      text,
      calls: finished
        ? calls.map((call) => ({ name: call.name, arguments: JSON.parse(call.text) as unknown }))
        : [],
      model: events[0]?.["model"] as string,
      whole: raw.endsWith("data: [DONE]\n\n"),
      error,
      tokens,
    };
  },
};

function readResponse(body: Fields): Understood {
  const output = asList(body["output"]).map(asObject);
  const usage = asObject(body["usage"]);
  return {
    text: output
      .filter((item) => item["type"] === "message")
      .map((item) => textOf(item["content"]))
      .join(""),
    calls: output
      .filter((item) => item["type"] === "function_call")
      .map((item) => ({
        name: String(item["name"]),
        arguments: JSON.parse(String(item["arguments"])) as unknown,
      })),
    model: body["model"] as string,
    whole: body["status"] === "completed",
    error: textOf(asObject(body["error"])["message"]),
    tokens: counted(usage["input_tokens"], usage["output_tokens"]),
  };
}

const responses: Front = {
  id: "openai-responses",
  headers: {},
  path: () => "/v1/responses",
  body: (ask) => ({
    model: ask.model ?? "own-model",
    input: [{ role: "user", content: "hi" }],
    store: false,
    ...(ask.stream === true ? { stream: true } : {}),
    ...(ask.tools === true
      ? { tools: [{ type: "function", name: "weather", parameters, strict: false }] }
      : {}),
    ...ask.more,
  }),
  readWhole: readResponse,
  readStream: (events) => {
    const text = events
      .filter((event) => event["type"] === "response.output_text.delta")
      .map((event) => String(event["delta"]))
      .join("");
    const last = events.at(-1) ?? {};
    const whole = last["type"] === "response.completed";
    const ended = readResponse(asObject(last["response"]));
    const failed = last["type"] === "error" ? textOf(last["message"]) : ended.error;
    if (whole && ended.text !== text) throw new Error("the deltas are not the text");
    return { ...ended, text, whole, error: failed };
  },
};

const messages: Front = {
  id: "anthropic-messages",
  headers: { "anthropic-version": "2023-06-01" },
  path: () => "/v1/messages",
  body: (ask) => ({
    model: ask.model ?? "own-model",
    max_tokens: 200,
    messages: [{ role: "user", content: "hi" }],
    ...(ask.stream === true ? { stream: true } : {}),
    ...(ask.tools === true ? { tools: [{ name: "weather", input_schema: parameters }] } : {}),
    ...ask.more,
  }),
  readWhole: (body) => {
    const content = asList(body["content"]).map(asObject);
    const usage = asObject(body["usage"]);
    return {
      text: content
        .filter((block) => block["type"] === "text")
        .map(textOf)
        .join(""),
      calls: content
        .filter((block) => block["type"] === "tool_use")
        .map((block) => ({ name: String(block["name"]), arguments: block["input"] })),
      model: body["model"] as string,
      whole: typeof body["stop_reason"] === "string",
      error: textOf(asObject(body["error"])["message"]),
      tokens: counted(usage["input_tokens"], usage["output_tokens"]),
    };
  },
  readStream: (events) => {
    let text = "";
    let error = "";
    let whole = false;
    let tokens: Understood["tokens"];
    let model: string | undefined;
    const calls: { name: string; json: string }[] = [];
    const blocks: Record<number, { name: string; json: string }> = {};
    for (const event of events) {
      const { type } = event;
      const delta = asObject(event["delta"]);
      const index = Number(event["index"]);
      if (type === "error") error += textOf(asObject(event["error"])["message"]);
      if (type === "message_stop") whole = true;
      if (type === "message_start") model = asObject(event["message"])["model"] as string;
      const block = asObject(event["content_block"]);
      if (type === "content_block_start" && block["type"] === "tool_use")
        calls.push((blocks[index] = { name: String(block["name"]), json: "" }));
      if (delta["type"] === "text_delta") text += String(delta["text"]);
      if (delta["type"] === "input_json_delta")
        blocks[index]!.json += String(delta["partial_json"]);
      const usage = asObject(type === "message_delta" ? event["usage"] : undefined);
      tokens = counted(usage["input_tokens"], usage["output_tokens"]) ?? tokens;
    }
    return {
      text,
      calls: whole
        ? calls.map(({ name, json }) => ({
            name,
            arguments: JSON.parse(json === "" ? "{}" : json) as unknown,
          }))
        : [],
      model,
      whole,
      error,
      tokens,
    };
  },
};

function readCandidates(chunks: readonly Fields[]): Understood {
  let text = "";
  let error = "";
  let whole = false;
  let tokens: Understood["tokens"];
  const calls: { name: string; arguments: unknown }[] = [];
  for (const chunk of chunks) {
    error += textOf(asObject(chunk["error"])["message"]);
    const candidate = asObject(asList(chunk["candidates"])[0]);
    whole ||= typeof candidate["finishReason"] === "string";
    for (const part of asList(asObject(candidate["content"])["parts"]).map(asObject)) {
      if (part["thought"] !== true) text += textOf(part["text"]);
      const call = asObject(part["functionCall"]);
      if (typeof call["name"] === "string")
        calls.push({ name: call["name"], arguments: call["args"] });
    }
    const usage = asObject(chunk["usageMetadata"]);
    const thoughts = Number(usage["thoughtsTokenCount"] ?? 0);
    const output = Number(usage["candidatesTokenCount"] ?? 0) + thoughts;
    tokens = counted(usage["promptTokenCount"], output) ?? tokens;
  }
  const model = chunks[0]?.["modelVersion"] as string;
  return { text, calls, model, whole: whole && error === "", error, tokens };
}

const gemini: Front = {
  id: "gemini-content",
  headers: {},
  path: (ask) => {
    const model = encodeURIComponent(ask.model ?? "own-model");
    return `/v1beta/models/${model}:${ask.stream === true ? "streamGenerateContent?alt=sse" : "generateContent"}`;
  },
  body: (ask) => ({
    contents: [{ role: "user", parts: [{ text: "hi" }] }],
    ...(ask.tools === true
      ? {
          tools: [
            { functionDeclarations: [{ name: "weather", parametersJsonSchema: parameters }] },
          ],
        }
      : {}),
    ...ask.more,
  }),
  readWhole: (body) => readCandidates([body]),
  readStream: (events) => readCandidates(events),
};

export const fronts: readonly Front[] = [chat, responses, messages, gemini];
