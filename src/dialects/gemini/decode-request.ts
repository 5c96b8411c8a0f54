/** A generateContent request as a conversation. Promise kept here: whatever has no place in ours is noted by name. */
import type { JsonObject } from "../../core/json-value.ts";
import type { Conversation } from "../../wire/conversation.ts";
import type { FeatureId } from "../../wire/feature.ts";
import type { DecodeContext } from "../codec.ts";
import { decodeConfig, noConfig } from "./decode-config.ts";
import { decodeContents, decodeSystem } from "./decode-contents.ts";
import { decodeToolConfig, decodeTools } from "./decode-tools.ts";
import {
  at,
  note,
  objectAt,
  othersOf,
  refuse,
  type Spot,
  stringAt,
  type Uses,
} from "./request-spots.ts";

/** Members that are read below; `model` stands in the path. */
const known: readonly string[] = [
  "contents",
  "systemInstruction",
  "tools",
  "toolConfig",
  "generationConfig",
  "labels",
  "serviceTier",
  "model",
];

/** Members that are only noted, with the feature they are. */
const noted: readonly (readonly [string, FeatureId])[] = [
  ["safetySettings", "safety-settings"],
  ["cachedContent", "cached-content"],
  ["store", "store"],
];

function noteOthers(request: Spot, uses: Uses): void {
  for (const [name, feature] of noted) {
    const spot = at(request, name);
    if (spot !== undefined) note(uses, feature, spot);
  }
  const names = [...known, ...noted.map(([name]) => name)];
  for (const other of othersOf(request, names)) note(uses, "unknown-member", other);
}

function decodeTier(spot: Spot, uses: Uses): string | null {
  const word = stringAt(spot)
    .toLowerCase()
    .replace(/^service_tier_/, "");
  if (word === "" || word === "unspecified") return null;
  note(uses, "service-tier", spot);
  return word === "standard" ? "default" : word;
}

function decodeLabels(spot: Spot, uses: Uses): JsonObject {
  note(uses, "metadata", spot);
  return objectAt(spot);
}

/** Reads a request of generateContent, or of countTokens in either of its forms. */
export function decodeRequest(body: JsonObject, context: DecodeContext): Conversation {
  const outer: Spot = { value: body, path: "" };
  const request = at(outer, "generateContentRequest") ?? outer;
  const uses: Uses = [];
  const contents = at(request, "contents");
  if (contents === undefined)
    throw refuse({ value: null, path: "contents" }, "is missing; send at least one content");
  const system = at(request, "systemInstruction");
  const tools = at(request, "tools");
  const toolConfig = at(request, "toolConfig");
  const config = at(request, "generationConfig");
  const tier = at(request, "serviceTier");
  const labels = at(request, "labels");
  const decoded = config === undefined ? noConfig : decodeConfig(config, uses);
  noteOthers(request, uses);
  return {
    model: context.model,
    stream: context.stream,
    system: system === undefined ? [] : decodeSystem(system),
    messages: decodeContents(contents, uses),
    tools: tools === undefined ? [] : decodeTools(tools, uses),
    toolChoice: toolConfig === undefined ? null : decodeToolConfig(toolConfig, uses),
    parallelToolCalls: null,
    ...decoded,
    verbosity: null,
    serviceTier: tier === undefined ? null : decodeTier(tier, uses),
    endUser: null,
    metadata: labels === undefined ? null : decodeLabels(labels, uses),
    cacheKey: null,
    uses,
  };
}
