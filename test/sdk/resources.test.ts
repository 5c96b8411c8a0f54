/**
 * What outlives a call, as the clients of OpenAI and Anthropic use it: files, batches, stores, containers, responses,
 * with their own pages, streams of results and helpers; also the ids of one tenant are nothing to another's client.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI, { toFile } from "openai";
import type { GatewayNode } from "../e2e/nodes.ts";
import { startNode } from "../e2e/nodes.ts";
import {
  type Keeping,
  type Tenants,
  makeChannel,
  makeTenants,
  openVendorAccount,
} from "../e2e/tenants.ts";

let account: Keeping;
let node: GatewayNode;
let tenants: Tenants;

before(async () => {
  account = await openVendorAccount();
  node = await startNode();
  const { origin } = account.vendor;
  await makeChannel(node, { provider: "openai", baseUrl: `${origin}/v1`, models: ["gpt-native"] });
  await makeChannel(node, { provider: "anthropic", baseUrl: origin, models: ["claude-native"] });
  tenants = await makeTenants([node]);
});
after(async () => {
  await node[Symbol.asyncDispose]();
  await account[Symbol.asyncDispose]();
});

const openaiOf = (apiKey: string): OpenAI =>
  new OpenAI({ apiKey, baseURL: `${node.url}/v1`, maxRetries: 0 });
const anthropicOf = (apiKey: string): Anthropic =>
  new Anthropic({ apiKey, baseURL: node.url, maxRetries: 0 });

async function idsOf(pages: AsyncIterable<{ readonly id: string }>): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of pages) ids.push(id);
  return ids;
}

const line = JSON.stringify({
  custom_id: "a",
  method: "POST",
  url: "/v1/chat/completions",
  body: { model: "gpt-native", messages: [{ role: "user", content: "hi" }] },
});

test("OpenAI's files and batches", async () => {
  const ann = openaiOf(tenants.ann.key);
  const bob = openaiOf(tenants.bob.key);
  const made = await ann.files.create({
    purpose: "batch",
    file: await toFile(Buffer.from(line), "input.jsonl"),
  });
  assert.equal((await ann.files.retrieve(made.id)).bytes, line.length);
  assert.equal(await (await ann.files.content(made.id)).text(), line);
  assert.deepEqual(await idsOf(ann.files.list()), [made.id]);
  assert.deepEqual(await idsOf(bob.files.list()), []);
  await assert.rejects(bob.files.retrieve(made.id), OpenAI.NotFoundError);
  await assert.rejects(bob.files.content(made.id), OpenAI.NotFoundError);
  const batch = await ann.batches.create({
    input_file_id: made.id,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
  });
  assert.equal(batch.input_file_id, made.id);
  assert.equal((await ann.batches.retrieve(batch.id)).id, batch.id);
  assert.deepEqual(await idsOf(ann.batches.list()), [batch.id]);
  await assert.rejects(bob.batches.cancel(batch.id), OpenAI.NotFoundError);
  assert.equal((await ann.batches.cancel(batch.id)).status, "cancelling");
  assert.equal((await ann.files.delete(made.id)).deleted, true);
  await assert.rejects(ann.files.retrieve(made.id), OpenAI.NotFoundError);
});

test("OpenAI's large uploads, stores and containers", async () => {
  const ann = openaiOf(tenants.ann.key);
  const upload = await ann.uploads.create({
    filename: "a.txt",
    purpose: "user_data",
    bytes: 6,
    mime_type: "text/plain",
  });
  const parts: string[] = [];
  for (const text of ["one", "two"])
    parts.push(
      (await ann.uploads.parts.create(upload.id, { data: await toFile(Buffer.from(text)) })).id,
    );
  const { file } = await ann.uploads.complete(upload.id, { part_ids: parts });
  assert.equal(await (await ann.files.content(file?.id ?? "")).text(), "onetwo");
  const store = await ann.vectorStores.create({ name: "s", file_ids: [file?.id ?? ""] });
  assert.deepEqual(await idsOf(ann.vectorStores.files.list(store.id)), [file?.id]);
  assert.equal((await ann.vectorStores.delete(store.id)).deleted, true);
  const container = await ann.containers.create({ name: "c" });
  const inside = await ann.containers.files.create(container.id, { file_id: file?.id ?? "" });
  const content = await ann.containers.files.content.retrieve(inside.id, {
    container_id: container.id,
  });
  assert.equal(await content.text(), "onetwo");
});

test("OpenAI's responses that the vendor keeps", async () => {
  const ann = openaiOf(tenants.ann.key);
  const bob = openaiOf(tenants.bob.key);
  const first = await ann.responses.create({ model: "gpt-native", input: "hi" });
  assert.equal((await ann.responses.retrieve(first.id)).id, first.id);
  const items = await idsOf(ann.responses.inputItems.list(first.id) as never);
  assert.equal(items.length, 1);
  const next = await ann.responses.create({
    model: "gpt-native",
    input: "more",
    previous_response_id: first.id,
  });
  assert.equal(next.previous_response_id, first.id);
  await assert.rejects(bob.responses.retrieve(first.id), OpenAI.NotFoundError);
  await assert.rejects(
    bob.responses.create({ model: "gpt-native", input: "x", previous_response_id: first.id }),
    (error) => error instanceof OpenAI.APIError && error.code === "previous_response_not_found",
  );
  await ann.responses.delete(first.id);
  await assert.rejects(ann.responses.retrieve(first.id), OpenAI.NotFoundError);
});

test("Anthropic's batches and files", async () => {
  const ann = anthropicOf(tenants.ann.key);
  const bob = anthropicOf(tenants.bob.key);
  const { batches } = ann.messages;
  const params = {
    model: "claude-native",
    max_tokens: 10,
    messages: [{ role: "user" as const, content: "hi" }],
  };
  const batch = await batches.create({ requests: [{ custom_id: "a", params }] });
  assert.equal((await batches.retrieve(batch.id)).id, batch.id);
  assert.deepEqual(await idsOf(batches.list()), [batch.id]);
  const results: string[] = [];
  for await (const result of await batches.results(batch.id)) results.push(result.custom_id);
  assert.deepEqual(results, ["a"]);
  await assert.rejects(bob.messages.batches.retrieve(batch.id), Anthropic.NotFoundError);
  assert.equal((await batches.cancel(batch.id)).processing_status, "canceling");
  assert.equal((await batches.delete(batch.id)).type, "message_batch_deleted");
  const file = await ann.beta.files.upload({ file: await toFile(Buffer.from("words"), "a.txt") });
  assert.equal((await ann.beta.files.retrieveMetadata(file.id)).id, file.id);
  assert.equal(await (await ann.beta.files.download(file.id)).text(), "words");
  await assert.rejects(bob.beta.files.download(file.id), Anthropic.NotFoundError);
  await ann.beta.files.delete(file.id);
});
