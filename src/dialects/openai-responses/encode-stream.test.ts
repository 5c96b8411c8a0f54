/** The canonical order of what callers are told, and the response that may be kept before its end is told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../../core/json-value.ts";
import type { ReplyEvent } from "../../wire/chat-reply.ts";
import type { ReplyContext } from "../codec.ts";
import { makeResponseStream } from "./encode-stream.ts";

const context: ReplyContext = {
  callId: "0abc",
  replyId: "resp_kept",
  model: "asked",
  createdAtS: 5,
  request: {},
  usageAsked: true,
  stored: true,
  inputTokensEstimate: 0,
};

const text: readonly ReplyEvent[] = [
  { type: "start", id: "x", model: "sent", createdAtS: null },
  { type: "block", choice: 0, block: 0, start: { kind: "text" } },
  { type: "delta", block: 0, text: "Hi" },
  { type: "block-end", block: 0 },
];

function parse(bytes: string | undefined): JsonObject[] {
  return (bytes ?? "")
    .split("\n")
    .filter((line) => line.startsWith("data: {"))
    .map((line) => JSON.parse(line.slice(6)) as JsonObject);
}

function types(events: readonly ReplyEvent[], request: JsonObject = {}): string[] {
  const stream = makeResponseStream({ ...context, request });
  return events.flatMap((event) => parse(stream.encode(event)).map(({ type }) => String(type)));
}

test("a text, in order", () => {
  assert.deepEqual(types([...text, { type: "done" }]), [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
  ]);
});

test("each delta goes out at once, and blocks left open are closed before the end", () => {
  const stream = makeResponseStream(context);
  const [, , delta] = text;
  for (const event of text.slice(0, 2)) stream.encode(event);
  assert.equal(parse(delta && stream.encode(delta))[0]?.["delta"], "Hi");
  const last = parse(stream.encode({ type: "done" })).map(({ type }) => type);
  assert.deepEqual(last.slice(-2), ["response.output_item.done", "response.completed"]);
});

test("the response can be kept before its end is told, and be told as not kept after all", () => {
  const stream = makeResponseStream(context);
  for (const event of text) stream.encode(event);
  stream.encode({
    type: "finish",
    choice: 0,
    finish: { reason: "length", stopSequence: null, raw: null },
  });
  const { response, bytes } = stream.complete();
  assert.equal(parse(bytes)[0]?.["type"], "response.output_item.done");
  assert.deepEqual(
    [response["id"], response["store"], response["status"]],
    ["resp_kept", true, "incomplete"],
  );
  stream.markStored(false);
  const [end] = parse(stream.encode({ type: "done" }));
  assert.equal(end?.["type"], "response.incomplete");
  assert.deepEqual(end?.["response"], { ...response, store: false });
});

test("what belongs to a last text stays behind it only for those who ask for such items", () => {
  const carried = { issuer: "gemini-content/g", data: "sig" };
  const events: ReplyEvent[] = [
    ...text.slice(0, 3),
    { type: "carried", block: 0, carried },
    { type: "block-end", block: 0 },
    { type: "done" },
  ];
  const asking = { include: ["reasoning.encrypted_content"] };
  const items = (request: JsonObject): number =>
    types(events, request).filter((type) => type === "response.output_item.done").length;
  assert.deepEqual([items({}), items(asking)], [1, 2]);
});

test("whoever declines without a word is quoted", () => {
  const stream = makeResponseStream(context);
  const finish = { reason: "refusal", stopSequence: null, raw: null } as const;
  stream.encode({ type: "finish", choice: 0, finish });
  const { response } = stream.complete();
  assert.match(JSON.stringify(response["output"]), /"refusal":"The model declined/);
});

test("the terminator stands behind the last event, and only there", () => {
  const encode = makeResponseStream(context).encode;
  const told = [...text, { type: "done" } as const].map((event) => encode(event) ?? "");
  assert.match(told.at(-1) ?? "", /\nevent: response\.completed\n[^\n]+\n\ndata: \[DONE\]\n\n$/u);
  assert.doesNotMatch(told.slice(0, -1).join(""), /\[DONE\]/u);
});
