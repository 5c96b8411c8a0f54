import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { scanMembers, splice } from "../core/json.ts";
import type { JsonObject } from "../core/json-value.ts";
import type { BodyEdits, CallFacts } from "./contract.ts";
import { memberEdits } from "./member-edits.ts";

const noEdits: BodyEdits = {
  model: "m",
  askUsage: false,
  parameters: {},
  extraBody: {},
  systemPrompt: null,
  omit: [],
  add: {},
};

function edit(body: JsonObject, edits: Partial<BodyEdits>): unknown {
  const bytes = Buffer.from(JSON.stringify(body));
  const scan = scanMembers(bytes, ["model"]);
  const bodyModel = typeof body["model"] === "string" ? body["model"] : null;
  const facts = { bodyModel, scan } as CallFacts;
  const whole = { ...noEdits, model: bodyModel ?? "m", ...edits };
  return JSON.parse(splice(bytes, memberEdits(bytes, facts, whole, [])).toString());
}

test("several members go into an empty body, and into one whose members are all cut", () => {
  assert.deepEqual(edit({}, { parameters: { a: 1 }, extraBody: { b: 2 } }), {
    a: 1,
    b: 2,
    model: "m",
  });
  assert.deepEqual(
    edit({ model: "x", stream: true }, { omit: ["model", "stream"], add: { v: "1" } }),
    {
      v: "1",
    },
  );
});

test("whatever is put in, filled in and cut out, the body says exactly that", () => {
  const name = fc.constantFrom("a", "b", "c", "model", "d");
  const members = fc.dictionary(
    name,
    fc.oneof(fc.integer(), fc.constant("text"), fc.constant([1, {}])),
  );
  fc.assert(
    fc.property(
      members,
      members,
      members,
      fc.uniqueArray(name.map(String)),
      (body, put, fill, omit) => {
        const parameters = Object.fromEntries(
          Object.entries(put).filter(([one]) => one !== "model"),
        );
        const extraBody = Object.fromEntries(
          Object.entries(fill).filter(([one]) => one !== "model"),
        );
        const base = { ...body, model: "x" } as JsonObject;
        const expected: Record<string, unknown> = {};
        for (const [one, value] of Object.entries(base))
          if (!omit.includes(one)) expected[one] = value;
        for (const [one, value] of Object.entries(extraBody))
          if (!(one in base) && !(one in parameters)) expected[one] = value;
        for (const [one, value] of Object.entries(parameters))
          if (!(omit.includes(one) && one in base)) expected[one] = value;
        assert.deepEqual(
          edit(base, {
            parameters: parameters as JsonObject,
            extraBody: extraBody as JsonObject,
            omit,
          }),
          expected,
        );
      },
    ),
  );
});
