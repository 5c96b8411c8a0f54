/** Holds how URLs of media are found in a body's bytes, and that their splices go with all others. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { packCarried } from "../carried.ts";
import type { BodyEdits, InlineFile, MediaUrl } from "../contract.ts";
import { anthropicMessages as dialect } from "./dialect.ts";

const noEdits: BodyEdits = {
  model: "claude-sonnet-4-5",
  askUsage: false,
  parameters: {},
  extraBody: {},
  systemPrompt: null,
  omit: [],
  add: {},
};
const files: ReadonlyMap<string, InlineFile> = new Map([
  ["https://a.test/1", { mediaType: "image/png", data: "AA==" }],
  ["https://a.test/2", { mediaType: "application/pdf", data: "BB==" }],
  ["https://a.test/3", { mediaType: "text/csv", data: "YSwi4oKsIg==" }],
]);

const factsOf = (body: Buffer) => dialect.parse({ operation: "chat", body, query: {} });

function find(text: string): readonly MediaUrl[] {
  const body = Buffer.from(text);
  return dialect.findMediaUrls?.(body, factsOf(body)) ?? [];
}

function edit(text: string, edits: Partial<BodyEdits> = {}): string {
  const body = Buffer.from(text);
  return dialect.edit(body, factsOf(body), { ...noEdits, inline: files, ...edits }).toString();
}

const source = (url: string): string => `{"type":"url","url":"${url}"}`;
const block = (type: string, url: string): string => `{"type":"${type}","source":${source(url)}}`;
const user = (...blocks: readonly string[]): string =>
  `{"role":"user","content":[${blocks.join(",")}]}`;
const saying = (...messages: readonly string[]): string =>
  `{"model":"claude-sonnet-4-5","messages":[${messages.join(",")}]}`;

test("images and documents by URL are told with their fields, wherever they may stand", () => {
  const list = (content: string): string =>
    `{"type":"document","source":{"content":[${content}],"type":"content"}}`;
  const result = `{"type":"tool_result","tool_use_id":"t","content":[${list(block("image", "https://a.test/1"))},${block("document", "https://a.test/2")}]}`;
  assert.deepEqual(
    find(saying('{"role":"user","content":"url"}', user('{"type":"text","text":"x"}', result))),
    [
      {
        field: "messages[1].content[1].content[0].source.content[0].source.url",
        url: "https://a.test/1",
        medium: "image",
      },
      {
        field: "messages[1].content[1].content[1].source.url",
        url: "https://a.test/2",
        medium: "document",
      },
    ],
  );
  assert.deepEqual(
    find(
      saying(
        user(String.raw`{"source":{"url":"https:\/\/a.test\u002f1"
    , "type" :	"url" },"type":"im\u0061ge"}`),
      ),
    ),
    [{ field: "messages[0].content[0].source.url", url: "https://a.test/1", medium: "image" }],
  );
});

test("what only looks like one is left alone", () => {
  const tool = `{"type":"tool_use","id":"t","name":"n","input":${block("image", "https://a.test/1")}}`;
  const bodies = [
    saying(`{"role":"assistant","content":[${tool}]}`),
    saying(user('{"type":"text","text":"{\\"type\\":\\"url\\"}"}', '"url"', "7", "null")),
    saying('{"role":"user","content":"url"}', '"url"', "[]"),
    saying(user(`{"type":"image","source":{"type":"url"}}`, `{"type":"image","source":"url"}`)),
    saying(user('{"type":"image","source":{"type":"url","url":"https://a.test/1","url":"x"}}')),
    saying(user('{"type":"image","type":"url","source":{"type":"url","url":"https://a.test/1"}}')),
    saying(
      user('{"type":"image","source":{"type":"base64","url":"https://a.test/1","data":"url"}}'),
    ),
    saying(
      user('{"type":"web_fetch_tool_result","content":{"type":"url","url":"https://a.test/1"}}'),
    ),
    '{"model":"claude-sonnet-4-5","messages":{"type":"url","url":"https://a.test/1"}}',
    `{"model":"claude-sonnet-4-5","system":[${block("image", "https://a.test/1")}],"messages":[]}`,
    '{"model":"claude-sonnet-4-5"}',
  ];
  for (const body of bodies) {
    assert.deepEqual(find(body), [], body);
    assert.equal(edit(body), body);
  }
});

test("results within results are not gone into: a body cannot make its reading dear", () => {
  const inner = block("image", "https://a.test/1");
  const nested = (depth: number): string =>
    depth === 0 ? inner : `{"type":"tool_result","content":[${nested(depth - 1)}]}`;
  assert.equal(find(saying(user(nested(2)))).length, 1);
  assert.equal(find(saying(user(nested(3)))).length, 0);
});

test("sources become base64, texts become text, and all else stays", () => {
  const text = saying(
    user(
      block("image", "https://a.test/1"),
      `{ "source" :  ${source("https://a.test/2")}  , "title":"\\u0041","type":"document","n":1.50}`,
      block("document", "https://a.test/3"),
      block("image", "https://a.test/unknown"),
    ),
  );
  const wanted = text
    .replace(source("https://a.test/1"), '{"type":"base64","media_type":"image/png","data":"AA=="}')
    .replace(
      source("https://a.test/2"),
      '{"type":"base64","media_type":"application/pdf","data":"BB=="}',
    )
    .replace(
      source("https://a.test/3"),
      String.raw`{"type":"text","media_type":"text/plain","data":"a,\"€\""}`,
    );
  assert.equal(edit(text), wanted);
  assert.equal(edit(text, { inline: new Map() }), text);
});

test("goes together with every other edit of the same body", () => {
  const signature = packCarried({ issuer: "gemini-content/gemini-3-pro", data: "c2ln" });
  const thought = `{"type":"thinking","thinking":"hm","signature":"${signature}"}`;
  const call = '{"type":"tool_use","id":"t","name":"n","input":{}}';
  const result = (content: string): string =>
    `{"type":"tool_result","tool_use_id":"t","content":[${content}]}`;
  const body = (head: string, said: string, thinking: string, inner: string): string =>
    `{${head}"messages":[{"role":"assistant","content":[${said}]},${user(result(inner))}],"thinking":${thinking}}`;
  const text = body(
    '"model":"a","max_tokens":9,',
    `${thought},${call}`,
    '{"type":"enabled","budget_tokens":1024}',
    block("image", "https://a.test/1"),
  );
  assert.equal(
    edit(text, {
      omit: ["model"],
      add: { anthropic_version: "v" },
      systemPrompt: { text: "Be brief.", place: "before" },
      parameters: { max_tokens: 5 },
    }),
    body(
      '"system":"Be brief.","anthropic_version":"v","max_tokens":5,',
      call,
      '{"type":"disabled"}',
      '{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}}',
    ),
  );
});
