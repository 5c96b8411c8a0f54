/** What a channel and its endpoint change in a body that passes through: splices, and every other byte as it came. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { BodyEdits, SystemPrompt } from "../contract.ts";
import { openaiChat } from "./dialect.ts";

const none: BodyEdits = {
  model: "m",
  askUsage: false,
  parameters: {},
  extraBody: {},
  systemPrompt: null,
  omit: [],
  add: {},
};

function edit(text: string, edits: Partial<BodyEdits>): string {
  const body = Buffer.from(text);
  const facts = openaiChat.parse({ operation: "chat", body, query: {} });
  const edited = openaiChat.edit(body, facts, { ...none, ...edits });
  if (edited.toString() === text)
    assert.equal(edited, body, "the same buffer where nothing changes");
  return edited.toString();
}

test("members are put, filled in, cut and added by name", () => {
  const body = '{ "model" : "m", "seed":9007199254740993 , "temperature":1.0,"x":"\\u0061" }';
  const cases: readonly [Partial<BodyEdits>, string][] = [
    [{}, body],
    [{ extraBody: { seed: 1, stream: true } }, body],
    [{ extraBody: { top_k: 5 } }, body.replace('{ "model"', '{"top_k":5, "model"')],
    [{ parameters: { temperature: 0, model: "no" } }, body.replace("1.0", "0")],
    [{ omit: ["seed"] }, body.replace('"seed":9007199254740993 , ', "")],
    [{ omit: ["x"] }, body.replace(',"x":"\\u0061"', "")],
    [{ add: { seed: 2 } }, body.replace("9007199254740993", "2")],
    [{ parameters: { seed: 3 }, add: { seed: 2 } }, body.replace("9007199254740993", "2")],
    [{ model: "n" }, body.replace('"m"', '"n"')],
    [{ askUsage: true }, body],
  ];
  for (const [edits, expected] of cases)
    assert.equal(edit(body, edits), expected, JSON.stringify(edits));
  assert.equal(
    edit('{"model":"m","stream":true,"stream_options":{"include_usage":false}}', {
      askUsage: true,
      omit: ["stream_options"],
    }),
    '{"model":"m","stream":true}',
  );
  assert.equal(
    edit('{"model":"m","stream":true}', { askUsage: true }),
    '{"stream_options":{"include_usage":true},"model":"m","stream":true}',
  );
});

test("a channel's instructions go before, behind or in place of the caller's", () => {
  const own = '{"role":"system","content":"own \\u0041"}';
  const user = '{"content":[{"type":"text","text":"}"}],  "role":"user"}';
  const put = '{"role":"system","content":"put"}';
  const cases: readonly [SystemPrompt["place"], string, string][] = [
    ["before", `[ ${own} , ${user} ]`, `[ ${put},${own} , ${user} ]`],
    ["after", `[ ${own} , ${user} ]`, `[ ${own},${put} , ${user} ]`],
    ["if-none", `[ ${own} , ${user} ]`, `[ ${own} , ${user} ]`],
    ["before", `[${user}]`, `[${put},${user}]`],
    ["after", `[${user}]`, `[${put},${user}]`],
    ["if-none", `[${user}]`, `[${put},${user}]`],
    ["if-none", `[${user},${own}]`, `[${user},${own}]`],
    ["after", `[${own},${own},${user},${own}]`, `[${own},${own},${put},${user},${own}]`],
    ["before", "[ ]", `[ ${put}]`],
    [
      "after",
      '[{"role":"developer"}]',
      `[{"role":"developer"},${put.replace("system", "developer")}]`,
    ],
    ["before", "null", "null"],
    ["before", '["x", 5]', `[${put},"x", 5]`],
  ];
  const body = (messages: string): string => `{"model":"m","messages":${messages},"n":1}`;
  for (const [place, messages, expected] of cases)
    assert.equal(
      edit(body(messages), { systemPrompt: { text: "put", place } }),
      body(expected),
      `${place} ${messages}`,
    );
  assert.equal(
    edit(body(`[${user}]`), { systemPrompt: { text: "put", place: "before" }, model: "n" }),
    body(`[${put},${user}]`).replace('"m"', '"n"'),
  );
  const prompt = '{"model":"m","prompt":"x"}';
  assert.equal(edit(prompt, { systemPrompt: { text: "put", place: "before" } }), prompt);
});

test("tools are used when any are offered, in either form", () => {
  const uses = (text: string): boolean =>
    openaiChat.parse({ operation: "chat", body: Buffer.from(`{"model":"m"${text}}`), query: {} })
      .usesTools;
  for (const text of ["", ',"tools":null', ',"tools":[ ]', ',"functions":[]'])
    assert.equal(uses(text), false, text);
  for (const text of [',"tools":[{}]', ',"functions":[{}]', ',"tools":[],"functions":[{}]'])
    assert.equal(uses(text), true, text);
});

test("vendors that want thoughts in every turn get the member where a client left it out", () => {
  const called = (more: string): string =>
    `{"model":"m","messages":[{"role":"user","content":"\\u00e9"}, {"role":"assistant","tool_calls":[{"id":"1"}]${more}},{"role":"tool"}]}`;
  const quirks = ["replay-reasoning"] as const;
  const put = (text: string): string =>
    called("").replace('{"role":"assistant"', `{"reasoning_content":${text},"role":"assistant"`);
  assert.equal(edit(called(""), { quirks }), put('""'));
  assert.equal(edit(called(""), {}), called(""));
  const told = called(',"reasoning_content":"so"');
  assert.equal(edit(told, { quirks }), told);
  assert.equal(
    edit(called(',"reasoning_content":null'), { quirks }),
    called(',"reasoning_content":""'),
  );
  assert.match(edit(called(',"reasoning":"so"'), { quirks }), /"reasoning_content":"so"/);
  const plain = '{"model":"m","messages":[1,{"role":"assistant","content":"a"}]}';
  assert.equal(edit(plain, { quirks }), plain.replace('{"role"', '{"reasoning_content":"","role"'));
  for (const text of [
    '{"model":"m","messages":"tool_calls"}',
    '{"model":"m","tool_calls":[]}',
    '{"model":"m","messages":[{"role":"user","tool_calls":[]}]}',
  ])
    assert.equal(edit(text, { quirks }), text);
});

test("vendors that refuse what others' answers hold get histories without it", () => {
  const quirks = ["known-members-only"] as const;
  const body =
    '{"model":"m","messages":[{"refusal":null,"role":"assistant","content":"a", "reasoning_content":"r","reasoning":"r","annotations":[] , "tool_calls":[{"id":"x","extra_content":{"google":{}}}]},{"role":"user","content":"reasoning_content","audio":1}]}';
  const cut =
    '{"model":"m","messages":[{"role":"assistant","content":"a", "tool_calls":[{"id":"x"}]},{"role":"user","content":"reasoning_content","audio":1}]}';
  assert.equal(edit(body, { quirks }), cut);
  assert.match(edit(body, { quirks: [...quirks, "replay-as-reasoning"] }), /"reasoning":"r"/);
  assert.equal(edit(body, {}), body);
  assert.equal(edit(cut, { quirks }), cut);
});

test("Mistral's ids are made of others' alike in calls and results", () => {
  const body = (id: string): string =>
    `{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":${id}},{"id":"abcDEF123"},{"id":1},2]},{"role":"tool","tool_call_id":${id}}]}`;
  const sent = edit(body('"toolu_01"'), { quirks: ["nine-character-ids"] });
  const [, id] = /"id":("[a-zA-Z0-9]{9}")/.exec(sent) ?? [];
  assert.equal(sent, body(String(id)));
});
