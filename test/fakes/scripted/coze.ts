/** A scripted upstream's side of Coze's /v3/chat, written from the vendor's documentation alone. */
import type { Heard, RenderedTurn, Said } from "./turn.ts";
import { asList, asObject, cut, textOf, usage } from "./turn.ts";

type Obj = Readonly<Record<string, unknown>>;

/** What a message says: text as it is, or a list of parts written as JSON. */
export function wordsOf(message: Obj): string {
  const { content, content_type: type } = message;
  return type === "object_string" ? textOf(JSON.parse(String(content))) : textOf(content);
}

export function hearCoze(body: Heard["body"], headers: Heard["headers"]): Heard {
  const messages = asList(body["additional_messages"]).map(asObject);
  const question = messages.findLast((message) => message["role"] === "user");
  return {
    api: "coze",
    model: String(body["bot_id"]),
    stream: body["stream"] === true,
    tools: [],
    toolChoice: "none",
    userText: question === undefined ? "" : wordsOf(question),
    toolResults: [],
    format: null,
    body,
    headers,
  };
}

const event = (name: string, data: unknown): string =>
  `event:${name}\ndata:${JSON.stringify(data)}\n\n`;

export function sayCoze(heard: Heard, said: Said): RenderedTurn {
  const chat = { id: "7382159487131697202", conversation_id: "738", bot_id: heard.model };
  const told = (status: string, more: object = {}): object => ({
    ...chat,
    created_at: 1_790_000_000,
    last_error: { code: 0, msg: "" },
    status,
    ...more,
  });
  if (!heard.stream) {
    const reply = JSON.stringify({ code: 0, msg: "", data: told("in_progress") });
    return { contentType: "application/json; charset=utf-8", pieces: [reply] };
  }
  const message = {
    id: "7382159494123470858",
    conversation_id: chat.conversation_id,
    chat_id: chat.id,
    bot_id: heard.model,
    role: "assistant",
    type: "answer",
    content_type: "text",
  };
  const suggestion = { ...message, id: "9", type: "follow_up", content: "And tomorrow?" };
  const tokens = said.tokens ?? usage;
  const { input: input_count, output: output_count } = tokens;
  const counted = { token_count: input_count + output_count, output_count, input_count };
  const pieces = [
    event("conversation.chat.created", told("created", { usage: { token_count: 0 } })),
    event("conversation.chat.in_progress", told("in_progress")),
    ...cut(said.reasoning ?? "").map((reasoning_content) =>
      event("conversation.message.delta", { ...message, content: "", reasoning_content }),
    ),
    ...cut(said.text ?? "").map((content) =>
      event("conversation.message.delta", { ...message, content }),
    ),
    event("conversation.message.completed", { ...message, content: said.text ?? "" }),
    event("conversation.message.completed", suggestion),
    event("conversation.chat.completed", told("completed", { usage: counted })),
    event("done", "[DONE]"),
  ];
  return { contentType: "text/event-stream", pieces };
}
