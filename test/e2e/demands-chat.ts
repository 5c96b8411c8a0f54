/** Demands of chat completions: OpenAI's, and those of vendors that go their own ways with it. */
import { asObject, markOf } from "../fakes/scripted/turn.ts";
import { textOf } from "../fakes/scripted/turn.ts";
import { wantedDetail } from "./openrouter-words.ts";
import {
  type DemandCase,
  type Fields,
  findIssued,
  objects,
  repeated,
  unlike,
} from "./demand-case.ts";

/** OpenAI passes over thoughts of others. */
const openaiMembers = [
  "reasoning_content",
  "reasoning",
  "reasoning_details",
  "role",
  "content",
  "name",
  "refusal",
  "audio",
  "tool_calls",
  "function_call",
  "tool_call_id",
  "annotations",
];

/** Mistral refuses all others: extra inputs are not permitted. */
const strictMembers = ["role", "content", "name", "tool_calls", "tool_call_id", "prefix"];

function callFaults(call: Fields, at: string, ways: readonly string[]): string[] {
  const id = String(call["id"]);
  const text = asObject(call["function"])["arguments"];
  const nine = ways.includes("nine-character-ids") && !/^[a-zA-Z0-9]{9}$/.test(id);
  return [
    ...(nine
      ? [`${at}: Tool call id was ${id} but must be a-z, A-Z, 0-9, with a length of 9`]
      : []),
    ...(id.length > 40 ? [`${at}: id too long`] : []),
    ...(isJson(text) ? [] : [`${at}: arguments are no JSON: ${String(text)}`]),
    ...(call["type"] === "function" ? [] : [`${at}: type is missing`]),
  ];
}

function isJson(text: unknown): boolean {
  try {
    return typeof text === "string" && typeof JSON.parse(text) === "object";
  } catch {
    return false;
  }
}

function assistantFaults(facts: DemandCase, message: Fields, at: string): string[] {
  const ways = facts.role.ways ?? [];
  const calls = objects(message["tool_calls"]);
  const issued = findIssued(facts, message);
  const { content } = message;
  const says = calls.length > 0 || textOf(content) !== "" || message["refusal"] != null;
  const faults = [
    ...calls.flatMap((call, index) => callFaults(call, `${at}.tool_calls[${index}]`, ways)),
    ...(says || ways.includes("replay-reasoning") ? [] : [`${at}: says nothing`]),
    ...(message["tool_calls"] !== undefined && calls.length === 0 ? [`${at}: no calls`] : []),
  ];
  const replays = ways.includes("replay-reasoning");
  if (replays && typeof message["reasoning_content"] !== "string")
    faults.push(`${at}: The reasoning_content in the thinking mode must be passed back to the API`);
  if (issued === undefined) return faults;
  const { said } = issued;
  const told = (said.calls ?? []).map(({ name, arguments: args }) => [name, args]);
  const got = calls.map((call) => {
    const fn = asObject(call["function"]);
    return [fn["name"], JSON.parse(String(fn["arguments"])) as unknown];
  });
  return [
    ...faults,
    ...unlike(`${at} text`, textOf(content), said.text ?? ""),
    ...unlike(`${at} calls`, got, told),
    ...(ways.includes("nine-character-ids") || !facts.ids
      ? []
      : unlike(
          `${at} ids`,
          calls.map(({ id }) => id),
          told.map((_call, index) => `call_${index}_${markOf(said)}`),
        )),
    ...(facts.complete && replays
      ? unlike(`${at} reasoning`, message["reasoning_content"], said.reasoning)
      : []),
    ...(facts.complete && ways.includes("details") && issued.model === facts.heard.model
      ? unlike(`${at} details`, message["reasoning_details"], [wantedDetail(said)])
      : []),
  ];
}

/** Each call is answered, right behind the message that made it, before anybody else speaks. */
function pairing(messages: readonly Fields[]): string[] {
  const faults: string[] = [];
  let open: string[] = [];
  for (const [index, message] of messages.entries()) {
    const at = `messages[${index}]`;
    if (message["role"] === "tool") {
      const id = String(message["tool_call_id"]);
      if (!open.includes(id)) faults.push(`${at}: answers no call: ${id}`);
      open = open.filter((one) => one !== id);
      const { content } = message;
      const texts = objects(content).every(({ type }) => type === "text");
      if (typeof content !== "string" && !texts) faults.push(`${at}: a tool may only tell text`);
      continue;
    }
    for (const id of open) faults.push(`${at}: call ${id} must be followed by tool messages`);
    open = objects(message["tool_calls"]).map(({ id }) => String(id));
  }
  return [...faults, ...open.map((id) => `call ${id} has no result`)];
}

export function chatFaults(facts: DemandCase): string[] {
  const messages = objects(facts.heard.body["messages"]);
  const ways = facts.role.ways ?? [];
  const ids = messages
    .flatMap((message) => objects(message["tool_calls"]))
    .map(({ id }) => String(id));
  const faults = messages.flatMap((message, index) => {
    const at = `messages[${index}]`;
    const taken = ways.includes("nine-character-ids") ? strictMembers : openaiMembers;
    const strange = Object.keys(message).filter((name) => !taken.includes(name));
    return [
      ...(message["role"] === "assistant" ? assistantFaults(facts, message, at) : []),
      ...(ways.length === 0 || ways.includes("nine-character-ids")
        ? strange.map((name) => `${at}: unknown member ${name}`)
        : []),
      ...(ways.includes("strings") && Array.isArray(message["content"])
        ? [`${at}: content must be a string`]
        : []),
      ...(ways.includes("no-user-after-tool") &&
      message["role"] === "user" &&
      messages[index - 1]?.["role"] === "tool"
        ? [`${at}: Unexpected role 'user' after role 'tool'`]
        : []),
      ...(message["role"] === "user" &&
      textOf(message["content"]) === "" &&
      !Array.isArray(message["content"])
        ? [`${at}: an empty question`]
        : []),
    ];
  });
  return [...faults, ...pairing(messages), ...repeated(ids)];
}
