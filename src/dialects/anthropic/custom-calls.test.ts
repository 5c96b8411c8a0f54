/** Custom tools have free text for their arguments; Messages know only objects, in streams as in whole replies. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { payloads } from "../../../test/e2e/fronts.ts";
import { asObject } from "../../../test/fakes/scripted/turn.ts";
import type { ReplyEvent } from "../../wire/chat-reply.ts";
import { makeEventEncoder } from "./encode-events.ts";

const context = {
  callId: "c",
  replyId: null,
  model: "m",
  createdAtS: 1,
  request: {},
  usageAsked: true,
  inputTokensEstimate: 1,
};

/** The arguments that a client of Messages joins of the pieces. */
function joined(pieces: readonly string[]): unknown {
  const encode = makeEventEncoder(context);
  const start = { kind: "tool-call", id: "t", name: "sql", custom: true } as const;
  const events: readonly ReplyEvent[] = [
    { type: "start", id: null, model: null, createdAtS: null },
    { type: "block", choice: 0, block: 0, start },
    ...pieces.map((text): ReplyEvent => ({ type: "delta", block: 0, text })),
    { type: "block-end", block: 0 },
    { type: "finish", choice: 0, finish: { reason: "tool-calls", stopSequence: null, raw: null } },
    { type: "done" },
  ];
  const told = events.map((event) => encode(event) ?? "").join("");
  const deltas = payloads(told).map((event) => asObject(event["delta"])["partial_json"]);
  return JSON.parse(deltas.filter((piece) => typeof piece === "string").join(""));
}

test("the text of a custom call stands in an object, whatever its pieces hold", () => {
  const text = 'SELECT "ä" \\ FROM t;\n-- 🌦';
  for (const pieces of [[text], [...text], text.split(""), ["SELECT", " 1"]])
    assert.deepEqual(joined(pieces), { input: pieces.join("") });
  assert.deepEqual(joined([]), { input: "" });
});
