/** What is set aside for, told from requests: nothing that a caller writes makes it less than it may be, or no number. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../core/errors.ts";
import { getDialect } from "../../dialects/registry.ts";
import type { FrontId, Operation } from "../../wire/call.ts";
import type { UsageKinds } from "../../wire/usage.ts";
import { type ExpectedUse, expectUse } from "./expected-use.ts";

interface Asked {
  readonly dialect?: FrontId;
  readonly operation?: Operation;
  readonly kinds?: UsageKinds;
  readonly pathModel?: string;
}

const messages = [{ role: "user", content: "hi" }];

/** By the dialect's own reading of a body, as text or as what is to be written as JSON. */
function useOf(asked: string | object, told: Asked = {}): ExpectedUse {
  const { dialect = "openai-chat", operation = "chat", kinds = {}, pathModel } = told;
  const body = Buffer.from(typeof asked === "string" ? asked : JSON.stringify(asked));
  const request = {
    id: "c",
    dialect,
    operation,
    body,
    headers: {},
    query: {},
    address: "",
    ...(pathModel === undefined ? {} : { pathModel, pathAction: "generateContent" }),
  };
  const facts = getDialect(dialect).parse(request as never);
  return expectUse({ body, dialect, operation }, facts, { textBytes: () => 77, kinds });
}

function refusalOf(asked: string | object, told: Asked = {}): GatewayError {
  try {
    useOf(asked, told);
  } catch (thrown) {
    assert.ok(thrown instanceof GatewayError, String(thrown));
    return thrown;
  }
  assert.fail("was not refused");
}

test("numbers of answers: what nobody can mean is refused by name, what asks for none or less is one", () => {
  const one = [-1, 0, 1, 1.5, null, "many"];
  for (const n of one) assert.equal(useOf({ model: "m", messages, n }).answers, 1, String(n));
  // No number at all, which vendors refuse.
  assert.equal(useOf('{"model":"m","messages":[],"n":1e999}').answers, 1);
  assert.equal(useOf({ model: "m", messages, n: 7 }).answers, 7);
  for (const n of ["1001", "1e9", "1e18", "9007199254740993"]) {
    const error = refusalOf(`{"model":"m","messages":[],"n":${n}}`);
    assert.equal(error.kind, "invalid_request");
    assert.deepEqual(
      error.fields.map(({ field }) => field),
      ["n"],
    );
  }
  const error = refusalOf(
    { contents: [], generationConfig: { candidateCount: 1e9 } },
    { dialect: "gemini-content", pathModel: "m" },
  );
  assert.equal(error.fields[0]?.field, "generationConfig.candidateCount");
});

test("limits of output: one of nothing is none, and one that is no number is refused by the API's own name", () => {
  for (const limit of [0, -5, null, "9"])
    assert.equal(useOf({ model: "m", messages, max_tokens: limit }).outputLimit, null);
  assert.equal(useOf('{"model":"m","messages":[],"max_tokens":1e999}').outputLimit, null);
  assert.equal(useOf({ model: "m", messages, max_completion_tokens: 12 }).outputLimit, 12);
  assert.equal(useOf({ model: "m", messages, max_tokens: 3.7 }).outputLimit, 3);
  const most = Number.MAX_SAFE_INTEGER;
  assert.equal(useOf({ model: "m", messages, max_tokens: most }).outputLimit, most);
  const refused: readonly (readonly [FrontId, string, string])[] = [
    ["openai-chat", '"messages":[],"max_tokens":1e18', "max_tokens"],
    ["openai-chat", '"messages":[],"max_tokens":9007199254740992', "max_tokens"],
    ["openai-responses", '"input":"hi","max_output_tokens":1e18', "max_output_tokens"],
    ["anthropic-messages", '"messages":[],"max_tokens":1e18', "max_tokens"],
  ];
  for (const [dialect, members, field] of refused) {
    const error = refusalOf(`{"model":"m",${members}}`, { dialect });
    assert.deepEqual([error.kind, error.fields[0]?.field], ["invalid_request", field]);
  }
});

test("what answers no tokens has none set aside, whatever it says of them", () => {
  const use = useOf({ model: "m", input: "hi", max_tokens: 5 }, { operation: "embeddings" });
  assert.equal(use.outputLimit, 0);
});

test("pictures and characters are expected as they are asked for", () => {
  const media = { dialect: "openai-media" } as const;
  const picture = { model: "m", prompt: "a cat", n: 3 };
  assert.equal(useOf(picture, { ...media, operation: "image-generation" }).tools.images, 3);
  const speech = { model: "m", input: "hello", voice: "v" };
  const told = { ...media, operation: "speech", kinds: { characters: 5 } } as const;
  assert.equal(useOf(speech, told).tools.characters, 5);
});

test("media are counted by their parts, searches by their bound; a large body is asked for its text", () => {
  const picture = { type: "image_url", image_url: { url: "data:image/png;base64,AA" } };
  const content = [picture, { type: "text", text: "?" }];
  assert.ok(useOf({ model: "m", messages: [{ role: "user", content }] }).mediaParts >= 1);
  const tool = { type: "web_search_20250305", name: "web_search" };
  const asked = { model: "m", max_tokens: 5, messages };
  const told = { dialect: "anthropic-messages" } as const;
  const bounded = useOf({ ...asked, tools: [{ ...tool, max_uses: 2 }] }, told).tools.webSearches;
  assert.ok((bounded ?? 0) >= 2, String(bounded));
  const unbounded = useOf({ ...asked, tools: [tool] }, told).tools.webSearches;
  assert.ok((unbounded ?? 0) >= 5, String(unbounded));
  const large = [{ role: "user", content: "x".repeat(70_000) }];
  assert.equal(useOf({ model: "m", messages: large }).inputBytes, 77);
  assert.ok(useOf({ model: "m", messages }).inputBytes > 40);
});

test("completions: each prompt of a list is answered as often as is asked, or chosen from", () => {
  const told = { operation: "completions" } as const;
  const of = (more: object): number => useOf({ model: "m", prompt: "hi", ...more }, told).answers;
  assert.equal(of({}), 1);
  assert.equal(of({ n: 2 }), 2);
  assert.equal(of({ n: 2, best_of: 5 }), 5);
  assert.equal(of({ prompt: ["a", "b", "c"], n: 2 }), 6);
  assert.equal(of({ prompt: [1, 2, 3] }), 1);
  assert.equal(of({ prompt: [[1, 2], [3]], best_of: 2 }), 4);
  assert.equal(of({ best_of: -3 }), 1);
  for (const more of [{ best_of: 1e9 }, { n: 1000, prompt: ["a", "b"] }, { best_of: 1.5 }])
    assert.equal(refusalOf({ model: "m", prompt: "hi", ...more }, told).kind, "invalid_request");
});
