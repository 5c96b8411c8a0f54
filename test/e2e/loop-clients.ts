/**
 * Clients in the middle of a tool loop: each keeps its history as its API's official SDK or the frameworks on it do,
 * and brings back what it was given in that way.
 */
import { asList, asObject, textOf } from "../fakes/scripted/turn.ts";
import { tinyPng } from "../fakes/conversations.ts";
import { testKey } from "./call-harness.ts";
import { type ChatKeeper, chatKeepers } from "./chat-keepers.ts";
import { payloads } from "./fronts.ts";

type Fields = Record<string, unknown>;
const objects = (value: unknown): Fields[] => asList(value).map((one) => ({ ...asObject(one) }));

/** What a client understood of one answer. */
export interface Told {
  readonly text: string;
  readonly reasoning: string;
  readonly calls: readonly { readonly name: string; readonly arguments: unknown }[];
}

export interface Result {
  readonly text: string;
  /** Whether an image comes with it. */
  readonly image?: boolean;
}

export interface LoopClient {
  readonly name: string;
  readonly front: string;
  /** Whether it brings back all that it was given. */
  readonly complete: boolean;
  /** Whether it reads thoughts that are streamed. */
  readonly reads: boolean;
  readonly ids: boolean;
  readonly chunked: boolean;
  ask(text: string, image?: boolean): void;
  /** Results of the last calls, in their order. */
  answer(results: readonly Result[]): void;
  send(url: string, streamed: boolean): Promise<Told>;
  /** Sends the last request once more, to another node, and reads no answer. */
  again(url: string): Promise<void>;
}

const parameters = { type: "object", properties: { key: { type: "string" } }, required: ["key"] };
const toolNames = ["look", "read"];
const system = "You are a careful assistant.";

interface Caller {
  readonly path: (streamed: boolean) => string;
  readonly headers: Record<string, string>;
  readonly body: (streamed: boolean) => Fields;
  readonly whole: (body: Fields) => Told;
  readonly stream: (events: Fields[]) => Told;
}

/** What was sent last, so that it can be sent once more. */
class Sender {
  #path = "";
  #init: RequestInit = {};

  async post(
    url: string,
    path: string,
    headers: Record<string, string>,
    body: Fields,
  ): Promise<Response> {
    this.#path = path;
    this.#init = {
      method: "POST",
      headers: {
        authorization: `Bearer ${testKey}`,
        "content-type": "application/json",
        ...headers,
      },
      body: JSON.stringify(body),
    };
    return await fetch(url + path, this.#init);
  }

  async again(url: string): Promise<void> {
    const response = await fetch(url + this.#path, this.#init);
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${response.status}: ${text}`);
  }
}

async function call(sender: Sender, url: string, streamed: boolean, caller: Caller): Promise<Told> {
  const { path, headers, body } = caller;
  const response = await sender.post(url, path(streamed), headers, body(streamed));
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status}: ${text}`);
  return streamed ? caller.stream(payloads(text)) : caller.whole(JSON.parse(text) as Fields);
}

function chatClient(keeper: ChatKeeper): LoopClient {
  const sender = new Sender();
  const messages: Fields[] = [{ role: "system", content: system }];
  let calls: Fields[] = [];
  const keep = (message: Fields): Told => {
    calls = objects(message["tool_calls"]);
    const kept = keeper.kept(message);
    messages.push(kept);
    return {
      text: textOf(message["content"]),
      reasoning: textOf(message["reasoning_content"] ?? message["reasoning"]),
      calls: calls.map((one) => {
        const fn = asObject(one["function"]);
        return { name: String(fn["name"]), arguments: JSON.parse(String(fn["arguments"])) };
      }),
    };
  };
  const image = { type: "image_url", image_url: { url: `data:image/png;base64,${tinyPng}` } };
  return {
    name: keeper.name,
    front: "openai-chat",
    complete: keeper.complete,
    ids: true,
    chunked: false,
    reads: keeper.reads,
    ask: (text, withImage = false) =>
      void messages.push({
        role: "user",
        content: withImage ? [{ type: "text", text }, image] : text,
      }),
    answer: (results) => {
      for (const [index, { text, image: withImage }] of results.entries())
        messages.push({
          role: "tool",
          tool_call_id: calls[index]?.["id"],
          content: withImage === true ? [{ type: "text", text }, image] : text,
        });
    },
    again: (url) => sender.again(url),
    send: (url, streamed) =>
      call(sender, url, streamed, {
        path: () => "/v1/chat/completions",
        headers: {},
        body: () => ({
          model: "own-model",
          messages,
          max_completion_tokens: 8000,
          reasoning_effort: "medium",
          tools: toolNames.map((name) => ({ type: "function", function: { name, parameters } })),
          ...(streamed ? { stream: true } : {}),
        }),
        whole: (body) => keep({ ...asObject(asObject(asList(body["choices"])[0])["message"]) }),
        stream: (events) => keep(keeper.gathered(events)),
      }),
  };
}

function gatherBlocks(events: readonly Fields[]): Fields[] {
  const blocks: Fields[] = [];
  const partial: string[] = [];
  for (const event of events) {
    const index = Number(event["index"]);
    if (event["type"] === "content_block_start")
      blocks[index] = { ...asObject(event["content_block"]) };
    const block = blocks[index];
    const delta = asObject(event["delta"]);
    if (event["type"] === "content_block_delta" && block !== undefined) {
      if (delta["type"] === "text_delta") block["text"] += String(delta["text"]);
      if (delta["type"] === "thinking_delta") block["thinking"] += String(delta["thinking"]);
      if (delta["type"] === "signature_delta") block["signature"] = delta["signature"];
      if (delta["type"] === "input_json_delta")
        partial[index] = (partial[index] ?? "") + String(delta["partial_json"]);
    }
    if (event["type"] === "content_block_stop" && block?.["type"] === "tool_use")
      block["input"] = JSON.parse((partial[index] ?? "") || "{}");
  }
  return blocks;
}

/** Anthropic's SDKs bring blocks back as they are; agents move the cache marks to the last turns. */
function messagesClient(): LoopClient {
  const sender = new Sender();
  const messages: Fields[] = [];
  let calls: Fields[] = [];
  const keep = (content: Fields[]): Told => {
    messages.push({ role: "assistant", content });
    calls = content.filter(({ type }) => type === "tool_use");
    const thoughts = content.filter(({ type }) => type === "thinking");
    return {
      text: content
        .filter(({ type }) => type === "text")
        .map(textOf)
        .join(""),
      reasoning: thoughts.map(({ thinking }) => String(thinking)).join(""),
      calls: calls.map(({ name, input }) => ({ name: String(name), arguments: input })),
    };
  };
  const image = {
    type: "image",
    source: { type: "base64", media_type: "image/png", data: tinyPng },
  };
  const marked = (): Fields[] =>
    messages.map((message, index) => {
      if (message["role"] !== "user" || index < messages.length - 3) return message;
      const content = objects(message["content"]);
      const last = { ...content.at(-1), cache_control: { type: "ephemeral" } };
      return { ...message, content: [...content.slice(0, -1), last] };
    });
  return {
    name: "anthropic-messages",
    front: "anthropic-messages",
    complete: true,
    ids: true,
    chunked: false,
    reads: true,
    ask: (text, withImage = false) =>
      void messages.push({
        role: "user",
        content: [{ type: "text", text }, ...(withImage ? [image] : [])],
      }),
    answer: (results) =>
      void messages.push({
        role: "user",
        content: results.map(({ text, image: withImage }, index) => ({
          type: "tool_result",
          tool_use_id: calls[index]?.["id"],
          content: [{ type: "text", text }, ...(withImage === true ? [image] : [])],
        })),
      }),
    again: (url) => sender.again(url),
    send: (url, streamed) =>
      call(sender, url, streamed, {
        path: () => "/v1/messages?beta=true",
        headers: { "anthropic-version": "2023-06-01" },
        body: () => ({
          model: "own-model",
          max_tokens: 8000,
          thinking: { type: "enabled", budget_tokens: 2048 },
          system: [{ type: "text", text: system, cache_control: { type: "ephemeral" } }],
          messages: marked(),
          tools: toolNames.map((name) => ({ name, input_schema: parameters })),
          ...(streamed ? { stream: true } : {}),
        }),
        whole: (body) => keep(objects(body["content"])),
        stream: (events) => keep(gatherBlocks(events)),
      }),
  };
}

/** How a caller of Responses brings items back: as they are, without ids and states (Codex), or by the answer's id alone. */
type ResponsesWay = "items" | "bare" | "kept";

const responsesNames: Readonly<Record<ResponsesWay, string>> = {
  items: "openai-responses",
  bare: "openai-responses as Codex",
  kept: "openai-responses, kept by the gateway",
};

function responsesClient(way: ResponsesWay): LoopClient {
  const sender = new Sender();
  let input: Fields[] = [];
  let calls: Fields[] = [];
  let last: unknown = null;
  const keep = (output: Fields[], responseId: unknown): Told => {
    last = responseId;
    if (way === "kept") input = [];
    else
      for (const item of output) {
        const { id: _id, status: _status, ...rest } = item;
        input.push(way === "bare" ? rest : item);
      }
    calls = output.filter(({ type }) => type === "function_call");
    return {
      text: output
        .filter(({ type }) => type === "message")
        .map(textOf)
        .join(""),
      reasoning: output
        .filter(({ type }) => type === "reasoning")
        .map((item) => textOf(item["summary"]))
        .join(""),
      calls: calls.map((one) => ({
        name: String(one["name"]),
        arguments: JSON.parse(String(one["arguments"])) as unknown,
      })),
    };
  };
  const image = {
    type: "input_image",
    image_url: `data:image/png;base64,${tinyPng}`,
    detail: "auto",
  };
  return {
    name: responsesNames[way],
    front: "openai-responses",
    complete: true,
    ids: true,
    chunked: false,
    reads: true,
    ask: (text, withImage = false) =>
      void input.push({
        role: "user",
        content: [{ type: "input_text", text }, ...(withImage ? [image] : [])],
      }),
    answer: (results) => {
      for (const [index, { text, image: withImage }] of results.entries())
        input.push({
          type: "function_call_output",
          call_id: calls[index]?.["call_id"],
          output: withImage === true ? [{ type: "input_text", text }, image] : text,
        });
    },
    again: (url) => sender.again(url),
    send: (url, streamed) =>
      call(sender, url, streamed, {
        path: () => "/v1/responses",
        headers: {},
        body: () => ({
          model: "own-model",
          instructions: system,
          input,
          ...(way === "kept"
            ? { previous_response_id: last }
            : { store: false, include: ["reasoning.encrypted_content"] }),
          reasoning: { effort: "medium", summary: "auto" },
          max_output_tokens: 8000,
          tools: toolNames.map((name) => ({ type: "function", name, parameters, strict: false })),
          ...(streamed ? { stream: true } : {}),
        }),
        whole: (body) => keep(objects(body["output"]), body["id"]),
        stream: (events) => {
          const done = events.filter(({ type }) => type === "response.output_item.done");
          const { response } = events.at(-1) ?? {};
          return keep(
            done.map((event) => ({ ...asObject(event["item"]) })),
            asObject(response)["id"],
          );
        },
      }),
  };
}

/** Parts of a stream joined as most frameworks do: running text is one part, what is signed stays by itself. */
function joined(parts: readonly Fields[]): Fields[] {
  const all: Fields[] = [];
  for (const part of parts) {
    const last = all.at(-1);
    const isRun = (one: Fields | undefined): boolean =>
      typeof one?.["text"] === "string" && one["thoughtSignature"] === undefined;
    if (last !== undefined && isRun(last) && isRun(part) && last["thought"] === part["thought"])
      all[all.length - 1] = { ...last, text: String(last["text"]) + String(part["text"]) };
    else if (part["text"] !== "" || part["thoughtSignature"] !== undefined) all.push(part);
  }
  return all;
}

/** Google's JS client keeps one content for each chunk of a stream; `nameless` ones know no ids of calls. */
function geminiClient(way: "joined" | "chunks" | "nameless"): LoopClient {
  const sender = new Sender();
  const contents: Fields[] = [];
  let calls: Fields[] = [];
  const keep = (chunks: readonly Fields[]): Told => {
    const found = chunks.map((chunk) =>
      asObject(asObject(asList(chunk["candidates"])[0])["content"]),
    );
    const parts = found.flatMap((content) => objects(content["parts"]));
    calls = parts.flatMap((part) => objects([part["functionCall"]]).filter(({ name }) => name));
    const forgotten = parts.map((part) => {
      if (part["functionCall"] === undefined) return part;
      const { id: _id, ...rest } = asObject(part["functionCall"]);
      return { ...part, functionCall: rest };
    });
    if (way === "chunks")
      contents.push(
        ...found.filter((content) => "parts" in content).map((content) => ({ ...content })),
      );
    else contents.push({ role: "model", parts: joined(way === "nameless" ? forgotten : parts) });
    const texts = (thought: boolean): string =>
      parts
        .filter((part) => (part["thought"] === true) === thought)
        .map(textOf)
        .join("");
    return {
      text: texts(false),
      reasoning: texts(true),
      calls: calls.map(({ name, args }) => ({ name: String(name), arguments: args })),
    };
  };
  const image = { inlineData: { mimeType: "image/png", data: tinyPng } };
  return {
    name: `gemini-content ${way}`,
    front: "gemini-content",
    complete: true,
    ids: way !== "nameless",
    chunked: way === "chunks",
    reads: true,
    ask: (text, withImage = false) =>
      void contents.push({ role: "user", parts: [{ text }, ...(withImage ? [image] : [])] }),
    answer: (results) =>
      void contents.push({
        role: "user",
        parts: results.map(({ text, image: withImage }, index) => ({
          functionResponse: {
            ...(way !== "nameless" && { id: calls[index]?.["id"] }),
            name: calls[index]?.["name"],
            response: { result: text },
            ...(withImage === true ? { parts: [image] } : {}),
          },
        })),
      }),
    again: (url) => sender.again(url),
    send: (url, streamed) =>
      call(sender, url, streamed, {
        path: (streams) =>
          `/v1beta/models/own-model:${streams ? "streamGenerateContent?alt=sse" : "generateContent"}`,
        headers: {},
        body: () => ({
          systemInstruction: { parts: [{ text: system }] },
          contents,
          generationConfig: {
            maxOutputTokens: 8000,
            thinkingConfig: { includeThoughts: true, thinkingBudget: 2048 },
          },
          tools: [
            {
              functionDeclarations: toolNames.map((name) => ({
                name,
                parametersJsonSchema: parameters,
              })),
            },
          ],
        }),
        whole: (body) => keep([body]),
        stream: keep,
      }),
  };
}

/** One of each kind, with an empty history. */
export const loopClients: readonly (() => LoopClient)[] = [
  ...chatKeepers.map((keeper) => () => chatClient(keeper)),
  messagesClient,
  () => responsesClient("items"),
  () => responsesClient("bare"),
  () => geminiClient("joined"),
  () => geminiClient("chunks"),
  () => geminiClient("nameless"),
];

/** One that leaves its history to the gateway. */
export const keptClient = (): LoopClient => responsesClient("kept");
