/** Demands of Cohere's chat and of Ollama's. */
import { asList, asObject, markOf, textOf } from "../fakes/scripted/turn.ts";
import {
  type DemandCase,
  type Fields,
  findIssued,
  objects,
  repeated,
  unlike,
} from "./demand-case.ts";

function thoughtText(content: unknown): string {
  return objects(content)
    .filter(({ type }) => type === "thinking")
    .map(({ thinking }) => String(thinking))
    .join("");
}

export function cohereFaults(facts: DemandCase): string[] {
  const messages = objects(facts.heard.body["messages"]);
  let open: string[] = [];
  const faults: string[] = [];
  for (const [index, message] of messages.entries()) {
    const at = `messages[${index}]`;
    const id = String(message["tool_call_id"]);
    if (message["role"] === "tool") {
      if (!open.includes(id)) faults.push(`${at}: answers no call: ${id}`);
      open = open.filter((one) => one !== id);
      continue;
    }
    if (message["role"] !== "system" && open.length > 0)
      faults.push(`${at}: calls without results`);
    if (message["role"] !== "assistant") continue;
    const calls = objects(message["tool_calls"]);
    open = calls.map((call) => String(call["id"]));
    const issued = findIssued(facts, message);
    if (issued === undefined) continue;
    const { said, model } = issued;
    const texts = objects(message["content"]).filter(({ type }) => type === "text");
    const own = facts.complete && model === facts.heard.model;
    faults.push(
      ...unlike(`${at} text`, texts.map(textOf).join(""), said.text ?? ""),
      ...(facts.ids
        ? unlike(
            `${at} ids`,
            open,
            (said.calls ?? []).map((call, place) => `${call.name}_${place}_${markOf(said)}`),
          )
        : []),
      ...(own
        ? unlike(`${at} thoughts`, thoughtText(message["content"]), said.reasoning ?? "")
        : []),
    );
  }
  const ids = messages
    .flatMap((message) => objects(message["tool_calls"]))
    .map(({ id }) => String(id));
  return [...faults, ...repeated(ids), ...open.map((id) => `call ${id} has no result`)];
}

function callsOf(message: Fields): unknown[] {
  return objects(message["tool_calls"]).map((call) => {
    const fn = asObject(call["function"]);
    return [fn["name"], fn["arguments"]];
  });
}

export function ollamaFaults(facts: DemandCase): string[] {
  const messages = objects(facts.heard.body["messages"]);
  const faults: string[] = [];
  let open: unknown[] = [];
  for (const [index, message] of messages.entries()) {
    const at = `messages[${index}]`;
    if (typeof message["content"] !== "string") faults.push(`${at}: content must be a string`);
    if (message["role"] === "tool") {
      const next = asList(open.shift())[0];
      faults.push(...unlike(`${at}: answers`, message["tool_name"], next));
      continue;
    }
    if (open.length > 0) faults.push(`${at}: calls without results`);
    if (message["role"] !== "assistant") continue;
    open = callsOf(message);
    const issued = findIssued(facts, message);
    if (issued === undefined) continue;
    const { said } = issued;
    const told = (said.calls ?? []).map((call) => [call.name, call.arguments]);
    faults.push(
      ...unlike(`${at} text`, message["content"], said.text ?? ""),
      ...unlike(`${at} calls`, open, told),
      ...(facts.complete && issued.model === facts.heard.model
        ? unlike(`${at} thinking`, message["thinking"], said.reasoning)
        : []),
    );
  }
  return [...faults, ...(open.length > 0 ? ["calls without results at the end"] : [])];
}
