/** What Coze's bots are sent, and what their streams become. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bareUsage } from "../../../test/fakes/bare-usage.ts";
import type { JsonObject } from "../../core/json-value.ts";
import { emptyConversation, longHistory, userSays } from "../../../test/fakes/conversations.ts";
import {
  anyContext,
  decodeAtEveryCut,
  decodeChunks,
  joinEvents,
} from "../../../test/fakes/reply-events.ts";
import type { Conversation, Message, UserPart } from "../../wire/conversation.ts";
import { noUsage } from "../../wire/usage.ts";
import { cozeChat } from "./codec.ts";

const target = { model: "7379", stream: false, askUsage: false, quirks: [] };

function encode(parts: Partial<Conversation>): JsonObject {
  const messages = [userSays("Hello")];
  return cozeChat.encodeRequest({ ...emptyConversation, messages, ...parts }, target);
}

const said = (parts: readonly UserPart[]): Message => ({ role: "user", parts });
const told = (parts: Partial<Conversation>): unknown => encode(parts)["additional_messages"];

test("a conversation becomes the bot's context, streamed and not kept", () => {
  const text = (content: string) => ({ kind: "text", text: content }) as const;
  const body = encode({
    system: [text("Be brief."), text("")],
    messages: [
      userSays("One"),
      { role: "assistant", parts: [{ kind: "reasoning", text: "hm" }, text("Two")] },
      { role: "assistant", parts: [{ kind: "refusal", text: "No" }] },
      userSays("Three"),
      { role: "system", parts: [text("Be kind.")] },
    ],
    endUser: "u",
    metadata: { a: "b", n: { x: 1 }, none: null, ["k".repeat(70)]: "v".repeat(600) },
    maxOutputTokens: 5,
  });
  const question = { role: "user", type: "question", content_type: "text" };
  assert.deepEqual(body, {
    bot_id: "7379",
    user_id: "u",
    stream: true,
    auto_save_history: false,
    additional_messages: [
      { ...question, content: "Be brief.\n\nOne" },
      { role: "assistant", type: "answer", content_type: "text", content: "Two\n\nNo" },
      { ...question, content: "Three\n\n<system>\nBe kind.\n</system>" },
    ],
    meta_data: { a: "b", n: '{"x":1}', ["k".repeat(64)]: "v".repeat(512) },
  });
  assert.equal(encode({})["user_id"], "anybody");
  assert.deepEqual(told({ system: [text("Alone.")], messages: [] }), [
    { ...question, content: "Alone." },
  ]);
  assert.deepEqual(cozeChat.droppedBy?.({ ...emptyConversation, maxOutputTokens: 5 }, target), [
    "max_tokens",
  ]);
  assert.deepEqual(cozeChat.droppedBy?.(emptyConversation, target), []);
});

test("images and documents go by URL, texts as text, nothing else", () => {
  const image = { kind: "media", medium: "image" } as const;
  const document = { kind: "media", medium: "document" } as const;
  const web = (url: string) => ({ kind: "url", url, mediaType: null }) as const;
  const [message] = told({
    messages: [
      said([
        { kind: "text", text: "See" },
        { ...image, source: web("https://x.test/a.png") },
        { ...document, source: web("https://x.test/a.pdf") },
        { ...document, title: "Note", source: { kind: "text", text: "words" } },
      ]),
    ],
  }) as readonly { content: string; content_type: string }[];
  assert.equal(message?.content_type, "object_string");
  assert.deepEqual(JSON.parse(message?.content ?? ""), [
    { type: "text", text: "See" },
    { type: "image", file_url: "https://x.test/a.png" },
    { type: "file", file_url: "https://x.test/a.pdf" },
    { type: "text", text: "Note\n\nwords" },
  ]);
  const [plain] = told({
    messages: [said([{ ...document, source: { kind: "text", text: "words" } }])],
  }) as readonly { content: string; content_type: string }[];
  assert.deepEqual([plain?.content_type, plain?.content], ["text", "words"]);
  const data = { kind: "data", mediaType: "image/png", data: "AA==" } as const;
  for (const part of [
    { ...image, source: data },
    { ...document, source: { kind: "file", fileId: "f", mediaType: null } },
    { kind: "media", medium: "video", source: web("https://x.test/a.mp4") },
    { kind: "media", medium: "audio", source: web("https://x.test/a.mp3") },
  ] as const)
    assert.throws(() => told({ messages: [said([part])] }), { kind: "invalid_request" });
  assert.throws(() => told({ messages: longHistory }), { kind: "invalid_request" });
});

const event = (name: string, data: unknown): string =>
  `event:${name}\ndata:${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;
const answer = (id: string, fields: object): object => ({ id, type: "answer", ...fields });
const bytes = (...events: readonly string[]): Buffer => Buffer.from(events.join(""));
const completed = event("conversation.chat.completed", {
  id: "c",
  bot_id: "b",
  status: "completed",
  usage: { token_count: 9, input_count: 4, output_count: 5 },
});

test("answers stream, one block a message, wherever the bytes are cut", () => {
  const body = bytes(
    event("conversation.chat.created", { id: "c", bot_id: "b", created_at: 7 }),
    event("conversation.message.delta", answer("1", { reasoning_content: "思" })),
    event("conversation.message.delta", answer("1", { content: "Hé" })),
    event("conversation.message.delta", answer("2", { content: "Two" })),
    event("conversation.message.delta", answer("1", { content: "llo" })),
    event("conversation.message.completed", answer("1", { content: "Hello" })),
    event("conversation.message.delta", answer("1", { content: "late" })),
    event("conversation.message.completed", answer("3", { content: "whole" })),
    event("conversation.message.completed", answer("3", { content: "whole" })),
    event("conversation.message.delta", { id: "4", type: "tool_output", content: "no" }),
    event("conversation.message.completed", { id: "5", type: "follow_up", content: "no" }),
    event("conversation.message.delta", answer("6", { content: "UklG", content_type: "audio" })),
    event("conversation.audio.delta", answer("6", { content: "UklG" })),
    completed,
    event("done", "[DONE]"),
    event("conversation.message.delta", answer("7", { content: "behind" })),
  );
  const joined = joinEvents(decodeAtEveryCut(cozeChat, body));
  assert.deepEqual(joined.parts, [
    { kind: "reasoning", text: "思" },
    { kind: "text", text: "Héllo" },
    { kind: "text", text: "Two" },
    { kind: "text", text: "whole" },
  ]);
  assert.deepEqual([joined.id, joined.model, joined.done], ["c", "b", true]);
  assert.deepEqual(joined.finish, { reason: "stop", stopSequence: null, raw: "completed" });
  assert.deepEqual(bareUsage(joined.usage), { ...noUsage, input: 4, output: 5 });
});

test("hostile events are passed over, and broken ones told", () => {
  const odd = [null, [], 5, "x", { content: "no type" }, answer("1", { content: 5, id: 7 })];
  const strange = odd.flatMap((data) => [
    event("conversation.message.delta", JSON.stringify(data)),
    event("conversation.chat.created", JSON.stringify(data)),
    event("constructor", JSON.stringify(data)),
    `data:${JSON.stringify(data)}\n\n`,
  ]);
  const joined = joinEvents(
    decodeChunks(cozeChat, [bytes(...strange, completed, event("done", "{}"))]),
  );
  assert.deepEqual([joined.parts, joined.done], [[], true]);
  assert.throws(() => decodeChunks(cozeChat, [bytes(event("conversation.message.delta", "{"))]), {
    kind: "upstream_invalid",
  });
});

test("failures are errors with the status that their codes stand for", () => {
  const last = (name: string, data: unknown) => {
    const events = decodeChunks(cozeChat, [bytes(event(name, data), event("done", "[DONE]"))]);
    const failure = events.at(-1);
    assert.equal(failure?.type, "error");
    return failure?.type === "error"
      ? [failure.error.status, failure.error.code, failure.error.message]
      : [];
  };
  const failed = (code: number) => ({ last_error: { code, msg: "m" } });
  assert.deepEqual(last("conversation.chat.failed", failed(5000)), [500, "5000", "m"]);
  assert.deepEqual(last("conversation.chat.failed", failed(4013)), [429, "4013", "m"]);
  assert.deepEqual(last("conversation.chat.failed", failed(4028)), [400, "4028", "m"]);
  assert.deepEqual(last("conversation.chat.failed", {}), [500, null, "The bot failed"]);
  assert.deepEqual(last("error", { code: 4100, msg: "who?" }), [401, "4100", "who?"]);
  assert.deepEqual(last("error", {}), [500, null, "The vendor told an error"]);
  assert.equal(last("conversation.chat.requires_action", { id: "c" })[0], 400);
  const decode = (text: string) => cozeChat.decodeError(Buffer.from(text));
  assert.deepEqual(decode('{"code":4101,"msg":"no"}'), {
    message: "no",
    type: null,
    code: "4101",
    status: 403,
  });
  assert.deepEqual(decode("<html>"), { message: "<html>", type: null, code: null, status: null });
  assert.throws(() => cozeChat.decodeReply({}, anyContext), { kind: "upstream_invalid" });
});
