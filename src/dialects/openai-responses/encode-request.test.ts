/** What is sent for a conversation that came in another dialect. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyConversation as empty } from "../../../test/fakes/conversations.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { EncodeTarget } from "../codec.ts";
import type { AssistantPart, Conversation, Message } from "../../wire/conversation.ts";
import { carryNative } from "./carried-slot.ts";
import { encodeRequest } from "./encode-request.ts";

const target: EncodeTarget = { model: "gpt-5", stream: true, askUsage: true, quirks: [] };

function inputOf(
  messages: readonly Message[],
  to: Partial<EncodeTarget> = {},
): readonly JsonObject[] {
  const body = encodeRequest({ ...empty, messages }, { ...target, ...to });
  return body["input"] as readonly JsonObject[];
}

const said = (...parts: AssistantPart[]): Message[] => [{ role: "assistant", parts }];
const call: AssistantPart = { kind: "tool-call", id: "c1", name: "f", arguments: "{}" };

test("nothing is kept by the vendor, and thoughts come back encrypted where the model thinks", () => {
  const body = encodeRequest(empty, target);
  assert.deepEqual(
    [body["store"], body["stream"], body["include"]],
    [false, true, ["reasoning.encrypted_content"]],
  );
  for (const model of ["gpt-4o", "gpt-5-chat-latest", "grok-4"])
    assert.equal(encodeRequest(empty, { ...target, model })["include"], undefined);
  const wish = { effort: null, budgetTokens: 5000, adaptive: false, show: true, summary: null };
  const asked = encodeRequest({ ...empty, reasoning: wish }, { ...target, model: "other" });
  assert.deepEqual(asked["reasoning"], { effort: "medium", summary: "auto" });
  assert.deepEqual(asked["include"], ["reasoning.encrypted_content"]);
});

test("a thought goes back to the model that made it alone, and only in front of what it led to", () => {
  const own = carryNative({ id: "rs_1", encrypted: "gAAA" }, "gpt-5");
  const thought: AssistantPart = { kind: "reasoning", text: "Hm", carried: own };
  assert.deepEqual(inputOf(said(thought, call)), [
    {
      type: "reasoning",
      id: "rs_1",
      summary: [{ type: "summary_text", text: "Hm" }],
      encrypted_content: "gAAA",
    },
    { type: "function_call", call_id: "c1", name: "f", arguments: "{}" },
    {
      type: "function_call_output",
      call_id: "c1",
      output: "Error: No result: the call was interrupted.",
    },
  ]);
  assert.equal(inputOf(said(call, thought)).length, 2);
  assert.equal(inputOf(said(thought, call), { model: "gpt-6" }).length, 2);
  const foreign: AssistantPart = {
    kind: "reasoning",
    text: "Hm",
    carried: { issuer: "anthropic-messages/c", data: "sig" },
  };
  assert.equal(inputOf(said(foreign, call)).length, 2);
  assert.deepEqual(inputOf(said(foreign, call), { quirks: ["replay-reasoning"] })[0], {
    type: "reasoning",
    summary: [],
    content: [{ type: "reasoning_text", text: "Hm" }],
  });
});

test("tools that do not say so are not strict, and long call ids stay matched", () => {
  const tool = { name: "f", description: null, parameters: null, strict: null };
  const body = encodeRequest({ ...empty, tools: [tool], toolChoice: { kind: "required" } }, target);
  assert.deepEqual(body["tools"], [
    { type: "function", name: "f", parameters: { type: "object", properties: {} }, strict: false },
  ]);
  assert.equal(body["tool_choice"], "required");
  const id = "x".repeat(100);
  const [made, answered] = inputOf([
    ...said({ ...call, id }),
    {
      role: "tool",
      parts: [
        {
          kind: "tool-result",
          callId: id,
          name: "f",
          content: [{ kind: "text", text: "not found" }],
          isError: true,
        },
      ],
    },
  ]);
  assert.equal(made?.["call_id"], answered?.["call_id"]);
  assert.ok(String(made?.["call_id"]).length <= 64);
  assert.equal(answered?.["output"], "Error: not found");
});

test("instructions, documents and cache marks find their places", () => {
  const body = encodeRequest(
    {
      ...empty,
      system: [
        { kind: "text", text: "One", cache: { ttl: "1h" } },
        { kind: "text", text: "Two", cache: { ttl: "30m" } },
      ],
      messages: [
        {
          role: "user",
          parts: [
            {
              kind: "media",
              medium: "document",
              source: { kind: "data", mediaType: "application/pdf", data: "AAAA" },
            },
            { kind: "media", medium: "document", source: { kind: "text", text: "T" }, title: "A" },
          ],
        },
      ],
    },
    target,
  );
  assert.equal(body["instructions"], "One");
  assert.deepEqual(body["input"], [
    {
      type: "message",
      role: "developer",
      content: [
        {
          type: "input_text",
          text: "Two",
          prompt_cache_breakpoint: { mode: "explicit", ttl: "30m" },
        },
      ],
    },
    {
      type: "message",
      role: "user",
      content: [
        {
          type: "input_file",
          filename: "document.pdf",
          file_data: "data:application/pdf;base64,AAAA",
        },
        { type: "input_text", text: "A\n\nT" },
      ],
    },
  ]);
});

test("the same conversation makes the same bytes", () => {
  const conversation: Conversation = {
    ...empty,
    sampling: { temperature: 0.1, topP: 0.2, topLogprobs: 0 },
    maxOutputTokens: 3,
    responseFormat: { kind: "schema", name: null, description: null, schema: {}, strict: true },
    verbosity: "low",
    endUser: "someone",
  };
  const text = JSON.stringify(
    encodeRequest(conversation, { ...target, model: "m", stream: false }),
  );
  assert.equal(
    text,
    '{"model":"m","text":{"format":{"type":"json_schema","name":"response","schema":{},"strict":true},' +
      '"verbosity":"low"},"temperature":0.1,"top_p":0.2,"top_logprobs":0,"max_output_tokens":16,' +
      '"include":["message.output_text.logprobs"],"store":false,"user":"someone","input":[]}',
  );
});
