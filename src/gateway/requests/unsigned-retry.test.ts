/** What is asked once more when a vendor refuses a signature: everything but what was signed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import { findUpstreamCodec } from "../../dialects/registry.ts";
import type { DialectId } from "../../wire/call.ts";
import type { Ending } from "../exchange/ending.ts";
import type { PreparedAttempt } from "../exchange/prepared-attempt.ts";
import { withoutSignatures } from "./unsigned-retry.ts";

function unsigned(dialect: DialectId, body: JsonObject, model = "m"): JsonObject | undefined {
  return findUpstreamCodec(dialect)?.unsigned?.(body, model);
}

function refused(message: string, kind: "upstream_refused" | "upstream_failed"): Ending {
  const error = new GatewayError(kind, message);
  const rest = { tryAnother: false, class: null, retryAfterS: undefined, passOn: null };
  return { kind: "failed", failure: { error, ...rest } };
}

function prepared(dialect: DialectId, body: Buffer | null): PreparedAttempt {
  const attempt = { endpoint: { dialect }, candidate: { model: "m" } };
  return { attempt, request: { body } } as unknown as PreparedAttempt;
}

test("Gemini's calls get Google's own stand-in where the model insists, all else goes bare", () => {
  const contents = [
    { role: "user", parts: [{ text: "hi" }] },
    {
      role: "model",
      parts: [
        { text: "t", thought: true, thoughtSignature: "A" },
        { functionCall: { name: "f" }, thought_signature: "B" },
        { functionCall: { name: "g" } },
        { text: "", thoughtSignature: "C" },
        7,
      ],
    },
    { role: "model", parts: [{ thoughtSignature: "D" }] },
    "strange",
  ];
  const told = unsigned("gemini-content", { contents, x: 1 }, "gemini-3-pro");
  assert.deepEqual(told, {
    contents: [
      contents[0],
      {
        role: "model",
        parts: [
          { text: "t", thought: true },
          {
            functionCall: { name: "f" },
            thoughtSignature: "skip_thought_signature_validator",
          },
          { functionCall: { name: "g" } },
          7,
        ],
      },
      "strange",
    ],
    x: 1,
  });
  const old = unsigned("gemini-content", { contents }, "gemini-2.5-flash");
  assert.ok(!JSON.stringify(old).includes("ignature"));
  assert.deepEqual(unsigned("gemini-content", {}), { contents: [] });
});

test("Claude's thoughts go, and in a tool loop the wish for them", () => {
  const call = { type: "tool_use", id: "t", name: "f", input: {} };
  const thought = { type: "thinking", thinking: "x", signature: "A" };
  const body = {
    model: "m",
    thinking: { type: "enabled", budget_tokens: 2048 },
    messages: [
      { role: "assistant", content: [thought] },
      { role: "assistant", content: [thought, { type: "redacted_thinking", data: "B" }, call] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "t" }] },
      { role: "assistant", content: "text" },
    ],
  };
  const loop = { ...body, messages: body.messages.slice(0, 3) };
  const told = unsigned("anthropic-messages", loop);
  assert.deepEqual(told?.["thinking"], { type: "disabled" });
  assert.deepEqual(told["messages"], [
    { role: "assistant", content: [{ type: "text", text: "…" }] },
    { role: "assistant", content: [call] },
    loop.messages[2],
  ]);
  assert.deepEqual(unsigned("anthropic-messages", body)?.["thinking"], body.thinking);
  const adaptive = { ...loop, thinking: { type: "adaptive" } };
  assert.deepEqual(unsigned("anthropic-messages", adaptive)?.["thinking"], { type: "adaptive" });
});

test("of Responses reasoning goes, with the ids that name it", () => {
  const input = [
    { role: "user", content: "hi" },
    { type: "reasoning", id: "rs_1", encrypted_content: "A" },
    { type: "message", role: "assistant", id: "msg_1", content: [] },
    { type: "function_call", id: "fc_1", call_id: "c", name: "f", arguments: "{}" },
    { type: "function_call_output", id: "fco_1", call_id: "c", output: "" },
  ];
  const told = unsigned("openai-responses", { input });
  const bare = (index: number): object => {
    const { id: _id, ...rest } = input[index] as { id?: string };
    return rest;
  };
  assert.deepEqual(told, { input: [input[0], bare(2), bare(3), input[4]] });
  const plain = { input: [input[2]] as JsonObject["x"][] } as JsonObject;
  assert.equal(unsigned("openai-responses", plain), plain);
});

test("of Converse thoughts go, and in a tool loop the wish for them", () => {
  const thought = { reasoningContent: { reasoningText: { text: "x", signature: "A" } } };
  const toolUse = { toolUse: { toolUseId: "t", name: "f", input: {} } };
  const additionalModelRequestFields = { thinking: { type: "enabled" }, top_k: 1 };
  const body = {
    messages: [
      { role: "assistant", content: [thought] },
      { role: "assistant", content: [thought, toolUse] },
    ],
    additionalModelRequestFields,
  };
  assert.deepEqual(unsigned("bedrock-converse", body), {
    messages: [
      { role: "assistant", content: [{ text: "…" }] },
      { role: "assistant", content: [toolUse] },
    ],
    additionalModelRequestFields: { top_k: 1 },
  });
  const answered = { ...body, messages: body.messages.slice(0, 1) };
  const told = unsigned("bedrock-converse", answered);
  assert.deepEqual(told?.["additionalModelRequestFields"], additionalModelRequestFields);
});

test("only a refusal of a signature is asked once more, and only where there is one", () => {
  const body = Buffer.from('{"input":[{"type":"reasoning"}]}');
  const signature =
    "upstream answered 400: The encrypted content for item rs_1 could not be verified";
  const again = (dialect: DialectId, text: Buffer | null, ending: Ending): boolean =>
    withoutSignatures(prepared(dialect, text), ending) !== undefined;
  assert.equal(again("openai-responses", body, refused(signature, "upstream_refused")), true);
  assert.equal(again("openai-responses", body, refused(signature, "upstream_failed")), false);
  assert.equal(again("openai-responses", body, refused("no such tool", "upstream_refused")), false);
  assert.equal(again("openai-responses", null, refused(signature, "upstream_refused")), false);
  assert.equal(again("openai-chat", body, refused(signature, "upstream_refused")), false);
  const none = Buffer.from('{"input":[]}');
  assert.equal(again("openai-responses", none, refused(signature, "upstream_refused")), false);
  for (const told of [
    "Function call is missing a thought_signature in functionCall parts.",
    "Corrupted thought signature.",
    "messages.1.content.0: Invalid `signature` in `thinking` block",
    "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified.",
  ])
    assert.equal(again("openai-responses", body, refused(told, "upstream_refused")), true, told);
});
