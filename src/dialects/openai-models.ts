/** Lists models in OpenAI's shape; shared by its two dialects. */
import type { ListedModel, RenderedReply } from "./contract.ts";

/** Models have no birthday here; clients only need the same number each time. */
const createdS = 1_700_000_000;

function shape(model: ListedModel): object {
  return { id: model.id, object: "model", created: createdS, owned_by: model.ownedBy };
}

function reply(value: object): RenderedReply {
  const body = Buffer.from(JSON.stringify(value));
  const headers = {
    "content-type": "application/json; charset=utf-8",
    "content-length": String(body.length),
  };
  return { status: 200, headers, body };
}

export function renderModels(models: readonly ListedModel[]): RenderedReply {
  return reply({ object: "list", data: models.map(shape) });
}

export function renderModel(model: ListedModel): RenderedReply {
  return reply(shape(model));
}
