/** What a channel orders beside its address: written, merged, shown, audited, served; refused by the field's name. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openAdmin } from "../../test/admin/open-admin.ts";
import { noChannelOptions } from "../sync/entities.ts";

const channel = {
  name: "one",
  provider: "custom",
  baseUrl: "http://127.0.0.1:1/v1",
  models: ["gpt-4o"],
  credentials: ["sk-1"],
};

const ordered = {
  settings: { keyHeader: "x-api-key" },
  dialects: ["anthropic-messages", "openai-chat"],
  billAs: "sent",
  extraBody: { safe_prompt: true, token: "hunter2" },
  modelParameters: { "gpt-*": { temperature: 0 } },
  systemPrompt: { text: "Be brief.", place: "after" },
  disabledStream: ["o1*"],
  onlyChat: true,
  testModel: "gpt-4o",
  unsealedIds: true,
} as const;

test("a channel orders nothing unless told, and what it is told is served and shown", async () => {
  await using admin = await openAdmin();
  const plain = await admin.must("POST", "/api/channels", channel);
  for (const [name, value] of Object.entries(noChannelOptions))
    assert.deepEqual(plain[name], value, name);
  const made = await admin.must("POST", "/api/channels", { ...channel, ...ordered });
  const served = (id: number): unknown => admin.sync.current()?.channels.get(id)?.options;
  assert.deepEqual(served(made.id), ordered);
  assert.deepEqual(served(plain.id), noChannelOptions);
  const shown = await admin.must("GET", `/api/channels/${made.id}`);
  for (const [name, value] of Object.entries(ordered)) assert.deepEqual(shown[name], value, name);
});

test("PATCH merges options one by one; null restores what is usual", async () => {
  await using admin = await openAdmin();
  const { id } = await admin.must("POST", "/api/channels", {
    ...channel,
    ...ordered,
    replyModel: "upstream",
  });
  const data = await admin.must("PATCH", `/api/channels/${id}`, {
    extraBody: { token: null, top_k: 5 },
    dialects: ["openai-chat"],
    systemPrompt: { place: "if-none" },
    testModel: null,
    onlyChat: null,
    settings: null,
    modelMapping: { a: "+b", c: "d#high" },
  });
  assert.deepEqual(admin.sync.current()?.channels.get(id)?.options, {
    ...ordered,
    extraBody: { safe_prompt: true, top_k: 5 },
    dialects: ["openai-chat"],
    systemPrompt: { text: "Be brief.", place: "if-none" },
    testModel: null,
    onlyChat: false,
    settings: {},
  });
  assert.deepEqual([data.replyModel, data.modelMapping], ["upstream", { a: "+b", c: "d#high" }]);
  const off = await admin.must("PATCH", `/api/channels/${id}`, { systemPrompt: null });
  assert.equal(off.systemPrompt, null);
  const on = await admin.must("PATCH", `/api/channels/${id}`, { systemPrompt: { text: "x" } });
  assert.deepEqual(on.systemPrompt, { text: "x", place: "before" });
});

test("what a newer version keeps among the options outlives an edit", async () => {
  await using admin = await openAdmin();
  const { id } = await admin.must("POST", "/api/channels", channel);
  await admin.sync.write({ name: "test", userId: null, address: "", requestId: "" }, (tx) =>
    tx.update("channel", id, { options: '{"fromTomorrow":{"a":1},"onlyChat":true}' }),
  );
  await admin.must("PATCH", `/api/channels/${id}`, { onlyChat: false, billAs: "sent" });
  const row = await admin.database.reads
    .selectFrom("channels")
    .select("options")
    .where("id", "=", BigInt(id))
    .executeTakeFirstOrThrow();
  const options = JSON.parse(row.options ?? "") as Record<string, unknown>;
  assert.deepEqual(options["fromTomorrow"], { a: 1 });
  assert.deepEqual([options["onlyChat"], options["billAs"]], [false, "sent"]);
});

test("options that cannot be are refused by their name, and nothing is written", async () => {
  await using admin = await openAdmin();
  const bedrock = { ...channel, provider: "bedrock", baseUrl: null };
  const cases: readonly (readonly [object, string, RegExp])[] = [
    [{ ...channel, settings: { zone: "a" } }, "settings.zone", /no setting of provider custom/],
    [{ ...channel, settings: { keyHeader: "cookie" } }, "settings.keyHeader", /must be one of/],
    [{ ...channel, settings: { "a b": "x" } }, "settings.a b", /no valid setting name/],
    [bedrock, "settings.region", /is required/],
    [{ ...bedrock, settings: { region: "x.evil.example/" } }, "settings.region", /must match/],
    [{ ...bedrock, settings: { region: "" } }, "settings.region", /must not be empty/],
    [{ ...channel, dialects: ["openai-chat", "klingon"] }, "dialects[1]", /must be one of/],
    [{ ...channel, dialects: ["openai-chat", "openai-chat"] }, "dialects", /twice/],
    [{ ...channel, billAs: "neither" }, "billAs", /./],
    [{ ...channel, extraBody: [] }, "extraBody", /./],
    [{ ...channel, extraBody: { stream: true } }, "extraBody.stream", /answers for it/],
    [{ ...channel, modelParameters: { "a*b": {} } }, "modelParameters.a*b", /prefix/],
    [{ ...channel, modelParameters: { a: { model: "b" } } }, "modelParameters.a.model", /answers/],
    [{ ...channel, systemPrompt: "x" }, "systemPrompt", /./],
    [{ ...channel, systemPrompt: { text: "" } }, "systemPrompt.text", /must not be empty/],
    [{ ...channel, systemPrompt: { text: "x", where: "y" } }, "systemPrompt.where", /not a known/],
    [{ ...channel, disabledStream: [""] }, "disabledStream[0]", /./],
    [{ ...channel, onlyChat: "yes" }, "onlyChat", /./],
    [{ ...channel, testModel: "gpt-*" }, "testModel", /wildcard/],
    [{ ...channel, options: {} }, "options", /not a known field/],
    [{ ...channel, modelMapping: { a: "+" } }, "modelMapping.a", /must name a model/],
    [{ ...channel, modelMapping: { a: "#high" } }, "modelMapping.a", /must name a model/],
    [{ ...channel, headers: { "X-Amz-Date": "x" } }, "headers.X-Amz-Date", /cannot be set here/],
  ];
  for (const [body, field, message] of cases) {
    const answer = await admin.ask("POST", "/api/channels", body);
    const what = `${JSON.stringify(body)}: ${answer.text}`;
    assert.equal(answer.status, 422, what);
    const fault = answer.body.errors.find((one: { field: string }) => one.field === field);
    assert.match(fault?.message ?? "", message, what);
  }
  assert.deepEqual(await admin.must("GET", "/api/channels"), []);
});

test("the audit tells options before and after, but no bodies", async () => {
  await using admin = await openAdmin();
  const { id } = await admin.must("POST", "/api/channels", { ...channel, ...ordered });
  await admin.must("PATCH", `/api/channels/${id}`, { billAs: "asked", extraBody: { token: "s3" } });
  const [edit, create] = await admin.must("GET", "/api/audit?kind=channel");
  const { before, after } = edit.detail;
  assert.deepEqual([before.billAs, after.billAs], ["sent", "asked"]);
  assert.doesNotMatch(JSON.stringify([edit, create]), /hunter2|"s3"/);
});

test("a service account's key is kept on one line, and other line breaks are refused", async () => {
  await using admin = await openAdmin();
  const key = { type: "service_account", client_email: "a@b", private_key: "-----BEGIN\nx\n" };
  const { id } = await admin.must("POST", "/api/channels", {
    ...channel,
    provider: "vertex",
    baseUrl: null,
    settings: { project: "p-1" },
    credentials: [JSON.stringify(key, null, 2), " AIza"],
  });
  const served = admin.sync
    .current()
    ?.channels.get(id)
    ?.credentials.map(({ secret }) => secret);
  assert.deepEqual(served, [JSON.stringify(key), " AIza"]);
  for (const bad of ["{\n", "sk\n"]) {
    const answer = await admin.ask("PATCH", `/api/channels/${id}`, { credentials: [bad] });
    assert.match(answer.body.errors[0].message, /no line breaks/);
  }
});

test("the channel's own test model is taken where the request names none", async () => {
  const tried: string[] = [];
  await using admin = await openAdmin({
    probeChannel: (_channel, model) => {
      tried.push(model);
      return Promise.resolve({ ok: true, status: 200, durationMs: 1, message: null });
    },
  });
  const { id } = await admin.must("POST", "/api/channels", { ...channel, testModel: "small" });
  await admin.must("POST", `/api/channels/${id}/test`, {});
  await admin.must("POST", `/api/channels/${id}/test`, { model: "big" });
  assert.deepEqual(tried, ["small", "big"]);
});

test("providers are told so that a form can be drawn from them", async () => {
  await using admin = await openAdmin();
  const all = await admin.must("GET", "/api/providers");
  const find = (id: string): Record<string, unknown> =>
    all.find((one: { id: string }) => one.id === id);
  assert.deepEqual(find("bedrock"), await admin.must("GET", "/api/providers/bedrock"));
  const { settings, operations, credentialForm } = await admin.must(
    "GET",
    "/api/providers/bedrock",
  );
  assert.deepEqual(operations, {
    chat: ["anthropic-messages", "bedrock-converse"],
    embeddings: ["bedrock-titan", "cohere-v2"],
  });
  assert.match(credentialForm, /access key ID\|secret access key/);
  assert.deepEqual(
    [settings[0].key, settings[0].label, settings[0].required, settings[0].default],
    ["region", { en: "Region", zh_CN: "区域" }, true, null],
  );
  assert.equal(find("custom")["defaultBaseUrl"], null);
  assert.ok((find("custom")["ownUrlDialects"] as string[]).includes("gemini-content"));
  assert.equal(find("openai")["listsModels"], true);
  assert.equal((await admin.ask("GET", "/api/providers/nobody")).status, 404);
  const { paths } = (await admin.ask("GET", "/api/openapi.json")).body;
  const schema = paths["/api/channels"].post.requestBody.content["application/json"].schema;
  for (const name of Object.keys(ordered)) assert.ok(name in schema.properties, name);
  assert.ok("200" in paths["/api/channels/upstream-models"].post.responses);
});
