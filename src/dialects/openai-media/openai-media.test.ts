/** OpenAI's images, audio and moderations: what is read of requests, replies and events, and how others' are told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../core/errors.ts";
import type { Operation } from "../../wire/call.ts";
import type { FormPart, ImageReply, MediaRequest, TranscriptionReply } from "../../wire/media.ts";
import { noUsage } from "../../wire/usage.ts";
import type { BodyEdits } from "../contract.ts";
import type { MediaReplyContext } from "../media-codec.ts";
import { openaiMedia } from "./dialect.ts";
import { renderSubtitles, segmentsOf } from "./subtitles.ts";
import { decodeUsage, subtitleSeconds } from "./usage.ts";

const parse = (operation: Operation, body: string, pathModel?: string) =>
  openaiMedia.parse({
    operation,
    body: Buffer.from(body),
    query: {},
    ...(pathModel === undefined ? {} : { pathModel }),
  });

const edits: BodyEdits = {
  model: "m",
  askUsage: true,
  parameters: {},
  extraBody: {},
  systemPrompt: null,
  omit: [],
  add: {},
};

function fieldAtFault(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof GatewayError && error.kind === "invalid_request")
      return error.fields[0]?.field ?? "";
    throw error;
  }
  return "taken";
}

test("operations have OpenAI's defaults of the model, but where it must be named", () => {
  assert.equal(parse("moderations", '{"input":"x"}').model, "omni-moderation-latest");
  assert.equal(parse("image-generation", '{"model":null}').model, "dall-e-2");
  assert.equal(parse("image-edit", "{}").model, "gpt-image-1.5");
  assert.equal(parse("speech", '{"model":"a"}', "deployment").model, "deployment");
  assert.equal(
    fieldAtFault(() => parse("speech", "{}")),
    "model",
  );
  assert.equal(
    fieldAtFault(() => parse("speech", '{"model":7}')),
    "model",
  );
  assert.equal(
    fieldAtFault(() => parse("speech", '{"model":"a","model":"b"}')),
    "model",
  );
  assert.equal(
    fieldAtFault(() => parse("image-generation", '{"stream":"yes"}')),
    "stream",
  );
});

test("a stream is asked for by `stream`, of speech by `stream_format`", () => {
  assert.equal(parse("image-generation", '{"stream":true}').stream, true);
  assert.equal(parse("speech", '{"model":"a","stream_format":"sse"}').stream, true);
  assert.equal(parse("speech", '{"model":"a","stream":true}').stream, false);
  assert.equal(parse("speech", '{"model":"a","stream_format":"audio"}').stream, false);
});

test("a body without edits is the same buffer; with them all else stays", () => {
  const body = Buffer.from('{ "model":"m", "prompt":"\\u0041", "n":1, "size":"1x1" }');
  const facts = openaiMedia.parse({ operation: "image-generation", body, query: {} });
  assert.equal(openaiMedia.edit(body, facts, edits), body);
  const edited = openaiMedia.edit(body, facts, {
    ...edits,
    model: "longer",
    parameters: { n: 2, model: "x", stream: true },
    extraBody: { size: "9x9", quality: "hd" },
    omit: ["prompt"],
    add: { style: "vivid" },
  });
  assert.equal(
    edited.toString(),
    '{"style":"vivid","quality":"hd", "model":"longer", "n":2, "size":"1x1" }',
  );
  const all = openaiMedia.edit(body, facts, { ...edits, omit: ["n", "size", "prompt"] });
  assert.equal(all.toString(), '{ "model":"m" }');
});

test("usage is told apart by kind, and never counted twice", () => {
  const usage = decodeUsage(
    {
      input_tokens: 100,
      input_tokens_details: { image_tokens: 60, text_tokens: 40, cached_tokens: 30 },
      output_tokens: 500,
      output_tokens_details: { image_tokens: 480, text_tokens: 20 },
    },
    { images: 1, output: "image" },
  );
  assert.deepEqual([usage?.input, usage?.cacheRead, usage?.output], [70, 30, 500]);
  assert.deepEqual(usage?.kinds, { inputImage: 60, outputImage: 480, images: 1 });
  assert.deepEqual(decodeUsage({ type: "duration", seconds: 7 })?.kinds, { seconds: 7 });
  assert.deepEqual(decodeUsage({ prompt_audio_seconds: 36, prompt_tokens: 13 })?.kinds, {
    seconds: 36,
  });
  assert.deepEqual(decodeUsage(undefined, { seconds: 3.5 })?.kinds, { seconds: 3.5 });
  for (const nothing of [undefined, null, 5, "x", {}, { input_tokens: -1 }, { seconds: "many" }])
    assert.equal(decodeUsage(nothing), null);
});

test("whole replies: images are counted over their bytes, verbose transcripts tell seconds", () => {
  const read = (text: string) => openaiMedia.readReply(Buffer.from(text));
  assert.deepEqual(read('{"data":[ {"url":"],"} , {"b64_json":"QQ"}]}')?.usage?.kinds, {
    images: 2,
  });
  assert.equal(read('{"data":[]}')?.usage, null);
  assert.deepEqual(read('{"text":"a","duration":"8.47"}')?.usage?.kinds, { seconds: 8.47 });
  assert.deepEqual(read('{"text":"a","duration":8.47,"usage":{"seconds":9}}')?.usage?.kinds, {
    seconds: 9,
  });
  assert.equal(read('{"error":{"message":"no"}}')?.isError, true);
  assert.equal(read('{"error":null,"results":[]}')?.isError, false);
  assert.equal(read("nothing"), undefined);
  assert.equal(read('{"data":[{]}'), undefined);
});

test("events are told by their types, and never by what is in them", () => {
  const readEvent = openaiMedia.makeEventReader();
  const kinds = (text: string): unknown[] => {
    const { kind, hasUsage, textBytes } = readEvent(Buffer.from(text));
    return [kind, hasUsage, textBytes];
  };
  const data = (value: object): string => `data: ${JSON.stringify(value)}\n\n`;
  assert.deepEqual(kinds(": ping\n\n"), ["preamble", false, 0]);
  assert.deepEqual(kinds(data({ type: "transcript.text.delta", delta: "error" })), [
    "content",
    false,
    5,
  ]);
  assert.deepEqual(kinds(data({ type: "speech.audio.delta", audio: "QUJD" })), [
    "content",
    false,
    0,
  ]);
  assert.deepEqual(kinds(data({ type: "image_edit.completed", b64_json: "QQ" })), [
    "finish",
    true,
    0,
  ]);
  assert.deepEqual(kinds(data({ error: { message: "x" } }))[0], "error");
  assert.deepEqual(kinds('event: error\ndata: {"message":"x"}\n\n')[0], "error");
  assert.deepEqual(kinds("data: [DONE]\n\n")[0], "done");
  assert.deepEqual(kinds("data: {broken\n\n")[0], "preamble");
});

test("of several finished images each counts, and the last usage holds", () => {
  const completed = (tokens: number): Buffer =>
    Buffer.from(
      `data: {"type":"image_generation.completed","usage":{"input_tokens":5,"output_tokens":${tokens}}}\n\n`,
    );
  const first = openaiMedia.eventUsage(completed(10), null);
  const second = openaiMedia.eventUsage(completed(20), first);
  assert.deepEqual([second?.output, second?.kinds?.images], [20, 2]);
});

test("characters to be spoken are counted as such, not as bytes or units", () => {
  const count = (operation: Operation, body: string) =>
    openaiMedia.requestKinds?.(operation, Buffer.from(body));
  assert.deepEqual(count("speech", '{"input":"a\\ud83d\\udc4bß"}'), { characters: 3 });
  assert.equal(count("speech", '{"input":7}'), undefined);
  assert.equal(count("image-generation", '{"input":"x"}'), undefined);
});

test("images are counted by their look: the reply's own, else the one asked for", () => {
  const asked = (body: string) => openaiMedia.requestKinds?.("image-generation", Buffer.from(body));
  assert.deepEqual(asked('{"size":"1024x1792","quality":"hd","n":2}'), {
    imageSizes: { "1024x1792/hd": 2 },
  });
  assert.deepEqual(asked('{"size":"512x512"}'), { imageSizes: { "512x512/auto": 1 } });
  const told = (body: string) => openaiMedia.readReply(Buffer.from(body))?.usage?.kinds;
  assert.deepEqual(told('{"data":[{},{}],"size":"1024x1024","quality":"high"}'), {
    images: 2,
    imageSizes: { "1024x1024/high": 2 },
  });
  assert.deepEqual(told('{"data":[{"url":"u"}],"size":3}'), { images: 1 });
});

const part = (name: string, value: string, fileName: string | null = null): FormPart => ({
  name,
  fileName,
  mediaType: fileName === null ? null : "image/png",
  value: Buffer.from(value),
});

function decode(operation: Operation, body: object | readonly FormPart[]): MediaRequest {
  const isForm = Array.isArray(body);
  const input = { operation, model: "m", stream: false, query: {} };
  const { media } = openaiMedia;
  assert.ok(media !== undefined);
  return media.decodeRequest({
    ...input,
    body: isForm
      ? { kind: "form", parts: body as FormPart[] }
      : { kind: "json", value: body as Record<string, string> },
  });
}

test("requests are read alike from JSON and from forms", () => {
  const png = Buffer.from("PNG").toString("base64");
  const json = decode("image-edit", {
    prompt: "a cat",
    images: [{ image_url: `data:image/png;base64,${png}` }],
    n: 2,
    size: "1536x1024",
    response_format: "b64_json",
  });
  const form = decode("image-edit", [
    part("image[]", "PNG", "image.png"),
    part("prompt", "a cat"),
    part("n", "2"),
    part("size", "1536x1024"),
    part("response_format", "b64_json"),
  ]);
  assert.deepEqual(json, form);
  assert.ok(json.kind === "image");
  assert.deepEqual(
    [json.count, json.size, json.deliver],
    [2, { width: 1536, height: 1024 }, "base64"],
  );
});

test("what is wrong in a request is named by its field", () => {
  const image = { prompt: "x" };
  const cases: readonly (readonly [Operation, object | readonly FormPart[], string])[] = [
    ["image-generation", {}, "prompt"],
    ["image-generation", { prompt: 7 }, "prompt"],
    ["image-generation", { ...image, n: 0 }, "n"],
    ["image-generation", { ...image, n: "many" }, "n"],
    ["image-generation", { ...image, size: "big" }, "size"],
    ["image-generation", { ...image, response_format: "file" }, "response_format"],
    ["image-edit", image, "image"],
    ["image-edit", { ...image, images: [{ image_url: "https://x.test/1" }] }, "image[0]"],
    ["speech", { input: "x" }, "voice"],
    ["speech", { input: "x", voice: "v", speed: 9 }, "speed"],
    ["speech", { input: "x", voice: "v", response_format: "midi" }, "response_format"],
    ["transcription", [part("language", "de")], "file"],
    ["transcription", [part("file", "a", "a"), part("temperature", "hot")], "temperature"],
    ["transcription", [part("file", "a", "a"), part("prompt", "x"), part("prompt", "y")], "prompt"],
  ];
  for (const [operation, body, field] of cases)
    assert.equal(
      fieldAtFault(() => decode(operation, body)),
      field,
      JSON.stringify(body),
    );
  const voice = decode("speech", { input: "x", voice: { id: "voice_1" } });
  assert.equal(voice.kind === "speech" && voice.voice, "voice_1");
});

const context: Omit<MediaReplyContext, "request" | "operation"> = {
  model: "m",
  callId: "c",
  createdAtS: 1,
};

test("images of others are told in the form that was asked for", () => {
  const reply: ImageReply = {
    kind: "image",
    createdAtS: null,
    images: [{ source: { kind: "base64", data: "QUJD" }, revisedPrompt: "a fine cat" }],
    model: null,
    usage: { ...noUsage, input: 3, output: 4 },
  };
  const tell = (body: object): string => {
    const operation = "image-generation";
    const request = decode(operation, { prompt: "x", ...body });
    const told = openaiMedia.media?.encodeReply(reply, { ...context, operation, request });
    return told?.body.toString() ?? "";
  };
  const usage = { input_tokens: 3, output_tokens: 4, total_tokens: 7 };
  assert.deepEqual(JSON.parse(tell({})), {
    created: 1,
    data: [{ b64_json: "QUJD", revised_prompt: "a fine cat" }],
    usage,
  });
  assert.deepEqual(JSON.parse(tell({ response_format: "url", output_format: "webp" })).data, [
    { url: "data:image/webp;base64,QUJD", revised_prompt: "a fine cat" },
  ]);
});

const transcript: TranscriptionReply = {
  kind: "transcription",
  text: "Hello there. Bye.",
  language: "en",
  durationS: 3.2,
  segments: [],
  words: [
    { text: "Hello", startS: 0, endS: 0.5 },
    { text: "there.", startS: 0.6, endS: 1 },
    { text: "Bye.", startS: 3661.0019, endS: 3662 },
  ],
  model: null,
  usage: null,
};

test("transcripts of others are told in every format", () => {
  const tell = (format: string, stream = false): string => {
    const operation = "transcription";
    const decoded = decode(operation, [
      part("file", "a", "a.mp3"),
      part("response_format", format),
      part("timestamp_granularities[]", "word"),
    ]);
    const request = { ...decoded, stream } as MediaRequest;
    const told = openaiMedia.media?.encodeReply(transcript, { ...context, operation, request });
    return told?.body.toString() ?? "";
  };
  const usage = { type: "duration", seconds: 4 };
  assert.deepEqual(JSON.parse(tell("json")), { text: "Hello there. Bye.", usage });
  assert.equal(tell("text"), "Hello there. Bye.\n");
  assert.equal(
    tell("srt"),
    "1\n00:00:00,000 --> 00:00:01,000\nHello there.\n\n2\n01:01:01,002 --> 01:01:02,000\nBye.\n\n",
  );
  assert.match(tell("vtt"), /^WEBVTT\n\n00:00:00\.000 --> 00:00:01\.000\nHello there\.\n\n/);
  const verbose = JSON.parse(tell("verbose_json")) as { duration: number; words: unknown[] };
  assert.deepEqual([verbose.duration, verbose.words.length], [3.2, 3]);
  assert.equal(
    tell("json", true),
    'event: transcript.text.delta\ndata: {"type":"transcript.text.delta","delta":"Hello there. Bye."}\n\n' +
      'event: transcript.text.done\ndata: {"type":"transcript.text.done","text":"Hello there. Bye.","usage":{"type":"duration","seconds":4}}\n\n',
  );
});

test("subtitles are read back to the second they end at", () => {
  const segments = segmentsOf(transcript);
  assert.equal(subtitleSeconds(renderSubtitles(segments, "srt")), 3662);
  assert.equal(subtitleSeconds(renderSubtitles(segments, "vtt")), 3662);
  assert.equal(subtitleSeconds("00:01.500 --> 00:02.250\nshort form"), 2.25);
  assert.equal(subtitleSeconds("plain text --> with an arrow"), undefined);
  assert.deepEqual(segmentsOf({ ...transcript, words: [] }), [
    { text: transcript.text, startS: 0, endS: 3.2 },
  ]);
});
