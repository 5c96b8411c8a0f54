/** A scripted upstream's side of OpenAI chat completions, written from the vendor's documentation alone. */
import type { Heard, RenderedTurn, Said } from "./turn.ts";
import { asList, asObject, cut, likelihoodOf, markOf, textOf, usage } from "./turn.ts";

export function hearChat(body: Heard["body"], headers: Heard["headers"]): Heard {
  const messages = asList(body["messages"]).map(asObject);
  const lastAssistant = messages.findLastIndex((message) => message["role"] === "assistant");
  const choice = body["tool_choice"];
  const format = asObject(body["response_format"]);
  return {
    api: "chat",
    model: String(body["model"]),
    stream: body["stream"] === true,
    tools: asList(body["tools"]).map((tool) => {
      const fn = asObject(asObject(tool)["function"]);
      return { name: String(fn["name"]), schema: asObject(fn["parameters"]) };
    }),
    toolChoice:
      typeof choice === "string"
        ? choice
        : String(asObject(asObject(choice)["function"])["name"] ?? "auto"),
    userText: textOf(messages.findLast((message) => message["role"] === "user")?.["content"]),
    toolResults: messages
      .slice(lastAssistant + 1)
      .filter((message) => message["role"] === "tool")
      .map((message) => textOf(message["content"])),
    format:
      format["type"] === "json_schema"
        ? asObject(asObject(format["json_schema"])["schema"])
        : format["type"] === "json_object"
          ? {}
          : null,
    body,
    headers,
  };
}

function toldOf({ tokens = usage }: Said): object {
  return {
    prompt_tokens: tokens.input,
    completion_tokens: tokens.output,
    total_tokens: tokens.input + tokens.output,
    prompt_tokens_details: { cached_tokens: tokens.cached, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: tokens.reasoning, audio_tokens: 0 },
  };
}

function likelihoods(pieces: readonly string[]): object {
  const content = pieces.map((token) => ({
    token,
    logprob: likelihoodOf(token),
    bytes: [...Buffer.from(token)],
    top_logprobs: [],
  }));
  return { content, refusal: null };
}

function callsOf(said: Said): { id: string; type: "function"; function: object }[] {
  return (said.calls ?? []).map((call, index) => ({
    id: `call_${index}_${markOf(said)}`,
    type: "function",
    function: { name: call.name, arguments: JSON.stringify(call.arguments) },
  }));
}

function finishOf(said: Said): string {
  if (said.cutOff === true) return "length";
  return (said.calls ?? []).length > 0 ? "tool_calls" : "stop";
}

/** vLLM tells which of the caller's sequences it was; OpenAI does not. */
function stoppedBy({ stoppedBy: sequence }: Said): object {
  return sequence === undefined ? {} : { stop_reason: sequence };
}

export function sayChat(heard: Heard, said: Said): RenderedTurn {
  const base = { id: `chatcmpl-${markOf(said)}`, created: 1_790_000_000, model: heard.model };
  if (!heard.stream) {
    const calls = callsOf(said);
    const message = {
      role: "assistant",
      content: said.text ?? null,
      refusal: said.refusal ?? null,
      annotations: [],
      ...(said.reasoning === undefined ? {} : { reasoning_content: said.reasoning }),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    };
    const logprobs = said.logprobs === true ? likelihoods(cut(said.text ?? "")) : null;
    const choices = Array.from({ length: said.choices ?? 1 }, (_, index) => ({
      index,
      message,
      logprobs,
      finish_reason: finishOf(said),
      ...stoppedBy(said),
    }));
    const reply = { ...base, object: "chat.completion", choices, usage: toldOf(said) };
    return { contentType: "application/json", pieces: [JSON.stringify(reply)] };
  }
  const asked = asObject(heard.body["stream_options"])["include_usage"] === true;
  const chunk = (choices: unknown[], tokens: unknown = null): string =>
    `data: ${JSON.stringify({ ...base, object: "chat.completion.chunk", choices, ...(asked ? { usage: tokens } : {}) })}\n\n`;
  const delta = (content: object, finish: string | null = null, logprobs: unknown = null): string =>
    Array.from({ length: said.choices ?? 1 }, (_, index) =>
      chunk([
        {
          index,
          delta: content,
          logprobs,
          finish_reason: finish,
          ...(finish === null ? {} : stoppedBy(said)),
        },
      ]),
    ).join("");
  const pieces = [delta({ role: "assistant", content: "" })];
  for (const piece of cut(said.reasoning ?? "")) pieces.push(delta({ reasoning_content: piece }));
  for (const piece of cut(said.text ?? ""))
    pieces.push(
      delta({ content: piece }, null, said.logprobs === true ? likelihoods([piece]) : null),
    );
  for (const piece of cut(said.refusal ?? "")) pieces.push(delta({ refusal: piece }));
  for (const [index, call] of callsOf(said).entries()) {
    const fn = call.function as { name: string; arguments: string };
    const head = { name: fn.name, arguments: "" };
    pieces.push(delta({ tool_calls: [{ index, id: call.id, type: "function", function: head }] }));
    for (const piece of cut(fn.arguments))
      pieces.push(delta({ tool_calls: [{ index, function: { arguments: piece } }] }));
  }
  pieces.push(delta({}, finishOf(said)));
  if (asked) pieces.push(chunk([], toldOf(said)));
  pieces.push("data: [DONE]\n\n");
  return { contentType: "text/event-stream", pieces };
}
