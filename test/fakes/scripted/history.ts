/** The instructions and turns that a request brought, and the tool calls and results in it, out of any API's body. */
import { readScript } from "./replicate.ts";
import type { Heard, ScriptedApi } from "./turn.ts";
import { asList, asObject, textOf } from "./turn.ts";

/** One turn; turns without text are left out. */
export interface SpokenTurn {
  readonly role: "user" | "assistant";
  readonly text: string;
}

export interface History {
  /** All instructions, wherever they stand. */
  readonly system: string;
  readonly turns: readonly SpokenTurn[];
  /** Ids of tool calls (names, in APIs without ids), in their order. */
  readonly calls: readonly string[];
  /** What the results name, in their order. */
  readonly results: readonly string[];
}

type Obj = Readonly<Record<string, unknown>>;

const objects = (value: unknown): Obj[] => asList(value).map(asObject);

function spoken(role: unknown, text: string): SpokenTurn[] {
  if (text === "") return [];
  if (role === "user") return [{ role, text }];
  return role === "assistant" || role === "model" ? [{ role: "assistant", text }] : [];
}

/** Text of the parts that are text: thoughts and results of tools are nobody's words. */
function words(content: unknown): string {
  if (typeof content === "string") return content;
  return objects(content)
    .filter((part) => typeof part["text"] === "string" && part["thought"] !== true)
    .map(textOf)
    .join("");
}

const isInstructing = ({ role }: Obj): boolean => role === "system" || role === "developer";

function instructions(messages: readonly Obj[], before: unknown = ""): string {
  const told = messages.filter(isInstructing).map(({ content }) => textOf(content));
  return [textOf(before), ...told].filter((text) => text !== "").join("\n");
}

/** APIs shaped like chat completions; Ollama's results name the tool, not the call. */
function openaiHistory(body: Obj, byName: boolean): History {
  const messages = objects(body["messages"]);
  const calls = messages.flatMap((message) => objects(message["tool_calls"]));
  const results = messages.filter(({ role }) => role === "tool");
  return {
    system: instructions(messages),
    turns: messages.flatMap(({ role, content }) => spoken(role, words(content))),
    calls: calls.map((call) => String(byName ? asObject(call["function"])["name"] : call["id"])),
    results: results.map((result) => String(result[byName ? "tool_name" : "tool_call_id"])),
  };
}

function responsesHistory(body: Obj): History {
  const { input } = body;
  const items = typeof input === "string" ? [{ role: "user", content: input }] : objects(input);
  const ids = (type: string): string[] =>
    objects(items)
      .filter((item) => item["type"] === type)
      .map((item) => String(item["call_id"]));
  return {
    system: instructions(objects(items), body["instructions"] ?? ""),
    turns: objects(items).flatMap(({ role, content }) => spoken(role, words(content))),
    calls: ids("function_call"),
    results: ids("function_call_output"),
  };
}

function messagesHistory(body: Obj): History {
  const messages = objects(body["messages"]);
  const blocks = messages.flatMap(({ content }) => objects(content));
  const named = (type: string, name: string): string[] =>
    blocks.filter((block) => block["type"] === type).map((block) => String(block[name]));
  return {
    system: instructions(messages, body["system"] ?? ""),
    turns: messages.flatMap(({ role, content }) => spoken(role, words(content))),
    calls: named("tool_use", "id"),
    results: named("tool_result", "tool_use_id"),
  };
}

function geminiHistory(body: Obj): History {
  const contents = objects(body["contents"]);
  const parts = contents.flatMap((content) => objects(content["parts"]));
  const named = (kind: string): string[] =>
    parts.filter((part) => kind in part).map((part) => String(asObject(part[kind])["name"]));
  return {
    system: textOf(asObject(body["systemInstruction"])["parts"]),
    turns: contents.flatMap(({ role, parts: own }) => spoken(role, words(own))),
    calls: named("functionCall"),
    results: named("functionResponse"),
  };
}

function converseHistory(body: Obj): History {
  const messages = objects(body["messages"]);
  const blocks = messages.flatMap(({ content }) => objects(content));
  const ids = (kind: string): string[] =>
    blocks
      .filter((block) => kind in block)
      .map((block) => String(asObject(block[kind])["toolUseId"]));
  return {
    system: objects(body["system"]).map(textOf).filter(Boolean).join("\n"),
    turns: messages.flatMap(({ role, content }) => spoken(role, words(content))),
    calls: ids("toolUse"),
    results: ids("toolResult"),
  };
}

/** What instructs stands before the first question, a line apart: the bot has instructions of its own. */
function cozeHistory(body: Obj): History {
  const turns = objects(body["additional_messages"]).flatMap(({ role, content }) =>
    spoken(role, String(content)),
  );
  const [system = "", question] = turns[0]?.text.split("\n\n") ?? [];
  if (question === undefined) return { system: "", turns, calls: [], results: [] };
  return {
    system,
    turns: [{ role: "user", text: question }, ...turns.slice(1)],
    calls: [],
    results: [],
  };
}

/** What instructs stands in an input of its own, or before the first speaker. */
function replicateHistory(body: Obj): History {
  const input = asObject(body["input"]);
  const { head, turns } = readScript(String(input["prompt"]));
  const told = input["system_prompt"] ?? input["system_instruction"];
  return { system: typeof told === "string" ? told : head, turns, calls: [], results: [] };
}

const readers: Readonly<Record<ScriptedApi, (body: Obj) => History>> = {
  chat: (body) => openaiHistory(body, false),
  cohere: (body) => openaiHistory(body, false),
  ollama: (body) => openaiHistory(body, true),
  responses: responsesHistory,
  messages: messagesHistory,
  gemini: geminiHistory,
  converse: converseHistory,
  coze: cozeHistory,
  replicate: replicateHistory,
};

export function historyOf({ api, body }: Pick<Heard, "api" | "body">): History {
  return readers[api](body);
}
