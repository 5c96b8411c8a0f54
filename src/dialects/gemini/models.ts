/** Lists models, and tells counts of tokens, in Google's shape. */
import type { ListedModel, ModelPage, RenderedReply } from "../contract.ts";
import { bareModel, fullModel } from "./model-name.ts";

const conversational = ["generateContent", "streamGenerateContent", "countTokens"];
const embedding = ["embedContent", "batchEmbedContents", "countTokens"];

/** Clients pick models by their methods; which are for embeddings only the name tells. */
function shape({ id, ownedBy }: ListedModel): object {
  return {
    name: fullModel(id),
    baseModelId: bareModel(id),
    version: "",
    displayName: bareModel(id),
    description: ownedBy === "" ? "" : `Provided by ${ownedBy}`,
    supportedGenerationMethods: /embed/i.test(id) ? embedding : conversational,
  };
}

function reply(value: object): RenderedReply {
  const body = Buffer.from(JSON.stringify(value));
  const headers = {
    "content-type": "application/json; charset=utf-8",
    "content-length": String(body.length),
  };
  return { status: 200, headers, body };
}

export function renderModels(models: readonly ListedModel[], page?: ModelPage): RenderedReply {
  const nextToken = page?.nextToken ?? null;
  return reply({
    models: models.map(shape),
    ...(nextToken !== null && { nextPageToken: nextToken }),
  });
}

export function renderModel(model: ListedModel): RenderedReply {
  return reply(shape(model));
}

/** The reply to countTokens where we count. */
export function renderTokenCount(tokens: number): RenderedReply {
  return reply({ totalTokens: tokens });
}
