/** A scripted upstream's side of Bedrock's Converse, written from the vendor's documentation alone. */
import { EventStreamCodec } from "@smithy/eventstream-codec";
import type { Heard, RenderedTurn, Said } from "./turn.ts";
import { asList, asObject, cut, markOf, signatureOf, textOf, usage } from "./turn.ts";

export function hearConverse(
  body: Heard["body"],
  headers: Heard["headers"],
  path: { readonly model: string; readonly stream: boolean },
): Heard {
  const messages = asList(body["messages"]).map(asObject);
  const last = messages.findLastIndex((message) => message["role"] === "assistant");
  const config = asObject(body["toolConfig"]);
  const choice = asObject(config["toolChoice"]);
  const results = messages
    .slice(last + 1)
    .flatMap((message) => asList(message["content"]))
    .map((block) => asObject(asObject(block)["toolResult"]))
    .filter((result) => "toolUseId" in result);
  return {
    api: "converse",
    model: path.model,
    stream: path.stream,
    tools: asList(config["tools"])
      .map((tool) => asObject(asObject(tool)["toolSpec"]))
      .filter((tool) => "name" in tool)
      .map((tool) => ({
        name: String(tool["name"]),
        schema: asObject(asObject(tool["inputSchema"])["json"]),
      })),
    toolChoice:
      "any" in choice
        ? "required"
        : "tool" in choice
          ? String(asObject(choice["tool"])["name"])
          : "auto",
    userText: textOf(messages.findLast((message) => message["role"] === "user")?.["content"]),
    toolResults: results.map((result) =>
      asList(result["content"])
        .map(asObject)
        .map((block) => ("json" in block ? JSON.stringify(block["json"]) : textOf(block)))
        .join(""),
    ),
    format: null,
    body,
    headers,
  };
}

const told = {
  inputTokens: usage.input - usage.cached,
  outputTokens: usage.output,
  totalTokens: usage.input + usage.output,
  cacheReadInputTokens: usage.cached,
  cacheWriteInputTokens: 0,
};

function stopOf(said: Said): string {
  if (said.cutOff === true) return "max_tokens";
  return (said.calls ?? []).length > 0 ? "tool_use" : "end_turn";
}

const codec = new EventStreamCodec(
  (bytes) => Buffer.from(bytes).toString(),
  (text) => Buffer.from(text),
);

function frame(type: string, payload: object): Uint8Array {
  const text = (value: string): { type: "string"; value: string } => ({ type: "string", value });
  return codec.encode({
    headers: {
      ":event-type": text(type),
      ":content-type": text("application/json"),
      ":message-type": text("event"),
    },
    body: Buffer.from(JSON.stringify(payload)),
  });
}

export function sayConverse(heard: Heard, said: Said): RenderedTurn {
  const calls = (said.calls ?? []).map((call, index) => ({
    toolUseId: `tooluse_${index}_${markOf(said)}`,
    name: call.name,
    input: call.arguments,
  }));
  const signature = signatureOf(said);
  if (!heard.stream) {
    const reasoningText = { text: said.reasoning, signature };
    const content = [
      ...(said.reasoning === undefined ? [] : [{ reasoningContent: { reasoningText } }]),
      ...(said.text === undefined ? [] : [{ text: said.text }]),
      ...calls.map((toolUse) => ({ toolUse })),
    ];
    const message = { role: "assistant", content };
    const reply = {
      output: { message },
      stopReason: stopOf(said),
      usage: told,
      metrics: { latencyMs: 5 },
    };
    return { contentType: "application/json", pieces: [JSON.stringify(reply)] };
  }
  const pieces = [frame("messageStart", { role: "assistant" })];
  let index = 0;
  const block = (deltas: readonly object[], start?: object): void => {
    if (start !== undefined)
      pieces.push(frame("contentBlockStart", { contentBlockIndex: index, start }));
    for (const delta of deltas)
      pieces.push(frame("contentBlockDelta", { contentBlockIndex: index, delta }));
    pieces.push(frame("contentBlockStop", { contentBlockIndex: index }));
    index += 1;
  };
  if (said.reasoning !== undefined)
    block([
      ...cut(said.reasoning).map((text) => ({ reasoningContent: { text } })),
      { reasoningContent: { signature } },
    ]);
  if (said.text !== undefined) block(cut(said.text).map((text) => ({ text })));
  for (const { toolUseId, name, input } of calls)
    block(
      cut(JSON.stringify(input)).map((piece) => ({ toolUse: { input: piece } })),
      { toolUse: { toolUseId, name } },
    );
  pieces.push(frame("messageStop", { stopReason: stopOf(said) }));
  pieces.push(frame("metadata", { usage: told, metrics: { latencyMs: 5 } }));
  return { contentType: "application/vnd.amazon.eventstream", pieces };
}
