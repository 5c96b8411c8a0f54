/** A scripted upstream's side of Cohere's v2 chat, written from the vendor's documentation alone. */
import type { Heard, RenderedTurn, Said } from "./turn.ts";
import { asList, asObject, cut, markOf, textOf, usage } from "./turn.ts";

export function hearCohere(body: Heard["body"], headers: Heard["headers"]): Heard {
  const messages = asList(body["messages"]).map(asObject);
  const last = messages.findLastIndex((message) => message["role"] === "assistant");
  const choice = body["tool_choice"];
  const format = asObject(body["response_format"]);
  return {
    api: "cohere",
    model: String(body["model"]),
    stream: body["stream"] === true,
    tools: asList(body["tools"]).map((tool) => {
      const fn = asObject(asObject(tool)["function"]);
      return { name: String(fn["name"]), schema: asObject(fn["parameters"]) };
    }),
    toolChoice: typeof choice === "string" ? choice.toLowerCase() : "auto",
    userText: textOf(messages.findLast((message) => message["role"] === "user")?.["content"]),
    toolResults: messages
      .slice(last + 1)
      .filter((message) => message["role"] === "tool")
      .map((message) => resultText(message["content"])),
    format: format["type"] === "json_object" ? asObject(format["json_schema"]) : null,
    body,
    headers,
  };
}

/** Results are text, or documents whose data are text. */
function resultText(content: unknown): string {
  if (typeof content === "string") return content;
  return asList(content)
    .map(asObject)
    .map((part) =>
      part["type"] === "document"
        ? JSON.stringify(asObject(part["document"])["data"])
        : textOf(part),
    )
    .join("");
}

const told = {
  billed_units: { input_tokens: usage.input - usage.cached, output_tokens: usage.output },
  tokens: { input_tokens: usage.input, output_tokens: usage.output },
  cached_tokens: usage.cached,
};

function finishOf(said: Said): string {
  if (said.cutOff === true) return "MAX_TOKENS";
  return (said.calls ?? []).length > 0 ? "TOOL_CALL" : "COMPLETE";
}

function callsOf(said: Said): object[] {
  return (said.calls ?? []).map((call, index) => ({
    id: `${call.name}_${index}_${markOf(said)}`,
    type: "function",
    function: { name: call.name, arguments: JSON.stringify(call.arguments) },
  }));
}

export function sayCohere(heard: Heard, said: Said): RenderedTurn {
  const calls = callsOf(said);
  if (!heard.stream) {
    const content = [
      ...(said.reasoning === undefined ? [] : [{ type: "thinking", thinking: said.reasoning }]),
      ...(said.text === undefined ? [] : [{ type: "text", text: said.text }]),
    ];
    const message = {
      role: "assistant",
      ...(content.length === 0 ? {} : { content }),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    };
    const reply = { id: "scripted", message, finish_reason: finishOf(said), usage: told };
    return { contentType: "application/json", pieces: [JSON.stringify(reply)] };
  }
  const pieces: string[] = [];
  const tell = (type: string, values: object): void => {
    pieces.push(`event: ${type}\ndata: ${JSON.stringify({ type, ...values })}\n\n`);
  };
  const start = { role: "assistant", content: [], tool_plan: "", tool_calls: [], citations: [] };
  tell("message-start", { id: "scripted", delta: { message: start } });
  let index = 0;
  for (const kind of ["thinking", "text"] as const) {
    const text = kind === "text" ? said.text : said.reasoning;
    if (text === undefined) continue;
    const at = (content: object): object => ({ index, delta: { message: { content } } });
    tell("content-start", at({ type: kind, [kind]: "" }));
    for (const piece of cut(text)) tell("content-delta", at({ [kind]: piece }));
    tell("content-end", { index });
    index += 1;
  }
  for (const [position, call] of calls.entries()) {
    const whole = asObject(asObject(call)["function"]);
    const at = (tool_calls: object): object => ({
      index: position,
      delta: { message: { tool_calls } },
    });
    tell("tool-call-start", at({ ...call, function: { name: whole["name"], arguments: "" } }));
    for (const piece of cut(String(whole["arguments"])))
      tell("tool-call-delta", at({ function: { arguments: piece } }));
    tell("tool-call-end", { index: position });
  }
  tell("message-end", { delta: { finish_reason: finishOf(said), usage: told } });
  return { contentType: "text/event-stream", pieces };
}
