/**
 * Embeddings of Google Cloud: `:predict` of the models that embed texts, `:embedContent` of the newer ones.
 * docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api and the reference of
 * PredictionService.EmbedContent, autumn 2026.
 */
import type { JsonObject } from "../../core/json-value.ts";
import type { EmbeddingReply, EmbeddingRequest } from "../../wire/embedding.ts";
import type { EmbeddingCodec, EncodedEmbedding } from "../embedding-codec.ts";
import {
  droppedWishes,
  inputUsage,
  oneInput,
  textInputs,
  wholeVectors,
} from "../embedding-vectors.ts";
import { fieldsOf, findCount, listOf } from "../loose-fields.ts";
import { taskWord } from "./embeddings.ts";
import { decodeReplyError } from "./errors.ts";
import { bareModel } from "./model-name.ts";

/** What these APIs can say of cutting: at the end, or not at all. */
function encodeTruncate({ truncate }: EmbeddingRequest): boolean | null {
  return truncate === "none" || truncate === "end" ? truncate === "end" : null;
}

function encodeWishes(request: EmbeddingRequest): {
  readonly task: string | null;
  readonly title: string | null;
  readonly cuts: boolean | null;
  readonly dropped: readonly string[];
} {
  const { task, title } = request;
  const cuts = encodeTruncate(request);
  const lost = [
    "endUser" as const,
    ...(cuts === null ? (["truncate"] as const) : []),
    // Google takes titles only of documents.
    ...(task === "document" ? [] : (["title"] as const)),
  ];
  return {
    task: task === null ? null : taskWord(task),
    title: task === "document" ? title : null,
    cuts,
    dropped: droppedWishes(request, lost),
  };
}

/** Of the models behind `:predict` this one takes a single text. */
const singles = /^gemini-embedding/;

function encodePredict(request: EmbeddingRequest, model: string): EncodedEmbedding {
  const { dimensions } = request;
  const { task, title, cuts, dropped } = encodeWishes(request);
  const texts = singles.test(bareModel(model)) ? [oneInput(request)] : textInputs(request);
  const instances = texts.map((content) => ({
    content,
    ...(task === null ? {} : { task_type: task }),
    ...(title === null ? {} : { title }),
  }));
  const parameters = {
    ...(cuts === null ? {} : { autoTruncate: cuts }),
    ...(dimensions === null ? {} : { outputDimensionality: dimensions }),
  };
  const told = Object.keys(parameters).length === 0 ? {} : { parameters };
  return { body: { instances, ...told }, dropped };
}

function decodePredictions(body: JsonObject, inputs: number): EmbeddingReply {
  const embeddings = listOf(body["predictions"]).map((one) =>
    fieldsOf(fieldsOf(one)["embeddings"]),
  );
  const counts = embeddings.map(
    ({ statistics }) => findCount(fieldsOf(statistics)["token_count"]) ?? 0,
  );
  const vectors = embeddings.map(({ values }) => values);
  const tokens = counts.reduce((sum, count) => sum + count, 0);
  const usage = inputUsage({ token_count: tokens }, "token_count");
  return { model: null, vectors: wholeVectors(vectors, inputs), usage };
}

function encodeContent(request: EmbeddingRequest): EncodedEmbedding {
  const { dimensions } = request;
  const { task, title, cuts, dropped } = encodeWishes(request);
  const body = {
    content: { parts: [{ text: oneInput(request) }] },
    ...(task === null ? {} : { taskType: task }),
    ...(title === null ? {} : { title }),
    ...(cuts === null ? {} : { autoTruncate: cuts }),
    ...(dimensions === null ? {} : { outputDimensionality: dimensions }),
  };
  return { body, dropped };
}

function decodeContent(body: JsonObject, inputs: number): EmbeddingReply {
  const { values } = fieldsOf(body["embedding"]);
  const usage = inputUsage(body["usageMetadata"], "promptTokenCount");
  return { model: null, vectors: wholeVectors([values], inputs), usage };
}

const decodeError = (body: Buffer): ReturnType<typeof decodeReplyError> =>
  decodeReplyError(body.toString());

export const vertexPredict: EmbeddingCodec = {
  front: null,
  upstream: { encodeRequest: encodePredict, decodeReply: decodePredictions, decodeError },
};

export const vertexEmbed: EmbeddingCodec = {
  front: null,
  upstream: { encodeRequest: encodeContent, decodeReply: decodeContent, decodeError },
};
