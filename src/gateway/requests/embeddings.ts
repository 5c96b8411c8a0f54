/** Embeddings of a caller's dialect from an upstream that speaks another one. */
import type { JsonObject } from "../../core/json-value.ts";
import { findEmbeddingCodec } from "../../dialects/embedding-registry.ts";
import { findUpstreamCodec } from "../../dialects/registry.ts";
import type { CallRequest, DialectId } from "../../wire/call.ts";
import type { EmbeddingReply } from "../../wire/embedding.ts";
import { warned } from "../exchange/dropped-header.ts";
import type { Attempt, BodyTaker, Call, Settle } from "../exchange/ending.ts";
import type { EmbeddingTurn } from "../exchange/endpoint-choice.ts";
import { WholeJson } from "../exchange/whole-json.ts";

/** Whether callers of a dialect can have embeddings from an upstream of another one. */
export function translatesEmbeddings(
  target: DialectId,
  request: Pick<CallRequest, "dialect" | "operation">,
): boolean {
  return (
    request.operation === "embeddings" &&
    findEmbeddingCodec(request.dialect)?.front != null &&
    errorsOf(target) !== undefined
  );
}

/** Who reads the errors of embeddings; undefined: they are not translated. */
function errorsOf(target: DialectId): EmbeddingTurn["codec"] | undefined {
  const upstream = findEmbeddingCodec(target)?.upstream;
  if (upstream == null) return undefined;
  return upstream.decodeError === undefined
    ? findUpstreamCodec(target)
    : { decodeError: upstream.decodeError };
}

/** Undefined: they are not translated. Throws `invalid_request` naming the field. */
export function turnEmbeddings(call: Call, target: DialectId): EmbeddingTurn | undefined {
  const front = findEmbeddingCodec(call.request.dialect)?.front;
  const upstream = findEmbeddingCodec(target)?.upstream;
  const codec = errorsOf(target);
  if (front == null || upstream == null || codec === undefined) return undefined;
  const request = front.decodeRequest(call.decoded.body(), contextOf(call));
  return { front, upstream, codec, request };
}

function contextOf({ facts, request }: Call): {
  readonly model: string;
  readonly pathAction: string | null;
} {
  return { model: facts.model, pathAction: request.pathAction ?? null };
}

/** Throws `invalid_request` for inputs that the upstream's dialect cannot say. */
export function embeddingBody(turn: EmbeddingTurn, model: string): JsonObject {
  return turn.upstream.encodeRequest(turn.request, model).body;
}

export function takeEmbeddings(
  attempt: Attempt,
  turn: EmbeddingTurn,
  reply: { readonly headers: Readonly<Record<string, string>>; readonly settle: Settle },
): BodyTaker {
  const { inputs } = turn.request;
  return new WholeJson(
    {
      decode: (parsed) => turn.upstream.decodeReply(parsed, inputs.length),
      decodeError: (body) => turn.codec.decodeError(body),
      tell: (vectors) => tell(vectors, attempt, { ...reply, turn }),
    },
    reply.settle,
  );
}

function tell(
  vectors: EmbeddingReply,
  attempt: Attempt,
  told: {
    readonly turn: EmbeddingTurn;
    readonly headers: Readonly<Record<string, string>>;
    readonly settle: Settle;
  },
): void {
  const { call, candidate, shownModel } = attempt;
  const { turn } = told;
  const shown = shownModel ?? vectors.model ?? candidate.model;
  const context = { ...contextOf(call), model: shown };
  const body = Buffer.from(JSON.stringify(turn.front.encodeReply(vectors, turn.request, context)));
  const { dropped } = turn.upstream.encodeRequest(turn.request, candidate.model);
  const own = { "content-type": "application/json", "content-length": String(body.length) };
  call.reply.whole({ status: 200, headers: { ...warned(told.headers, dropped), ...own }, body });
  told.settle({
    kind: "answered",
    outcome: "complete",
    error: null,
    usage: vectors.usage,
    textBytes: 0,
    modelReported: vectors.model,
    firstContentAtMs: call.clock.monotonic(),
  });
}
