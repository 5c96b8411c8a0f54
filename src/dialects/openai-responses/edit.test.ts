/** The splices of a Responses body: what calls for it is changed, every other byte stays. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { packCarried } from "../carried.ts";
import type { BodyEdits } from "../contract.ts";
import { openaiResponses } from "./dialect.ts";

const none: BodyEdits = {
  model: "asked",
  askUsage: true,
  parameters: {},
  extraBody: {},
  systemPrompt: null,
  omit: [],
  add: {},
};

function edited(text: string, edits: Partial<BodyEdits>): string {
  const body = Buffer.from(text);
  const facts = openaiResponses.parse({ operation: "chat", body, query: {} });
  return openaiResponses.edit(body, facts, { ...none, ...edits }).toString();
}

const plain = '{"input" : "héllo", "model":"asked",  "x":1.0e400, "instructions":"Own \\u00e9"}';

test("a body that needs no edit is the very same buffer", () => {
  const body = Buffer.from(plain);
  const facts = openaiResponses.parse({ operation: "chat", body, query: {} });
  assert.equal(openaiResponses.edit(body, facts, none), body);
});

test("model, instructions, parameters and members to leave out", () => {
  assert.equal(edited(plain, { model: "sent" }), plain.replace('"asked"', '"sent"'));
  const text = 'Be "brief".';
  const told = JSON.stringify(text).slice(1, -1);
  assert.equal(
    edited(plain, { systemPrompt: { text, place: "before" } }),
    plain.replace('"Own ', `"${told}\\n\\nOwn `),
  );
  assert.equal(
    edited(plain, { systemPrompt: { text, place: "after" } }),
    plain.replace("u00e9", `u00e9\\n\\n${told}`),
  );
  assert.equal(edited(plain, { systemPrompt: { text, place: "if-none" } }), plain);
  for (const place of ["before", "after", "if-none"] as const) {
    assert.equal(
      edited('{"model":"asked","input":"a"}', { systemPrompt: { text, place } }),
      `{"instructions":${JSON.stringify(text)},"model":"asked","input":"a"}`,
    );
    assert.equal(
      edited('{"model":"asked","instructions":null,"input":"a"}', {
        systemPrompt: { text, place },
      }),
      `{"model":"asked","instructions":${JSON.stringify(text)},"input":"a"}`,
    );
  }
  const ordered = edited(plain, {
    parameters: { instructions: "Ordered", store: false },
    extraBody: { x: 2, y: 3 },
    systemPrompt: { text, place: "after" },
    omit: ["input"],
  });
  assert.deepEqual(JSON.parse(ordered.replace("1.0e400", "1")), {
    model: "asked",
    x: 1,
    y: 3,
    store: false,
    instructions: `Ordered\n\n${text}`,
  });
});

test("signatures of other vendors do not reach an upstream that cannot read them", () => {
  const packed = packCarried({ issuer: "anthropic-messages/claude", data: "sig" });
  const ours = `{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"${packed}"}`;
  const bound = ours.replace(packed, `${packed}.previous`);
  const theirs = '{"type":"reasoning","id":"rs_2","encrypted_content":"gAAAA"}';
  const said = `{"role":"user","content":"\\"${packed.slice(0, 4)}"}`;
  const body = (items: readonly string[]): string =>
    `{"model":"asked","input":[${items.join(", ")}]}`;
  assert.equal(edited(body([said, ours, theirs, bound]), {}), body([said, theirs]));
  assert.equal(edited(body([ours, said]), {}), body([said]));
  assert.equal(edited(body([ours, bound]), {}), body([]));
  assert.equal(edited(body([said, theirs]), {}), body([said, theirs]));
});

test("members that are read may stand in a body once", () => {
  for (const name of ["model", "input", "instructions", "store", "previous_response_id"])
    assert.throws(
      () => edited(`{"model":"asked","${name}":"a","${name}":"b"}`, {}),
      (thrown: unknown) => thrown instanceof Error && thrown.message.includes("more than once"),
    );
});
