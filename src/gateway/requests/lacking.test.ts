/** What a manifest says is lacking is refused by the caller's own field, in each API; everything else is let through. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../core/errors.ts";
import { getDialect } from "../../dialects/registry.ts";
import type { Capability } from "../../providers/contract.ts";
import type { FrontId } from "../../wire/call.ts";
import { DecodedRequest } from "../exchange/decoded-request.ts";
import { refuseLacking } from "./lacking.ts";

const png = "iVBORw0KGgo=";
const parameters = { type: "object", properties: {} };

interface Wants {
  readonly body: object;
  readonly field: string;
}

const hello = {
  "openai-chat": { model: "m", messages: [{ role: "user", content: "hi" }] },
  "openai-responses": { model: "m", input: "hi" },
  "anthropic-messages": {
    model: "m",
    max_tokens: 9,
    messages: [{ role: "user", content: "hi" }],
  },
  "gemini-content": { contents: [{ role: "user", parts: [{ text: "hi" }] }] },
} as const;

type Front = keyof typeof hello;

/** A body that wants the capability, and the field that says so. */
const wants: Readonly<Record<string, Readonly<Record<Front, Wants>>>> = {
  tools: {
    "openai-chat": {
      body: { tools: [{ type: "function", function: { name: "f", parameters } }] },
      field: "tools",
    },
    "openai-responses": {
      body: { tools: [{ type: "function", name: "f", parameters, strict: false }] },
      field: "tools",
    },
    "anthropic-messages": {
      body: { tools: [{ name: "f", input_schema: parameters }] },
      field: "tools",
    },
    "gemini-content": {
      body: { tools: [{ functionDeclarations: [{ name: "f" }] }] },
      field: "tools",
    },
  },
  system: {
    "openai-chat": {
      body: {
        messages: [
          { role: "developer", content: "be brief" },
          { role: "user", content: "hi" },
        ],
      },
      field: "messages",
    },
    "openai-responses": { body: { instructions: "be brief" }, field: "instructions" },
    "anthropic-messages": { body: { system: "be brief" }, field: "system" },
    "gemini-content": {
      body: { systemInstruction: { parts: [{ text: "be brief" }] } },
      field: "systemInstruction",
    },
  },
  images: {
    "openai-chat": {
      body: {
        messages: [
          {
            role: "user",
            content: [{ type: "image_url", image_url: { url: `data:image/png;base64,${png}` } }],
          },
        ],
      },
      field: "messages",
    },
    "openai-responses": {
      body: {
        input: [
          {
            role: "user",
            content: [{ type: "input_image", image_url: `data:image/png;base64,${png}` }],
          },
        ],
      },
      field: "input",
    },
    "anthropic-messages": {
      body: {
        messages: [
          { role: "user", content: "look" },
          { role: "assistant", content: [{ type: "tool_use", id: "t", name: "f", input: {} }] },
          {
            role: "user",
            content: [
              {
                type: "tool_result",
                tool_use_id: "t",
                content: [
                  { type: "image", source: { type: "base64", media_type: "image/png", data: png } },
                ],
              },
            ],
          },
        ],
      },
      field: "messages",
    },
    "gemini-content": {
      body: {
        contents: [{ role: "user", parts: [{ inlineData: { mimeType: "image/png", data: png } }] }],
      },
      field: "contents",
    },
  },
  "parallel-tools": {
    "openai-chat": {
      body: {
        messages: [
          { role: "user", content: "hi" },
          {
            role: "assistant",
            tool_calls: ["a", "b"].map((id) => ({
              id,
              type: "function",
              function: { name: "f", arguments: "{}" },
            })),
          },
          ...["a", "b"].map((tool_call_id) => ({ role: "tool", tool_call_id, content: "x" })),
        ],
      },
      field: "messages",
    },
    "openai-responses": {
      body: {
        input: [
          { role: "user", content: "hi" },
          ...["a", "b"].map((call_id) => ({
            type: "function_call",
            call_id,
            name: "f",
            arguments: "{}",
          })),
          ...["a", "b"].map((call_id) => ({ type: "function_call_output", call_id, output: "x" })),
        ],
      },
      field: "input",
    },
    "anthropic-messages": {
      body: {
        messages: [
          { role: "user", content: "hi" },
          {
            role: "assistant",
            content: ["a", "b"].map((id) => ({ type: "tool_use", id, name: "f", input: {} })),
          },
          {
            role: "user",
            content: ["a", "b"].map((tool_use_id) => ({
              type: "tool_result",
              tool_use_id,
              content: "x",
            })),
          },
        ],
      },
      field: "messages",
    },
    "gemini-content": {
      body: {
        contents: [
          { role: "user", parts: [{ text: "hi" }] },
          {
            role: "model",
            parts: [{ functionCall: { name: "f" } }, { functionCall: { name: "g" } }],
          },
          {
            role: "user",
            parts: [
              { functionResponse: { name: "f", response: { x: 1 } } },
              { functionResponse: { name: "g", response: { x: 1 } } },
            ],
          },
        ],
      },
      field: "contents",
    },
  },
};

function asking(front: Front, more: object, stream = false): Parameters<typeof refuseLacking>[1] {
  const dialect = getDialect(front);
  const body = Buffer.from(JSON.stringify({ ...hello[front], ...more }));
  const path = front === "gemini-content" ? { pathModel: "m", pathAction: "generateContent" } : {};
  const request = {
    id: "c",
    dialect: front as FrontId,
    operation: "chat",
    headers: {},
    query: {},
    body,
    ...path,
  };
  const facts = dialect.parse(request as unknown as Parameters<typeof dialect.parse>[0]);
  const call = { request, dialect, facts: { ...facts, stream } };
  const decoded = new DecodedRequest(
    call as unknown as ConstructorParameters<typeof DecodedRequest>[0],
  );
  return { ...call, decoded } as unknown as Parameters<typeof refuseLacking>[1];
}

const all = Object.keys(wants) as Capability[];
const fronts = Object.keys(hello) as Front[];

for (const front of fronts)
  test(`${front}: each lacking capability is refused by its field, and nothing else is`, () => {
    for (const capability of all) {
      const { body, field } = wants[capability]![front];
      const call = asking(front, body);
      assert.throws(
        () => refuseLacking({ lacks: [capability] }, call),
        (thrown: unknown) =>
          thrown instanceof GatewayError &&
          thrown.kind === "invalid_request" &&
          thrown.fields[0]?.field === field,
        `${capability} names ${field}`,
      );
      refuseLacking({ lacks: all.filter((one) => one !== capability && one !== "tools") }, call);
      refuseLacking({}, call);
    }
    refuseLacking({ lacks: all }, asking(front, {}));
  });

test("streams, and what is not refused beforehand", () => {
  const call = asking("openai-chat", {}, true);
  assert.throws(() => refuseLacking({ lacks: ["streaming"] }, call), /stream/);
  refuseLacking({ lacks: ["usage", "streamed-arguments", "inline-images", "cut-off"] }, call);
  refuseLacking({ lacks: ["tools"] }, asking("openai-chat", { tools: [] }));
  refuseLacking({ lacks: ["tools"] }, asking("anthropic-messages", { tools: [] }));
});
