/** Images of vendors: what is sent to each, what is read of each, and what none of them is asked. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../core/errors.ts";
import type { ImageRequest } from "../../wire/media.ts";
import type { DecodedMedia, EncodedMedia, MediaCodec } from "../media-codec.ts";
import { nearestRatio } from "./aspect-ratio.ts";
import { cloudflareImages } from "./cloudflare.ts";
import { dashscopeImages } from "./dashscope.ts";
import { geminiImages, geminiPredict } from "./gemini-images.ts";
import { minimaxImages } from "./minimax-images.ts";
import { replicatePredictions } from "./replicate.ts";
import { stabilityImages } from "./stability.ts";

const asked: ImageRequest = {
  kind: "image",
  model: "asked",
  action: "generate",
  prompt: "a cat",
  negativePrompt: null,
  count: 1,
  size: null,
  quality: null,
  style: null,
  background: null,
  outputFormat: null,
  deliver: null,
  seed: null,
  images: [],
  mask: null,
  stream: false,
};
const picture = { name: "a.png", mediaType: "image/png", data: Buffer.from("PNG") };
const wide = { width: 1792, height: 1024 };

const encode = (codec: MediaCodec, more: Partial<ImageRequest>, model = "sent"): EncodedMedia =>
  codec.encodeRequest({ ...asked, ...more }, { model, settings: {} });

const jsonOf = ({ body }: EncodedMedia): unknown => (body.kind === "json" ? body.value : undefined);

const fieldsOf = ({ body }: EncodedMedia): unknown =>
  body.kind === "form"
    ? Object.fromEntries(body.parts.map(({ name, value }) => [name, value.toString()]))
    : undefined;

function read(codec: MediaCodec, value: object | Buffer, headers = {}): DecodedMedia {
  const body = Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value));
  return codec.decodeReply(
    { headers, body },
    { request: asked, target: { model: "sent", settings: {} } },
  );
}

function sources(decoded: DecodedMedia): unknown {
  assert.ok(decoded.kind === "reply" && decoded.reply.kind === "image");
  return decoded.reply.images.map(({ source }) =>
    source.kind === "url" ? source.url : source.data,
  );
}

function refused(codec: MediaCodec, more: Partial<ImageRequest>, model?: string): string {
  try {
    encode(codec, more, model);
  } catch (error) {
    if (error instanceof GatewayError && error.kind === "invalid_request")
      return error.fields[0]?.field ?? "";
    throw error;
  }
  return "taken";
}

test("the ratio that comes nearest to a size", () => {
  const ratios = ["1:1", "16:9", "9:16", "3:2"];
  assert.equal(nearestRatio(wide, ratios), "16:9");
  assert.equal(nearestRatio({ width: 1536, height: 1024 }, ratios), "3:2");
  assert.equal(nearestRatio({ width: 500, height: 512 }, ratios), "1:1");
  assert.equal(nearestRatio(null, ratios), null);
});

test("Stability: forms in, the path by the model, base64 out", () => {
  const core = encode(stabilityImages, { size: wide, seed: 7 }, "stable-image-core");
  assert.deepEqual(core.path, { task: ["generate", "core"] });
  assert.deepEqual(fieldsOf(core), {
    prompt: "a cat",
    seed: "7",
    output_format: "png",
    aspect_ratio: "16:9",
  });
  const diffusion = encode(stabilityImages, {}, "sd3.5-large");
  assert.deepEqual(diffusion.path, { task: ["generate", "sd3"] });
  assert.deepEqual(fieldsOf(diffusion), {
    prompt: "a cat",
    output_format: "png",
    model: "sd3.5-large",
  });
  const edit = encode(stabilityImages, { action: "edit", images: [picture], mask: picture });
  assert.deepEqual(edit.path, { task: ["edit", "inpaint"] });
  assert.deepEqual(fieldsOf(edit), {
    prompt: "a cat",
    output_format: "png",
    image: "PNG",
    mask: "PNG",
  });
  assert.equal(refused(stabilityImages, { count: 2 }), "n");
  assert.equal(refused(stabilityImages, { action: "vary", images: [picture] }), "model");
  assert.deepEqual(
    sources(read(stabilityImages, { image: "QUJD", finish_reason: "SUCCESS", seed: 1 })),
    ["QUJD"],
  );
  const filtered = read(stabilityImages, { image: "", finish_reason: "CONTENT_FILTERED" });
  assert.ok(filtered.kind === "failed" && filtered.error.status === 400);
  assert.throws(() => read(stabilityImages, {}), GatewayError);
});

test("Replicate: a prediction is waited for, and asked for where it is told", () => {
  const official = encode(
    replicatePredictions,
    { size: wide, count: 2, outputFormat: "jpeg" },
    "a/b",
  );
  assert.deepEqual(official.path, { target: ["models", "a", "b", "predictions"] });
  assert.deepEqual(official.headers, { prefer: "wait", "cancel-after": "10m" });
  assert.deepEqual(jsonOf(official), {
    input: { prompt: "a cat", aspect_ratio: "16:9", num_outputs: 2, output_format: "jpg" },
  });
  const versioned = encode(replicatePredictions, {}, "a/b:c0ffee");
  assert.deepEqual(versioned.path, { target: "predictions" });
  assert.deepEqual(jsonOf(versioned), { version: "c0ffee", input: { prompt: "a cat" } });
  assert.equal(refused(replicatePredictions, {}, "a"), "model");
  assert.equal(refused(replicatePredictions, { deliver: "base64" }, "a/b"), "response_format");
  assert.deepEqual(
    read(replicatePredictions, {
      status: "processing",
      urls: { get: "https://api.replicate.com/v1/predictions/1" },
    }),
    { kind: "pending", url: "https://api.replicate.com/v1/predictions/1", afterMs: 1500 },
  );
  const done = read(replicatePredictions, {
    status: "succeeded",
    output: ["https://x.test/1.png", "https://x.test/2.png"],
    metrics: { predict_time: 1.5 },
  });
  assert.deepEqual(sources(done), ["https://x.test/1.png", "https://x.test/2.png"]);
  assert.ok(done.kind === "reply");
  assert.deepEqual(done.reply.usage?.kinds, { seconds: 1.5, images: 2 });
  const failed = read(replicatePredictions, { status: "failed", error: "NSFW" });
  assert.ok(failed.kind === "failed" && failed.error.message === "NSFW");
});

test("Cloudflare: the image itself, or base64 in JSON", () => {
  const encoded = encode(cloudflareImages, { size: wide }, "@cf/bytedance/lightning");
  assert.deepEqual(encoded.path, { target: ["@cf", "bytedance", "lightning"] });
  assert.deepEqual(jsonOf(encoded), { prompt: "a cat", width: 1792, height: 1024 });
  const bytes = read(cloudflareImages, Buffer.from("ABC"), { "content-type": "image/png" });
  assert.deepEqual(sources(bytes), ["QUJD"]);
  assert.deepEqual(sources(read(cloudflareImages, { result: { image: "QUJD" } })), ["QUJD"]);
  assert.throws(() => read(cloudflareImages, { result: {} }), GatewayError);
});

test("Imagen: predictions, and the filter's reason where it took all", () => {
  assert.deepEqual(jsonOf(encode(geminiPredict, { count: 3, size: wide })), {
    instances: [{ prompt: "a cat" }],
    parameters: { sampleCount: 3, aspectRatio: "16:9" },
  });
  assert.equal(refused(geminiPredict, { count: 5 }), "n");
  const two = read(geminiPredict, {
    predictions: [{ bytesBase64Encoded: "QQ==" }, { bytesBase64Encoded: "Qg==" }],
  });
  assert.deepEqual(sources(two), ["QQ==", "Qg=="]);
  for (const empty of [{}, { predictions: [{ raiFilteredReason: "violence" }] }]) {
    const filtered = read(geminiPredict, empty);
    assert.ok(filtered.kind === "failed" && filtered.error.code === "content_filter");
  }
});

test("Gemini: images out of a conversation, edits by inline data, thoughts counted as output", () => {
  const edit = encode(geminiImages, { action: "edit", images: [picture], size: wide });
  assert.deepEqual(jsonOf(edit), {
    contents: [
      {
        role: "user",
        parts: [{ text: "a cat" }, { inlineData: { mimeType: "image/png", data: "UE5H" } }],
      },
    ],
    generationConfig: {
      responseModalities: ["TEXT", "IMAGE"],
      imageConfig: { aspectRatio: "16:9" },
    },
  });
  const told = read(geminiImages, {
    candidates: [
      {
        content: {
          parts: [{ text: "here" }, { inlineData: { data: "QUJD", mimeType: "image/png" } }],
        },
        finishReason: "STOP",
      },
    ],
    usageMetadata: {
      promptTokenCount: 10,
      candidatesTokenCount: 1290,
      thoughtsTokenCount: 5,
      candidatesTokensDetails: [{ modality: "IMAGE", tokenCount: 1290 }],
    },
  });
  assert.deepEqual(sources(told), ["QUJD"]);
  assert.ok(told.kind === "reply");
  const { usage } = told.reply;
  assert.deepEqual([usage?.input, usage?.output, usage?.reasoning], [10, 1295, 5]);
  assert.deepEqual(usage?.kinds, { outputImage: 1290, images: 1 });
  const blocked = read(geminiImages, { promptFeedback: { blockReason: "SAFETY" } });
  assert.ok(blocked.kind === "failed" && blocked.error.status === 400);
});

test("DashScope: a task is asked for at the vendor's own host", () => {
  const encoded = encode(dashscopeImages, { count: 2, size: wide, negativePrompt: "dogs" });
  assert.deepEqual(encoded.headers, { "x-dashscope-async": "enable" });
  assert.deepEqual(jsonOf(encoded), {
    model: "sent",
    input: { prompt: "a cat", negative_prompt: "dogs" },
    parameters: { n: 2, size: "1792*1024" },
  });
  assert.deepEqual(read(dashscopeImages, { output: { task_id: "t/1", task_status: "PENDING" } }), {
    kind: "pending",
    url: "/api/v1/tasks/t%2F1",
    afterMs: 2000,
  });
  const done = read(dashscopeImages, {
    output: {
      task_status: "SUCCEEDED",
      results: [{ url: "https://x.test/1", actual_prompt: "a fine cat" }, { code: "Error" }],
    },
  });
  assert.deepEqual(sources(done), ["https://x.test/1"]);
  const failed = read(dashscopeImages, {
    output: { task_status: "FAILED", code: "DataInspectionFailed", message: "no" },
  });
  assert.ok(failed.kind === "failed" && failed.error.status === 400);
});

test("MiniMax: images by URL or in base64, errors under a status of success", () => {
  assert.deepEqual(jsonOf(encode(minimaxImages, { size: wide, deliver: "url" })), {
    model: "sent",
    prompt: "a cat",
    n: 1,
    response_format: "url",
    aspect_ratio: "16:9",
  });
  const ok = { base_resp: { status_code: 0 } };
  assert.deepEqual(sources(read(minimaxImages, { ...ok, data: { image_base64: ["QQ=="] } })), [
    "QQ==",
  ]);
  assert.deepEqual(sources(read(minimaxImages, { ...ok, data: { image_urls: ["u"] } })), ["u"]);
  const failed = read(minimaxImages, { base_resp: { status_code: 1008, status_msg: "poor" } });
  assert.ok(failed.kind === "failed" && failed.error.status === 402);
});

test("errors are found wherever a vendor puts its words", () => {
  const cases: readonly (readonly [string, string, string | null])[] = [
    ['{"detail":{"status":"invalid_uid","message":"bad id"}}', "bad id", null],
    ['{"title":"Unauthorized","detail":"no token","status":401}', "no token", null],
    ['{"errors":["first","second"],"id":"1","name":"bad_request"}', "first", "bad_request"],
    ['{"error":{"code":400,"message":"nope","status":"INVALID_ARGUMENT"}}', "nope", "400"],
    ['{"success":false,"errors":[{"code":7000,"message":"no route"}]}', "no route", null],
    ["<html>502</html>", "<html>502</html>", null],
  ];
  for (const [body, message, code] of cases) {
    const told = stabilityImages.decodeError(Buffer.from(body));
    assert.deepEqual([told.message, told.code], [message, code], body);
  }
});
