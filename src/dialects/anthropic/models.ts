/** Lists models, and tells token counts, in Anthropic's shape. */
import type { JsonObject } from "../../core/json-value.ts";
import type { ListedModel, ModelPage, RenderedReply } from "../contract.ts";

/** Models have no birthday here; clients only need the same time each time. */
const createdAt = "2023-11-14T22:13:20Z";

function shape(model: ListedModel): JsonObject {
  return { type: "model", id: model.id, display_name: model.id, created_at: createdAt };
}

function reply(value: JsonObject): RenderedReply {
  const body = Buffer.from(JSON.stringify(value));
  const headers = {
    "content-type": "application/json; charset=utf-8",
    "content-length": String(body.length),
  };
  return { status: 200, headers, body };
}

export function renderModels(models: readonly ListedModel[], page?: ModelPage): RenderedReply {
  return reply({
    data: models.map(shape),
    has_more: page?.hasMore ?? false,
    first_id: models[0]?.id ?? null,
    last_id: models.at(-1)?.id ?? null,
  });
}

export function renderModel(model: ListedModel): RenderedReply {
  return reply(shape(model));
}

/** The answer of `count_tokens`, counted by us for upstreams that cannot. */
export function renderTokenCount(inputTokens: number): RenderedReply {
  return reply({ input_tokens: inputTokens });
}
