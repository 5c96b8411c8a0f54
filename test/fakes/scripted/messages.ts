/** A scripted upstream's side of Anthropic Messages, written from the vendor's documentation alone. */
import type { Heard, RenderedTurn, Said } from "./turn.ts";
import { asList, asObject, cut, markOf, signatureOf, textOf, usage } from "./turn.ts";

export function hearMessages(body: Heard["body"], headers: Heard["headers"]): Heard {
  const messages = asList(body["messages"]).map(asObject);
  const users = messages.filter((message) => message["role"] === "user");
  const last = messages.findLastIndex((message) => message["role"] === "assistant");
  const results = messages
    .slice(last + 1)
    .flatMap((message) => asList(message["content"]))
    .map(asObject)
    .filter((block) => block["type"] === "tool_result");
  const choice = asObject(body["tool_choice"]);
  const kind = String(choice["type"] ?? "auto");
  const format = asObject(asObject(body["output_config"])["format"]);
  return {
    api: "messages",
    model: String(body["model"]),
    stream: body["stream"] === true,
    tools: asList(body["tools"])
      .map(asObject)
      .filter((tool) => "input_schema" in tool)
      .map((tool) => ({ name: String(tool["name"]), schema: asObject(tool["input_schema"]) })),
    toolChoice: kind === "any" ? "required" : kind === "tool" ? String(choice["name"]) : kind,
    userText: textOf(users.at(-1)?.["content"]),
    toolResults: results.map((block) => textOf(block["content"])),
    format: format["type"] === "json_schema" ? asObject(format["schema"]) : null,
    body,
    headers,
  };
}

function inputOf({ tokens = usage }: Said): object {
  const written = tokens.written ?? 0;
  return {
    input_tokens: tokens.input - tokens.cached - written,
    cache_creation_input_tokens: written,
    cache_read_input_tokens: tokens.cached,
    cache_creation: { ephemeral_5m_input_tokens: written, ephemeral_1h_input_tokens: 0 },
    service_tier: "standard",
  };
}

function outputOf({ tokens }: Said): object {
  if (tokens === undefined) return { output_tokens: usage.output };
  return {
    output_tokens: tokens.output,
    output_tokens_details: { thinking_tokens: tokens.reasoning },
  };
}

type Block = Readonly<Record<string, unknown>>;

function blocksOf(said: Said): Block[] {
  const blocks: Block[] = [];
  if (said.reasoning !== undefined)
    blocks.push({ type: "thinking", thinking: said.reasoning, signature: signatureOf(said) });
  if (said.redacted === true)
    blocks.push({ type: "redacted_thinking", data: `REDACTED-${markOf(said)}` });
  if (said.text !== undefined) blocks.push({ type: "text", text: said.text });
  for (const [index, call] of (said.calls ?? []).entries())
    blocks.push({
      type: "tool_use",
      id: `toolu_${index}_${markOf(said)}`,
      name: call.name,
      input: call.arguments,
    });
  return blocks;
}

function stopOf(said: Said): string {
  if (said.cutOff === true) return "max_tokens";
  if (said.refusal !== undefined) return "refusal";
  if (said.stoppedBy !== undefined) return "stop_sequence";
  return (said.calls ?? []).length > 0 ? "tool_use" : "end_turn";
}

export function sayMessages(heard: Heard, said: Said): RenderedTurn {
  const message = {
    id: `msg_${markOf(said)}`,
    type: "message",
    role: "assistant",
    model: heard.model,
  };
  const ending = { stop_reason: stopOf(said), stop_sequence: said.stoppedBy ?? null };
  if (!heard.stream) {
    const tokens = { ...inputOf(said), ...outputOf(said) };
    const reply = { ...message, content: blocksOf(said), ...ending, usage: tokens };
    return { contentType: "application/json", pieces: [JSON.stringify(reply)] };
  }
  const pieces: string[] = [];
  const tell = (type: string, values: object): void => {
    pieces.push(`event: ${type}\ndata: ${JSON.stringify({ type, ...values })}\n\n`);
  };
  const empty = { content: [], stop_reason: null, stop_sequence: null };
  tell("message_start", {
    message: { ...message, ...empty, usage: { ...inputOf(said), output_tokens: 1 } },
  });
  tell("ping", {});
  for (const [index, block] of blocksOf(said).entries()) tellBlock(tell, index, block);
  tell("message_delta", { delta: ending, usage: outputOf(said) });
  tell("message_stop", {});
  return { contentType: "text/event-stream", pieces };
}

function tellBlock(
  tell: (type: string, values: object) => void,
  index: number,
  block: Block,
): void {
  const start = (content_block: object): void =>
    tell("content_block_start", { index, content_block });
  const delta = (value: object): void => tell("content_block_delta", { index, delta: value });
  if (block["type"] === "text") {
    start({ type: "text", text: "" });
    for (const text of cut(String(block["text"]))) delta({ type: "text_delta", text });
  } else if (block["type"] === "thinking") {
    start({ type: "thinking", thinking: "", signature: "" });
    for (const thinking of cut(String(block["thinking"])))
      delta({ type: "thinking_delta", thinking });
    delta({ type: "signature_delta", signature: block["signature"] });
  } else if (block["type"] === "redacted_thinking") {
    start(block);
  } else {
    start({ ...block, input: {} });
    delta({ type: "input_json_delta", partial_json: "" });
    for (const partial_json of cut(JSON.stringify(block["input"])))
      delta({ type: "input_json_delta", partial_json });
  }
  tell("content_block_stop", { index });
}
