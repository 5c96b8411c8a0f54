/** Each vendor's own way, as small as it is: what the body becomes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../../core/json-value.ts";
import type { ReasoningWish } from "../../wire/conversation.ts";
import type { QuirkId } from "../quirk-ids.ts";
import { type UnheededQuirk, applyQuirks, wishMembers } from "./quirks.ts";

/** The compiler's word that every quirk is heeded somewhere. */
const allAreHeeded: UnheededQuirk extends never ? true : false = true;

const user = { role: "user", content: "hi" };

test("quirks of the body", () => {
  assert.equal(allAreHeeded, true);
  const tool = (fields: JsonObject): JsonObject => ({
    type: "function",
    function: { name: "f", ...fields },
  });
  const schema = { type: "json_schema", json_schema: { name: "n", schema: { type: "object" } } };
  const told =
    'Answer with one JSON object, and nothing else, that fits this JSON Schema:\n{"type":"object"}';
  const cases: readonly [QuirkId, JsonObject, JsonObject][] = [
    [
      "max-tokens",
      { model: "m", max_completion_tokens: 5, n: 2 },
      { model: "m", max_tokens: 5, n: 2 },
    ],
    [
      "no-developer-role",
      { messages: [{ role: "developer", content: "x" }, user] },
      { messages: [{ role: "system", content: "x" }, user] },
    ],
    [
      "nine-character-ids",
      {
        messages: [
          { role: "assistant", content: null, tool_calls: [{ id: "call_1" }, { id: "abcDEF123" }] },
          { role: "tool", tool_call_id: "call_1", content: "x" },
        ],
      },
      {
        messages: [
          {
            role: "assistant",
            content: null,
            tool_calls: [{ id: "74196fe72" }, { id: "abcDEF123" }],
          },
          { role: "tool", tool_call_id: "74196fe72", content: "x" },
        ],
      },
    ],
    [
      "no-user-after-tool",
      { messages: [{ role: "tool", content: "x" }, user, user] },
      {
        messages: [
          { role: "tool", content: "x" },
          { role: "assistant", content: "OK" },
          user,
          user,
        ],
      },
    ],
    ["no-strict", { tools: [tool({ strict: true })] }, { tools: [tool({})] }],
    ["random-seed", { seed: 7, n: 2 }, { random_seed: 7, n: 2 }],
    ["no-parallel-member", { parallel_tool_calls: false, n: 2 }, { n: 2 }],
    ["tool-choice-any", { tool_choice: "required" }, { tool_choice: "any" }],
    ["tool-choice-any", { tool_choice: "auto" }, { tool_choice: "auto" }],
    [
      "no-json-schema",
      { messages: [user], response_format: schema },
      {
        messages: [{ role: "system", content: told }, user],
        response_format: { type: "json_object" },
      },
    ],
    [
      "no-json-schema",
      { messages: [{ role: "system", content: "Be kind." }, user], response_format: schema },
      {
        messages: [{ role: "system", content: `Be kind.\n\n${told}` }, user],
        response_format: { type: "json_object" },
      },
    ],
    [
      "fixed-sampling",
      { temperature: 1, top_p: 1, n: 2, presence_penalty: 1, frequency_penalty: 1, seed: 1 },
      { seed: 1 },
    ],
    [
      "known-members-only",
      { user: "u", metadata: {}, service_tier: "x", prompt_cache_key: "k", verbosity: "low", n: 2 },
      { n: 2 },
    ],
    ["reasoning-split", { n: 2 }, { n: 2, reasoning_split: true }],
  ];
  for (const [id, body, expected] of cases) {
    const made = applyQuirks(body, [id]);
    assert.deepEqual(made, expected, id);
    assert.equal(JSON.stringify(made), JSON.stringify(expected), `${id}: members in their order`);
    assert.deepEqual(applyQuirks(made, [id]), expected, `${id}: twice is once`);
  }
});

test("wishes for reasoning, as each vendor wants to be told", () => {
  const wish = (fields: Partial<ReasoningWish>): ReasoningWish => ({
    effort: null,
    budgetTokens: null,
    adaptive: false,
    show: null,
    summary: null,
    ...fields,
  });
  const cases: readonly [readonly QuirkId[], ReasoningWish | null, JsonObject | undefined][] = [
    [[], wish({ effort: "high" }), undefined],
    [["no-reasoning-wish"], wish({ effort: "high" }), {}],
    [["thinking-member"], null, {}],
    [["thinking-member"], wish({ effort: "high" }), { thinking: { type: "enabled" } }],
    [["thinking-member"], wish({ effort: "none" }), { thinking: { type: "disabled" } }],
    [["thinking-member"], wish({ adaptive: true }), { thinking: { type: "enabled" } }],
    [["thinking-member"], wish({ show: true }), {}],
    [
      ["thinking-member", "effort-beside-thinking"],
      wish({ effort: "medium" }),
      { thinking: { type: "enabled" }, reasoning_effort: "high" },
    ],
    [
      ["thinking-member", "effort-beside-thinking"],
      wish({ effort: "none" }),
      { thinking: { type: "disabled" } },
    ],
    [
      ["enable-thinking"],
      wish({ effort: "low" }),
      { enable_thinking: true, thinking_budget: 2048 },
    ],
    [["enable-thinking"], wish({ effort: "max" }), { enable_thinking: true }],
    [
      ["enable-thinking"],
      wish({ budgetTokens: 500 }),
      { enable_thinking: true, thinking_budget: 500 },
    ],
    [["enable-thinking"], wish({ budgetTokens: 0 }), { enable_thinking: false }],
    [["enable-thinking"], wish({ effort: "none" }), { enable_thinking: false }],
    [["reasoning-object"], wish({ effort: "low" }), { reasoning: { effort: "low" } }],
    [["reasoning-object"], wish({ budgetTokens: 500 }), { reasoning: { max_tokens: 500 } }],
    [["reasoning-object"], wish({ budgetTokens: 0 }), { reasoning: { effort: "none" } }],
    [["reasoning-object"], wish({ adaptive: true }), { reasoning: { enabled: true } }],
    [["reasoning-object"], wish({ show: false }), { reasoning: { exclude: true } }],
    [["reasoning-object"], wish({ show: true }), {}],
  ];
  for (const [quirks, given, expected] of cases)
    assert.deepEqual(wishMembers(given, quirks), expected, JSON.stringify([quirks, given]));
});
