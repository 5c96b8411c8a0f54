/** OpenAI's and Cohere's own clients for images, audio, moderation and rerank: they must not notice the gateway. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { CohereClientV2, CohereError } from "cohere-ai";
import OpenAI, { APIError, toFile } from "openai";
import { closing, openYard, testKey } from "../e2e/call-harness.ts";
import {
  type Behaviour,
  type FakeUpstream,
  cut,
  json,
  openFakeUpstream,
  reply,
  status,
  stream,
} from "../fakes/upstream.ts";

interface Stage {
  readonly vendor: FakeUpstream;
  readonly url: string;
  readonly openai: OpenAI;
}

async function stage(t: TestContext, behaviour: Behaviour, more: object = {}): Promise<Stage> {
  const vendor = closing(t, await openFakeUpstream(behaviour));
  const yard = await openYard(t, {
    channels: [
      { baseUrl: vendor.baseUrl, models: ["own-model", "omni-moderation-latest"], ...more },
    ],
  });
  const openai = new OpenAI({ apiKey: testKey, baseURL: `${yard.url}/v1`, maxRetries: 0 });
  return { vendor, url: yard.url, openai };
}

async function failure(call: Promise<unknown>): Promise<unknown> {
  return await call.then(
    () => assert.fail("it should have failed"),
    (thrown: unknown) => thrown,
  );
}

const model = "own-model";
const wav = Buffer.alloc(50_000, 1);

test("images are generated, whole and as a stream", async (t) => {
  const { vendor, openai } = await stage(t, json({ created: 1, data: [{ b64_json: "QUJD" }] }));
  const whole = await openai.images.generate({ model, prompt: "a cat" });
  assert.equal(whole.data?.[0]?.b64_json, "QUJD");
  const event = (type: string, more: object): string =>
    `event: ${type}\ndata: ${JSON.stringify({ type, b64_json: "QUJD", ...more })}\n\n`;
  vendor.behave(
    stream([
      event("image_generation.partial_image", { partial_image_index: 0 }),
      event("image_generation.completed", {
        usage: { input_tokens: 1, output_tokens: 2, total_tokens: 3 },
      }),
    ]),
  );
  const types: string[] = [];
  for await (const { type } of await openai.images.generate({ model, prompt: "x", stream: true }))
    types.push(type);
  assert.deepEqual(types, ["image_generation.partial_image", "image_generation.completed"]);
});

test("an image stream that breaks is an error to the client", async (t) => {
  const partial = 'data: {"type":"image_generation.partial_image","b64_json":"QUJD"}\n\n';
  const { openai } = await stage(t, cut([partial]));
  const events = await openai.images.generate({ model, prompt: "x", stream: true });
  const read = async (): Promise<void> => {
    for await (const _event of events);
  };
  assert.ok((await failure(read())) instanceof APIError);
});

test("images are edited and varied; several files, and a mapped model", async (t) => {
  const { vendor, openai } = await stage(
    t,
    json({ created: 1, data: [{ url: "https://x.test/1" }] }),
    {
      modelMapping: { "own-model": "gpt-image-9" },
    },
  );
  const image = await toFile(Buffer.from("PNG"), "a.png", { type: "image/png" });
  const edited = await openai.images.edit({ image: [image, image], model, prompt: "a hat", n: 1 });
  assert.equal(edited.data?.[0]?.url, "https://x.test/1");
  await openai.images.createVariation({ image, model });
  const [edit, variation] = vendor.requests;
  const formOf = async (request: typeof edit): Promise<FormData> =>
    await new Response(new Uint8Array(request?.body ?? []), {
      headers: { "content-type": request?.headers["content-type"] ?? "" },
    }).formData();
  const form = await formOf(edit);
  assert.deepEqual([form.get("model"), form.get("prompt")], ["gpt-image-9", "a hat"]);
  assert.equal(form.getAll("image[]").length, 2);
  assert.equal((await formOf(variation)).get("model"), "gpt-image-9");
});

test("speech is spoken, as bytes", async (t) => {
  const audio = Buffer.alloc(200_000, 5);
  const { openai } = await stage(t, reply(audio, { "content-type": "audio/mpeg" }));
  const response = await openai.audio.speech.create({ model, input: "Hello", voice: "alloy" });
  assert.equal(response.headers.get("content-type"), "audio/mpeg");
  assert.ok(Buffer.from(await response.arrayBuffer()).equals(audio));
});

test("recordings are transcribed in each form, and translated", async (t) => {
  const { vendor, openai } = await stage(t, json({ text: "hello" }));
  const file = (): Promise<File> => toFile(wav, "a.wav");
  assert.equal(
    (await openai.audio.transcriptions.create({ model, file: await file() })).text,
    "hello",
  );
  assert.equal(
    (await openai.audio.translations.create({ model, file: await file() })).text,
    "hello",
  );
  vendor.behave(reply("hello\n", { "content-type": "text/plain; charset=utf-8" }));
  const text = await openai.audio.transcriptions.create({
    model,
    file: await file(),
    response_format: "text",
  });
  assert.equal(text, "hello\n");
  vendor.behave(
    stream([
      'data: {"type":"transcript.text.delta","delta":"hel"}\n\n',
      'data: {"type":"transcript.text.done","text":"hello"}\n\n',
    ]),
  );
  const types: string[] = [];
  const events = await openai.audio.transcriptions.create({
    model,
    file: await file(),
    stream: true,
  });
  for await (const { type } of events) types.push(type);
  assert.deepEqual(types, ["transcript.text.delta", "transcript.text.done"]);
  const paths = vendor.requests.map(({ path }) => path);
  assert.deepEqual(paths.slice(0, 2), ["/v1/audio/transcriptions", "/v1/audio/translations"]);
});

test("the client sends fields in the order they are written; a model behind the file is found", async (t) => {
  const { vendor, openai } = await stage(t, json({ text: "hello" }));
  const file = await toFile(wav, "a.wav");
  await openai.audio.transcriptions.create({ file, model });
  await openai.audio.transcriptions.create({ model, file });
  const orders = vendor.requests.map(
    ({ body }) => body.indexOf('name="model"') < body.indexOf('name="file"'),
  );
  assert.deepEqual(orders, [false, true]);
});

test("texts are moderated, with and without a model", async (t) => {
  const answer = { id: "m", model: "omni-moderation-latest", results: [{ flagged: true }] };
  const { openai } = await stage(t, json(answer));
  assert.equal((await openai.moderations.create({ input: "x" })).results[0]?.flagged, true);
  assert.equal((await openai.moderations.create({ model, input: ["x"] })).results.length, 1);
});

test("errors of media are the client's own", async (t) => {
  const { openai, vendor } = await stage(
    t,
    status(400, {}, { code: "unknown_parameter", param: "n" }),
  );
  const told = await failure(openai.images.generate({ model, prompt: "x" }));
  assert.ok(told instanceof APIError);
  assert.deepEqual([told.status, told.code, told.param], [400, "unknown_parameter", "n"]);
  const unknown = await failure(
    openai.audio.transcriptions.create({ model: "nobody", file: await toFile(wav, "a.wav") }),
  );
  assert.ok(unknown instanceof APIError);
  assert.deepEqual([unknown.status, unknown.code], [503, "no_available_channel"]);
  assert.equal(vendor.requests.length, 1);
});

test("Cohere's client ranks, at Cohere's upstreams and at Jina's", async (t) => {
  const ranked = {
    results: [
      { index: 1, relevance_score: 0.9 },
      { index: 0, relevance_score: 0.1 },
    ],
  };
  const { vendor, url } = await stage(t, json({ ...ranked, usage: { total_tokens: 3 } }));
  const client = new CohereClientV2({ token: testKey, environment: url, maxRetries: 0 });
  const told = await client.rerank({ model, query: "q", documents: ["a", "b"], topN: 2 });
  assert.deepEqual(
    told.results.map(({ index, relevanceScore }) => [index, relevanceScore]),
    [
      [1, 0.9],
      [0, 0.1],
    ],
  );
  assert.equal(vendor.requests[0]?.path, "/v1/rerank");
  assert.deepEqual(JSON.parse(vendor.requests[0]?.body.toString() ?? ""), {
    model,
    query: "q",
    documents: ["a", "b"],
    top_n: 2,
    return_documents: false,
  });
  const refused = await failure(client.rerank({ model: "nobody", query: "q", documents: ["a"] }));
  assert.ok(refused instanceof CohereError);
  assert.equal(refused.statusCode, 503);
  assert.match(JSON.stringify(refused.body), /No available channel for model nobody/);
});
