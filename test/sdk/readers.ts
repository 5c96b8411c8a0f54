/** Each official client, asked the same small question, and what it says it read, in words that can be compared. */
import Anthropic from "@anthropic-ai/sdk";
import {
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
} from "@aws-sdk/client-bedrock-runtime";
import { GoogleGenAI, type GenerateContentResponse } from "@google/genai";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { CohereClientV2 } from "cohere-ai";
import OpenAI from "openai";
import { asList, asObject } from "../fakes/scripted/turn.ts";

/** A reply as its reader understood it. Null: the API has no place for it, or the vendor did not say. */
export interface Told {
  text: string;
  reasoning: string;
  refusal: string;
  /** Arguments as canonical JSON text, or as they are where they are no JSON. */
  calls: { name: string; arguments: string }[];
  finish: "stop" | "length" | "tools" | "filter" | "other" | null;
  input: number | null;
  cacheRead: number | null;
  cacheWrite: number | null;
  output: number | null;
  reasoningTokens: number | null;
}

export type ReaderId = "chat" | "responses" | "messages" | "gemini" | "converse" | "cohere";

export interface Asked {
  /** Origin and nothing else. */
  readonly url: string;
  readonly key: string;
  readonly model: string;
  readonly stream: boolean;
}

export type Read = (asked: Asked) => Promise<Told>;

export function nothingTold(): Told {
  return {
    text: "",
    reasoning: "",
    refusal: "",
    calls: [],
    finish: null,
    input: null,
    cacheRead: null,
    cacheWrite: null,
    output: null,
    reasoningTokens: null,
  };
}

const question = "What is to be said?";

/** The same JSON with the same order of members, so that only meaning is compared. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value)
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`);
  return `{${members.join(",")}}`;
}

/** Clients hand on what vendors leave out: no arguments at all are an empty object. */
function canonicalText(text: string | undefined): string {
  if (text === undefined || text === "") return "{}";
  try {
    return canonical(JSON.parse(text));
  } catch {
    return text;
  }
}

const number = (value: unknown): number | null => (typeof value === "number" ? value : null);

const chatFinish: Readonly<Record<string, Told["finish"]>> = {
  stop: "stop",
  length: "length",
  tool_calls: "tools",
  function_call: "tools",
  content_filter: "filter",
};

const chat: Read = async ({ url, key, model, stream }) => {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
  const messages = [{ role: "user" as const, content: question }];
  const told = nothingTold();
  const noteUsage = (usage: unknown): void => {
    const tokens = asObject(usage);
    if (typeof tokens["prompt_tokens"] !== "number") return;
    const details = asObject(tokens["prompt_tokens_details"]);
    told.input = number(tokens["prompt_tokens"]);
    told.cacheRead = number(details["cached_tokens"]) ?? number(tokens["cached_tokens"]) ?? 0;
    told.cacheWrite = number(details["cache_write_tokens"]) ?? 0;
    told.output = number(tokens["completion_tokens"]);
    told.reasoningTokens =
      number(asObject(tokens["completion_tokens_details"])["reasoning_tokens"]) ?? 0;
  };
  const noteText = (message: unknown): void => {
    const { content, refusal, reasoning_content, reasoning } = asObject(message);
    for (const part of typeof content === "string"
      ? [{ type: "text", text: content }]
      : asList(content)) {
      const { type, text, thinking } = asObject(part);
      if (type === "thinking")
        told.reasoning += asList(thinking)
          .map((one) => String(asObject(one)["text"] ?? ""))
          .join("");
      else if (typeof text === "string") told.text += text;
    }
    told.refusal += typeof refusal === "string" ? refusal : "";
    told.reasoning += String(reasoning_content ?? reasoning ?? "");
  };
  if (!stream) {
    const reply = await client.chat.completions.create({ model, messages });
    const [choice] = reply.choices;
    noteText(choice?.message);
    for (const call of choice?.message.tool_calls ?? [])
      if (call.type === "function")
        told.calls.push({
          name: call.function.name,
          arguments: canonicalText(call.function.arguments),
        });
      else told.calls.push({ name: call.custom.name, arguments: call.custom.input });
    told.finish = chatFinish[choice?.finish_reason ?? ""] ?? "other";
    noteUsage(reply.usage);
    return told;
  }
  const calls: { name: string; arguments: string; custom: boolean }[] = [];
  const events = await client.chat.completions.create({
    model,
    messages,
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const event of events) {
    noteUsage(event.usage ?? asObject(asObject(event)["x_groq"])["usage"]);
    for (const choice of event.choices ?? []) {
      if (choice.index !== 0) continue;
      noteUsage(asObject(choice)["usage"]);
      noteText(choice.delta);
      for (const [position, call] of (choice.delta?.tool_calls ?? []).entries()) {
        const held = (calls[call.index ?? position] ??= {
          name: "",
          arguments: "",
          custom: "custom" in call,
        });
        // The client's own types know no custom calls in streams yet.
        const custom = asObject(asObject(call)["custom"]);
        held.name ||= call.function?.name ?? String(custom["name"] ?? "");
        held.arguments += call.function?.arguments ?? String(custom["input"] ?? "");
      }
      if (choice.finish_reason) told.finish = chatFinish[choice.finish_reason] ?? "other";
    }
  }
  told.calls = calls.map(({ name, arguments: text, custom }) => ({
    name,
    arguments: custom ? text : canonicalText(text),
  }));
  return told;
};

const responses: Read = async ({ url, key, model, stream }) => {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
  const body = { model, input: question, store: false };
  let reply: OpenAI.Responses.Response | undefined;
  if (!stream) reply = await client.responses.create(body);
  else
    for await (const event of await client.responses.create({ ...body, stream: true }))
      if (
        event.type === "response.completed" ||
        event.type === "response.incomplete" ||
        event.type === "response.failed"
      )
        reply = event.response;
  if (reply === undefined) throw new Error("the stream had no final response");
  const told = nothingTold();
  for (const item of reply.output) {
    if (item.type === "message")
      for (const part of item.content)
        if (part.type === "output_text") told.text += part.text;
        else told.refusal += part.refusal;
    if (item.type === "reasoning")
      told.reasoning += [...(item.summary ?? []), ...(item.content ?? [])]
        .map(({ text }) => text)
        .join("");
    if (item.type === "function_call")
      told.calls.push({ name: item.name, arguments: canonicalText(item.arguments) });
    if (item.type === "custom_tool_call")
      told.calls.push({ name: item.name, arguments: item.input });
  }
  const reason = reply.incomplete_details?.reason;
  told.finish =
    reason === "max_output_tokens"
      ? "length"
      : reason === "content_filter"
        ? "filter"
        : told.calls.length > 0
          ? "tools"
          : reply.status === "completed"
            ? "stop"
            : "other";
  if (reply.usage) {
    told.input = reply.usage.input_tokens;
    told.cacheRead = reply.usage.input_tokens_details?.cached_tokens ?? 0;
    told.cacheWrite = number(asObject(reply.usage.input_tokens_details)["cache_write_tokens"]) ?? 0;
    told.output = reply.usage.output_tokens;
    told.reasoningTokens = reply.usage.output_tokens_details?.reasoning_tokens ?? 0;
  }
  return told;
};

const messagesFinish: Readonly<Record<string, Told["finish"]>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  pause_turn: "stop",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  tool_use: "tools",
  refusal: "filter",
};

const messages: Read = async ({ url, key, model, stream }) => {
  const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
  const body = {
    model,
    max_tokens: 1000,
    messages: [{ role: "user" as const, content: question }],
  };
  const reply = stream
    ? await client.messages.stream(body).finalMessage()
    : await client.messages.create(body);
  const told = nothingTold();
  for (const block of reply.content) {
    if (block.type === "text") told.text += block.text;
    if (block.type === "thinking") told.reasoning += block.thinking;
    if (block.type === "tool_use")
      told.calls.push({ name: block.name, arguments: canonical(block.input) });
  }
  told.finish = messagesFinish[reply.stop_reason ?? ""] ?? "other";
  const { usage } = reply;
  // The vendor says that the parts of a turn with an advisor or a compaction are to be added up.
  const iterations = asList(asObject(usage)["iterations"]);
  const sum = (name: string): number =>
    (iterations.length > 0 ? iterations : [usage])
      .map((one) => number(asObject(one)[name]) ?? 0)
      .reduce((left, right) => left + right, 0);
  told.cacheRead = sum("cache_read_input_tokens");
  told.cacheWrite = sum("cache_creation_input_tokens");
  told.input = sum("input_tokens") + told.cacheRead + told.cacheWrite;
  told.output = sum("output_tokens");
  told.reasoningTokens =
    number(asObject(asObject(usage)["output_tokens_details"])["thinking_tokens"]) ?? 0;
  return told;
};

const geminiFilter = /^(SAFETY|RECITATION|BLOCKLIST|PROHIBITED_CONTENT|SPII|IMAGE_.*)$/;

const gemini: Read = async ({ url, key, model, stream }) => {
  const client = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url } });
  const request = { model, contents: question };
  const told = nothingTold();
  const note = (reply: GenerateContentResponse): void => {
    const [candidate] = reply.candidates ?? [];
    for (const part of candidate?.content?.parts ?? []) {
      if (typeof part.text === "string" && part.thought === true) told.reasoning += part.text;
      else if (typeof part.text === "string") told.text += part.text;
      if (part.functionCall?.name)
        told.calls.push({
          name: part.functionCall.name,
          arguments: canonical(part.functionCall.args ?? {}),
        });
    }
    const reason = candidate?.finishReason;
    if (reason)
      told.finish =
        reason === "MAX_TOKENS"
          ? "length"
          : geminiFilter.test(reason)
            ? "filter"
            : reason === "STOP"
              ? "stop"
              : "other";
    if (reply.promptFeedback?.blockReason) told.finish = "filter";
    const usage = reply.usageMetadata;
    if (usage?.promptTokenCount === undefined && usage?.totalTokenCount === undefined) return;
    told.input = (usage.promptTokenCount ?? 0) + (usage.toolUsePromptTokenCount ?? 0);
    told.cacheRead = usage.cachedContentTokenCount ?? 0;
    told.cacheWrite = null;
    told.reasoningTokens = usage.thoughtsTokenCount ?? 0;
    told.output = (usage.candidatesTokenCount ?? 0) + told.reasoningTokens;
  };
  if (stream)
    for await (const reply of await client.models.generateContentStream(request)) note(reply);
  else note(await client.models.generateContent(request));
  if (told.finish === "stop" && told.calls.length > 0) told.finish = "tools";
  return told;
};

const converseFinish: Readonly<Record<string, Told["finish"]>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  tool_use: "tools",
  content_filtered: "filter",
  guardrail_intervened: "filter",
};

const converse: Read = async ({ url, key, model, stream }) => {
  const client = new BedrockRuntimeClient({
    endpoint: url,
    region: "us-east-1",
    token: { token: key },
    authSchemePreference: ["httpBearerAuth"],
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler(),
  });
  const request = {
    modelId: model,
    messages: [{ role: "user" as const, content: [{ text: question }] }],
  };
  const told = nothingTold();
  const noteUsage = (usage: unknown): void => {
    const tokens = asObject(usage);
    if (typeof tokens["inputTokens"] !== "number") return;
    told.cacheRead = number(tokens["cacheReadInputTokens"]) ?? 0;
    told.cacheWrite = number(tokens["cacheWriteInputTokens"]) ?? 0;
    told.input = tokens["inputTokens"] + told.cacheRead + told.cacheWrite;
    told.output = number(tokens["outputTokens"]);
  };
  if (!stream) {
    const reply = await client.send(new ConverseCommand(request));
    for (const block of reply.output?.message?.content ?? []) {
      told.text += block.text ?? "";
      told.reasoning += block.reasoningContent?.reasoningText?.text ?? "";
      if (block.toolUse)
        told.calls.push({
          name: block.toolUse.name ?? "",
          arguments: canonical(block.toolUse.input),
        });
    }
    told.finish = converseFinish[reply.stopReason ?? ""] ?? "other";
    noteUsage(reply.usage);
    return told;
  }
  const reply = await client.send(new ConverseStreamCommand(request));
  const calls: { name: string; arguments: string }[] = [];
  for await (const event of reply.stream ?? []) {
    const start = event.contentBlockStart;
    if (start?.start?.toolUse)
      calls[start.contentBlockIndex ?? 0] = { name: start.start.toolUse.name ?? "", arguments: "" };
    const delta = event.contentBlockDelta?.delta;
    told.text += delta?.text ?? "";
    told.reasoning += delta?.reasoningContent?.text ?? "";
    const held = calls[event.contentBlockDelta?.contentBlockIndex ?? -1];
    if (delta?.toolUse && held !== undefined) held.arguments += delta.toolUse.input ?? "";
    if (event.messageStop)
      told.finish = converseFinish[event.messageStop.stopReason ?? ""] ?? "other";
    noteUsage(event.metadata?.usage);
  }
  told.calls = calls.flat().map((call) => ({ ...call, arguments: canonicalText(call.arguments) }));
  return told;
};

const cohereFinish: Readonly<Record<string, Told["finish"]>> = {
  COMPLETE: "stop",
  STOP_SEQUENCE: "stop",
  MAX_TOKENS: "length",
  TOOL_CALL: "tools",
};

const cohere: Read = async ({ url, key, model, stream }) => {
  const client = new CohereClientV2({ token: key, environment: url, maxRetries: 0 });
  const request = { model, messages: [{ role: "user" as const, content: question }] };
  const told = nothingTold();
  const noteUsage = (usage: unknown): void => {
    const tokens = asObject(usage);
    const units = asObject(tokens["billedUnits"]);
    const counted = asObject(tokens["tokens"]);
    told.input = number(units["inputTokens"]) ?? number(counted["inputTokens"]);
    told.output = number(units["outputTokens"]) ?? number(counted["outputTokens"]);
  };
  if (!stream) {
    const reply = await client.chat(request);
    for (const part of reply.message.content ?? [])
      if (part.type === "text") told.text += part.text;
      else told.reasoning += part.thinking;
    for (const call of reply.message.toolCalls ?? [])
      told.calls.push({
        name: call.function?.name ?? "",
        arguments: canonicalText(call.function?.arguments ?? ""),
      });
    told.finish = cohereFinish[reply.finishReason] ?? "other";
    noteUsage(reply.usage);
    return told;
  }
  const calls: { name: string; arguments: string }[] = [];
  for await (const event of await client.chatStream(request)) {
    if (event.type === "content-delta") {
      told.text += event.delta?.message?.content?.text ?? "";
      told.reasoning += event.delta?.message?.content?.thinking ?? "";
    }
    if (event.type === "tool-call-start")
      calls[event.index ?? 0] = {
        name: event.delta?.message?.toolCalls?.function?.name ?? "",
        arguments: "",
      };
    const held = event.type === "tool-call-delta" ? calls[event.index ?? 0] : undefined;
    if (event.type === "tool-call-delta" && held !== undefined)
      held.arguments += event.delta?.message?.toolCalls?.function?.arguments ?? "";
    if (event.type === "message-end") {
      told.finish = cohereFinish[event.delta?.finishReason ?? ""] ?? "other";
      noteUsage(event.delta?.usage);
    }
  }
  told.calls = calls.flat().map((call) => ({ ...call, arguments: canonicalText(call.arguments) }));
  return told;
};

export const readers: Readonly<Record<ReaderId, Read>> = {
  chat,
  responses,
  messages,
  gemini,
  converse,
  cohere,
};
