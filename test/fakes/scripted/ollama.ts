/** A scripted upstream's side of Ollama's /api/chat, written from the vendor's documentation alone. */
import type { Heard, RenderedTurn, Said } from "./turn.ts";
import { asList, asObject, cut, textOf, usage } from "./turn.ts";

export function hearOllama(body: Heard["body"], headers: Heard["headers"]): Heard {
  const messages = asList(body["messages"]).map(asObject);
  const last = messages.findLastIndex((message) => message["role"] === "assistant");
  const format = body["format"];
  return {
    api: "ollama",
    model: String(body["model"]),
    // The vendor streams unless it is told not to.
    stream: body["stream"] !== false,
    tools: asList(body["tools"]).map((tool) => {
      const fn = asObject(asObject(tool)["function"]);
      return { name: String(fn["name"]), schema: asObject(fn["parameters"]) };
    }),
    toolChoice: "auto",
    userText: textOf(messages.findLast((message) => message["role"] === "user")?.["content"]),
    toolResults: messages
      .slice(last + 1)
      .filter((message) => message["role"] === "tool")
      .map((message) => textOf(message["content"])),
    format: format === "json" ? {} : typeof format === "object" ? asObject(format) : null,
    body,
    headers,
  };
}

export function sayOllama(heard: Heard, said: Said): RenderedTurn {
  const base = { model: heard.model, created_at: "2026-09-21T14:13:20Z" };
  const ending = {
    done: true,
    done_reason: said.cutOff === true ? "length" : "stop",
    total_duration: 1_000_000,
    load_duration: 1000,
    prompt_eval_count: usage.input,
    prompt_eval_duration: 1000,
    eval_count: usage.output,
    eval_duration: 1000,
  };
  const calls = (said.calls ?? []).map(({ name, arguments: values }) => ({
    function: { name, arguments: values },
  }));
  if (!heard.stream) {
    const message = {
      role: "assistant",
      content: said.text ?? "",
      ...(said.reasoning === undefined ? {} : { thinking: said.reasoning }),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    };
    const reply = JSON.stringify({ ...base, message, ...ending });
    return { contentType: "application/json; charset=utf-8", pieces: [reply] };
  }
  const line = (message: object, more: object = { done: false }): string =>
    `${JSON.stringify({ ...base, message: { role: "assistant", content: "", ...message }, ...more })}\n`;
  const pieces = [
    ...cut(said.reasoning ?? "").map((thinking) => line({ thinking })),
    ...cut(said.text ?? "").map((content) => line({ content })),
    ...calls.map((call) => line({ tool_calls: [call] })),
    line({}, ending),
  ];
  return { contentType: "application/x-ndjson", pieces };
}
