/**
 * A conversation as the body of Replicate's `POST /v1/predictions`. `version` takes `owner/name`, `owner/name:version`
 * and a version's id alike (replicate.com/changelog/2025-08-05-run-all-models-with-the-same-api-endpoint).
 */
import type { JsonObject } from "../../core/json-value.ts";
import type { Conversation } from "../../wire/conversation.ts";
import type { EncodeTarget } from "../codec.ts";
import { fieldFault } from "../refuse.ts";
import { type Family, familyOf, knobs } from "./families.ts";
import { joinInstructions, renderPrompt } from "./prompt.ts";

/** Instructions in the model's own input; where it has none, or nothing else is said, in the prompt. */
function encodeWords(conversation: Conversation, family: Family): JsonObject {
  const system = joinInstructions(conversation.system);
  const prompt = renderPrompt(conversation);
  if (family.system !== null && system !== "" && prompt !== "")
    return { prompt, [family.system]: system };
  return { prompt: [system, prompt].filter((text) => text !== "").join("\n\n") };
}

function encodeSampling({ sampling }: Conversation, { takes }: Family): JsonObject {
  const { temperature, topP, topK, seed, presencePenalty, frequencyPenalty } = sampling;
  const all = [
    ["temperature", "temperature", temperature],
    ["top-p", "top_p", topP],
    ["top-k", "top_k", topK],
    ["seed", "seed", seed],
    ["penalties", "presence_penalty", presencePenalty],
    ["penalties", "frequency_penalty", frequencyPenalty],
  ] as const;
  return Object.fromEntries(
    all.flatMap(([feature, name, value]) =>
      value === undefined || !takes.includes(feature) ? [] : [[name, value]],
    ),
  );
}

/** One text with commas between, so that none can stand within. */
function encodeStop({ sampling, uses }: Conversation, { takes }: Family): JsonObject {
  const { stop = [] } = sampling;
  if (stop.length === 0) return {};
  const field = uses.find(({ feature }) => feature === "stop-sequences")?.field ?? "stop";
  if (!takes.includes("stop-sequences"))
    throw fieldFault(field, `\`${field}\`: the upstream of this model knows no stop sequences`);
  if (stop.some((sequence) => sequence.includes(",")))
    throw fieldFault(field, `\`${field}\`: the upstream of this model takes none with a comma`);
  return { stop_sequences: stop.join(",") };
}

/** Raised to the least that the model takes: it would refuse to answer at all. */
function encodeLimit({ maxOutputTokens }: Conversation, family: Family): JsonObject {
  if (maxOutputTokens === null) return {};
  const told = Math.max(maxOutputTokens, family.leastLimit);
  return Object.fromEntries(family.limit.map((name) => [name, told]));
}

/** Sampling that the model at hand has no input for, and a limit lower than it takes. */
export function droppedBy(
  { uses, maxOutputTokens }: Conversation,
  { model }: EncodeTarget,
): readonly string[] {
  const { takes, leastLimit } = familyOf(model);
  const isKnob = (feature: string): boolean => (knobs as readonly string[]).includes(feature);
  const fields = uses
    .filter(({ feature }) => isKnob(feature) && !takes.includes(feature))
    .map(({ field }) => field);
  return (maxOutputTokens ?? leastLimit) < leastLimit ? [...fields, "max_tokens"] : fields;
}

/** Encodes a request; see codec.ts. Throws `invalid_request` for media, calls of tools and unknown stop sequences. */
export function encodeRequest(conversation: Conversation, { model }: EncodeTarget): JsonObject {
  const family = familyOf(model);
  return {
    version: model,
    input: {
      ...encodeWords(conversation, family),
      ...encodeLimit(conversation, family),
      ...encodeSampling(conversation, family),
      ...encodeStop(conversation, family),
    },
  };
}
