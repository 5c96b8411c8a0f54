/** A dialect that knows rerank alone: what Cohere's and Jina's callers have in common. */
import { splice } from "../core/json.ts";
import type { Dialect, EventReading } from "./contract.ts";
import { memberEdits } from "./member-edits.ts";
import { parseRerank, readRerankReply, rerankTextBytes } from "./rerank-shape.ts";

const reservedParameters: readonly string[] = ["model"];

/** No rerank API streams. */
function readNoEvent(): EventReading {
  return { kind: "preamble", hasUsage: false, textBytes: 0, modelStart: -1, modelEnd: -1 };
}

/** What differs between dialects of rerank. */
export type RerankTongue = Pick<
  Dialect,
  "id" | "media" | "readError" | "renderError" | "renderModels" | "renderModel"
>;

/** The whole dialect. */
export function makeRerankDialect(tongue: RerankTongue): Dialect {
  return {
    ...tongue,
    front: null,
    reservedParameters,
    parse: parseRerank,
    edit: (body, facts, edits) => splice(body, memberEdits(body, facts, edits, reservedParameters)),
    makeEventReader: () => readNoEvent,
    eventModel: () => null,
    eventUsage: (_event, earlier) => earlier,
    eventError: tongue.readError,
    readReply: readRerankReply,
    textBytes: rerankTextBytes,
    renderErrorEvent: (error, telling) => tongue.renderError(error, telling).body,
    ping: Buffer.alloc(0),
  };
}
