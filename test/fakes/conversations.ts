/** Conversations to encode in tests: an empty one, and one that says nearly everything. */
import { emptyConversation as nothingSaid } from "../../src/dialects/empty-conversation.ts";
import type { Conversation, Message, Tool } from "../../src/wire/conversation.ts";

export const emptyConversation: Conversation = { ...nothingSaid, model: "asked" };

export function userSays(text: string): Message {
  return { role: "user", parts: [{ kind: "text", text }] };
}

export function toolCalled(name: string): Tool {
  return { name, description: null, parameters: null, strict: null };
}

/** A one-pixel PNG. */
export const tinyPng =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=";

/** System, images, two calls in one turn with their results (one of them an error), and a question behind them. */
export const longHistory: readonly Message[] = [
  {
    role: "user",
    parts: [
      { kind: "text", text: "What is this?" },
      {
        kind: "media",
        medium: "image",
        source: { kind: "data", mediaType: "image/png", data: tinyPng },
        detail: "low",
      },
    ],
  },
  {
    role: "assistant",
    parts: [
      { kind: "text", text: "I look." },
      { kind: "tool-call", id: "call_1", name: "look", arguments: '{"where":"left"}' },
      { kind: "tool-call", id: "call_2", name: "look", arguments: "" },
    ],
  },
  {
    role: "tool",
    parts: [
      {
        kind: "tool-result",
        callId: "call_2",
        name: null,
        content: [{ kind: "text", text: "nothing there" }],
        isError: true,
      },
    ],
  },
  { role: "system", parts: [{ kind: "text", text: "Be brief." }] },
  {
    role: "tool",
    parts: [
      {
        kind: "tool-result",
        callId: "call_1",
        name: null,
        content: [{ kind: "text", text: '{"seen":12345678901234567890}' }],
        isError: false,
      },
    ],
  },
  userSays("So?"),
];
