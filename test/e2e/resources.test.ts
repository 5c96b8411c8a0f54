/** What outlives a call, on one node: who may make it where, what passes, and how a vendor's refusals are told. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type TestContext, test } from "node:test";
import type { KeepingVendor } from "../fakes/keeping-vendor.ts";
import { openFakeUpstream, status } from "../fakes/upstream.ts";
import { write } from "./cluster.ts";
import { type GatewayNode, rootKey, startNode, waitFor } from "./nodes.ts";
import { type Tenant, ask, fileForm, get, makeChannel, openVendorAccount } from "./tenants.ts";

const root: Tenant = { name: "root", key: rootKey };

interface World {
  readonly node: GatewayNode;
  readonly vendor: KeepingVendor;
  readonly channel: number;
}

async function openWorld(
  t: TestContext,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<World> {
  const account = await openVendorAccount();
  t.after(() => account[Symbol.asyncDispose]());
  const node = await startNode();
  t.after(() => node[Symbol.asyncDispose]());
  const baseUrl = `${account.vendor.origin}/v1`;
  const models = ["gpt-native", "gpt-mapped"];
  const modelMapping = { "gpt-mapped": "vendor-name" };
  const own = { provider: "openai", baseUrl, models, modelMapping, ...fields };
  return { node, vendor: account.vendor, channel: await makeChannel(node, own) };
}

async function keyFor(node: GatewayNode, fields: object): Promise<Tenant> {
  const { data } = await write<{ key: string }>(node, "POST", "/api/keys", {
    name: "k",
    ...fields,
  });
  return { name: "k", key: data.key };
}

const ofFile = (file_id: string): object => ({
  model: "gpt-native",
  messages: [{ role: "user", content: [{ type: "file", file: { file_id } }] }],
});

test("a large file goes up and comes down as its own bytes, and no browser takes it for a page", async (t) => {
  const { node } = await openWorld(t);
  const content = Buffer.alloc(40 * 1024 * 1024, "0123456789abcdef\r\n--");
  const form = new FormData();
  form.set("purpose", "user_data");
  form.set("file", new Blob([content], { type: "text/html" }), "page.html");
  const made = await get(node, root, "/v1/files", { form });
  assert.equal(made.body["bytes"], content.length);
  const response = await fetch(`${node.url}/v1/files/${String(made.body["id"])}/content`, {
    headers: { authorization: `Bearer ${rootKey}` },
  });
  const hash = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
  assert.equal(hash(new Uint8Array(await response.arrayBuffer())), hash(content));
  assert.equal(response.headers.get("x-content-type-options"), "nosniff");
  assert.match(response.headers.get("content-security-policy") ?? "", /sandbox/);
});

test("ids that nobody sealed pass only where the channel lets them", async (t) => {
  const { node, vendor, channel } = await openWorld(t);
  const made = await get(node, root, "/v1/files", { form: fileForm("x") });
  const [raw = ""] = vendor.ids;
  const body = ofFile(raw);
  const refused = await ask(node, root, "/v1/chat/completions", { json: body });
  assert.equal(refused.status, 400);
  assert.match(refused.text, /"param":"messages.content.file.file_id"/);
  await write(node, "PATCH", `/api/channels/${channel}?wait=converged&timeout=5s`, {
    unsealedIds: true,
  });
  await get(node, root, "/v1/chat/completions", { json: body });
  await get(node, root, `/v1/files/${raw}`);
  const told = await get(node, root, `/v1/files/${raw}/content`);
  assert.equal(told.text, "x");
  const previous = await get(node, root, "/v1/responses", {
    json: { model: "gpt-native", input: "a" },
  });
  const unsealed = vendor.ids.find((id) => id.startsWith("resp_"));
  const next = { model: "gpt-native", input: "b", previous_response_id: unsealed };
  const continued = await get(node, root, "/v1/responses", { json: next });
  assert.equal(continued.body["previous_response_id"], previous.body["id"]);
  await get(node, root, "/v1/chat/completions", { json: ofFile(String(made.body["id"])) });
});

test("a key kept to models starts no job with another, nor a batch that nobody can read", async (t) => {
  const { node, vendor } = await openWorld(t);
  const key = await keyFor(node, { models: ["gpt-mapped"] });
  const file = await get(node, key, "/v1/files", { form: fileForm("x", "fine-tune") });
  const { id } = file.body;
  const batch = await ask(node, key, "/v1/batches", {
    json: { input_file_id: id, endpoint: "/v1/chat/completions" },
  });
  assert.equal(batch.status, 400, batch.text);
  assert.match(batch.text, /request 1 of the batch: it cannot be read/);
  const other = await ask(node, key, "/v1/fine_tuning/jobs", {
    json: { model: "gpt-native", training_file: id },
  });
  assert.equal(other.status, 403, other.text);
  await get(node, key, "/v1/fine_tuning/jobs", {
    json: { model: "gpt-mapped", training_file: id },
  });
  assert.match(vendor.bodies.at(-1) ?? "", /"model":"vendor-name"/);
  const job = await get(node, root, "/v1/fine_tuning/jobs", {
    json: { model: "gpt-native", training_file: id },
  });
  assert.equal(job.body["status"], "queued");
  const unserved = await ask(node, root, "/v1/fine_tuning/jobs", {
    json: { model: "gpt-none", training_file: id },
  });
  assert.equal(unserved.status, 400, unserved.text);
});

test("all that one owner makes lies in one account, unless an administrator chooses", async (t) => {
  const { node, vendor, channel } = await openWorld(t, { credentials: ["sk-1", "sk-2", "sk-3"] });
  const other = await openVendorAccount();
  t.after(() => other[Symbol.asyncDispose]());
  const fields = { provider: "openai", baseUrl: `${other.vendor.origin}/v1`, models: ["m"] };
  const second = await makeChannel(node, { ...fields, name: "second" });
  const ids: string[] = [];
  for (let index = 0; index < 4; index += 1)
    ids.push(String((await get(node, root, "/v1/files", { form: fileForm("x") })).body["id"]));
  const accounts = [vendor.ids.length, other.vendor.ids.length].sort();
  assert.deepEqual(accounts, [0, 4]);
  await get(node, root, "/v1/vector_stores", { json: { file_ids: ids } });
  const [chosen, chosenVendor] =
    vendor.ids.length === 0 ? [channel, vendor] : [second, other.vendor];
  const admin = { name: "admin", key: `${rootKey}#${chosen}` };
  await get(node, admin, "/v1/files", { form: fileForm("x") });
  assert.equal(chosenVendor.ids.length, 1);
});

test("a channel that is disabled, moved or deleted opens nothing any more", async (t) => {
  const { node, vendor, channel } = await openWorld(t);
  const file = await get(node, root, "/v1/files", { form: fileForm("x") });
  const response = await get(node, root, "/v1/responses", {
    json: { model: "gpt-native", input: "a" },
  });
  const asked = vendor.paths.length;
  const patch = async (fields: object): Promise<void> =>
    void (await write(node, "PATCH", `/api/channels/${channel}?wait=converged&timeout=5s`, fields));
  const refusedAll = async (): Promise<void> => {
    assert.equal((await ask(node, root, `/v1/files/${String(file.body["id"])}`)).status, 404);
    assert.equal(
      (await ask(node, root, `/v1/responses/${String(response.body["id"])}`)).status,
      404,
    );
    const next = { model: "gpt-native", input: "b", previous_response_id: response.body["id"] };
    const refused = await ask(node, root, "/v1/responses", { json: next });
    assert.ok(refused.status >= 400, refused.text);
  };
  await patch({ status: "disabled" });
  await refusedAll();
  await write(node, "POST", "/api/groups", { symbol: "vip", name: "VIP" });
  await patch({ status: "enabled", groups: ["vip"] });
  await refusedAll();
  await patch({ groups: ["default"] });
  await get(node, root, `/v1/files/${String(file.body["id"])}`);
  await write(node, "DELETE", `/api/channels/${channel}`);
  await waitFor("the channel is gone", 5000, async () => {
    const answer = await ask(node, root, "/v1/responses", {
      json: { model: "gpt-native", input: "a" },
    });
    return answer.status === 503;
  });
  await refusedAll();
  assert.equal(vendor.paths.length, asked + 1);
});

test("a vendor's refusals come in the caller's tongue, with the caller's ids and without ours", async (t) => {
  const { node, vendor } = await openWorld(t);
  const made = await get(node, root, "/v1/containers", { json: { name: "c" } });
  const id = String(made.body["id"]);
  // The vendor knows no such path.
  const answer = await ask(node, root, `/v1/containers/${id}`, { method: "DELETE" });
  assert.equal(answer.status, 404, answer.text);
  assert.ok(!vendor.ids.some((one) => answer.text.includes(one)), answer.text);
  assert.deepEqual((await get(node, root, "/v1/containers")).body["data"], []);
  const broken = await openFakeUpstream(status(500));
  t.after(() => broken.close());
  await makeChannel(node, {
    provider: "openai",
    baseUrl: broken.baseUrl,
    models: ["x"],
    priority: 5,
  });
  const failed = await ask(node, root, "/v1/files", { form: fileForm("x") });
  assert.equal(failed.status, 502, failed.text);
  broken.behave(status(401));
  const unpaid = await ask(node, root, "/v1/files", { form: fileForm("x") });
  assert.deepEqual(
    [unpaid.status, (unpaid.body["error"] as { code: string }).code],
    [502, "upstream_auth"],
  );
  const none = await ask(node, root, "/v1/files", { json: {} });
  assert.equal(none.status, 400, none.text);
  assert.equal((await ask(node, root, "/v1/files", { method: "PUT", json: {} })).status, 405);
});

test("no vendor that has none is asked for files", async (t) => {
  const { node, vendor, channel } = await openWorld(t, { provider: "custom" });
  const refused = await ask(node, root, "/v1/files", { form: fileForm("x") });
  assert.equal(refused.status, 503, refused.text);
  assert.deepEqual(vendor.paths, []);
  const listed = await get(node, root, "/v1/files");
  assert.deepEqual(listed.body, {
    object: "list",
    data: [],
    first_id: null,
    last_id: null,
    has_more: false,
  });
  assert.ok(channel > 0);
});

test("every value of a repeated parameter reaches the vendor", async (t) => {
  const { node, vendor } = await openWorld(t);
  const json = { model: "gpt-native", input: "a", store: true };
  const made = await get(node, root, "/v1/responses", { json });
  const wanted = ["message.output_text.logprobs", "reasoning.encrypted_content"];
  const query = wanted.map((value) => `include[]=${value}`).join("&");
  await get(node, root, `/v1/responses/${String(made.body["id"])}?${query}&stream=false`);
  const asked = new URL(vendor.paths.at(-1) ?? "", "http://vendor");
  assert.deepEqual(asked.searchParams.getAll("include[]"), wanted);
});
