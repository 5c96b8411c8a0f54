/** One call at a time for callers who wish so, whatever the upstream makes of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatReply, ReplyEvent } from "../../wire/chat-reply.ts";
import type { AssistantPart } from "../../wire/conversation.ts";
import { SingleCalls, withSingleCalls } from "./single-call.ts";

const finish = { reason: "tool-calls", stopSequence: null, raw: null } as const;
const text: AssistantPart = { kind: "text", text: "I look." };
const call = (id: string): AssistantPart => ({
  kind: "tool-call",
  id,
  name: "look",
  arguments: "{}",
});

test("a whole reply keeps each choice's first call and all that is no call", () => {
  const reply: ChatReply = {
    id: null,
    model: null,
    createdAtS: null,
    choices: [
      { index: 0, parts: [text, call("a"), text, call("b")], finish, logprobs: null },
      { index: 1, parts: [call("c")], finish, logprobs: null },
    ],
    usage: null,
    serviceTier: null,
  };
  assert.deepEqual(
    withSingleCalls(reply).choices.map(({ parts }) => parts),
    [[text, call("a"), text], [call("c")]],
  );
});

test("a stream keeps each choice's first call, also where calls overlap", () => {
  const start = (id: string) => ({ kind: "tool-call", id, name: "look" }) as const;
  const kept: ReplyEvent[] = [
    { type: "block", choice: 0, block: 0, start: start("a") },
    { type: "delta", block: 0, text: '{"at":' },
    { type: "block", choice: 1, block: 2, start: start("c") },
    { type: "delta", block: 0, text: "1}" },
    { type: "block-end", block: 0 },
    { type: "block-end", block: 2 },
    { type: "finish", choice: 0, finish },
    { type: "done" },
  ];
  const left: ReplyEvent[] = [
    { type: "block", choice: 0, block: 1, start: start("b") },
    { type: "delta", block: 1, text: "{}" },
    { type: "carried", block: 1, carried: { issuer: "x", data: "y" } },
    { type: "block-end", block: 1 },
  ];
  const single = new SingleCalls();
  const order = [kept[0]!, kept[1]!, left[0]!, kept[2]!, left[1]!, kept[3]!, left[2]!];
  const told = [...order, kept[4]!, left[3]!, ...kept.slice(5)];
  assert.deepEqual(
    told.filter((event) => !single.leavesOut(event)),
    kept,
  );
});
