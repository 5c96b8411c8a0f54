/** Holds the pass-through half of the dialect: facts, splices, event kinds, usage, errors and lists. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bareUsage } from "../../../test/fakes/bare-usage.ts";
import { GatewayError } from "../../core/errors.ts";
import type { BodyEdits, EventKind } from "../contract.ts";
import type { Usage } from "../../wire/usage.ts";
import { packCarried } from "../carried.ts";
import { anthropicMessages as dialect } from "./dialect.ts";

const noEdits: BodyEdits = {
  model: "claude",
  askUsage: false,
  parameters: {},
  extraBody: {},
  systemPrompt: null,
  omit: [],
  add: {},
};

function edit(text: string, edits: Partial<BodyEdits> = {}): string {
  const body = Buffer.from(text);
  const facts = dialect.parse({ operation: "chat", body, query: {} });
  return dialect.edit(body, facts, { ...noEdits, ...edits }).toString();
}

test("reads the facts of a request and leaves the rest to the vendor", () => {
  const body = Buffer.from(
    '{"model":"claude","max_tokens":7,"stream":true,"metadata":{"user_id":"u1"},"tools":[{}]}',
  );
  const facts = dialect.parse({ operation: "chat", body, query: {} });
  const { scan: _scan, ...told } = facts;
  assert.deepEqual(told, {
    model: "claude",
    bodyModel: "claude",
    stream: true,
    streamForm: "sse",
    usageAsked: true,
    usesTools: true,
    endUser: "u1",
    maxOutputTokens: 7,
  });
  const counted = dialect.parse({ operation: "count-tokens", body, query: {} });
  assert.equal(counted.stream, false);
  for (const wrong of [
    '{"model":7}',
    "{}",
    '{"model":"a","stream":"yes"}',
    '{"model":"a","model":"b"}',
  ])
    assert.throws(
      () => dialect.parse({ operation: "chat", body: Buffer.from(wrong), query: {} }),
      (thrown) => thrown instanceof GatewayError && thrown.kind === "invalid_request",
    );
});

test("a body that needs no edit is the same buffer", () => {
  const body = Buffer.from('{ "model" : "claude", "big":12345678901234567890, "messages":[]}');
  const facts = dialect.parse({ operation: "chat", body, query: {} });
  assert.equal(dialect.edit(body, facts, noEdits), body);
});

test("splices model, parameters, extra body, omitted and added members", () => {
  assert.equal(
    edit('{"model":"a", "max_tokens":5 ,"stream":true}', {
      model: "b",
      parameters: { max_tokens: 9, model: "evil", messages: [] },
      extraBody: { max_tokens: 1, top_k: 3 },
    }),
    '{"top_k":3,"model":"b", "max_tokens":9 ,"stream":true}',
  );
  assert.equal(
    edit('{"model":"a","max_tokens":5,"stream":true}', {
      omit: ["model", "stream"],
      add: { anthropic_version: "v" },
    }),
    '{"anthropic_version":"v","max_tokens":5}',
  );
});

test("puts the channel's instructions beside the caller's, whatever their form", () => {
  const cases: [string, "before" | "after" | "if-none", string][] = [
    ["", "before", '{"system":"S\\"","model":"claude"}'],
    ['"x"', "before", '{"model":"claude","system":"S\\"\\n\\nx"}'],
    ['"x"', "after", '{"model":"claude","system":"x\\n\\nS\\""}'],
    ['"x"', "if-none", '{"model":"claude","system":"x"}'],
    ["null", "if-none", '{"model":"claude","system":"S\\""}'],
    ['""', "after", '{"model":"claude","system":"S\\""}'],
    ["[ ]", "after", '{"model":"claude","system":"S\\""}'],
    ["[{}]", "before", '{"model":"claude","system":[{"type":"text","text":"S\\""},{}]}'],
    ["[{}]", "after", '{"model":"claude","system":[{},{"type":"text","text":"S\\""}]}'],
  ];
  for (const [system, place, expected] of cases) {
    const member = system === "" ? "" : `,"system":${system}`;
    const systemPrompt = { text: 'S"', place };
    assert.equal(edit(`{"model":"claude"${member}}`, { systemPrompt }), expected);
  }
  assert.equal(
    edit('{"model":"claude","system":"mine"}', {
      systemPrompt: { text: "S", place: "before" },
      parameters: { system: "theirs" },
    }),
    '{"model":"claude","system":"S\\n\\ntheirs"}',
  );
});

test("cuts thoughts that other vendors' models signed, and nothing else", () => {
  const packed = packCarried({ issuer: "gemini-content/g", data: "sig" });
  const strange = `{"type":"thinking","thinking":"t","signature":"${packed}"}`;
  const hidden = `{"data":"${packed}","type":"redacted_thinking"}`;
  const own = '{"type":"thinking","thinking":"t","signature":"EqQB"}';
  const said = `{"type":"text","text":"sy1. is a marker"}`;
  const wrap = (...messages: string[]): string =>
    `{"model":"claude","messages":[${messages.join(" , ")}]}`;
  const turn = (...blocks: string[]): string =>
    `{"role":"assistant","content":[${blocks.join(", ")}]}`;
  const user = '{"role":"user","content":"hi"}';
  assert.equal(
    edit(wrap(user, turn(strange, hidden, said, strange), turn(own), turn(strange))),
    '{"model":"claude","messages":[{"role":"user","content":"hi"} , {"role":"assistant","content":[{"type":"text","text":"sy1. is a marker"}]} , {"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"EqQB"}]}]}',
  );
  assert.equal(edit(wrap(user, turn(said))), wrap(user, turn(said)));
  for (const kept of [0, 1, 2]) {
    const blocks = [strange, strange, strange].map((block, index) =>
      index === kept ? own : block,
    );
    const sent = JSON.parse(edit(wrap(turn(...blocks), turn(strange), user))) as {
      messages: { content: unknown }[];
    };
    assert.deepEqual(sent.messages, [
      { role: "assistant", content: [JSON.parse(own)] },
      { role: "user", content: "hi" },
    ]);
  }
});

const read = dialect.makeEventReader();
const event = (payload: unknown, name?: string): Buffer => {
  const text = typeof payload === "string" ? payload : JSON.stringify(payload);
  return Buffer.from(`${name === undefined ? "" : `event: ${name}\n`}data: ${text}\n\n`);
};
const block = (content_block: object): object => ({
  type: "content_block_start",
  index: 0,
  content_block,
});
const delta = (inner: object): object => ({ type: "content_block_delta", index: 0, delta: inner });

test("tells events apart by their structure, named or not", () => {
  const cases: [unknown, EventKind, boolean, number][] = [
    [
      { type: "message_start", message: { model: "m", usage: { input_tokens: 1 } } },
      "preamble",
      true,
      0,
    ],
    [{ type: "message_start", message: { content: [], stop_reason: null } }, "preamble", false, 0],
    [{ type: "message_start", message: { content: [{}] } }, "content", false, 0],
    [
      { type: "message_start", message: { content: [{}], stop_reason: "tool_use" } },
      "finish",
      false,
      0,
    ],
    [{ type: "ping" }, "preamble", false, 0],
    [block({ type: "text", text: "" }), "preamble", false, 0],
    [block({ type: "thinking", thinking: "", signature: "" }), "preamble", false, 0],
    [block({ type: "text", text: "hi" }), "content", false, 2],
    [block({ type: "tool_use", id: "", name: "", input: {} }), "content", false, 0],
    [block({ type: "redacted_thinking", data: "xyz" }), "content", false, 0],
    [delta({ type: "text_delta", text: '"stop_reason":"x"' }), "content", false, 21],
    [delta({ type: "text_delta", text: "" }), "preamble", false, 0],
    [delta({ type: "thinking_delta", thinking: "abc" }), "content", false, 3],
    [delta({ type: "signature_delta", signature: "abc" }), "content", false, 0],
    [delta({ type: "input_json_delta", partial_json: "{}" }), "content", false, 2],
    [delta({ type: "citations_delta", citation: { url: "x" } }), "content", false, 0],
    [{ type: "content_block_stop", index: 0 }, "preamble", false, 0],
    [
      { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 1 } },
      "finish",
      true,
      8,
    ],
    [
      { type: "message_delta", delta: { stop_reason: null }, usage: { output_tokens: 1 } },
      "usage",
      true,
      0,
    ],
    [{ type: "message_stop" }, "done", false, 0],
    [{ type: "error", error: { type: "overloaded_error", message: "no" } }, "error", false, 0],
    [{ type: "something_new", delta: { text: "x" } }, "preamble", false, 1],
    ["[DONE]", "done", false, 0],
  ];
  for (const [payload, kind, hasUsage, textBytes] of cases)
    for (const name of [undefined, (payload as { type?: string }).type ?? "done"]) {
      const reading = read(event(payload, name));
      const told = [reading.kind, reading.hasUsage];
      assert.deepEqual(told, [kind, hasUsage], JSON.stringify(payload));
      assert.equal(reading.textBytes, kind === "content" ? textBytes : 0);
    }
  assert.equal(read(event({ error: { message: "x" } })).kind, "error");
  assert.equal(read(Buffer.from("event: error\ndata: {}\n\n")).kind, "error");
  assert.equal(read(Buffer.from(": ping\n\n")).kind, "preamble");
  assert.equal(
    read(Buffer.from('event: message_stop\r\ndata: {"type":"message_stop"}\r\n\r\n')).kind,
    "done",
  );
});

test("finds the model in message_start only, wherever it stands", () => {
  const payload =
    '{"message":{"content":[{"model":"no"}],"model":"claude-x"},"type":"message_start"}';
  for (const bytes of [
    event(payload, "message_start"),
    event(payload),
    Buffer.from(`id: 3\r\nevent: message_start\r\ndata: ${payload}\r\n\r\n`),
  ]) {
    const reading = read(bytes);
    assert.equal(dialect.eventModel(bytes, reading), "claude-x");
    assert.equal(bytes.toString("utf8", reading.modelStart, reading.modelEnd), '"claude-x"');
  }
  const later = event({ type: "message_delta", delta: { model: "x" }, model: "y" });
  assert.equal(dialect.eventModel(later, read(later)), null);
});

function usageOf(...payloads: object[]): Usage | null {
  return payloads.reduce(
    (earlier: Usage | null, payload) => dialect.eventUsage(event(payload), earlier),
    null,
  );
}

test("joins the usage of a stream's events without counting anything twice", () => {
  const start = {
    type: "message_start",
    message: {
      usage: {
        input_tokens: 43,
        cache_read_input_tokens: 100,
        cache_creation_input_tokens: 20,
        cache_creation: { ephemeral_5m_input_tokens: 15, ephemeral_1h_input_tokens: 5 },
        output_tokens: 1,
      },
    },
  };
  const end = { type: "message_delta", delta: {}, usage: { output_tokens: 30 } };
  const before = { input: 43, cacheRead: 100, cacheWrite5m: 15, cacheWrite1h: 5 };
  assert.deepEqual(bareUsage(usageOf(start, end)), {
    ...before,
    output: 30,
    reasoning: 0,
    estimated: false,
  });
  const restated = {
    ...end,
    usage: {
      input_tokens: 61,
      cache_creation_input_tokens: 22,
      cache_read_input_tokens: 0,
      output_tokens: 30,
      output_tokens_details: { thinking_tokens: 12 },
      server_tool_use: { web_search_requests: 2 },
    },
  };
  assert.deepEqual(bareUsage(usageOf(start, restated)), {
    input: 61,
    cacheRead: 100,
    cacheWrite5m: 17,
    cacheWrite1h: 5,
    output: 30,
    reasoning: 12,
    estimated: false,
    kinds: { webSearches: 2 },
  });
  assert.equal(usageOf({ type: "ping" }), null);
  assert.deepEqual(
    dialect.eventUsage(Buffer.from("data: {broken\n\n"), usageOf(start)),
    usageOf(start),
  );
});

test("sums the rounds of a call, but for a model that declined before it said anything", () => {
  const round = (type: string, input: number, output: number): object => ({
    type,
    input_tokens: input,
    output_tokens: output,
    cache_read_input_tokens: 1,
    cache_creation_input_tokens: 4,
    cache_creation: { ephemeral_5m_input_tokens: 1, ephemeral_1h_input_tokens: 3 },
  });
  const reply = (...iterations: object[]): Usage | null | undefined =>
    dialect.readReply(
      Buffer.from(JSON.stringify({ usage: { input_tokens: 9, output_tokens: 9, iterations } })),
    )?.usage;
  const cache = { cacheRead: 2, cacheWrite5m: 2, cacheWrite1h: 6, reasoning: 0, estimated: false };
  assert.deepEqual(bareUsage(reply(round("compaction", 60, 5), round("message", 6, 28))), {
    input: 66,
    output: 33,
    ...cache,
  });
  assert.equal(reply(round("message", 408, 0), round("fallback_message", 412, 264))?.input, 412);
  assert.equal(reply(round("message", 408, 1), round("fallback_message", 412, 264))?.input, 820);
});

test("reads whole replies, and errors that come with status 200", () => {
  const body = Buffer.from(
    '{"type":"message","model":"m","content":[],"usage":{"input_tokens":1,"output_tokens":2}}',
  );
  const facts = dialect.readReply(body);
  assert.equal(facts?.model, "m");
  assert.equal(facts.isError, false);
  assert.equal(facts.usage?.output, 2);
  assert.equal(body.toString("utf8", facts.modelRange?.start, facts.modelRange?.end), '"m"');
  for (const none of ['{"type":"error","error":{}}', "{}", '{"type":"message","content":null}'])
    assert.equal(dialect.readReply(Buffer.from(none))?.isError, true, none);
  assert.equal(dialect.readReply(Buffer.from('{"input_tokens":5}'))?.isError, false);
  assert.equal(dialect.readReply(Buffer.from("<html>")), undefined);
});

test("counts text and leaves media and signatures out", () => {
  const body = {
    system: "four",
    messages: [
      {
        role: "user",
        content: [{ type: "image", source: { type: "base64", data: "x".repeat(99) } }],
      },
      { content: [{ type: "thinking", thinking: "abc", signature: "y".repeat(99) }] },
      {
        content: [
          { type: "document", source: { type: "text", media_type: "text/plain", data: "12345" } },
        ],
      },
    ],
  };
  const text = 4 + "user".length + 3 + 5;
  assert.equal(dialect.textBytes(Buffer.from(JSON.stringify(body))), text);
});

test("tells errors in Anthropic's words, with our own code beside them", () => {
  const error = new GatewayError("model_not_found", "x", {
    values: { model: "m" },
    fields: [{ field: "model", message: "unknown" }],
  });
  const telling = { locale: "en", requestId: "req_1" } as const;
  const reply = dialect.renderError(error, telling);
  assert.equal(reply.status, 404);
  assert.equal(reply.headers["request-id"], "req_1");
  const expected = {
    type: "error",
    error: {
      type: "not_found_error",
      message: "Model m does not exist",
      code: "model_not_found",
      param: "model",
    },
    request_id: "req_1",
  };
  assert.deepEqual(JSON.parse(reply.body.toString()), expected);
  const bytes = dialect.renderErrorEvent(error, telling);
  assert.equal(bytes.toString(), `event: error\ndata: ${JSON.stringify(expected)}\n\n`);
  assert.equal(read(bytes).kind, "error");
  assert.deepEqual(dialect.eventError(bytes), {
    message: "Model m does not exist",
    type: "not_found_error",
    code: "model_not_found",
    native: true,
  });
  const types = (
    [
      ["invalid_api_key", "authentication_error"],
      ["forbidden", "permission_error"],
      ["rate_limit_exceeded", "rate_limit_error"],
      ["request_too_large", "request_too_large"],
      ["temporarily_unavailable", "overloaded_error"],
      ["upstream_timeout", "timeout_error"],
      ["upstream_failed", "api_error"],
      ["internal", "api_error"],
      ["validation_failed", "invalid_request_error"],
    ] as const
  ).map(
    ([kind, type]) =>
      [kind, type, dialect.renderError(new GatewayError(kind, "m"), telling)] as const,
  );
  for (const [kind, type, { body }] of types)
    assert.equal((JSON.parse(body.toString()) as typeof expected).error.type, type, kind);
});

test("reads errors of the vendor and of others that speak its dialect", () => {
  const readError = (text: string): object => dialect.readError(Buffer.from(text));
  assert.deepEqual(
    readError('{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'),
    {
      message: "Overloaded",
      type: "overloaded_error",
      code: null,
      native: true,
    },
  );
  assert.deepEqual(readError('{"error":{"type":"x","message":"y","code":1302}}'), {
    message: "y",
    type: "x",
    code: "1302",
    native: false,
  });
  assert.deepEqual(readError("<html>"), {
    message: "<html>",
    type: null,
    code: null,
    native: false,
  });
});

test("lists models on one page, and tells a count", () => {
  const models = [
    { id: "a", ownedBy: "x" },
    { id: "b", ownedBy: "y" },
  ];
  const shape = (id: string): object => ({
    type: "model",
    id,
    display_name: id,
    created_at: "2023-11-14T22:13:20Z",
  });
  assert.deepEqual(JSON.parse(dialect.renderModels(models).body.toString()), {
    data: [shape("a"), shape("b")],
    has_more: false,
    first_id: "a",
    last_id: "b",
  });
  assert.equal(
    dialect.renderModels([]).body.toString(),
    '{"data":[],"has_more":false,"first_id":null,"last_id":null}',
  );
  assert.deepEqual(
    JSON.parse(dialect.renderModel({ id: "a", ownedBy: "x" }).body.toString()),
    shape("a"),
  );
  assert.equal(dialect.renderTokenCount?.(12).body.toString(), '{"input_tokens":12}');
});

test("a tool loop that another vendor began goes on without thinking by budget, which Anthropic would refuse", () => {
  const body = (first: string, more = ""): string =>
    `{"model":"m","thinking":{"type":"enabled","budget_tokens":2048},"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[${first}{"type":"tool_use","id":"t"}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t"}]}]${more}}`;
  const off = (text: string): string =>
    text.replace('{"type":"enabled","budget_tokens":2048}', '{"type":"disabled"}');
  const own = { model: "claude-sonnet-4-5" };
  assert.equal(edit(body(""), own), off(body("")).replace('"m"', `"${own.model}"`));
  const strange = `{"type":"thinking","thinking":"x","signature":"${packCarried({ issuer: "gemini-content", data: "x" })}"},`;
  assert.equal(edit(body(strange), own), edit(body(""), own));
  const management = ',"context_management":{"edits":[{"type":"clear_thinking_20251015"}]}';
  assert.equal(edit(body("", management), own), edit(body(""), own));
  const other = ',"context_management":{"edits":[{"type":"clear_tool_uses_20250919"}]}';
  assert.match(edit(body("", other), own), /clear_tool_uses/);
  for (const text of [
    body('{"type":"thinking","thinking":"x","signature":"EqQB"},'),
    body('{"type":"redacted_thinking","data":"EqQB"},'),
    body("").replace('"enabled"', '"adaptive"'),
    body("").replace("tool_use", "text"),
    '{"model":"m","thinking":{"type":"enabled"},"messages":"tool_result"}',
    '{"model":"m","thinking":{"type":"enabled"},"messages":[1,{"role":"assistant","content":"tool_result"}]}',
  ])
    assert.equal(edit(text, { ...own, model: "m" }), text);
  const kept = body('{"type":"thinking","thinking":"x","signature":"EqQB"},');
  assert.equal(edit(kept, own), kept.replace('"m"', `"${own.model}"`));
});
