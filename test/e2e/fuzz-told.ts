/** What callers of each API are told, held to that API's own order: how a stream begins, goes on and may end. */
import assert from "node:assert/strict";
import type { FrontId } from "../../src/wire/call.ts";
import { asList, asObject } from "../fakes/scripted/turn.ts";
import { readErrorBody } from "./fuzz-bench.ts";

type Fields = Readonly<Record<string, unknown>>;

/** How a stream ended for its caller. */
export interface Ended {
  readonly whole: boolean;
  readonly failed: boolean;
}

interface SseEvent {
  readonly name: string | undefined;
  readonly data: string;
}

/** Splits as clients do; throws where bytes are left that are no event. */
export function splitEvents(text: string): SseEvent[] {
  const blocks = text.split(/\r\n\r\n|\n\n|\r\r/);
  const rest = blocks.pop() ?? "";
  assert.equal(
    rest.trim(),
    "",
    `bytes behind the last event: ${JSON.stringify(rest.slice(0, 300))}`,
  );
  const events: SseEvent[] = [];
  for (const block of blocks) {
    const lines = block.split(/\r\n|\n|\r/);
    const values = (field: string): string[] =>
      lines
        .filter((line) => line.startsWith(`${field}:`))
        .map((line) => line.slice(field.length + 1).replace(/^ /, ""));
    const data = values("data").join("\n");
    if (data !== "") events.push({ name: values("event").at(-1), data });
  }
  return events;
}

function parse(data: string): Fields {
  const value: unknown = JSON.parse(data);
  assert.ok(typeof value === "object" && value !== null && !Array.isArray(value), data);
  return value as Fields;
}

function checkChat(events: readonly SseEvent[]): Ended {
  const last = events.at(-1)?.data;
  let failed = false;
  for (const [index, { data }] of events.entries()) {
    if (data === "[DONE]") {
      assert.equal(index, events.length - 1, "nothing follows the terminator");
      continue;
    }
    const chunk = parse(data);
    assert.equal(failed, false, "nothing follows an error");
    if (chunk["error"] !== undefined) {
      readErrorBody("openai-chat", 0, Buffer.from(data));
      failed = true;
      continue;
    }
    assert.equal(chunk["object"], "chat.completion.chunk");
    assert.equal(typeof chunk["id"], "string");
    for (const choice of asList(chunk["choices"]).map(asObject)) {
      assert.equal(typeof choice["index"], "number");
      for (const call of asList(asObject(choice["delta"])["tool_calls"]).map(asObject))
        assert.equal(typeof call["index"], "number");
    }
  }
  return { whole: last === "[DONE]", failed };
}

function checkMessages(events: readonly SseEvent[]): Ended {
  // Blocks may overlap: clients tell them apart by their index.
  const open = new Set<unknown>();
  let next = 0;
  let state = "before";
  for (const { name, data } of events) {
    const event = parse(data);
    assert.equal(event["type"], name, "named as typed");
    assert.ok(state !== "stopped" && state !== "failed", `${name} behind the end`);
    if (name === "error") {
      readErrorBody("anthropic-messages", 0, Buffer.from(data));
      state = "failed";
    } else if (name === "message_start") {
      assert.equal(state, "before");
      state = "begun";
    } else if (name === "content_block_start") {
      assert.equal(state, "begun");
      assert.equal(event["index"], next);
      open.add(next);
      next += 1;
    } else if (name === "content_block_delta") {
      assert.ok(open.has(event["index"]), "a delta of no open block");
    } else if (name === "content_block_stop") {
      assert.ok(open.delete(event["index"]));
    } else if (name === "message_delta") {
      assert.ok(open.size === 0 && state === "begun", "the end while a block is open");
      state = "closing";
    } else if (name === "message_stop") {
      assert.equal(state, "closing");
      state = "stopped";
    } else assert.equal(name, "ping");
  }
  return { whole: state === "stopped", failed: state === "failed" };
}

/** Errors are told twice, for SDKs and for agents, and with numbers of their own. */
const responseErrors: readonly unknown[] = ["error", "response.failed"];

function checkResponses(events: readonly SseEvent[]): Ended {
  const items = new Map<unknown, "open" | "done">();
  let whole = false;
  let failed = false;
  for (const [index, { name, data }] of events.entries()) {
    if (data === "[DONE]") {
      assert.ok(whole && index === events.length - 1, "a terminator behind nothing");
      continue;
    }
    const event = parse(data);
    const { type } = event;
    assert.equal(type, name, "named as typed");
    assert.equal(whole, false, "nothing follows the end");
    if (responseErrors.includes(type)) {
      failed = true;
      continue;
    }
    assert.equal(failed, false, "nothing follows an error");
    assert.equal(event["sequence_number"], index, "numbered through");
    const place = event["output_index"];
    if (type === "response.output_item.added") items.set(place, "open");
    else if (place !== undefined) assert.equal(items.get(place), "open", data);
    if (type === "response.output_item.done") items.set(place, "done");
    whole = type === "response.completed" || type === "response.incomplete";
  }
  if (whole) assert.ok([...items.values()].every((state) => state === "done"));
  return { whole, failed };
}

function checkGemini(events: readonly SseEvent[]): Ended {
  let whole = false;
  let failed = false;
  for (const { data } of events) {
    const chunk = parse(data);
    assert.equal(failed, false, "nothing follows an error");
    if (chunk["error"] !== undefined) {
      const { code } = asObject(chunk["error"]);
      readErrorBody("gemini-content", Number(code), Buffer.from(data));
      failed = true;
    }
    const blocked = asObject(chunk["promptFeedback"])["blockReason"] !== undefined;
    whole ||= blocked || asList(chunk["candidates"]).some((one) => "finishReason" in asObject(one));
  }
  return { whole: whole && !failed, failed };
}

const checks: Readonly<Partial<Record<FrontId, (events: readonly SseEvent[]) => Ended>>> = {
  "openai-chat": checkChat,
  "openai-responses": checkResponses,
  "anthropic-messages": checkMessages,
  "gemini-content": checkGemini,
};

/** Holds a translated stream to its API's order. */
export function checkStream(dialect: FrontId, text: string): Ended {
  const check = checks[dialect];
  assert.ok(check !== undefined);
  return check(splitEvents(text));
}

/** Terminators, and the reasons to finish behind which some vendors send none. */
const wholeMarks: Readonly<Partial<Record<FrontId, RegExp>>> = {
  "openai-chat": /^data: ?\[DONE\]|"finish_reason" ?: ?"/m,
  "openai-responses": /"?response\.(?:completed|incomplete)\b/,
  "anthropic-messages": /"message_stop"|"stop_reason" ?: ?"|^data: ?\[DONE\]/m,
  "gemini-content": /"(?:finishReason|blockReason)" ?: ?"|^data: ?\[DONE\]/m,
};

/** How a stream that passed through ended: its events are the vendor's own, so only its end is looked at. */
export function readEnd(dialect: FrontId, text: string): Ended {
  const failed = /^data: ?\{.*"error"|"response\.failed"|^event: ?error/m.test(text);
  return { whole: wholeMarks[dialect]?.test(text) === true, failed };
}

/** Holds a translated whole reply to its API's shape; throws where it says nothing at all. */
export function checkWhole(dialect: FrontId, body: Buffer): void {
  const reply = parse(body.toString());
  switch (dialect) {
    case "openai-chat": {
      const [choice] = asList(reply["choices"]).map(asObject);
      assert.equal(typeof choice?.["finish_reason"], "string");
      assert.equal(asObject(choice?.["message"])["role"], "assistant");
      return;
    }
    case "openai-responses":
      assert.equal(reply["object"], "response");
      assert.ok(["completed", "incomplete"].includes(String(reply["status"])));
      return void assert.ok(Array.isArray(reply["output"]));
    case "anthropic-messages":
      assert.deepEqual([reply["type"], reply["role"]], ["message", "assistant"]);
      assert.equal(typeof reply["stop_reason"], "string");
      return void assert.ok(Array.isArray(reply["content"]));
    default: {
      const blocked = asObject(reply["promptFeedback"])["blockReason"] !== undefined;
      const [candidate] = asList(reply["candidates"]).map(asObject);
      assert.ok(blocked || typeof candidate?.["finishReason"] === "string");
    }
  }
}
