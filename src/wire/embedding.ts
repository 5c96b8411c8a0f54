/** A request for embeddings and its reply in our own shape. Used only between two different dialects. */
import type { Usage } from "./usage.ts";

/** A text, or a text given as tokens of the model. */
export type EmbeddingInput = string | readonly number[];

/** What the vectors are for; the names say it as most vendors do. */
export type EmbeddingTask =
  | "query"
  | "document"
  | "similarity"
  | "classification"
  | "clustering"
  | "question"
  | "fact"
  | "code-query";

/** What of a request not every vendor can do; dropped and named where it cannot. */
export type EmbeddingWish = "dimensions" | "task" | "title" | "endUser" | "truncate";

export interface EmbeddingRequest {
  /** Name the caller asked for; encoders send the target's. */
  readonly model: string;
  /** At least one. */
  readonly inputs: readonly EmbeddingInput[];
  /** Where each input stands in the caller's body (`input[2]`), for refusals. */
  readonly paths: readonly string[];
  /** Length of the vectors; null: the model's own. */
  readonly dimensions: number | null;
  readonly task: EmbeddingTask | null;
  /** Title of the document; goes with the task `document`. */
  readonly title: string | null;
  /** What to do with inputs that are too long; null: not said. */
  readonly truncate: "none" | "start" | "end" | null;
  /** How the caller wants its vectors written. */
  readonly form: "numbers" | "base64";
  readonly endUser: string | null;
  /** The caller's own names of what it wished for. */
  readonly named: Readonly<Partial<Record<EmbeddingWish, string>>>;
}

export interface EmbeddingReply {
  /** The upstream's own name of the model; null: it told none. */
  readonly model: string | null;
  /** In the order of the inputs. */
  readonly vectors: readonly (readonly number[])[];
  readonly usage: Usage | null;
}
