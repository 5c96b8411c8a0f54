/** What a scripted vendor does beside conversing: it counts, embeds, ranks, completes, paints, speaks, hears and judges. */
import { countTokens } from "./mind.ts";
import type { Heard } from "./turn.ts";
import { asList, asObject, textOf } from "./turn.ts";
import { wishesOf } from "./wishes.ts";

type Body = Heard["body"];
type Json = Readonly<Record<string, unknown>>;

/** A pixel, and a short sound. */
const png =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
const sound = Buffer.from([0xff, 0xf3, 0x44, 0xc4, 0, 0, 0, 3, 0x48, 0, 0, 0, 0, 0x4c, 0x41, 0x4d]);

function vectorOf(text: string, dimensions: number): number[] {
  return Array.from({ length: dimensions }, (_, index) => ((text.length + index) % 7) / 8);
}

const textsIn = (input: unknown): string[] => (Array.isArray(input) ? input : [input]).map(String);

function embeddings(body: Body): Json {
  const texts = textsIn(body["input"]);
  const tokens = countTokens(texts.join(" "));
  const data = texts.map((text, index) => {
    const vector = vectorOf(text, Number(body["dimensions"] ?? 8));
    const embedding =
      body["encoding_format"] === "base64"
        ? Buffer.from(new Float32Array(vector).buffer).toString("base64")
        : vector;
    return { object: "embedding", index, embedding };
  });
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  return { object: "list", data, model: body["model"], usage };
}

function cohereEmbeddings(body: Body): Json {
  const dimensions = Number(body["output_dimension"] ?? 8);
  const texts = textsIn(body["texts"]);
  return {
    id: "emb-scripted",
    texts,
    embeddings: { float: texts.map((text) => vectorOf(text, dimensions)) },
    meta: { billed_units: { input_tokens: countTokens(texts.join(" ")) } },
    response_type: "embeddings_by_type",
  };
}

/** The more words of the query a document holds, the better it fits. */
function rerank(body: Body): Json {
  const words = String(body["query"]).toLowerCase().split(/\W+/u);
  const results = textsIn(body["documents"])
    .map((text, index) => {
      const found = words.filter((word) => text.toLowerCase().includes(word)).length;
      return { index, relevance_score: found / words.length };
    })
    .toSorted((one, other) => other.relevance_score - one.relevance_score)
    .slice(0, Number(body["top_n"] ?? 1000));
  return { id: "rerank-scripted", results, meta: { billed_units: { search_units: 1 } } };
}

function ollamaEmbeddings(body: Body): Json {
  const texts = textsIn(body["input"]);
  const embedded = texts.map((text) => vectorOf(text, Number(body["dimensions"] ?? 8)));
  const tokens = countTokens(texts.join(" "));
  return { model: body["model"], embeddings: embedded, prompt_eval_count: tokens };
}

function geminiEmbeddings(body: Body): Json {
  const requests = asList(body["requests"]).map(asObject);
  const embedded = requests.map((one) => ({
    values: vectorOf(JSON.stringify(one["content"]), Number(one["outputDimensionality"] ?? 8)),
  }));
  const text = requests.map((one) => textOf(asObject(one["content"])["parts"])).join(" ");
  return { embeddings: embedded, usageMetadata: { promptTokenCount: countTokens(text) } };
}

function completion(body: Body): Json {
  const tokens = countTokens(String(body["prompt"]));
  const choice = { text: " Paris.", index: 0, logprobs: null, finish_reason: "stop" };
  return {
    id: "cmpl-scripted",
    object: "text_completion",
    created: 1_790_000_000,
    model: body["model"],
    choices: [choice],
    usage: { prompt_tokens: tokens, completion_tokens: 2, total_tokens: tokens + 2 },
  };
}

const images = (): Json => ({ created: 1_790_000_000, data: [{ b64_json: png }] });
const counted = (api: Heard["api"], body: Body): number =>
  countTokens(wishesOf({ api, body }).prompt);

/** By how the path ends. */
export const plainEndpoints: readonly (readonly [RegExp, (body: Body) => Json | Buffer])[] = [
  [/\/messages\/count_tokens$/, (body) => ({ input_tokens: counted("messages", body) })],
  [
    /\/responses\/input_tokens$/,
    (body) => ({ object: "response.input_tokens", input_tokens: counted("responses", body) }),
  ],
  [
    /:countTokens$/,
    (body) => ({
      totalTokens: counted("gemini", asObject(body["generateContentRequest"] ?? body)),
    }),
  ],
  [/\/embeddings$/, embeddings],
  [/:batchEmbedContents$/, geminiEmbeddings],
  [/\/v2\/embed$/, cohereEmbeddings],
  [/\/api\/embed$/, ollamaEmbeddings],
  [/\/rerank$/, rerank],
  [/:embedContent$/, (body) => ({ embedding: { values: vectorOf(JSON.stringify(body), 8) } })],
  [/[^t]\/completions$/, completion],
  [/\/images\/(?:generations|edits|variations)$/, images],
  [/\/audio\/speech$/, () => sound],
  [/\/audio\/(?:transcriptions|translations)$/, () => ({ text: "Hello." })],
  [
    /\/moderations$/,
    (body) => ({
      id: "modr-scripted",
      model: body["model"],
      results: [{ flagged: false, categories: {}, category_scores: {} }],
    }),
  ],
];
