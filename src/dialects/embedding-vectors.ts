/** Vectors and their inputs, as all dialects of embeddings have them. */
import { GatewayError } from "../core/errors.ts";
import type { EmbeddingInput, EmbeddingRequest, EmbeddingWish } from "../wire/embedding.ts";
import type { Usage } from "../wire/usage.ts";
import { fieldsOf } from "./loose-fields.ts";
import { makeUsage } from "./make-usage.ts";
import { refuse } from "./refuse.ts";
import { makeUsageReader } from "./usage-number.ts";

/** The inputs as texts, for vendors that take no tokens. */
export function textInputs({ inputs, paths }: EmbeddingRequest): string[] {
  return inputs.map((input: EmbeddingInput, index) => {
    if (typeof input === "string") return input;
    const mend = "is given as tokens, which the upstream of this model cannot read; send the text";
    throw refuse(paths[index] ?? "input", mend);
  });
}

/** The only input, for vendors that take one text a request. */
export function oneInput(request: EmbeddingRequest): string {
  const [first = ""] = textInputs(request);
  const surplus = request.paths[1];
  if (request.inputs.length === 1) return first;
  const mend = "is one too many: the upstream of this model embeds one text a request";
  throw refuse(surplus ?? "input", mend);
}

/** The caller's names of the wishes that are made and cannot be told. */
export function droppedWishes(
  request: EmbeddingRequest,
  wishes: readonly EmbeddingWish[],
): string[] {
  return wishes.flatMap((wish) => request.named[wish] ?? []);
}

/** Four-byte floats, little end first, as base64. */
export function packVector(vector: readonly number[]): string {
  const bytes = Buffer.allocUnsafe(vector.length * 4);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString("base64");
}

function unpackVector(text: string): number[] {
  const bytes = Buffer.from(text, "base64");
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_none, index) =>
    bytes.readFloatLE(index * 4),
  );
}

/** A vector as upstreams write it: numbers, or packed. Undefined: none. */
function readVector(value: unknown): number[] | undefined {
  if (typeof value === "string" && value !== "") return unpackVector(value);
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const vector = value as unknown[];
  return vector.every((one): one is number => typeof one === "number") ? vector : undefined;
}

/** One vector for each input, or `upstream_invalid`. */
export function wholeVectors(values: readonly unknown[], inputs: number): number[][] {
  const vectors = values.map(readVector).filter((vector) => vector !== undefined);
  if (vectors.length === inputs) return vectors;
  throw new GatewayError("upstream_invalid", `${vectors.length} vectors came for ${inputs} inputs`);
}

/** Usage of embeddings, which have only input, by the first of the named members; null where no count was told. */
export function inputUsage(told: unknown, ...names: readonly string[]): Usage | null {
  const fields = fieldsOf(told);
  const reader = makeUsageReader();
  const inputImage = reader.count(fields, "image_tokens") ?? 0;
  const input = reader.count(fields, ...names) ?? 0;
  // Cohere counts pictures beside the text.
  const all = names.includes("input_tokens") ? input + inputImage : input;
  return makeUsage({ input: all, kinds: { inputImage }, raw: told }, reader);
}
