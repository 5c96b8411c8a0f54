// What a caller's body names is opened for its owner, refused for others, and told by field where nobody sealed it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../core/errors.ts";
import { scanMembers, splice } from "../../core/json.ts";
import { deriveKey } from "../../core/seal.ts";
import { sealId, tagId } from "../../core/sealed-id.ts";
import { idRulesOf } from "../../dialects/resource-ids.ts";
import type { FrontId, ResourceKind } from "../../wire/call.ts";
import { type OpenedIds, openIds } from "./open-ids.ts";
import { type OpenedItems, openItems } from "./open-items.ts";
import { withSealed } from "./seal-ids.ts";

const key = deriveKey("a root secret for tests only", "data");
const pin = { channelId: 3, credentialId: 4 };

function sealed(kind: ResourceKind, upstreamId: string, ownerId = 7, place = pin): string {
  return sealId(key, { ...place, ownerId, kind, upstreamId });
}

function tagged(upstreamId: string, ownerId = 7, place = pin): string {
  return tagId(key, { ...place, ownerId, kind: "item", upstreamId });
}

function opened(dialect: FrontId, body: unknown): OpenedIds & { readonly sent: unknown } {
  const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  const rules = idRulesOf(dialect, "chat");
  assert.ok(rules !== undefined);
  const ids = openIds(bytes, rules, { ownerId: 7, key: () => key, dialect });
  return { ...ids, sent: JSON.parse(splice(bytes, ids.edits).toString()) as unknown };
}

function refusal(act: () => unknown): GatewayError {
  try {
    act();
  } catch (thrown) {
    assert.ok(thrown instanceof GatewayError);
    return thrown;
  }
  throw new assert.AssertionError({ message: "nothing was refused" });
}

test("sealed ids become the vendor's, wherever they stand, and pin", () => {
  const file = sealed("file", "file-1");
  const chat = {
    messages: [{ role: "user", content: [{ type: "file", file: { file_id: file } }] }],
  };
  const told = opened("openai-chat", chat);
  assert.deepEqual(told.sent, JSON.parse(JSON.stringify(chat).replace(file, "file-1")));
  assert.deepEqual(told.pin, pin);
  assert.equal(told.unsealed, null);
  assert.deepEqual([...told.opened], [["file-1", file]]);

  const responses = opened("openai-responses", {
    previous_response_id: sealed("response", "resp_1"),
    conversation: { id: sealed("conversation", "conv_1") },
    input: [{ role: "user", content: [{ type: "input_file", file_id: file }] }],
    tools: [
      { type: "code_interpreter", container: sealed("container", "cntr_1") },
      { type: "code_interpreter", container: { type: "auto", file_ids: [file] } },
      { type: "file_search", vector_store_ids: [sealed("vector-store", "vs_1")] },
    ],
  });
  assert.deepEqual(responses.sent, {
    previous_response_id: "resp_1",
    conversation: { id: "conv_1" },
    input: [{ role: "user", content: [{ type: "input_file", file_id: "file-1" }] }],
    tools: [
      { type: "code_interpreter", container: "cntr_1" },
      { type: "code_interpreter", container: { type: "auto", file_ids: ["file-1"] } },
      { type: "file_search", vector_store_ids: ["vs_1"] },
    ],
  });

  const messages = opened("anthropic-messages", {
    container: sealed("container", "container_1"),
    messages: [
      { role: "user", content: [{ type: "document", source: { type: "file", file_id: file } }] },
    ],
  });
  assert.match(JSON.stringify(messages.sent), /"container_1".*"file-1"/);

  const uri = "https://generativelanguage.googleapis.com/v1beta/";
  const gemini = opened("gemini-content", {
    cachedContent: sealed("cached-content", "cachedContents/1"),
    contents: [
      { parts: [{ fileData: { fileUri: uri + sealed("file", "files/1") } }] },
      { parts: [{ file_data: { file_uri: "https://youtu.be/x" } }] },
    ],
  });
  assert.deepEqual(gemini.sent, {
    cachedContent: "cachedContents/1",
    contents: [
      { parts: [{ fileData: { fileUri: `${uri}files/1` } }] },
      { parts: [{ file_data: { file_uri: "https://youtu.be/x" } }] },
    ],
  });
  assert.equal(gemini.unsealed, null);
});

test("another's ids, changed ones and those of another kind are refused by name", () => {
  const ofFile = (file_id: string): unknown => ({
    messages: [{ content: [{ file: { file_id } }] }],
  });
  const own = sealed("file", "file-1");
  for (const id of [
    sealed("file", "file-1", 8),
    sealed("batch", "file-1"),
    `${own.slice(0, -2)}AA`,
  ]) {
    const error = refusal(() => opened("openai-chat", ofFile(id)));
    assert.deepEqual(
      [error.kind, error.fields[0]?.field],
      ["invalid_request", "messages.content.file.file_id"],
    );
  }
  const previous = refusal(() =>
    opened("openai-responses", { previous_response_id: sealed("response", "resp_1", 8) }),
  );
  assert.equal(previous.kind, "previous_response_not_found");
  const elsewhere = sealed("file", "file-2", 7, { channelId: 3, credentialId: 5 });
  const mixed = refusal(() =>
    opened("openai-responses", { tools: [{ file_ids: [own, elsewhere] }] }),
  );
  assert.match(mixed.message, /another upstream account/);
});

test("an id that nobody sealed is told, also under a name in escapes; free text is left alone", () => {
  const bodies: readonly [FrontId, string, string][] = [
    [
      "openai-chat",
      '{"messages":[{"content":[{"file":{"file_id":"file-raw"}}]}]}',
      "messages.content.file.file_id",
    ],
    [
      "openai-chat",
      '{"messages":[{"content":[{"file":{"f\\u0069le_id":"file-raw"}}]}]}',
      "messages.content.file.file_id",
    ],
    ["openai-responses", '{"previous_response_id":"resp_raw"}', "previous_response_id"],
    ["openai-responses", '{"conversation":"conv_raw"}', "conversation"],
    ["openai-responses", '{"tools":[{"container":"cntr_raw"}]}', "tools.container"],
    ["anthropic-messages", '{"container":{"id":"container_raw"}}', "container.id"],
    ["gemini-content", '{"cached_content":"cachedContents/raw"}', "cached_content"],
    [
      "gemini-content",
      '{"contents":[{"parts":[{"fileData":{"fileUri":"files/raw"}}]}]}',
      "contents.parts.fileData.fileUri",
    ],
  ];
  for (const [dialect, body, field] of bodies)
    assert.equal(opened(dialect, body).unsealed?.fields[0]?.field, field, body);
  const free: readonly [FrontId, unknown][] = [
    ["openai-chat", { metadata: { file_id: "x" }, tools: [{ parameters: { file_id: "x" } }] }],
    ["openai-responses", { metadata: { file_id: "x" }, input: "a file_id and a container" }],
    ["openai-responses", { previous_response_id: null, conversation: null, input: "" }],
    ["openai-responses", { previous_response_id: "" }],
    [
      "anthropic-messages",
      { messages: [{ content: [{ type: "tool_use", input: { file_id: "x", container: "y" } }] }] },
    ],
    [
      "gemini-content",
      { contents: [{ parts: [{ functionCall: { args: { fileUri: "files/x" } } }] }] },
    ],
  ];
  for (const [dialect, body] of free) {
    const told = opened(dialect, body);
    assert.deepEqual([told.unsealed, told.edits], [null, []], JSON.stringify(body));
  }
});

function openedItems(input: unknown): OpenedItems & { readonly sent: Record<string, unknown> } {
  const body = Buffer.from(JSON.stringify({ model: "m", input }));
  const range = scanMembers(body, ["input"]).members["input"];
  const items = openItems(body, range, { ownerId: 7, key: () => key });
  return { ...items, sent: JSON.parse(splice(body, items.edits).toString()) as never };
}

test("items: named ones pin, whole ones go anywhere, another's go nowhere", () => {
  const own = "fc_01m83gkqpa66yc2xhjj1187fng_0";
  const whole = openedItems([
    { type: "message", role: "assistant", id: tagged("msg_1"), content: [] },
    { type: "reasoning", id: tagged("rs_1"), encrypted_content: "x", summary: [] },
    { type: "function_call", id: own, call_id: "c", name: "n", arguments: "{}" },
    { role: "user", content: "hi" },
  ]);
  assert.deepEqual([whole.pin, whole.unsealed, whole.own], [null, null, []]);
  assert.deepEqual(
    (whole.sent["input"] as { id?: string }[]).map(({ id }) => id),
    ["msg_1", "rs_1", own, undefined],
  );
  for (const item of [
    { type: "item_reference", id: tagged("msg_1") },
    { id: tagged("msg_1") },
    { type: "reasoning", id: tagged("rs_1"), summary: [] },
    { type: "image_generation_call", id: tagged("ig_1") },
    { type: "mcp_approval_response", approval_request_id: tagged("mcpr_1"), approve: true },
  ])
    assert.equal(openedItems([item]).pin?.channelId, 3, JSON.stringify(item));
  assert.deepEqual(openedItems([{ type: "item_reference", id: own }]).own, [own]);
  assert.equal(
    openedItems(["text", { type: "item_reference", id: "msg_raw" }]).unsealed?.fields[0]?.field,
    "input[1].id",
  );
  // What a vendor told that keeps nothing comes back with the vendor's own ids.
  const stateless = openedItems([
    { type: "reasoning", id: "rs_raw", summary: [] },
    { type: "mcp_approval_response", approval_request_id: "mcpr_raw", approve: true },
  ]);
  assert.deepEqual([stateless.pin, stateless.unsealed], [null, null]);
  const error = refusal(() => openedItems([{ type: "item_reference", id: tagged("msg_1", 8) }]));
  assert.equal(error.fields[0]?.field, "input[0].id");
  const places = [tagged("msg_1"), tagged("msg_2", 7, { channelId: 9, credentialId: 4 })];
  assert.throws(() => openedItems(places.map((id) => ({ type: "item_reference", id }))), /account/);
});

test("what a vendor says of an id is told in the id that its hearer knows", () => {
  const body = Buffer.from('{"error":{"message":"No such file: file-1, file-12"}}');
  const told = withSealed(body, new Map([["file-1", "file-sealed"]]));
  assert.match(told.toString(), /No such file: file-sealed/);
  assert.equal(withSealed(body, new Map()), body);
});
