/** OpenAI's callers served by vendors with APIs of their own: what each vendor is sent, and what the caller hears. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import {
  type Behaviour,
  type FakeUpstream,
  inTurn,
  json,
  openFakeUpstream,
  reply,
  status,
} from "../fakes/upstream.ts";
import { type ChannelSpec, type Yard, closing, openYard, testKey } from "./call-harness.ts";

interface Stage {
  readonly vendor: FakeUpstream;
  readonly yard: Yard;
  readonly post: (path: string, body: object | FormData) => Promise<Response>;
}

async function stage(
  t: TestContext,
  provider: string,
  behaviour: Behaviour,
  more: Partial<ChannelSpec> = {},
): Promise<Stage> {
  const vendor = closing(t, await openFakeUpstream(behaviour));
  const yard = await openYard(t, {
    channels: [{ provider, baseUrl: vendor.baseUrl, models: ["own-model"], ...more }],
  });
  const post = (path: string, body: object | FormData): Promise<Response> => {
    const isForm = body instanceof FormData;
    return fetch(yard.url + path, {
      method: "POST",
      headers: {
        authorization: `Bearer ${testKey}`,
        ...(isForm ? {} : { "content-type": "application/json" }),
      },
      body: isForm ? body : JSON.stringify(body),
    });
  };
  return { vendor, yard, post };
}

const speech = { model: "own-model", input: "Hello", voice: "alloy" };
const image = { model: "own-model", prompt: "a cat" };

test("ElevenLabs speaks: audio passes as it comes, characters are counted", async (t) => {
  const audio = Buffer.alloc(100_000, 7);
  const { vendor, yard, post } = await stage(
    t,
    "elevenlabs",
    reply(audio, { "content-type": "audio/mpeg", "request-id": "r-1" }),
    {
      options: { settings: { voices: "alloy=voice1" } },
      modelMapping: { "own-model": "eleven_v3" },
    },
  );
  const got = await post("/v1/audio/speech", speech);
  assert.equal(got.status, 200);
  assert.equal(got.headers.get("content-type"), "audio/mpeg");
  assert.equal(got.headers.get("x-upstream-request-id"), "r-1");
  assert.ok(Buffer.from(await got.arrayBuffer()).equals(audio));
  const [sent] = vendor.requests;
  assert.equal(sent?.path, "/v1/text-to-speech/voice1?output_format=mp3_44100_128");
  assert.equal(sent.headers["xi-api-key"], "sk-upstream-1");
  assert.equal(sent.headers.authorization, undefined);
  assert.deepEqual(JSON.parse(sent.body.toString()), { text: "Hello", model_id: "eleven_v3" });
  const record = await yard.recorded(1);
  assert.deepEqual([record.outcome, record.usage.kinds], ["complete", { characters: 5 }]);
});

test("a voice cannot climb out of its path", async (t) => {
  const { vendor, post } = await stage(
    t,
    "elevenlabs",
    reply("x", { "content-type": "audio/mpeg" }),
  );
  assert.equal((await post("/v1/audio/speech", { ...speech, voice: ".." })).status, 400);
  await post("/v1/audio/speech", { ...speech, voice: "../../v1/{credential}?x#y" });
  assert.equal(
    vendor.requests[0]?.path,
    "/v1/text-to-speech/..%2F..%2Fv1%2F%7Bcredential%7D%3Fx%23y?output_format=mp3_44100_128",
  );
});

test("Azure speaks: SSML up, audio down; as events where they were asked for", async (t) => {
  const { vendor, post } = await stage(
    t,
    "azure-speech",
    reply("AUDIO", { "content-type": "audio/mpeg" }),
    { options: { settings: { region: "eastus" } } },
  );
  const got = await post("/v1/audio/speech", { ...speech, stream_format: "sse" });
  assert.equal(
    await got.text(),
    'event: speech.audio.delta\ndata: {"type":"speech.audio.delta","audio":"QVVESU8="}\n\n' +
      'event: speech.audio.done\ndata: {"type":"speech.audio.done"}\n\n',
  );
  const [sent] = vendor.requests;
  assert.equal(sent?.headers["content-type"], "application/ssml+xml");
  assert.equal(sent.headers["ocp-apim-subscription-key"], "sk-upstream-1");
  assert.match(sent.body.toString(), /<voice name="en-US-AlloyMultilingualNeural">Hello<\/voice>/);
});

test("ElevenLabs transcribes a form that was written for OpenAI", async (t) => {
  const { vendor, yard, post } = await stage(
    t,
    "elevenlabs",
    json({
      language_code: "eng",
      text: "Hello there.",
      words: [
        { text: "Hello", start: 0, end: 0.4, type: "word" },
        { text: "there.", start: 0.5, end: 2, type: "word" },
      ],
    }),
  );
  const form = new FormData();
  form.append("file", new Blob(["RIFF"], { type: "audio/wav" }), "a.wav");
  form.append("model", "own-model");
  form.append("response_format", "srt");
  const got = await post("/v1/audio/transcriptions", form);
  assert.equal(await got.text(), "1\n00:00:00,000 --> 00:00:02,000\nHello there.\n\n");
  const [sent] = vendor.requests;
  assert.equal(sent?.path, "/v1/speech-to-text");
  const received = await new Response(new Uint8Array(sent.body), {
    headers: { "content-type": sent.headers["content-type"] ?? "" },
  }).formData();
  assert.equal(received.get("model_id"), "own-model");
  const file = received.get("file");
  assert.ok(file instanceof File);
  assert.deepEqual([file.name, file.type, await file.text()], ["a.wav", "audio/wav", "RIFF"]);
  assert.deepEqual((await yard.recorded(1)).usage.kinds, { seconds: 2 });
});

test("Stability draws: a form up, base64 down, its refusals in OpenAI's words", async (t) => {
  const { vendor, post } = await stage(
    t,
    "stability",
    inTurn(
      json({ image: "QUJD", finish_reason: "SUCCESS" }),
      reply('{"name":"bad_request","errors":["prompt: too rude"]}', {}, 400),
    ),
  );
  const got = await post("/v1/images/generations", { ...image, size: "1024x1024" });
  const { data } = (await got.json()) as { data: object[] };
  assert.deepEqual(data, [{ b64_json: "QUJD" }]);
  assert.match(
    vendor.requests[0]?.headers["content-type"] ?? "",
    /^multipart\/form-data; boundary=/,
  );
  assert.equal(vendor.requests[0]?.headers.accept, "application/json");
  assert.equal(vendor.requests[0]?.path, "/v1/stable-image/generate/sd3");
  const refused = await post("/v1/images/generations", image);
  assert.equal(refused.status, 400);
  const { error } = (await refused.json()) as { error: { message: string; code: string } };
  assert.deepEqual(error.code, "upstream_refused");
  assert.match(error.message, /too rude/);
});

test("what a vendor cannot do is refused before it is asked, by the caller's field", async (t) => {
  const { vendor, post } = await stage(t, "stability", json({}));
  const refused = await post("/v1/images/generations", { ...image, n: 3 });
  const { error } = (await refused.json()) as { error: { param: string; code: string } };
  assert.deepEqual([refused.status, error.code, error.param], [400, "invalid_request", "n"]);
  assert.equal(vendor.requests.length, 0);
});

test("Replicate is asked until its prediction is done, at its own host only", async (t) => {
  const at = { url: "" };
  const pending: Behaviour = (request, response) =>
    json({ status: "processing", urls: { get: at.url } })(request, response);
  const done = {
    status: "succeeded",
    output: "https://x.test/1.png",
    metrics: { predict_time: 2 },
  };
  const { vendor, yard, post } = await stage(t, "replicate", inTurn(pending, json(done)), {
    models: ["own-model"],
    modelMapping: { "own-model": "black-forest-labs/flux" },
  });
  at.url = `${vendor.baseUrl}/predictions/p1`;
  const got = await post("/v1/images/generations", image);
  const { data } = (await got.json()) as { data: object[] };
  assert.deepEqual(data, [{ url: "https://x.test/1.png" }]);
  const [first, second] = vendor.requests;
  assert.deepEqual(
    [first?.method, first?.path, first?.headers["prefer"]],
    ["POST", "/v1/models/black-forest-labs/flux/predictions", "wait"],
  );
  assert.deepEqual([second?.method, second?.path], ["GET", "/v1/predictions/p1"]);
  assert.equal(second?.headers.authorization, "Bearer sk-upstream-1");
  assert.deepEqual((await yard.recorded(1)).usage.kinds, { seconds: 2, images: 1 });

  const elsewhere = closing(t, await openFakeUpstream(json(done)));
  at.url = `${elsewhere.baseUrl}/predictions/p1`;
  vendor.behave(pending);
  assert.equal((await post("/v1/images/generations", image)).status, 502);
  assert.equal(elsewhere.requests.length, 0);
});

test("a caller that leaves while a prediction runs ends the asking", async (t) => {
  const at = { url: "" };
  const { vendor, yard } = await stage(
    t,
    "replicate",
    (request, response) => json({ status: "starting", urls: { get: at.url } })(request, response),
    { modelMapping: { "own-model": "a/b" } },
  );
  at.url = `${vendor.baseUrl}/predictions/p1`;
  const leaving = new AbortController();
  const call = fetch(`${yard.url}/v1/images/generations`, {
    method: "POST",
    headers: { authorization: `Bearer ${testKey}`, "content-type": "application/json" },
    body: JSON.stringify(image),
    signal: leaving.signal,
  });
  await vendor.received(1);
  leaving.abort();
  await assert.rejects(call);
  assert.equal((await yard.recorded(1)).outcome, "caller_gone");
});

test("Gemini's models draw and edit for OpenAI's callers", async (t) => {
  const drawn = {
    candidates: [{ content: { parts: [{ inlineData: { mimeType: "image/png", data: "QUJD" } }] } }],
    usageMetadata: { promptTokenCount: 4, candidatesTokenCount: 1290 },
  };
  const { vendor, yard, post } = await stage(
    t,
    "gemini",
    inTurn(json({ predictions: [{ bytesBase64Encoded: "QQ==" }] }), json(drawn)),
    { models: ["imagen-4", "gemini-image"] },
  );
  const one = await post("/v1/images/generations", { ...image, model: "imagen-4" });
  assert.deepEqual(((await one.json()) as { data: object[] }).data, [{ b64_json: "QQ==" }]);
  const form = new FormData();
  form.append("model", "gemini-image");
  form.append("prompt", "a hat");
  form.append("image", new Blob(["PNG"], { type: "image/png" }), "a.png");
  const two = await post("/v1/images/edits", form);
  assert.deepEqual(((await two.json()) as { data: object[] }).data, [{ b64_json: "QUJD" }]);
  assert.deepEqual(
    vendor.requests.map(({ path }) => path),
    ["/v1/models/imagen-4:predict", "/v1/models/gemini-image:generateContent"],
  );
  assert.equal((await yard.recorded(2)).usage.output, 1290);
});

test("MiniMax speaks, and its errors under a status of success are errors", async (t) => {
  const limited = { base_resp: { status_code: 1002, status_msg: "rate limit" } };
  const spoken = { data: { audio: "494433" }, base_resp: { status_code: 0 } };
  const { yard, post } = await stage(t, "minimax", inTurn(json(limited), json(spoken)), {
    credentials: ["sk-1", "sk-2"],
  });
  const got = await post("/v1/audio/speech", speech);
  assert.equal(await got.text(), "ID3");
  assert.equal((await yard.recorded(1)).attempts, 2);
});

test("Voyage ranks for Jina's and Cohere's callers", async (t) => {
  const { vendor, post } = await stage(
    t,
    "voyage",
    json({
      object: "list",
      data: [{ index: 0, relevance_score: 0.5 }],
      usage: { total_tokens: 12 },
    }),
  );
  const body = { model: "own-model", query: "q", documents: ["a"], top_n: 1 };
  const got = (await (await post("/v1/rerank", body)).json()) as { results: object[] };
  assert.deepEqual(got.results, [{ index: 0, relevance_score: 0.5, document: { text: "a" } }]);
  assert.deepEqual(JSON.parse(vendor.requests[0]?.body.toString() ?? ""), {
    model: "own-model",
    query: "q",
    documents: ["a"],
    top_k: 1,
  });
});

test("Recraft's own tools pass through under the model that their path stands for", async (t) => {
  const { vendor, yard, post } = await stage(
    t,
    "recraft",
    json({ image: { url: "https://x.test/1" } }),
    {
      models: ["recraft_vectorize"],
    },
  );
  const form = new FormData();
  form.append("file", new Blob(["PNG"], { type: "image/png" }), "a.png");
  const got = await post("/recraftAI/v1/images/vectorize", form);
  assert.deepEqual(await got.json(), { image: { url: "https://x.test/1" } });
  const [sent] = vendor.requests;
  assert.equal(sent?.path, "/v1/images/vectorize");
  assert.ok(!sent.body.includes('name="model"'));
  const record = await yard.recorded(1);
  assert.deepEqual([record.operation, record.modelAsked], ["image-tool", "recraft_vectorize"]);
});

test("a form is handed to a vendor of its own API after one that takes it as it is has failed", async (t) => {
  const first = closing(t, await openFakeUpstream(status(500)));
  const second = closing(t, await openFakeUpstream(json({ text: "Hello", words: [] })));
  const yard = await openYard(t, {
    channels: [
      { baseUrl: first.baseUrl, models: ["own-model"], priority: 2 },
      { provider: "elevenlabs", baseUrl: second.baseUrl, models: ["own-model"], priority: 1 },
    ],
  });
  const form = new FormData();
  form.append("model", "own-model");
  form.append("file", new Blob([new Uint8Array(300_000)]), "a.wav");
  const got = await fetch(`${yard.url}/v1/audio/transcriptions`, {
    method: "POST",
    headers: { authorization: `Bearer ${testKey}` },
    body: form,
  });
  assert.deepEqual(await got.json(), { text: "Hello" });
  assert.ok((first.requests[0]?.body.length ?? 0) > 300_000);
  assert.ok((second.requests[0]?.body.length ?? 0) > 300_000);
});
