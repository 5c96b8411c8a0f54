/** A conversation as the body of Converse and ConverseStream; the model stands in the path. */
import type { JsonObject } from "../../core/json-value.ts";
import type { Conversation } from "../../wire/conversation.ts";
import type { EncodeTarget } from "../codec.ts";
import { systemAsUser } from "../system-turns.ts";
import { arrangeTurns } from "../turns.ts";
import { traitsOf } from "./families.ts";
import { planInference } from "./inference.ts";
import { encodeText, encodeTurns, settleCachePoints } from "./messages.ts";
import { planFormat } from "./output-format.ts";
import { planTools } from "./tools.ts";

/** Cache points in one request at most. */
const maxCachePoints = 4;

/** Takes out the first cache points where there are too many: the last ones cover most. */
function limitCachePoints(lists: readonly JsonObject[][]): void {
  const isPoint = (block: JsonObject): boolean => "cachePoint" in block;
  let surplus = lists.flat().filter(isPoint).length - maxCachePoints;
  for (const list of lists)
    for (let at = 0; at < list.length && surplus > 0; at += 1) {
      const block = list[at];
      if (block === undefined || !isPoint(block)) continue;
      list.splice(at, 1);
      at -= 1;
      surplus -= 1;
    }
}

/** OpenAI's words for tiers; others are not sent. */
function encodeTier(tier: string | null): JsonObject {
  if (tier === "fast") return { performanceConfig: { latency: "optimized" } };
  if (tier === "scale") return { serviceTier: { type: "reserved" } };
  return tier === "default" || tier === "flex" || tier === "priority"
    ? { serviceTier: { type: tier } }
    : {};
}

/** Characters that AWS takes in request metadata, and how many. */
const foreignCharacters = /[^a-zA-Z0-9\s:_@$#=/+,.-]/gu;
const maxMetadataLength = 256;
const maxMetadataItems = 16;

function metadataText(text: string): string {
  return text.replaceAll(foreignCharacters, "_").slice(0, maxMetadataLength);
}

function encodeMetadata(metadata: JsonObject | null): JsonObject {
  const items = Object.entries(metadata ?? {})
    .filter(([name]) => name !== "")
    .slice(0, maxMetadataItems)
    .map(([name, value]) => [
      metadataText(name),
      metadataText(typeof value === "string" ? value : JSON.stringify(value)),
    ]);
  return items.length === 0 ? {} : { requestMetadata: Object.fromEntries(items) as JsonObject };
}

/** Which sequence ended the answer is told only where it is asked for. */
function stopSequencePath(conversation: Conversation, isClaude: boolean): JsonObject {
  if (!isClaude || (conversation.sampling.stop ?? []).length === 0) return {};
  const path = conversation.stream ? "/delta/stop_sequence" : "/stop_sequence";
  return { additionalModelResponseFieldPaths: [path] };
}

function unlessEmpty(name: string, value: JsonObject): JsonObject {
  return Object.keys(value).length === 0 ? {} : { [name]: value };
}

/** Encodes a request; see codec.ts. Throws `invalid_request` for media that Converse cannot take. */
export function encodeRequest(conversation: Conversation, target: EncodeTarget): JsonObject {
  const traits = traitsOf(target.model);
  const turns = arrangeTurns(systemAsUser(conversation.messages));
  const messages = encodeTurns(turns, target, traits);
  const tools = planTools(conversation, turns, traits);
  const format = planFormat(conversation.responseFormat, traits);
  const { model } = target;
  const inference = planInference({ conversation, traits, turns, model, forced: tools.forced });
  const system = settleCachePoints(conversation.system.flatMap((part) => encodeText(part, traits)));
  system.push(...[...tools.instructions, ...format.instructions].map((text) => ({ text })));
  const toolConfig = {
    ...(tools.tools === null ? {} : { tools: tools.tools }),
    ...(tools.toolChoice === null ? {} : { toolChoice: tools.toolChoice }),
  };
  limitCachePoints([tools.tools ?? [], system, ...messages.map(({ content }) => content)]);
  return {
    messages: messages.map(({ role, content }) => ({ role, content })),
    ...(system.length === 0 ? {} : { system }),
    ...unlessEmpty("inferenceConfig", inference.inferenceConfig),
    ...unlessEmpty("toolConfig", toolConfig),
    ...unlessEmpty("additionalModelRequestFields", { ...inference.fields, ...tools.fields }),
    ...stopSequencePath({ ...conversation, stream: target.stream }, traits.claude !== null),
    ...encodeMetadata(conversation.metadata),
    ...encodeTier(conversation.serviceTier),
    ...unlessEmpty("outputConfig", {
      ...(format.textFormat === null ? {} : { textFormat: format.textFormat }),
      ...(inference.effort === null ? {} : { effort: inference.effort }),
    }),
  };
}
