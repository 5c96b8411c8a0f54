/** Holds the arranger of histories to its promise: turns alternate, every call has its result, nothing said is lost. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AssistantPart, Message, ToolResultPart } from "../wire/conversation.ts";
import { type Turn, arrangeTurns } from "./turns.ts";

const say = (role: "user" | "assistant", text: string): Message => ({
  role,
  parts: [{ kind: "text", text }],
});
const callPart = (id: string, name = "look"): AssistantPart => ({
  kind: "tool-call",
  id,
  name,
  arguments: "{}",
});
const call = (...ids: string[]): Message => ({
  role: "assistant",
  parts: ids.map((id) => callPart(id)),
});
const resultPart = (callId: string, text: string): ToolResultPart => ({
  kind: "tool-result",
  callId,
  name: null,
  content: [{ kind: "text", text }],
  isError: false,
});
const result = (callId: string, text: string): Message => ({
  role: "tool",
  parts: [resultPart(callId, text)],
});

/** A turn as words: `user: look#a=found, hello`. */
function tell(turn: Turn): string {
  const parts = turn.parts.map((part) => {
    if (part.kind === "text") return part.text;
    if (part.kind === "tool-call") return `call ${part.id}`;
    if (part.kind !== "tool-result") return part.kind;
    const text = part.content.map((item) => (item.kind === "text" ? item.text : "?")).join("");
    return `${part.name}#${part.callId}${part.isError ? "!" : "="}${text}`;
  });
  return `${turn.role}: ${parts.join(", ")}`;
}

const arrange = (...messages: Message[]): string[] => arrangeTurns(messages).map(tell);
const missing = "No result: the call was interrupted.";

test("messages of one role become one turn", () => {
  const turns = arrange(
    say("user", "a"),
    say("user", "b"),
    say("assistant", "c"),
    say("assistant", "d"),
  );
  assert.deepEqual(turns, ["user: a, b", "assistant: c, d"]);
  assert.deepEqual(arrange(), []);
});

test("results come first, in the order of the calls, whatever their order was", () => {
  const turns = arrange(
    call("1", "2"),
    say("user", "wait"),
    result("2", "two"),
    result("1", "one"),
  );
  assert.deepEqual(turns, ["assistant: call 1, call 2", "user: look#1=one, look#2=two, wait"]);
});

test("calls in several messages of one turn are answered in one", () => {
  const turns = arrange(
    call("1"),
    call("2"),
    result("1", "one"),
    result("2", "two"),
    say("assistant", "so"),
  );
  assert.deepEqual(turns, [
    "assistant: call 1, call 2",
    "user: look#1=one, look#2=two",
    "assistant: so",
  ]);
});

test("a call without result gets one that says so, in the middle and at the end", () => {
  const turns = arrange(call("1", "2"), result("1", "one"), say("assistant", "so"), call("3"));
  assert.deepEqual(turns, [
    "assistant: call 1, call 2",
    `user: look#1=one, look#2!${missing}`,
    "assistant: so, call 3",
    `user: look#3!${missing}`,
  ]);
});

test("a result without its call becomes text", () => {
  const late = arrange(call("1"), say("user", "stop"), say("assistant", "ok"), result("1", "late"));
  assert.deepEqual(late, [
    "assistant: call 1",
    `user: look#1!${missing}, stop`,
    "assistant: ok",
    "user: [result of tool 1], late",
  ]);
  assert.deepEqual(arrange(result("9", "x"), say("user", "y")), ["user: [result of tool 9], x, y"]);
});

test("of several results of one call the last holds, and the others are still told", () => {
  const turns = arrange(call("1"), result("1", "old"), result("1", "new"));
  assert.deepEqual(turns[1], "user: look#1=new, [result of tool 1], old");
});

test("calls that share an id are answered in their order", () => {
  const twice = arrange(call("1", "1"), result("1", "first"), result("1", "second"));
  assert.deepEqual(twice[1], "user: look#1=first, look#1=second");
  const once = arrange(call("1", "1"), result("1", "second"));
  assert.deepEqual(once[1], `user: look#1!${missing}, look#1=second`);
  const turns = arrange(call("1"), result("1", "a"), call("1"), result("1", "b"));
  assert.deepEqual(
    turns.filter((turn) => turn.startsWith("user")),
    ["user: look#1=a", "user: look#1=b"],
  );
});

test("parts are handed on as they are, so that callers can know them again", () => {
  const user = say("user", "a");
  const [turn] = arrangeTurns([user]);
  assert.equal(turn?.parts[0], user.parts[0]);
});
