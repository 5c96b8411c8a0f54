/** Rerank as Cohere has it (`POST /v2/rerank`), joined into one dialect; its chat is spoken to upstreams alone. */
import { splice } from "../../core/json.ts";
import type { Dialect, ListedModel, RenderedReply } from "../contract.ts";
import { memberEdits } from "../member-edits.ts";
import { parseRerank, readNoEvent, readRerankReply, rerankTextBytes } from "../rerank-shape.ts";
import { decodeError, renderError } from "./errors.ts";
import { rerankFront } from "./rerank.ts";

const reservedParameters: readonly string[] = ["model"];

function shape(model: ListedModel): object {
  return { name: model.id, endpoints: ["rerank"], finetuned: false };
}

function renderJson(value: object): RenderedReply {
  const body = Buffer.from(JSON.stringify(value));
  const headers = { "content-type": "application/json", "content-length": String(body.length) };
  return { status: 200, headers, body };
}

export const cohere: Dialect = {
  id: "cohere-v2",
  front: null,
  media: rerankFront,
  reservedParameters,
  parse: parseRerank,
  edit: (body, facts, edits) => splice(body, memberEdits(body, facts, edits, reservedParameters)),
  makeEventReader: () => readNoEvent,
  eventModel: () => null,
  eventUsage: (_event, earlier) => earlier,
  eventError: decodeError,
  readReply: readRerankReply,
  readError: decodeError,
  textBytes: rerankTextBytes,
  renderError,
  renderErrorEvent: (error, telling) => renderError(error, telling).body,
  ping: Buffer.alloc(0),
  renderModels: (models) => renderJson({ models: models.map(shape) }),
  renderModel: (model) => renderJson(shape(model)),
};
