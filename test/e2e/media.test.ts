/** Images, audio, moderation and rerank from socket to socket: byte for byte where they pass through, honest where they break. */
import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { type TestContext, test } from "node:test";
import {
  type Behaviour,
  type FakeUpstream,
  cut,
  hang,
  inTurn,
  json,
  openFakeUpstream,
  reply,
  status,
  stream,
} from "../fakes/upstream.ts";
import { type ChannelSpec, type Yard, closing, openYard, testKey } from "./call-harness.ts";

const models = ["own-model"];

async function vendor(t: TestContext, behaviour: Behaviour): Promise<FakeUpstream> {
  return closing(t, await openFakeUpstream(behaviour));
}

async function yardOf(
  t: TestContext,
  vendors: readonly FakeUpstream[],
  more: Partial<ChannelSpec> = {},
): Promise<Yard> {
  const channels = vendors.map(({ baseUrl }, index) => ({
    baseUrl,
    models,
    priority: vendors.length - index,
    ...more,
  }));
  return await openYard(t, { channels });
}

interface Got {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

async function post(
  yard: Yard,
  path: string,
  body: string | Buffer | FormData,
  headers: Record<string, string> = {},
): Promise<Got> {
  const isForm = body instanceof FormData;
  const response = await fetch(yard.url + path, {
    method: "POST",
    headers: {
      authorization: `Bearer ${testKey}`,
      ...(isForm ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    body: isForm ? body : new Uint8Array(Buffer.from(body)),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: Buffer.from(await response.arrayBuffer()),
  };
}

const boundary = "b-0123456789";
const formType = { "content-type": `multipart/form-data; boundary=${boundary}` };

/** A form as raw bytes: names and values in the order given; a Buffer is a file. */
function form(...fields: readonly (readonly [string, string | Buffer])[]): Buffer {
  const parts = fields.map(([name, value]) => {
    const file = Buffer.isBuffer(value)
      ? '; filename="a b.wav"\r\nContent-Type: audio/wav\r\nX-Odd:  kept '
      : "";
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n`;
    return Buffer.concat([Buffer.from(head), Buffer.from(value), Buffer.from("\r\n")]);
  });
  return Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]);
}

const noise = (length: number): Buffer => {
  const bytes = Buffer.alloc(length);
  for (let index = 0; index < length; index += 1) bytes[index] = (index * 31 + (index >> 8)) & 0xff;
  return bytes;
};

test("moderations pass through; a body without a model is asked as OpenAI's default", async (t) => {
  const answer =
    '{"id":"modr-1","model":"omni-moderation-2024-09-26","results":[{"flagged":false}]}';
  const one = await vendor(t, reply(answer));
  const yard = await openYard(t, {
    channels: [{ baseUrl: one.baseUrl, models: ["omni-moderation-latest"] }],
  });
  const got = await post(yard, "/v1/moderations", '{"input": "1e999",  "x":12345678901234567890}');
  assert.deepEqual([got.status, got.body.toString()], [200, answer]);
  assert.equal(
    one.requests[0]?.body.toString(),
    '{"model":"omni-moderation-latest","input": "1e999",  "x":12345678901234567890}',
  );
  assert.equal(one.requests[0]?.path, "/v1/moderations");
  const record = await yard.recorded(1);
  assert.deepEqual(
    [record.operation, record.dialect, record.modelAsked, record.outcome],
    ["moderations", "openai-media", "omni-moderation-latest", "complete"],
  );
});

test("images are counted, and their tokens told apart", async (t) => {
  const answer = JSON.stringify({
    created: 1,
    data: [{ b64_json: "iVBORw0KGgo=" }, { b64_json: "iVBORw0KGgo=", revised_prompt: "],[" }],
    usage: {
      input_tokens: 50,
      input_tokens_details: { image_tokens: 40, text_tokens: 10 },
      output_tokens: 500,
      total_tokens: 550,
    },
  });
  const one = await vendor(t, reply(answer));
  const yard = await yardOf(t, [one]);
  const body = '{"prompt":"a cat","model":"own-model","n":2}';
  const got = await post(yard, "/v1/images/generations", body);
  assert.equal(got.body.toString(), answer);
  assert.equal(one.requests[0]?.body.toString(), body);
  const { usage } = await yard.recorded(1);
  assert.deepEqual([usage.input, usage.output, usage.estimated], [50, 500, false]);
  assert.deepEqual(usage.kinds, { images: 2, inputImage: 40, outputImage: 500 });
});

test("an image stream passes through event by event, and counts its finished images", async (t) => {
  const event = (name: string, more: object): string =>
    `event: ${name}\ndata: ${JSON.stringify({ type: name, b64_json: "QUJD".repeat(5000), ...more })}\n\n`;
  const events = [
    event("image_generation.partial_image", { partial_image_index: 0 }),
    ...[70, 140, 210].map((tokens) =>
      event("image_generation.completed", {
        usage: { input_tokens: 5, output_tokens: tokens, total_tokens: 5 + tokens },
      }),
    ),
  ];
  const one = await vendor(t, stream(events));
  const yard = await yardOf(t, [one]);
  const got = await post(
    yard,
    "/v1/images/generations",
    '{"prompt":"a cat","model":"own-model","stream":true,"partial_images":1}',
  );
  assert.match(got.headers.get("content-type") ?? "", /^text\/event-stream/);
  assert.equal(got.body.toString(), events.join(""));
  const record = await yard.recorded(1);
  assert.deepEqual(
    [record.outcome, record.usage.output, record.usage.kinds?.images],
    ["complete", 210, 3],
  );
});

test("an image stream that ends without its last event is told as an error", async (t) => {
  const partial =
    'event: image_generation.partial_image\ndata: {"type":"image_generation.partial_image","b64_json":"QUJD"}\n\n';
  const yard = await yardOf(t, [await vendor(t, cut([partial]))]);
  const got = await post(
    yard,
    "/v1/images/generations",
    '{"prompt":"a cat","model":"own-model","stream":true}',
  );
  assert.ok(got.body.toString().startsWith(partial));
  assert.match(got.body.toString(), /"code":"upstream_truncated"/);
  assert.equal((await yard.recorded(1)).outcome, "cut");
});

test("spoken audio comes as it is, and its characters are counted", async (t) => {
  const audio = noise(300_000);
  const one = await vendor(t, reply(audio, { "content-type": "audio/mpeg" }));
  const yard = await yardOf(t, [one], { modelMapping: { "own-model": "tts-hd" } });
  const got = await post(
    yard,
    "/v1/audio/speech",
    '{"model":"own-model","input":"Grüße 👋","voice":"alloy"}',
  );
  assert.equal(got.headers.get("content-type"), "audio/mpeg");
  assert.ok(got.body.equals(audio));
  assert.equal(
    one.requests[0]?.body.toString(),
    '{"model":"tts-hd","input":"Grüße 👋","voice":"alloy"}',
  );
  assert.equal(one.requests[0]?.headers.accept, "*/*");
  const record = await yard.recorded(1);
  assert.deepEqual(record.usage.kinds, { characters: 7 });
  assert.deepEqual([record.modelSent, record.outcome], ["tts-hd", "complete"]);
});

test("speech as events passes through and tells its tokens", async (t) => {
  const events = [
    'data: {"type":"speech.audio.delta","audio":"QUJD"}\n\n',
    'data: {"type":"speech.audio.done","usage":{"input_tokens":3,"output_tokens":9,"total_tokens":12}}\n\n',
  ];
  const yard = await yardOf(t, [await vendor(t, stream(events))]);
  const got = await post(
    yard,
    "/v1/audio/speech",
    '{"model":"own-model","input":"Hi","voice":"alloy","stream_format":"sse"}',
  );
  assert.equal(got.body.toString(), events.join(""));
  const { usage } = await yard.recorded(1);
  assert.deepEqual([usage.input, usage.output], [3, 9]);
  assert.deepEqual(usage.kinds, { characters: 2, outputAudio: 9 });
});

test("audio that breaks off breaks the caller's connection, and is never taken for whole", async (t) => {
  const half: Behaviour = (_request, response) => {
    response.writeHead(200, { "content-type": "audio/mpeg", "content-length": 1000 });
    response.write(noise(500), () => response.socket?.destroy());
  };
  const yard = await yardOf(t, [await vendor(t, half)]);
  const body = '{"model":"own-model","input":"Hi","voice":"alloy"}';
  await assert.rejects(post(yard, "/v1/audio/speech", body));
  const record = await yard.recorded(1);
  assert.deepEqual([record.outcome, record.error], ["cut", "upstream_truncated"]);
});

test("before the first byte of audio another channel does better", async (t) => {
  const broken: Behaviour = (_request, response) => {
    response.writeHead(200, { "content-type": "audio/mpeg", "content-length": 10 });
    response.flushHeaders();
    response.socket?.destroy();
  };
  const second = await vendor(t, reply(noise(10), { "content-type": "audio/mpeg" }));
  const yard = await yardOf(t, [await vendor(t, broken), second]);
  const body = '{"model":"own-model","input":"Hi","voice":"alloy"}';
  const got = await post(yard, "/v1/audio/speech", body);
  assert.ok(got.body.equals(noise(10)));
  assert.equal((await yard.recorded(1)).attempts, 2);
});

const transcript = '{"text":"hello","usage":{"type":"duration","seconds":12}}';

test("a form passes through byte for byte, whichever order its fields have", async (t) => {
  const one = await vendor(t, reply(transcript));
  const yard = await yardOf(t, [one]);
  const file = noise(200_000);
  const orders = [
    form(["model", "own-model"], ["file", file], ["language", "de"]),
    form(["file", file], ["response_format", "json"], ["model", "own-model"]),
  ];
  for (const [index, sent] of orders.entries()) {
    const got = await post(yard, "/v1/audio/transcriptions", sent, formType);
    assert.equal(got.body.toString(), transcript);
    const received = one.requests[index];
    assert.ok(received !== undefined && received.body.equals(sent));
    assert.equal(received.headers["content-type"], formType["content-type"]);
    assert.equal(received.headers["content-length"], String(sent.length));
    assert.equal(received.headers["transfer-encoding"], undefined);
    const { usage, operation } = await yard.recorded(index + 1);
    assert.deepEqual([operation, usage.kinds], ["transcription", { seconds: 12 }]);
  }
});

test("of a mapped model only its name is changed, and a missing one is put in", async (t) => {
  const one = await vendor(t, json({ created: 1, data: [{ url: "https://x.test/1" }] }));
  const yard = await openYard(t, {
    channels: [
      {
        baseUrl: one.baseUrl,
        models: ["own-model", "dall-e-2"],
        modelMapping: { "own-model": "a-much-longer-name" },
      },
    ],
  });
  const file = noise(70_000);
  const sent = form(["image", file], ["model", "own-model"], ["n", "1"]);
  await post(yard, "/v1/images/edits", sent, formType);
  assert.ok(
    one.requests[0]?.body.equals(
      form(["image", file], ["model", "a-much-longer-name"], ["n", "1"]),
    ),
  );
  assert.equal(one.requests[0]?.headers["content-length"], String(sent.length + 9));
  await post(yard, "/v1/images/variations", form(["image", file]), formType);
  assert.ok(one.requests[1]?.body.equals(form(["model", "dall-e-2"], ["image", file])));
  assert.equal((await yard.recorded(2)).modelAsked, "dall-e-2");
});

test("a deployment in Azure's path is the model of a form", async (t) => {
  const one = await vendor(t, reply(transcript));
  const yard = await yardOf(t, [one]);
  const file = noise(100);
  const path = "/openai/deployments/own-model/audio/transcriptions?api-version=2026-01-01";
  await post(yard, path, form(["file", file]), formType);
  assert.ok(one.requests[0]?.body.equals(form(["model", "own-model"], ["file", file])));
});

test("a small form is sent to the next channel when the first one fails", async (t) => {
  const second = await vendor(t, reply(transcript));
  const first = await vendor(t, status(429));
  const yard = await yardOf(t, [first, second]);
  const sent = form(["model", "own-model"], ["file", noise(400_000)]);
  const got = await post(yard, "/v1/audio/transcriptions", sent, formType);
  assert.equal(got.status, 200);
  assert.ok(first.requests[0]?.body.equals(sent));
  assert.ok(second.requests[0]?.body.equals(sent));
});

test("transcripts in text and subtitles come as they are; the last cue tells the seconds", async (t) => {
  const srt = "1\n00:00:00,000 --> 00:01:02,500\nHello\n\n";
  const one = await vendor(t, reply(srt, { "content-type": "text/plain; charset=utf-8" }));
  const yard = await yardOf(t, [one]);
  const sent = form(["model", "own-model"], ["response_format", "srt"], ["file", noise(10)]);
  const got = await post(yard, "/v1/audio/translations", sent, formType);
  assert.equal(got.body.toString(), srt);
  assert.equal(got.headers.get("content-type"), "text/plain; charset=utf-8");
  assert.deepEqual((await yard.recorded(1)).usage.kinds, { seconds: 62.5 });
});

test("a transcript stream passes through; what asks for it may stand behind the file", async (t) => {
  const events = [
    'data: {"type":"transcript.text.delta","delta":"hel"}\n\n',
    'data: {"type":"transcript.text.done","text":"hello","usage":{"type":"tokens","input_tokens":30,"input_token_details":{"audio_tokens":28,"text_tokens":2},"output_tokens":4,"total_tokens":34}}\n\n',
  ];
  const yard = await yardOf(t, [await vendor(t, stream(events))]);
  const sent = form(["model", "own-model"], ["file", noise(90_000)], ["stream", "true"]);
  const got = await post(yard, "/v1/audio/transcriptions", sent, formType);
  assert.equal(got.body.toString(), events.join(""));
  const record = await yard.recorded(1);
  assert.deepEqual([record.usage.input, record.usage.output, record.stream], [30, 4, true]);
  assert.deepEqual(record.usage.kinds, { inputAudio: 28 });
});

test("forms that could be read in two ways are refused, before or while they are sent", async (t) => {
  const one = await vendor(t, reply(transcript));
  const yard = await yardOf(t, [one]);
  const refused = [
    form(["model", "own-model"], ["model", "other"], ["file", noise(10)]),
    form(["model", "own-model"], ["file", noise(500_000)], ["Model", "other"]),
    form(["file", noise(10)]),
    form(["model", ""], ["file", noise(10)]),
    form(["model", "m".repeat(300)], ["file", noise(10)]),
    Buffer.from("no form at all"),
    form(["model", "own-model"], ["file", noise(10)]).subarray(0, -10),
  ];
  for (const body of refused) {
    const got = await post(yard, "/v1/audio/transcriptions", body, formType);
    assert.equal(got.status, 400, got.body.toString());
    const { error } = JSON.parse(got.body.toString()) as { error: { code: string } };
    assert.equal(error.code, "invalid_request");
  }
  assert.equal(one.requests.length, 0);
});

test("a caller that leaves in the middle of an upload takes the upstream's request with it", async (t) => {
  const one = await vendor(t, reply(transcript));
  const yard = await yardOf(t, [one]);
  const whole = form(["model", "own-model"], ["file", noise(2_000_000)]);
  const request = httpRequest(`${yard.url}/v1/audio/transcriptions`, {
    method: "POST",
    headers: { authorization: `Bearer ${testKey}`, ...formType, "content-length": whole.length },
  });
  request.on("error", () => undefined);
  request.write(whole.subarray(0, 1_500_000));
  await one.began(1);
  request.destroy();
  await one.aborted(1);
  const record = await yard.recorded(1);
  assert.deepEqual([record.outcome, one.requests.length], ["caller_gone", 0]);
});

test("a vendor that refuses an upload early is heard while the caller still sends", async (t) => {
  const early: Behaviour = hang;
  const one = await vendor(t, early);
  one.answerAtHead(status(413, {}, { message: "too large for us" }));
  const yard = await yardOf(t, [one]);
  const sent = form(["model", "own-model"], ["file", noise(8_000_000)]);
  const got = await post(yard, "/v1/audio/transcriptions", sent, formType);
  assert.equal(got.status, 413);
  assert.match(got.body.toString(), /too large for us/);
});

test("an image is edited by JSON as well as by a form", async (t) => {
  const one = await vendor(t, json({ created: 1, data: [{ b64_json: "QUJD" }] }));
  const yard = await yardOf(t, [one], { modelMapping: { "own-model": "gpt-image-9" } });
  const body = '{"images":[{"file_id":"f"}],"model":"own-model", "prompt":"a hat"}';
  assert.equal((await post(yard, "/v1/images/edits", body)).status, 200);
  assert.equal(one.requests[0]?.body.toString(), body.replace("own-model", "gpt-image-9"));
  assert.equal(one.requests[0]?.headers["content-type"], "application/json");
});

test("a stranger's upload is refused by its key, not by its form", async (t) => {
  const yard = await yardOf(t, [await vendor(t, reply(transcript))]);
  const sent = form(["file", noise(3_000_000)]);
  const headers = { ...formType, authorization: "Bearer sk-nobody" };
  const got = await post(yard, "/v1/audio/transcriptions", sent, headers);
  assert.equal(got.status, 401);
  assert.match(got.body.toString(), /invalid_api_key/);
});

test("a model that stands behind a very large file is refused, told where to put it", async (t) => {
  const one = await vendor(t, reply(transcript));
  const yard = await yardOf(t, [one]);
  const large = Buffer.alloc(33 * 1024 * 1024);
  const refused = await post(
    yard,
    "/v1/audio/transcriptions",
    form(["file", large], ["model", "own-model"]),
    formType,
  );
  assert.equal(refused.status, 400);
  assert.match(refused.body.toString(), /Put the field `model` before the file/);
  const taken = await post(
    yard,
    "/v1/audio/transcriptions",
    form(["model", "own-model"], ["file", large]),
    formType,
  );
  assert.deepEqual([taken.status, one.requests.length], [200, 1]);
});

test("what could not be held is not sent to a second channel", async (t) => {
  const second = await vendor(t, reply(transcript));
  const yard = await yardOf(t, [await vendor(t, status(500)), second]);
  const sent = form(["model", "own-model"], ["file", Buffer.alloc(40 * 1024 * 1024)]);
  const got = await post(yard, "/v1/audio/transcriptions", sent, formType);
  assert.equal(got.status, 502);
  assert.equal(second.requests.length, 0);
});

test("without room to hold a form its caller is told to come again; one that names its model first goes through", async (t) => {
  const one = await vendor(t, reply(transcript));
  const yard = await openYard(t, {
    channels: [{ baseUrl: one.baseUrl, models }],
    env: { MAX_BODY_SIZE: "1M", MAX_HELD_SIZE: "1M" },
  });
  const file = noise(600_000);
  const late = form(["file", file], ["model", "own-model"]);
  const refused = await post(yard, "/v1/audio/transcriptions", late, formType);
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [503, "1"]);
  const early = form(["model", "own-model"], ["file", file]);
  const taken = await post(yard, "/v1/audio/transcriptions", early, formType);
  assert.equal(taken.status, 200);
  assert.ok(one.requests[0]?.body.equals(early));
});

test("audio that still runs when the drain is over is torn, not ended", async (t) => {
  const endless: Behaviour = (_request, response) => {
    response.writeHead(200, { "content-type": "audio/mpeg" });
    response.write(noise(1000));
  };
  const one = await vendor(t, endless);
  const yard = await openYard(t, {
    channels: [{ baseUrl: one.baseUrl, models }],
    env: { DRAIN_TIMEOUT: "100ms", DRAIN_GRACE: "0s" },
  });
  const response = await fetch(`${yard.url}/v1/audio/speech`, {
    method: "POST",
    headers: { authorization: `Bearer ${testKey}`, "content-type": "application/json" },
    body: '{"model":"own-model","input":"Hi","voice":"alloy"}',
  });
  const read = response.arrayBuffer();
  const refused = assert.rejects(read);
  await yard.drain();
  await refused;
  assert.equal((await yard.recorded(1)).outcome, "cut");
});

test("rerank passes through in each shape, and is translated into the others", async (t) => {
  const jinaReply =
    '{"model":"own-model","object":"list","usage":{"total_tokens":31},"results":[{"index":1,"relevance_score":0.9,"document":{"text":"b"}},{"index":0,"relevance_score":0.1,"document":{"text":"a"}}]}';
  const cohereReply =
    '{"id":"c1","results":[{"index":1,"relevance_score":0.9},{"index":0,"relevance_score":0.1}],"meta":{"api_version":{"version":"2"},"billed_units":{"search_units":1}}}';
  const jina = await vendor(t, reply(jinaReply));
  const cohere = await vendor(t, reply(cohereReply));
  const yard = await openYard(t, {
    channels: [
      { baseUrl: jina.baseUrl, models: ["j"] },
      {
        baseUrl: cohere.baseUrl.replace("/v1", ""),
        models: ["c"],
        options: { dialects: ["cohere-v2"] },
      },
    ],
  });
  const ask = async (path: string, model: string): Promise<string> => {
    const body = `{"model":"${model}", "query":"q","documents":["a",{"text":"b"}],"top_n":2}`;
    const got = await post(yard, path, body);
    assert.equal(got.status, 200, got.body.toString());
    return got.body.toString();
  };
  assert.equal(await ask("/v1/rerank", "j"), jinaReply);
  assert.equal(
    jina.requests[0]?.body.toString(),
    '{"model":"j", "query":"q","documents":["a",{"text":"b"}],"top_n":2}',
  );
  assert.equal(await ask("/v2/rerank", "c"), cohereReply);
  assert.deepEqual((await yard.recorded(2)).usage.kinds, { searchUnits: 1 });
  assert.deepEqual(JSON.parse(await ask("/v1/rerank", "c")), {
    model: "c",
    object: "list",
    usage: { total_tokens: 0, prompt_tokens: 0, search_units: 1 },
    results: [
      { index: 1, relevance_score: 0.9, document: { text: "b" } },
      { index: 0, relevance_score: 0.1, document: { text: "a" } },
    ],
  });
  assert.deepEqual(JSON.parse(cohere.requests[1]?.body.toString() ?? ""), {
    model: "c",
    query: "q",
    documents: ["a", "b"],
    top_n: 2,
  });
  assert.equal(cohere.requests[1]?.path, "/v2/rerank");
  const crossed = JSON.parse(await ask("/v2/rerank", "j")) as { results: unknown; id: string };
  assert.deepEqual(crossed.results, [
    { index: 1, relevance_score: 0.9 },
    { index: 0, relevance_score: 0.1 },
  ]);
  assert.equal((await yard.recorded(4)).usage.input, 31);
  const older = JSON.parse(await ask("/cohere/v1/rerank", "c")) as { results: object[] };
  assert.deepEqual(older.results[0], { index: 1, relevance_score: 0.9 });
});

test("errors of rerank come in the shape of the API that was asked", async (t) => {
  const yard = await yardOf(t, [await vendor(t, inTurn(status(500)))]);
  const body = '{"model":"unknown","query":"q","documents":["a"]}';
  const jina = JSON.parse((await post(yard, "/v1/rerank", body)).body.toString()) as object;
  const cohere = JSON.parse((await post(yard, "/v2/rerank", body)).body.toString()) as object;
  assert.match((jina as { detail: string }).detail, /No available channel for model unknown/);
  assert.match((cohere as { message: string }).message, /No available channel for model unknown/);
  const unreadable = await post(yard, "/v1/rerank", '{"query":1}');
  assert.deepEqual(
    [unreadable.status, "detail" in JSON.parse(unreadable.body.toString())],
    [400, true],
  );
});
