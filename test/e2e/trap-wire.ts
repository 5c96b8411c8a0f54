/** One node in front of one vendor that is played by bytes, for tests of single traps: what is asked, sent and told. */
import type { TestContext } from "node:test";
import { type Behaviour, type FakeUpstream, json, openFakeUpstream } from "../fakes/upstream.ts";
import { asList, asObject } from "../fakes/scripted/turn.ts";
import {
  type ChannelSpec,
  type Yard,
  type YardSpec,
  closing,
  openYard,
  testKey,
} from "./call-harness.ts";
import { payloads } from "./fronts.ts";

export type Fields = Record<string, unknown>;
export const objects = (value: unknown): Fields[] =>
  asList(value).map((one) => ({ ...asObject(one) }));

export type Front = "chat" | "responses" | "messages" | "gemini";

export interface Got {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Fields;
  /** Payloads of a stream's events. */
  readonly events: readonly Fields[];
}

export interface Wire {
  readonly yard: Yard;
  readonly vendor: FakeUpstream;
  ask(front: Front, body: Fields, headers?: Record<string, string>): Promise<Got>;
  /** Asks and fails on any status but 200. */
  send(front: Front, body: Fields, headers?: Record<string, string>): Promise<Fields>;
  /** The body of the vendor's last request. */
  sent(): Fields;
}

export interface WireSpec {
  readonly dialect: string;
  readonly provider?: string;
  /** Name that is sent; left out: the one that is asked for. */
  readonly model?: string;
  readonly behaviour?: Behaviour;
  readonly channel?: Partial<ChannelSpec>;
  /** Prices, groups, the key. */
  readonly yard?: Partial<YardSpec>;
}

export const usage = { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 };

const plainReplies: Readonly<Record<string, object>> = {
  "openai-chat": {
    id: "c1",
    object: "chat.completion",
    created: 1_700_000_000,
    model: "m",
    choices: [{ index: 0, message: { role: "assistant", content: "ok" }, finish_reason: "stop" }],
    usage,
  },
  "openai-responses": {
    id: "resp_1",
    object: "response",
    created_at: 1_700_000_000,
    status: "completed",
    model: "m",
    output: [
      {
        id: "msg_1",
        type: "message",
        role: "assistant",
        status: "completed",
        content: [{ type: "output_text", text: "ok", annotations: [] }],
      },
    ],
    usage: { input_tokens: 7, output_tokens: 2, total_tokens: 9 },
  },
  "anthropic-messages": {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "m",
    content: [{ type: "text", text: "ok" }],
    stop_reason: "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 7, output_tokens: 2 },
  },
  "gemini-content": {
    candidates: [
      { content: { role: "model", parts: [{ text: "ok" }] }, finishReason: "STOP", index: 0 },
    ],
    usageMetadata: { promptTokenCount: 7, candidatesTokenCount: 2, totalTokenCount: 9 },
    modelVersion: "m",
  },
  "bedrock-converse": {
    output: { message: { role: "assistant", content: [{ text: "ok" }] } },
    stopReason: "end_turn",
    usage: { inputTokens: 7, outputTokens: 2, totalTokens: 9 },
  },
  "cohere-v2": {
    id: "c1",
    message: { role: "assistant", content: [{ type: "text", text: "ok" }] },
    finish_reason: "COMPLETE",
    usage: { tokens: { input_tokens: 7, output_tokens: 2 } },
  },
  "ollama-chat": {
    model: "m",
    message: { role: "assistant", content: "ok" },
    done: true,
    done_reason: "stop",
    prompt_eval_count: 7,
    eval_count: 2,
  },
};

const paths: Readonly<Record<Front, (model: string, stream: boolean) => string>> = {
  chat: () => "/v1/chat/completions",
  responses: () => "/v1/responses",
  messages: () => "/v1/messages",
  gemini: (model, stream) =>
    `/v1beta/models/${model}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
};

/** What each API demands of every request. */
const bare: Readonly<Record<Front, Fields>> = {
  chat: { messages: [{ role: "user", content: "hi" }] },
  responses: { input: "hi", store: false },
  messages: { max_tokens: 5000, messages: [{ role: "user", content: "hi" }] },
  gemini: { contents: [{ role: "user", parts: [{ text: "hi" }] }] },
};

export async function openWire(t: TestContext, spec: WireSpec): Promise<Wire> {
  const { dialect, provider = "custom", model } = spec;
  const answer = spec.behaviour ?? json(plainReplies[dialect]);
  const vendor = closing(t, await openFakeUpstream(answer));
  const channel: ChannelSpec = {
    baseUrl: provider === "custom" ? vendor.baseUrl.replace(/\/v1$/, "") : vendor.baseUrl,
    provider,
    ...(model === undefined ? {} : { modelMapping: { "own-model": model } }),
    ...spec.channel,
    options: { dialects: [dialect], ...spec.channel?.options },
  };
  const yard = await openYard(t, { ...spec.yard, channels: [channel] });
  const ask: Wire["ask"] = async (front, body, headers = {}) => {
    const { stream = false, ...rest } = body;
    const streams = stream === true;
    const told = {
      ...bare[front],
      ...(front === "gemini" ? rest : { model: "own-model", ...body }),
    };
    const response = await fetch(yard.url + paths[front]("own-model", streams), {
      method: "POST",
      headers: {
        authorization: `Bearer ${testKey}`,
        "content-type": "application/json",
        ...(front === "messages" ? { "anthropic-version": "2023-06-01" } : {}),
        ...headers,
      },
      body: JSON.stringify(told),
    });
    const text = await response.text();
    const isStream = (response.headers.get("content-type") ?? "").includes("event-stream");
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: isStream ? {} : (JSON.parse(text) as Fields),
      events: isStream ? payloads(text) : [],
    };
  };
  return {
    yard,
    vendor,
    ask,
    send: async (front, body, headers) => {
      const got = await ask(front, body, headers);
      if (got.status !== 200) throw new Error(`${got.status}: ${got.text}`);
      return got.body;
    },
    sent: () => JSON.parse(vendor.requests.at(-1)!.body.toString()) as Fields,
  };
}

/** Events of an unnamed SSE stream. */
export const sse = (...events: readonly (object | string)[]): string[] =>
  events.map((event) => `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`);

/** Events with names, as Anthropic's and OpenAI's Responses have them. */
export const named = (...events: readonly Fields[]): string[] =>
  events.map((event) => `event: ${String(event["type"])}\ndata: ${JSON.stringify(event)}\n\n`);

/** One chunk of chat completions. */
export function chunk(delta: object, finish: string | null = null, more: object = {}): object {
  return {
    id: "c1",
    object: "chat.completion.chunk",
    created: 1_700_000_000,
    model: "m",
    choices: [{ index: 0, delta, finish_reason: finish }],
    ...more,
  };
}

/** What a stream or a whole answer called, whatever the API. */
export function callsOf(
  front: Front,
  got: Got,
): { name: string; arguments: unknown; id: unknown }[] {
  const read = readers[front];
  return read(got).map(({ name, text, id }) => ({
    name,
    id,
    arguments: typeof text === "string" ? (JSON.parse(text) as unknown) : text,
  }));
}

interface Call {
  readonly name: string;
  readonly text: unknown;
  readonly id: unknown;
}

const readers: Readonly<Record<Front, (got: Got) => Call[]>> = {
  chat: ({ body, events }) => {
    const calls: { name: string; text: string; id: unknown }[] = [];
    const deltas =
      events.length === 0
        ? [asObject(asObject(asList(body["choices"])[0])["message"])]
        : events.map((event) => asObject(asObject(asList(event["choices"])[0])["delta"]));
    for (const delta of deltas)
      for (const [at, one] of objects(delta["tool_calls"]).entries()) {
        const fn = asObject(one["function"]);
        const index = typeof one["index"] === "number" ? one["index"] : at;
        const call = (calls[index] ??= { name: "", text: "", id: one["id"] });
        call.name += String(fn["name"] ?? "");
        call.text += String(fn["arguments"] ?? "");
      }
    return calls;
  },
  responses: ({ body, events }) => {
    const output =
      events.length === 0
        ? objects(body["output"])
        : events
            .filter(({ type }) => type === "response.output_item.done")
            .map((event) => asObject(event["item"]));
    return output
      .filter(({ type }) => type === "function_call")
      .map((item) => ({
        name: String(item["name"]),
        text: item["arguments"],
        id: item["call_id"],
      }));
  },
  messages: ({ body, events }) => {
    if (events.length === 0)
      return objects(body["content"])
        .filter(({ type }) => type === "tool_use")
        .map(({ name, input, id }) => ({ name: String(name), text: input, id }));
    const blocks = new Map<unknown, { name: string; text: string; id: unknown }>();
    for (const event of events) {
      const block = asObject(event["content_block"]);
      if (block["type"] === "tool_use")
        blocks.set(event["index"], { name: String(block["name"]), text: "", id: block["id"] });
      const call = blocks.get(event["index"]);
      const piece = asObject(event["delta"])["partial_json"];
      if (call !== undefined && typeof piece === "string") call.text += piece;
    }
    return [...blocks.values()].map((call) => ({ ...call, text: call.text || "{}" }));
  },
  gemini: ({ body, events }) =>
    (events.length === 0 ? [body] : events)
      .flatMap((one) =>
        objects(asObject(asObject(asList(one["candidates"])[0])["content"])["parts"]),
      )
      .filter((part) => "functionCall" in part)
      .map((part) => asObject(part["functionCall"]))
      .map(({ name, args, id }) => ({ name: String(name), text: args, id })),
};
