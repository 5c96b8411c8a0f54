/** What a request wishes beside its words, in whichever API it came: limits, stops, thoughts, counts. */
import type { Heard } from "./turn.ts";
import { asList, asObject, textOf } from "./turn.ts";

export interface SpokenTurn {
  readonly role: "user" | "assistant";
  readonly text: string;
}

export interface Wishes {
  readonly system: string;
  /** In order; results of tools are left out. */
  readonly turns: readonly SpokenTurn[];
  /** All that the model has to read, as one text. */
  readonly prompt: string;
  readonly maxTokens: number | null;
  readonly stop: readonly string[];
  /** Whether to think first, and whether the thoughts are to be shown. */
  readonly thinks: boolean;
  readonly showsThoughts: boolean;
  readonly parallel: boolean;
  readonly logprobs: boolean;
  readonly choices: number;
  /** Whether the prompt is marked for the cache. */
  readonly marked: boolean;
}

type Obj = Readonly<Record<string, unknown>>;
/** What the body's own members say; the rest is alike everywhere. */
type Own = Omit<Wishes, "prompt" | "marked">;

const number = (value: unknown): number | null => (typeof value === "number" ? value : null);

function strings(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return asList(value).filter((one) => typeof one === "string");
}

/** Every text in a value, in order; what is no language (data, signatures, ids) is left out. */
function allText(value: unknown): string {
  if (typeof value === "string") return value.startsWith("data:") ? "" : `${value} `;
  if (Array.isArray(value)) return value.map(allText).join("");
  if (typeof value !== "object" || value === null) return "";
  return Object.entries(value)
    .filter(
      ([name]) => !/^(?:data|signature|thoughtSignature|encrypted_content|id|type)$/.test(name),
    )
    .map(([, inner]) => allText(inner))
    .join("");
}

function spoken(list: readonly unknown[]): SpokenTurn[] {
  return list.map(asObject).flatMap((message): SpokenTurn[] => {
    const role = message["role"];
    if (role !== "user" && role !== "assistant" && role !== "model") return [];
    const text = textOf(message["content"] ?? message["parts"]);
    return [{ role: role === "user" ? "user" : "assistant", text }];
  });
}

function systemsOf(list: readonly unknown[]): string {
  return list
    .map(asObject)
    .filter(({ role }) => role === "system" || role === "developer")
    .map((message) => textOf(message["content"]))
    .join("\n");
}

function chat(body: Obj): Own {
  const effort = body["reasoning_effort"];
  const thinks = typeof effort === "string" && effort !== "none";
  return {
    system: systemsOf(asList(body["messages"])),
    turns: spoken(asList(body["messages"])),
    maxTokens: number(body["max_completion_tokens"]) ?? number(body["max_tokens"]),
    stop: strings(body["stop"]),
    thinks,
    showsThoughts: thinks,
    parallel: body["parallel_tool_calls"] !== false,
    logprobs: body["logprobs"] === true,
    choices: number(body["n"]) ?? 1,
  };
}

function responses(body: Obj): Own {
  const reasoning = asObject(body["reasoning"]);
  const input = body["input"];
  const items = typeof input === "string" ? [{ role: "user", content: input }] : asList(input);
  const { effort, summary } = reasoning;
  return {
    system: [textOf(body["instructions"]), systemsOf(items)].join("\n"),
    turns: spoken(items),
    maxTokens: number(body["max_output_tokens"]),
    stop: [],
    thinks: typeof effort === "string" && effort !== "none",
    showsThoughts: typeof summary === "string",
    parallel: body["parallel_tool_calls"] !== false,
    logprobs: asList(body["include"]).includes("message.output_text.logprobs"),
    choices: 1,
  };
}

function messages(body: Obj): Own {
  const thinking = asObject(body["thinking"]);
  const thinks = ["enabled", "adaptive"].includes(String(thinking["type"]));
  return {
    system: textOf(body["system"]),
    turns: spoken(asList(body["messages"])),
    maxTokens: number(body["max_tokens"]),
    stop: strings(body["stop_sequences"]),
    thinks,
    showsThoughts: thinks && thinking["display"] !== "omitted",
    parallel: asObject(body["tool_choice"])["disable_parallel_tool_use"] !== true,
    logprobs: false,
    choices: 1,
  };
}

/** The least level is as good as none. */
function thinksAt(level: unknown): boolean {
  return typeof level === "string" && level.toLowerCase() !== "minimal";
}

function gemini(body: Obj): Own {
  const generation = asObject(body["generationConfig"]);
  const thinking = asObject(generation["thinkingConfig"]);
  const budget = thinking["thinkingBudget"];
  return {
    system: textOf(asList(asObject(body["systemInstruction"])["parts"])),
    turns: spoken(asList(body["contents"])),
    maxTokens: number(generation["maxOutputTokens"]),
    stop: strings(generation["stopSequences"]),
    thinks: budget === undefined ? thinksAt(thinking["thinkingLevel"]) : budget !== 0,
    showsThoughts: thinking["includeThoughts"] === true,
    parallel: true,
    logprobs: generation["responseLogprobs"] === true,
    choices: number(generation["candidateCount"]) ?? 1,
  };
}

function converse(body: Obj): Own {
  const inference = asObject(body["inferenceConfig"]);
  return {
    system: textOf(body["system"]),
    turns: spoken(asList(body["messages"])),
    maxTokens: number(inference["maxTokens"]),
    stop: strings(inference["stopSequences"]),
    thinks: false,
    showsThoughts: false,
    parallel: true,
    logprobs: false,
    choices: 1,
  };
}

function cohere(body: Obj): Own {
  const thinks = asObject(body["thinking"])["type"] === "enabled";
  return {
    system: systemsOf(asList(body["messages"])),
    turns: spoken(asList(body["messages"])),
    maxTokens: number(body["max_tokens"]),
    stop: strings(body["stop_sequences"]),
    thinks,
    showsThoughts: thinks,
    parallel: true,
    logprobs: body["logprobs"] === true,
    choices: 1,
  };
}

function ollama(body: Obj): Own {
  const options = asObject(body["options"]);
  const think = body["think"];
  const thinks = think === true || typeof think === "string";
  return {
    system: systemsOf(asList(body["messages"])),
    turns: spoken(asList(body["messages"])),
    maxTokens: number(options["num_predict"]),
    stop: strings(options["stop"]),
    thinks,
    showsThoughts: thinks,
    parallel: true,
    logprobs: false,
    choices: 1,
  };
}

const readers: Readonly<Partial<Record<Heard["api"], (body: Obj) => Own>>> = {
  chat,
  responses,
  messages,
  gemini,
  converse,
  cohere,
  ollama,
};

const read = [
  "system",
  "instructions",
  "systemInstruction",
  "messages",
  "input",
  "contents",
  "tools",
  "toolConfig",
];

/** Throws where it knows no wishes of this API. */
export function wishesOf({ api, body }: Pick<Heard, "api" | "body">): Wishes {
  const reader = readers[api];
  if (reader === undefined) throw new Error(`no wishes known of ${api}`);
  const prompt = read.map((name) => allText(body[name])).join("");
  return { ...reader(body), prompt, marked: JSON.stringify(body).includes('"cache_control"') };
}
