/** OpenAI's embeddings, for callers and upstreams. */
import type { JsonObject } from "../../core/json-value.ts";
import type {
  EmbeddingInput,
  EmbeddingReply,
  EmbeddingRequest,
  EmbeddingWish,
} from "../../wire/embedding.ts";
import type { EmbeddingCodec, EmbeddingContext, EncodedEmbedding } from "../embedding-codec.ts";
import { droppedWishes, inputUsage, packVector, wholeVectors } from "../embedding-vectors.ts";
import { refuse } from "../refuse.ts";
import { fieldsOf, findCount, findText, listOf } from "../loose-fields.ts";

/** Most inputs of one request, as OpenAI has it. */
const maxInputs = 2048;

function isTokens(value: unknown): value is number[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    (value as unknown[]).every(
      (one) => typeof one === "number" && Number.isInteger(one) && one >= 0,
    )
  );
}

function decodeInput(value: unknown, field: string): EmbeddingInput {
  if (typeof value === "string" && value !== "") return value;
  if (isTokens(value)) return value;
  throw refuse(field, "must be a text that is not empty, or a list of tokens");
}

interface Inputs {
  readonly inputs: EmbeddingInput[];
  readonly paths: string[];
}

/** One text, one list of tokens, or a list of either. */
function decodeInputs(value: unknown): Inputs {
  if (value === undefined || value === null) throw refuse("input", "is missing");
  if (typeof value === "string" || isTokens(value))
    return { inputs: [decodeInput(value, "input")], paths: ["input"] };
  if (!Array.isArray(value)) throw refuse("input", "must be a text or a list of texts");
  const items = value as unknown[];
  if (items.length === 0) throw refuse("input", "must hold at least one text");
  if (items.length > maxInputs) throw refuse("input", `must hold at most ${maxInputs} texts`);
  const paths = items.map((_item, index) => `input[${index}]`);
  return { inputs: items.map((item, index) => decodeInput(item, paths[index] ?? "")), paths };
}

function decodeDimensions(value: unknown): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value === "number" && Number.isInteger(value) && value > 0) return value;
  throw refuse("dimensions", "must be a whole number above 0");
}

function decodeForm(value: unknown): EmbeddingRequest["form"] {
  if (value === undefined || value === null || value === "float") return "numbers";
  if (value === "base64") return "base64";
  throw refuse("encoding_format", "must be `float` or `base64`");
}

function decodeRequest(body: JsonObject, { model }: EmbeddingContext): EmbeddingRequest {
  const { input, dimensions, encoding_format: form, user } = body;
  if (user !== undefined && user !== null && typeof user !== "string")
    throw refuse("user", "must be a string");
  const length = decodeDimensions(dimensions);
  const named: Partial<Record<EmbeddingWish, string>> = {
    ...(length === null ? {} : { dimensions: "dimensions" }),
    ...(typeof user === "string" ? { endUser: "user" } : {}),
  };
  return {
    model,
    ...decodeInputs(input),
    dimensions: length,
    task: null,
    title: null,
    truncate: null,
    form: decodeForm(form),
    endUser: typeof user === "string" ? user : null,
    named,
  };
}

function encodeReply(
  { vectors, usage }: EmbeddingReply,
  { form }: EmbeddingRequest,
  { model }: EmbeddingContext,
): JsonObject {
  const tokens = usage === null ? 0 : usage.input + usage.cacheRead;
  return {
    object: "list",
    data: vectors.map((vector, index) => ({
      object: "embedding",
      index,
      embedding: form === "base64" ? packVector(vector) : vector,
    })),
    model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

/** Numbers are what all vendors of this dialect write unasked; not all take a wish for them. */
function encodeRequest(request: EmbeddingRequest, model: string): EncodedEmbedding {
  const { inputs, dimensions, endUser } = request;
  const body = {
    model,
    input: inputs.map((input) => (typeof input === "string" ? input : [...input])),
    ...(dimensions === null ? {} : { dimensions }),
    ...(endUser === null ? {} : { user: endUser }),
  };
  return { body, dropped: droppedWishes(request, ["task", "title", "truncate"]) };
}

function indexOf(item: unknown): number {
  return findCount(fieldsOf(item)["index"]) ?? 0;
}

function decodeReply(body: JsonObject, inputs: number): EmbeddingReply {
  const items = listOf(body["data"]).toSorted((left, right) => indexOf(left) - indexOf(right));
  return {
    model: findText(body["model"]),
    vectors: wholeVectors(
      items.map((item) => fieldsOf(item)["embedding"]),
      inputs,
    ),
    usage: inputUsage(body["usage"], "prompt_tokens", "total_tokens"),
  };
}

export const openaiEmbeddings: EmbeddingCodec = {
  front: { decodeRequest, encodeReply },
  upstream: { encodeRequest, decodeReply },
};
