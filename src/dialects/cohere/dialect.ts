/** Rerank as Cohere has it (`POST /v2/rerank`), joined into one dialect; its chat is spoken to upstreams alone. */
import type { ListedModel, RenderedReply } from "../contract.ts";
import { makeRerankDialect } from "../rerank-dialect.ts";
import { decodeError, renderError } from "./errors.ts";
import { rerankFront } from "./rerank.ts";

function shape(model: ListedModel): object {
  return { name: model.id, endpoints: ["rerank"], finetuned: false };
}

function renderJson(value: object): RenderedReply {
  const body = Buffer.from(JSON.stringify(value));
  const headers = { "content-type": "application/json", "content-length": String(body.length) };
  return { status: 200, headers, body };
}

export const cohere = makeRerankDialect({
  id: "cohere-v2",
  media: rerankFront,
  readError: decodeError,
  renderError,
  renderModels: (models) => renderJson({ models: models.map(shape) }),
  renderModel: (model) => renderJson(shape(model)),
});
