/** Rerank as Jina has it (`POST /v1/rerank`), joined into one dialect. */
import { splice } from "../../core/json.ts";
import type { Dialect } from "../contract.ts";
import { memberEdits } from "../member-edits.ts";
import { renderModel, renderModels } from "../openai-models.ts";
import { parseRerank, readNoEvent, readRerankReply, rerankTextBytes } from "../rerank-shape.ts";
import { decodeError, renderError } from "./errors.ts";
import { rerankFront } from "./rerank.ts";

const reservedParameters: readonly string[] = ["model"];

export const jina: Dialect = {
  id: "jina-v1",
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
  renderModels,
  renderModel,
};
