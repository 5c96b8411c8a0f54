import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { ReplyEvent } from "../../wire/chat-reply.ts";
import { decodeReply, makeEventDecoder } from "./decode-reply.ts";
import { ArgumentWriter, type PartialValue } from "./partial-arguments.ts";
import { byteAtUnit, unitAtByte } from "./text-offsets.ts";

const context = { model: "gemini-x", callId: "call-1", quirks: [] };

function told(...chunks: JsonObject[]): ReplyEvent[] {
  const events: ReplyEvent[] = [];
  const decode = makeEventDecoder(context);
  for (const chunk of chunks)
    decode({ name: null, payload: JSON.stringify(chunk) }, (event) => void events.push(event));
  return events;
}

const of = (parts: JsonObject[], more: JsonObject = {}): JsonObject => ({
  candidates: [{ content: { parts, role: "model" }, ...more }],
});

test("text and thoughts are blocks of their own, and a text's signature goes with it", () => {
  const events = told(
    of([{ text: "hm", thought: true }]),
    of([{ text: "he", thoughtSignature: "SIG" }]),
    of([{ text: "llo" }]),
    of([{ text: "" }], { finishReason: "STOP" }),
  );
  assert.deepEqual(events, [
    { type: "start", id: null, model: null, createdAtS: null },
    { type: "block", choice: 0, block: 0, start: { kind: "reasoning" } },
    { type: "delta", block: 0, text: "hm" },
    { type: "block-end", block: 0 },
    { type: "block", choice: 0, block: 1, start: { kind: "text" } },
    { type: "delta", block: 1, text: "he" },
    { type: "carried", block: 1, carried: { issuer: "gemini-content/gemini-x", data: "SIG" } },
    { type: "delta", block: 1, text: "llo" },
    { type: "block-end", block: 1 },
    { type: "finish", choice: 0, finish: { reason: "stop", stopSequence: null, raw: "STOP" } },
  ]);
});

test("a last signature without text goes with the text that is open, else stands for hidden thoughts", () => {
  const open = told(
    of([{ text: "a" }]),
    of([{ text: "", thoughtSignature: "S" }], { finishReason: "STOP" }),
  );
  assert.deepEqual(
    open
      .filter(({ type }) => type === "block" || type === "carried")
      .map((event) => "block" in event && event.block),
    [0, 0],
  );
  const call = { functionCall: { name: "f", args: {} } };
  const bare = told(
    of([call]),
    of([{ text: "", thoughtSignature: "S" }], { finishReason: "STOP" }),
  );
  const starts = bare.flatMap((event) => (event.type === "block" ? [event.start.kind] : []));
  assert.deepEqual(starts, ["tool-call", "reasoning"]);
});

test("calls without an id get one that is the same on each try, and end as calls", () => {
  const chunk = of(
    [{ functionCall: { name: "f" } }, { functionCall: { name: "g", args: { a: 1 }, id: "own" } }],
    {
      finishReason: "STOP",
    },
  );
  const ids = (events: ReplyEvent[]): unknown[] =>
    events.flatMap((event) =>
      event.type === "block" && event.start.kind === "tool-call" ? [event.start.id] : [],
    );
  const first = told(chunk);
  assert.deepEqual(ids(first), ids(told(chunk)));
  assert.match(String(ids(first)[0]), /^[A-Za-z0-9_-]{1,40}$/);
  assert.equal(ids(first)[1], "own");
  const deltas = first.flatMap((event) => (event.type === "delta" ? [event.text] : []));
  assert.deepEqual(deltas, ["{}", '{"a":1}']);
  const finish = first.at(-1);
  assert.equal(finish?.type === "finish" && finish.finish.reason, "tool-calls");
});

test("arguments that come value by value are told as they come", () => {
  const part = (functionCall: JsonObject): JsonObject => of([{ functionCall }]);
  const events = told(
    part({ name: "f", willContinue: true }),
    part({
      partialArgs: [{ jsonPath: "$.a", stringValue: 'x"', willContinue: true }],
      willContinue: true,
    }),
    part({ partialArgs: [{ jsonPath: "$.a", stringValue: "y" }], willContinue: true }),
    part({ partialArgs: [{ jsonPath: "$.b[0].c", numberValue: 1.5 }], willContinue: true }),
    part({ partialArgs: [{ jsonPath: "$.b[1].c", boolValue: false }], willContinue: true }),
    part({ partialArgs: [{ jsonPath: "$['d e']", nullValue: "NULL_VALUE" }], willContinue: true }),
    part({}),
    of([{ functionCall: { name: "g", willContinue: true } }], { finishReason: "STOP" }),
  );
  const deltas = events.flatMap((event) =>
    event.type === "delta" && event.block === 0 ? [event.text] : [],
  );
  assert.ok(deltas.length >= 6, String(deltas.length));
  assert.deepEqual(JSON.parse(deltas.join("")), {
    a: 'x"y',
    b: [{ c: 1.5 }, { c: false }],
    "d e": null,
  });
  const other = events.flatMap((event) =>
    event.type === "delta" && event.block === 1 ? [event.text] : [],
  );
  assert.equal(other.join(""), "{}");
});

test("values in an order that no JSON has are told as a broken reply", () => {
  const paths: string[][] = [
    ["$.a.x", "$.b", "$.a.y"],
    ["$.a", "$.a"],
    ["$.a[1]"],
    ["a"],
    ["$"],
    ["$.a", "$.a.b"],
    ["$..x"],
  ];
  for (const list of paths)
    assert.throws(
      () => {
        const writer = new ArgumentWriter();
        for (const path of list) writer.write({ path, value: 1, goesOn: false });
      },
      (error) => error instanceof GatewayError && error.kind === "upstream_invalid",
      list.join(),
    );
});

/** All values of a JSON value, each with its path, in the order of the text. */
function valuesOf(value: unknown, path: string): PartialValue[] {
  if (Array.isArray(value))
    return value.flatMap((item, index) => valuesOf(item, `${path}[${index}]`));
  if (typeof value === "object" && value !== null)
    return Object.entries(value).flatMap(([name, item]) =>
      valuesOf(
        item,
        /^\w+$/.test(name)
          ? `${path}.${name}`
          : `${path}["${name.replaceAll('"', String.raw`\"`)}"]`,
      ),
    );
  return [{ path, value: value as PartialValue["value"], goesOn: false }];
}

test("any object whose containers hold something can be written value by value", () => {
  const objects = [
    { a: 1 },
    { a: { b: { c: [1, [2, [3]], { d: "e" }] } }, f: null },
    { "x.y": [{ 'q"r': true }], b: [["a"], ["b", "c"]] },
    {
      list: [
        { n: 1, s: "ä\n" },
        { n: 2, s: "" },
      ],
      z: { y: { x: 0 } },
    },
  ];
  for (const object of objects) {
    const writer = new ArgumentWriter();
    let text = valuesOf(object, "$")
      .map((value) => writer.write(value))
      .join("");
    text += writer.end();
    assert.deepEqual(JSON.parse(text), object, text);
  }
});

test("ends keep Google's word: filters, limits, calls that cannot be read", () => {
  const reasonOf = (finishReason: string): unknown => {
    const last = told(of([{ text: "a" }], { finishReason, finishMessage: "why" })).at(-1);
    return last?.type === "finish"
      ? [last.finish.reason, last.finish.raw, last.finish.detail]
      : null;
  };
  assert.deepEqual(reasonOf("MAX_TOKENS"), ["length", "MAX_TOKENS", "why"]);
  for (const word of ["SAFETY", "RECITATION", "SPII", "IMAGE_SAFETY"])
    assert.deepEqual(reasonOf(word), ["content-filter", word, "why"]);
  assert.deepEqual(reasonOf("MALFORMED_FUNCTION_CALL"), [
    "tool-error",
    "MALFORMED_FUNCTION_CALL",
    "why",
  ]);
  assert.deepEqual(reasonOf("SOMETHING_NEW"), ["other", "SOMETHING_NEW", "why"]);
});

test("a blocked prompt is a filtered answer, an empty reply is none", () => {
  const blocked = {
    promptFeedback: { blockReason: "PROHIBITED_CONTENT", blockReasonMessage: "no" },
  };
  const [choice] = decodeReply(blocked, context).choices;
  assert.deepEqual(choice?.finish, {
    reason: "content-filter",
    stopSequence: null,
    raw: "PROHIBITED_CONTENT",
    detail: "no",
  });
  assert.equal(told(blocked).at(-1)?.type, "finish");
  for (const body of [{}, { candidates: [] }, { usageMetadata: { promptTokenCount: 3 } }])
    assert.throws(
      () => decodeReply(body, context),
      (error) => error instanceof GatewayError && error.kind === "upstream_invalid",
    );
});

test("errors inside a stream are told with their status; what is no JSON is broken", () => {
  assert.deepEqual(told({ error: { code: 503, status: "UNAVAILABLE", message: "busy" } }), [
    { type: "error", error: { message: "busy", type: "UNAVAILABLE", code: null, status: 503 } },
  ]);
  assert.throws(
    () => makeEventDecoder(context)({ name: null, payload: "{" }, () => undefined),
    (error) => error instanceof GatewayError && error.kind === "upstream_invalid",
  );
});

test("nulls, wrong types and unknown parts are borne", () => {
  const odd = [
    { candidates: null },
    { candidates: [null, 3, { content: null }, { content: { parts: [null, 3, {}] } }] },
    {
      candidates: [
        { content: { parts: [{ text: null, functionCall: null }] }, groundingMetadata: null },
      ],
    },
    {
      candidates: [
        {
          groundingMetadata: { groundingSupports: [{}], groundingChunks: [null] },
          logprobsResult: 3,
        },
      ],
    },
    { usageMetadata: null, promptFeedback: null, modelVersion: 3 },
  ] as unknown as JsonObject[];
  assert.deepEqual(
    told(...odd).map(({ type }) => type),
    ["start"],
  );
  const [block] = told(of([{ newKind: { a: 1 } }])).filter((event) => event.type === "block");
  assert.deepEqual(block?.start, {
    kind: "part",
    part: { kind: "foreign", dialect: "gemini-content", value: { newKind: { a: 1 } } },
  });
});

test("several candidates are choices of their own", () => {
  const reply = decodeReply(
    {
      candidates: [
        { index: 1, content: { parts: [{ text: "b" }] }, finishReason: "STOP" },
        { content: { parts: [{ text: "a" }] } },
      ],
      usageMetadata: { promptTokenCount: 1, serviceTier: "standard" },
      createTime: "2026-02-17T04:28:33.008198Z",
    },
    context,
  );
  assert.deepEqual(
    reply.choices.map(({ index, parts }) => [index, parts[0]?.kind === "text" && parts[0].text]),
    [
      [0, "a"],
      [1, "b"],
    ],
  );
  assert.deepEqual([reply.serviceTier, reply.createdAtS], ["default", 1_771_302_513]);
});

test("sources are cited where their text stands, counted in code units", () => {
  const text = "Größe: 😀 ja. Ende";
  const claim = "😀 ja.";
  const startIndex = Buffer.byteLength("Größe: ");
  const reply = decodeReply(
    of([{ text }], {
      finishReason: "STOP",
      groundingMetadata: {
        groundingChunks: [
          { web: { uri: "https://a.test", title: "A" } },
          { web: { uri: "https://b.test" } },
          { retrievedContext: { text: "quote", title: "T" } },
        ],
        groundingSupports: [
          {
            segment: { startIndex, endIndex: startIndex + Buffer.byteLength(claim), text: claim },
            groundingChunkIndices: [0, 9],
          },
          { segment: { startIndex: 1, endIndex: 2, text: "Ende" }, groundingChunkIndices: [1] },
        ],
      },
    }),
    context,
  );
  const [part] = reply.choices[0]?.parts ?? [];
  assert.ok(part?.kind === "text");
  assert.deepEqual(part.citations, [
    { url: "https://a.test", title: "A", citedText: null, start: 7, end: 13 },
    { url: "https://b.test", title: null, citedText: null, start: 14, end: 18 },
    { url: null, title: "T", citedText: "quote", start: null, end: null },
  ]);
  for (let unit = 0; unit <= text.length; unit += 1) {
    const code = text.charCodeAt(unit);
    if (code >= 0xdc_00 && code < 0xe0_00) continue;
    assert.equal(unitAtByte(text, byteAtUnit(text, unit)), unit);
  }
});
