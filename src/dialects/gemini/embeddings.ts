/** Google's embeddings: `embedContent` (one input) and `batchEmbedContents` for callers, the latter for upstreams. */
import type { JsonObject } from "../../core/json-value.ts";
import type {
  EmbeddingReply,
  EmbeddingRequest,
  EmbeddingTask,
  EmbeddingWish,
} from "../../wire/embedding.ts";
import type { EmbeddingCodec, EmbeddingContext, EncodedEmbedding } from "../embedding-codec.ts";
import { droppedWishes, inputUsage, textInputs, wholeVectors } from "../embedding-vectors.ts";
import { fieldsOf, listOf } from "../loose-fields.ts";
import { fullModel } from "./model-name.ts";
import { at, integerAt, itemsOf, refuse, type Spot, stringAt, wordAt } from "./request-spots.ts";

/** Most inputs of one batch, as Google has it. */
const maxInputs = 100;

const tasks = {
  RETRIEVAL_QUERY: "query",
  RETRIEVAL_DOCUMENT: "document",
  SEMANTIC_SIMILARITY: "similarity",
  CLASSIFICATION: "classification",
  CLUSTERING: "clustering",
  QUESTION_ANSWERING: "question",
  FACT_VERIFICATION: "fact",
  CODE_RETRIEVAL_QUERY: "code-query",
} as const satisfies Readonly<Record<string, EmbeddingTask>>;

/** Google's word for a use. */
export function taskWord(task: EmbeddingTask): string {
  return Object.entries(tasks).find(([, meaning]) => meaning === task)?.[0] ?? "";
}

interface Decoded {
  readonly text: string;
  readonly path: string;
  readonly dimensions: number | null;
  readonly task: EmbeddingTask | null;
  readonly title: string | null;
  readonly named: Partial<Record<EmbeddingWish, string>>;
}

function decodeText(content: Spot): string {
  const parts = at(content, "parts");
  if (parts === undefined) throw refuse(content, "needs `parts`");
  const texts = itemsOf(parts).map((part) => {
    const text = at(part, "text");
    if (text === undefined)
      throw refuse(part, "must hold `text`; other kinds cannot be translated");
    return stringAt(text);
  });
  const joined = texts.join("\n");
  if (joined === "") throw refuse(content, "must hold a text that is not empty");
  return joined;
}

function decodeTask(spot: Spot): EmbeddingTask | null {
  return stringAt(spot) === "TASK_TYPE_UNSPECIFIED" ? null : wordAt(spot, tasks);
}

/** One request, alone or of a batch. Newer clients put the wishes into a config of their own. */
function decodeOne(spot: Spot): Decoded {
  const content = at(spot, "content");
  if (content === undefined)
    throw refuse(
      { value: null, path: `${spot.path === "" ? "" : `${spot.path}.`}content` },
      "is missing",
    );
  const config = at(spot, "embedContentConfig") ?? spot;
  const [task, title] = [at(config, "taskType"), at(config, "title")];
  const dimensions = at(config, "outputDimensionality");
  return {
    text: decodeText(content),
    path: content.path,
    dimensions: dimensions === undefined ? null : integerAt(dimensions, 1, 65_536),
    task: task === undefined ? null : decodeTask(task),
    title: title === undefined ? null : stringAt(title),
    named: {
      ...(dimensions === undefined ? {} : { dimensions: dimensions.path }),
      ...(task === undefined ? {} : { task: task.path }),
      ...(title === undefined ? {} : { title: title.path }),
    },
  };
}

function decodeBatch(outer: Spot): Decoded[] {
  const requests = at(outer, "requests");
  if (requests === undefined) throw refuse({ value: null, path: "requests" }, "is missing");
  const items = itemsOf(requests);
  if (items.length === 0) throw refuse(requests, "must hold at least one request");
  if (items.length > maxInputs) throw refuse(requests, `must hold at most ${maxInputs} requests`);
  return items.map(decodeOne);
}

/** Other vendors embed all inputs of a request alike. */
function checkAlike(all: readonly Decoded[], first: Decoded): void {
  for (const [index, one] of all.entries())
    if (one.dimensions !== first.dimensions || one.task !== first.task) {
      const path = `requests[${index}]`;
      const mend =
        "differs in `taskType` or `outputDimensionality` from the first request, which the upstream of this model cannot do; send it by itself";
      throw refuse({ value: null, path }, mend);
    }
}

function decodeRequest(body: JsonObject, context: EmbeddingContext): EmbeddingRequest {
  const outer: Spot = { value: body, path: "" };
  const batch = context.pathAction === "batchEmbedContents" || at(outer, "requests") !== undefined;
  const all = batch ? decodeBatch(outer) : [decodeOne(outer)];
  const [first] = all;
  if (first === undefined) throw refuse({ value: null, path: "requests" }, "is empty");
  checkAlike(all, first);
  const oneTitle = all.every(({ title }) => title === first.title);
  return {
    model: context.model,
    inputs: all.map(({ text }) => text),
    paths: all.map(({ path }) => path),
    dimensions: first.dimensions,
    task: first.task,
    title: oneTitle ? first.title : null,
    truncate: null,
    form: "numbers",
    endUser: null,
    named: first.named,
  };
}

function encodeReply(
  { vectors, usage }: EmbeddingReply,
  _request: EmbeddingRequest,
  { pathAction }: EmbeddingContext,
): JsonObject {
  const tokens = usage === null ? 0 : usage.input + usage.cacheRead;
  const told = tokens === 0 ? {} : { usageMetadata: { promptTokenCount: tokens } };
  if (pathAction === "embedContent") return { embedding: { values: vectors[0] ?? [] }, ...told };
  return { embeddings: vectors.map((values) => ({ values })), ...told };
}

function encodeRequest(request: EmbeddingRequest, model: string): EncodedEmbedding {
  const { dimensions, task, title } = request;
  const wishes = {
    ...(task === null ? {} : { taskType: taskWord(task) }),
    // Google takes titles only of documents.
    ...(title === null || task !== "document" ? {} : { title }),
    ...(dimensions === null ? {} : { outputDimensionality: dimensions }),
  };
  const requests = textInputs(request).map((text) => ({
    model: fullModel(model),
    content: { parts: [{ text }] },
    ...wishes,
  }));
  const untold = title !== null && task !== "document" ? (["title"] as const) : [];
  const dropped = droppedWishes(request, ["endUser", "truncate", ...untold]);
  return { body: { requests }, dropped };
}

function decodeReply(body: JsonObject, inputs: number): EmbeddingReply {
  const single = body["embedding"];
  const embeddings = single === undefined ? listOf(body["embeddings"]) : [single];
  const vectors = embeddings.map((one) => fieldsOf(one)["values"]);
  const usage = inputUsage(body["usageMetadata"], "promptTokenCount");
  return { model: null, vectors: wholeVectors(vectors, inputs), usage };
}

export const geminiEmbeddings: EmbeddingCodec = {
  front: { decodeRequest, encodeReply },
  upstream: { encodeRequest, decodeReply },
};
