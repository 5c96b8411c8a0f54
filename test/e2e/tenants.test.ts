/**
 * Tenants that share one vendor account never reach each other's files, batches, jobs, stores, containers or responses:
 * no id of one opens for another, on any node, and no list shows what another made.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { freshDatabaseOn, skipReason } from "../engines/engines.ts";
import { startPostgres } from "../engines/start-postgres.ts";
import { type GatewayNode, startNode, waitFor } from "./nodes.ts";
import {
  type Answer,
  type Tenant,
  type Tenants,
  ask,
  fileForm,
  get,
  makeChannel,
  makeTenants,
  openVendorAccount,
} from "./tenants.ts";
import type { KeepingVendor } from "../fakes/keeping-vendor.ts";

const skip = skipReason("postgres", "own");
const anthropic = { "anthropic-version": "2023-06-01" };

interface World extends Tenants {
  readonly nodes: readonly [GatewayNode, GatewayNode];
  readonly vendor: KeepingVendor;
  readonly dsn: string;
}

async function openWorld(t: TestContext): Promise<World> {
  const account = await openVendorAccount();
  t.after(() => account[Symbol.asyncDispose]());
  const server = await startPostgres();
  t.after(() => server[Symbol.asyncDispose]());
  const { dsn } = await freshDatabaseOn("postgres", server.url);
  const first = await startNode({ dsn, type: "master" });
  t.after(() => first[Symbol.asyncDispose]());
  const second = await startNode({ dsn, type: "slave" });
  t.after(() => second[Symbol.asyncDispose]());
  const nodes = [first, second] as const;
  const { vendor } = account;
  await makeChannel(first, {
    provider: "openai",
    baseUrl: `${vendor.origin}/v1`,
    models: ["gpt-native"],
  });
  return { nodes, vendor, dsn, ...(await makeTenants(nodes)) };
}

const idOf = ({ body }: Answer): string => String(body["id"]);
const idsIn = ({ body }: Answer): string[] =>
  (body["data"] as { id: string }[]).map(({ id }) => id).sort();

/** Nothing that a tenant was told holds an id of the vendor's. */
function assertSealed(world: World, answer: Answer): void {
  for (const id of world.vendor.ids)
    assert.ok(!answer.text.includes(`"${id}"`), `${id} in ${answer.text}`);
}

async function assertRefused(
  world: World,
  tenant: Tenant,
  paths: readonly (readonly [string, string, unknown?, Record<string, string>?])[],
): Promise<void> {
  // The vendor is asked for jobs that run, whoever else asks for what.
  await waitFor("no job is followed", 60_000, async () => {
    const running = await world.nodes[0].api("GET", "/api/jobs?state=running");
    return running.json<{ data: unknown[] }>().data.length === 0;
  });
  const asked = world.vendor.paths.length;
  for (const node of world.nodes)
    for (const [method, path, json, headers] of paths) {
      const answer = await ask(node, tenant, path, {
        method,
        ...(json === undefined ? {} : { json }),
        ...(headers === undefined ? {} : { headers }),
      });
      assert.ok([400, 404].includes(answer.status), `${method} ${path}: ${answer.text}`);
      const { error } = answer.body as { error: { message: string } };
      assert.equal(typeof error.message, "string", answer.text);
    }
  assert.equal(world.vendor.paths.length, asked, "the vendor was asked nothing");
}

test(
  "every id of one tenant is refused to the other, on both nodes",
  { skip, timeout: 120_000 },
  async (t) => {
    const world = await openWorld(t);
    const { ann, bob } = world;
    const [one, two] = world.nodes;
    const told: Answer[] = [];
    const made = async (...args: Parameters<typeof get>): Promise<Answer> => {
      const answer = await get(...args);
      told.push(answer);
      return answer;
    };

    const file = await made(one, ann, "/v1/files", { form: fileForm("ann's lines") });
    const id = idOf(file);
    assert.match(id, /^file-sy1x/);
    assert.equal((await get(two, ann, `/v1/files/${id}/content`)).text, "ann's lines");
    told.push(await get(two, ann, `/v1/files/${id}`));
    const batch = await made(two, ann, "/v1/batches", {
      json: {
        input_file_id: id,
        endpoint: "/v1/chat/completions",
        completion_window: "24h",
        metadata: { file_id: "free text" },
      },
    });
    assert.equal(batch.body["input_file_id"], id);
    assert.deepEqual(batch.body["metadata"], { file_id: "free text" });
    const output = String(batch.body["output_file_id"]);
    assert.equal((await get(one, ann, `/v1/files/${output}/content`)).text, "ann's lines");
    const job = await made(one, ann, "/v1/fine_tuning/jobs", {
      json: { model: "gpt-native", training_file: id },
    });
    assert.equal(job.body["training_file"], id);
    await made(two, ann, `/v1/fine_tuning/jobs/${idOf(job)}/events`);
    const store = await made(one, ann, "/v1/vector_stores", {
      json: { name: "s", file_ids: [id] },
    });
    assert.deepEqual(idsIn(await made(two, ann, `/v1/vector_stores/${idOf(store)}/files`)), [id]);
    const container = await made(two, ann, "/v1/containers", { json: { name: "c" } });
    const inside = await made(one, ann, `/v1/containers/${idOf(container)}/files`, {
      json: { file_id: id },
    });
    assert.equal(inside.body["container_id"], idOf(container));
    const content = `/v1/containers/${idOf(container)}/files/${idOf(inside)}/content`;
    assert.equal((await get(two, ann, content)).text, "ann's lines");
    const upload = await made(one, ann, "/v1/uploads", {
      json: { filename: "u", purpose: "batch", bytes: 4, mime_type: "text/plain" },
    });
    const part = new FormData();
    part.set("data", new Blob(["part"]));
    const sent = await made(two, ann, `/v1/uploads/${idOf(upload)}/parts`, { form: part });
    const complete = await made(one, ann, `/v1/uploads/${idOf(upload)}/complete`, {
      json: { part_ids: [idOf(sent)] },
    });
    const uploaded = (complete.body["file"] as { id: string }).id;
    assert.equal((await get(two, ann, `/v1/files/${uploaded}/content`)).text, "part");
    const conversation = await made(one, ann, "/v1/conversations", { json: {} });
    const response = await made(one, ann, "/v1/responses", {
      json: { model: "gpt-native", input: "ann's secret" },
    });
    assert.match(idOf(response), /^resp_sy1x/);
    told.push(await get(two, ann, `/v1/responses/${idOf(response)}`));
    await made(two, ann, `/v1/responses/${idOf(response)}/input_items`);
    for (const answer of told) assertSealed(world, answer);

    await assertRefused(world, bob, [
      ["GET", `/v1/files/${id}`],
      ["GET", `/v1/files/${id}/content`],
      ["GET", `/v1/files/${output}/content`],
      ["GET", `/v1/files/${uploaded}`],
      ["DELETE", `/v1/files/${id}`],
      ["POST", "/v1/batches", { input_file_id: id, endpoint: "/v1/chat/completions" }],
      ["GET", `/v1/batches/${idOf(batch)}`],
      ["POST", `/v1/batches/${idOf(batch)}/cancel`],
      ["GET", `/v1/fine_tuning/jobs/${idOf(job)}`],
      ["POST", `/v1/fine_tuning/jobs/${idOf(job)}/cancel`],
      ["GET", `/v1/fine_tuning/jobs/${idOf(job)}/events`],
      ["POST", "/v1/fine_tuning/jobs", { model: "gpt-native", training_file: id }],
      ["GET", `/v1/vector_stores/${idOf(store)}`],
      ["GET", `/v1/vector_stores/${idOf(store)}/files`],
      ["POST", "/v1/vector_stores", { file_ids: [id] }],
      ["DELETE", `/v1/vector_stores/${idOf(store)}`],
      ["GET", `/v1/containers/${idOf(container)}`],
      ["GET", content],
      ["POST", `/v1/uploads/${idOf(upload)}/complete`, { part_ids: [idOf(sent)] }],
      ["GET", `/v1/conversations/${idOf(conversation)}`],
      ["DELETE", `/v1/conversations/${idOf(conversation)}`],
      ["GET", `/v1/responses/${idOf(response)}`],
      ["GET", `/v1/responses/${idOf(response)}?stream=true`],
      ["GET", `/v1/responses/${idOf(response)}/input_items`],
      ["POST", `/v1/responses/${idOf(response)}/cancel`],
      ["DELETE", `/v1/responses/${idOf(response)}`],
      [
        "POST",
        "/v1/responses",
        { model: "gpt-native", input: "hi", previous_response_id: idOf(response) },
      ],
      [
        "POST",
        "/v1/responses",
        { model: "gpt-native", input: "hi", conversation: idOf(conversation) },
      ],
      [
        "POST",
        "/v1/responses",
        {
          model: "gpt-native",
          input: [{ role: "user", content: [{ type: "input_file", file_id: id }] }],
        },
      ],
      [
        "POST",
        "/v1/responses",
        {
          model: "gpt-native",
          input: "hi",
          tools: [{ type: "file_search", vector_store_ids: [idOf(store)] }],
        },
      ],
      [
        "POST",
        "/v1/responses",
        {
          model: "gpt-native",
          input: "hi",
          tools: [{ type: "code_interpreter", container: idOf(container) }],
        },
      ],
      [
        "POST",
        "/v1/chat/completions",
        {
          model: "gpt-native",
          messages: [{ role: "user", content: [{ type: "file", file: { file_id: id } }] }],
        },
      ],
    ]);
    const previous = await ask(two, bob, "/v1/responses", {
      json: { model: "gpt-native", input: "hi", previous_response_id: idOf(response) },
    });
    assert.deepEqual(
      [previous.status, (previous.body["error"] as { code: string }).code],
      [400, "previous_response_not_found"],
    );

    // A kind of id opens as that kind alone, a changed one not at all, and one from elsewhere neither.
    const changed = `${id.slice(0, 40)}${id[40] === "A" ? "B" : "A"}${id.slice(41)}`;
    const [raw = ""] = world.vendor.ids;
    await assertRefused(world, ann, [
      ["GET", `/v1/batches/${id}`],
      ["GET", `/v1/files/${idOf(batch)}`],
      ["GET", `/v1/files/${changed}`],
      ["GET", `/v1/files/${raw}`],
      ["GET", `/v1/files/${raw}/content`],
      ["DELETE", `/v1/files/${raw}`],
      ["GET", "/v1/files/..%2fbatches"],
      ["POST", "/v1/batches", { input_file_id: raw, endpoint: "/v1/chat/completions" }],
      [
        "POST",
        "/v1/responses",
        {
          model: "gpt-native",
          input: [{ role: "user", content: [{ type: "input_file", file_id: raw }] }],
        },
      ],
      [
        "POST",
        "/v1/responses",
        { model: "gpt-native", input: "hi", previous_response_id: "resp_raw" },
      ],
      [
        "POST",
        "/v1/responses",
        { model: "gpt-native", input: [{ type: "item_reference", id: "msg_raw" }] },
      ],
      [
        "POST",
        "/v1/chat/completions",
        {
          model: "gpt-native",
          messages: [{ role: "user", content: [{ type: "file", file: { file_id: raw } }] }],
        },
      ],
    ]);
    // A name written with an escape is the same name to the vendor.
    const hidden = `{"model":"gpt-native","messages":[{"role":"user","content":[{"type":"file","file":{"file\\u005fid":"${raw}"}}]}]}`;
    const refused = await fetch(`${one.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${ann.key}`, "content-type": "application/json" },
      body: hidden,
    });
    assert.equal(refused.status, 400, await refused.text());
    const form = new FormData();
    form.set("file_id", raw);
    const formed = await ask(one, ann, `/v1/containers/${idOf(container)}/files`, { form });
    assert.equal(formed.status, 400, formed.text);
  },
);

test(
  "a list shows its owner's things alone, whichever node made them, newest first and page by page",
  { skip, timeout: 120_000 },
  async (t) => {
    const world = await openWorld(t);
    const { ann, bob } = world;
    const [one, two] = world.nodes;
    const annIds: string[] = [];
    for (let index = 0; index < 5; index += 1)
      annIds.unshift(
        idOf(
          await get(index % 2 === 0 ? one : two, ann, "/v1/files", {
            form: fileForm(`${index}`, index === 0 ? "vision" : "batch"),
          }),
        ),
      );
    const bobId = idOf(await get(two, bob, "/v1/files", { form: fileForm("bob's") }));
    for (const node of world.nodes) {
      const all = await get(node, ann, "/v1/files");
      assert.deepEqual(
        (all.body["data"] as { id: string }[]).map(({ id }) => id),
        annIds,
      );
      assertSealed(world, all);
      assert.deepEqual(idsIn(await get(node, bob, "/v1/files")), [bobId]);
      const first = await get(node, ann, "/v1/files?limit=2");
      assert.deepEqual([idsIn(first), first.body["has_more"]], [annIds.slice(0, 2).sort(), true]);
      const rest = await get(node, ann, `/v1/files?limit=5&after=${annIds[1]}`);
      assert.deepEqual([idsIn(rest), rest.body["has_more"]], [annIds.slice(2).sort(), false]);
      assert.deepEqual(idsIn(await get(node, ann, "/v1/files?purpose=vision")), [annIds[4]]);
      assert.equal((await ask(node, bob, `/v1/files?after=${annIds[1]}`)).status, 400);
      assert.equal((await ask(node, ann, "/v1/files?limit=0")).status, 400);
    }
    const gone = await get(two, ann, `/v1/files/${annIds[0]}`, { method: "DELETE" });
    assert.deepEqual([gone.body["id"], gone.body["deleted"]], [annIds[0], true]);
    assert.deepEqual(idsIn(await get(one, ann, "/v1/files")), annIds.slice(1).sort());
    assert.equal((await ask(one, ann, `/v1/files/${annIds[0]}`)).status, 404);

    const batch = await get(one, ann, "/v1/batches", {
      json: { input_file_id: annIds[1], endpoint: "/v1/chat/completions" },
    });
    await get(two, ann, `/v1/batches/${idOf(batch)}/cancel`, { method: "POST" });
    const [listed] = (await get(one, ann, "/v1/batches")).body["data"] as {
      id: string;
      status: string;
    }[];
    assert.deepEqual(
      [listed?.id, listed?.status],
      [idOf(batch), "cancelling"],
      "the vendor's newest state",
    );
    assert.deepEqual((await get(one, bob, "/v1/batches")).body["data"], []);
    // What the vendor itself lists is never asked for: it would show everybody's.
    assert.ok(!world.vendor.paths.some((path) => /^GET \/v1\/(files|batches)(\?|$)/.test(path)));
  },
);

test("Anthropic's files and batches, in its own tongue", { skip, timeout: 120_000 }, async (t) => {
  const world = await openWorld(t);
  const { ann, bob, vendor } = world;
  const [one, two] = world.nodes;
  await makeChannel(one, {
    provider: "anthropic",
    baseUrl: vendor.origin,
    models: ["claude-native"],
    name: "claude",
  });
  const file = await get(one, ann, "/v1/files", { form: fileForm("ann's"), headers: anthropic });
  assert.equal(file.body["type"], "file");
  const json = {
    requests: [
      {
        custom_id: "a",
        params: {
          model: "claude-native",
          max_tokens: 9,
          messages: [
            {
              role: "user",
              content: [{ type: "document", source: { type: "file", file_id: idOf(file) } }],
            },
          ],
        },
      },
    ],
  };
  const batch = await get(two, ann, "/v1/messages/batches", { json, headers: anthropic });
  assert.match(idOf(batch), /^msgbatch_sy1x/);
  const results = String(batch.body["results_url"]);
  assert.equal(results, `/v1/messages/batches/${idOf(batch)}/results`);
  assert.match((await get(two, ann, results, { headers: anthropic })).text, /"custom_id":"a"/);
  const sent = vendor.bodies.at(-1) ?? "";
  assert.ok(sent.includes(vendor.ids[0] ?? "?") && !sent.includes("sy1x"), sent);
  assert.deepEqual(idsIn(await get(two, ann, "/v1/messages/batches", { headers: anthropic })), [
    idOf(batch),
  ]);
  assert.deepEqual(idsIn(await get(one, ann, "/v1/files", { headers: anthropic })), [idOf(file)]);
  assert.deepEqual(
    idsIn(await get(one, ann, "/v1/files")),
    [],
    "OpenAI's list has no files of Anthropic's",
  );
  assert.deepEqual(idsIn(await get(one, bob, "/v1/messages/batches", { headers: anthropic })), []);
  await assertRefused(world, bob, [
    ["GET", `/v1/files/${idOf(file)}`, undefined, anthropic],
    ["GET", `/v1/files/${idOf(file)}/content`, undefined, anthropic],
    ["GET", `/v1/messages/batches/${idOf(batch)}`, undefined, anthropic],
    ["GET", results, undefined, anthropic],
    ["POST", `/v1/messages/batches/${idOf(batch)}/cancel`, undefined, anthropic],
    ["DELETE", `/v1/messages/batches/${idOf(batch)}`, undefined, anthropic],
    ["POST", "/v1/messages/batches", json, anthropic],
    ["POST", "/v1/messages", { ...json.requests[0]?.params }, anthropic],
  ]);
  const missing = await ask(two, bob, `/v1/files/${idOf(file)}`, { headers: anthropic });
  assert.equal((missing.body["error"] as { type: string }).type, "not_found_error", missing.text);
  const unserved = await ask(one, ann, "/v1/messages/batches", {
    json: {
      requests: [
        { custom_id: "a", params: { model: "claude-other", max_tokens: 9, messages: [] } },
      ],
    },
    headers: anthropic,
  });
  assert.equal(unserved.status, 503, unserved.text);
});

test(
  "ids live through a killed node, and pin what continues them to their account",
  { skip, timeout: 120_000 },
  async (t) => {
    const world = await openWorld(t);
    const { ann, vendor, dsn } = world;
    const [one, two] = world.nodes;
    const other = await openVendorAccount();
    t.after(() => other[Symbol.asyncDispose]());
    const first = await get(one, ann, "/v1/responses", {
      json: { model: "gpt-native", input: "remember 7" },
    });
    const file = await get(one, ann, "/v1/files", { form: fileForm("kept") });
    // Another account now serves the model by preference; what continues the first answer must not go there.
    await makeChannel(one, {
      provider: "openai",
      baseUrl: `${other.vendor.origin}/v1`,
      models: ["gpt-native"],
      priority: 9,
      name: "other",
    });
    await one.kill();
    const again = await startNode({ dsn });
    t.after(() => again[Symbol.asyncDispose]());
    let last = first;
    for (const [turn, node] of [two, again, two].entries()) {
      last = await get(node, ann, "/v1/responses", {
        json: { model: "gpt-native", input: `turn ${turn}`, previous_response_id: idOf(last) },
      });
      assert.match(last.text, /first: remember 7/);
      assertSealed(world, last);
    }
    const [item] = last.body["output"] as { id: string }[];
    const named = await get(again, ann, "/v1/responses", {
      json: {
        model: "gpt-native",
        input: [
          { type: "item_reference", id: item?.id },
          { role: "user", content: "?" },
        ],
      },
    });
    assert.match(named.text, /2 turns, first: 7 turns, first: remember 7/);
    assert.equal((await get(again, ann, `/v1/files/${idOf(file)}/content`)).text, "kept");
    assert.deepEqual(other.vendor.paths, []);
    const fresh = await get(two, ann, "/v1/responses", {
      json: { model: "gpt-native", input: "new" },
    });
    assert.equal(
      other.vendor.paths.length,
      1,
      "what continues nothing goes to the preferred account",
    );
    const mixed = await ask(two, ann, "/v1/responses", {
      json: {
        model: "gpt-native",
        previous_response_id: idOf(fresh),
        input: [{ role: "user", content: [{ type: "input_file", file_id: idOf(file) }] }],
      },
    });
    assert.equal(mixed.status, 400, mixed.text);
    assert.match(mixed.text, /another upstream account/);
    assert.ok(vendor.paths.length > 4);
  },
);

test(
  "streams of a vendor that keeps responses tell sealed ids in every event",
  { skip, timeout: 120_000 },
  async (t) => {
    const world = await openWorld(t);
    const { ann } = world;
    const [one, two] = world.nodes;
    const streamed = await get(one, ann, "/v1/responses", {
      json: { model: "gpt-native", input: "hi", stream: true },
    });
    assertSealed(world, streamed);
    const events = streamed.text
      .split("\n\n")
      .filter((event) => event !== "")
      .map(
        (event) => JSON.parse(event.slice(event.indexOf("data: ") + 6)) as Record<string, unknown>,
      );
    const responseIds = new Set(
      events.flatMap(({ response }) => (response as { id: string } | undefined)?.id ?? []),
    );
    const itemIds = new Set(
      events.flatMap(
        ({ item_id, item }) => item_id ?? (item as { id: string } | undefined)?.id ?? [],
      ),
    );
    assert.equal(responseIds.size, 1);
    assert.equal(itemIds.size, 1);
    const [id = ""] = responseIds;
    const replayed = await get(two, ann, `/v1/responses/${id}?stream=true&starting_after=1`);
    assertSealed(world, replayed);
    assert.match(replayed.text, new RegExp(id));
    assert.ok(world.vendor.paths.at(-1)?.endsWith("?stream=true&starting_after=1"));
    const unkept = await get(one, ann, "/v1/responses", {
      json: { model: "gpt-native", input: "hi", store: false },
    });
    assert.equal((await ask(one, ann, `/v1/responses/${idOf(unkept)}`)).status, 404);
    const queued = await get(one, ann, "/v1/responses", {
      json: { model: "gpt-native", input: "hi", background: true },
    });
    const cancelled = await get(two, ann, `/v1/responses/${idOf(queued)}/cancel`, {
      method: "POST",
    });
    assert.deepEqual([cancelled.body["id"], cancelled.body["status"]], [idOf(queued), "cancelled"]);
    const deleted = await get(two, ann, `/v1/responses/${idOf(queued)}`, { method: "DELETE" });
    assert.equal(deleted.body["id"], idOf(queued));
  },
);
