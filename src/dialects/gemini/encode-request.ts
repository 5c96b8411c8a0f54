/** A conversation as a generateContent body. The model and whether to stream stand in the path, not here. */
import type { JsonObject } from "../../core/json-value.ts";
import { lookUp } from "../../core/look-up.ts";
import type {
  Conversation,
  ResponseFormat,
  Sampling,
  Tool,
  ToolChoice,
} from "../../wire/conversation.ts";
import type { EncodeTarget } from "../codec.ts";
import { encodeTurns } from "./encode-contents.ts";
import { encodeThinking, traitsOf } from "./model-traits.ts";
import { cleanParameters, cleanSchema } from "./schema-for-gemini.ts";

function encodeTool({ name, description, parameters }: Tool): JsonObject {
  const schema = cleanParameters(parameters);
  return {
    name,
    ...(description === null ? {} : { description }),
    ...(schema === undefined ? {} : { parametersJsonSchema: schema }),
  };
}

function encodeChoice(choice: ToolChoice): JsonObject {
  if (choice.kind === "auto") return { mode: "AUTO" };
  if (choice.kind === "none") return { mode: "NONE" };
  if (choice.kind === "required") return { mode: "ANY" };
  if (choice.kind === "named") return { mode: "ANY", allowedFunctionNames: [choice.name] };
  return { mode: choice.required ? "ANY" : "VALIDATED", allowedFunctionNames: [...choice.names] };
}

/** Seeds are 32 bits wide here. */
function encodeSeed(seed: number | undefined): JsonObject {
  return seed === undefined ? {} : { seed: Number(BigInt.asIntN(32, BigInt(Math.trunc(seed)))) };
}

function encodeSampling(sampling: Sampling): JsonObject {
  const { temperature, topP, topK, presencePenalty, frequencyPenalty, stop, choices } = sampling;
  const { topLogprobs } = sampling;
  return {
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(topK === undefined ? {} : { topK }),
    ...encodeSeed(sampling.seed),
    ...(presencePenalty === undefined ? {} : { presencePenalty }),
    ...(frequencyPenalty === undefined ? {} : { frequencyPenalty }),
    ...(stop === undefined ? {} : { stopSequences: [...stop] }),
    ...(choices === undefined ? {} : { candidateCount: choices }),
    ...(topLogprobs === undefined ? {} : { responseLogprobs: true }),
    ...(topLogprobs === undefined || topLogprobs === 0 ? {} : { logprobs: topLogprobs }),
  };
}

function encodeFormat(format: ResponseFormat | null): JsonObject {
  if (format === null || format.kind === "text") return {};
  const json = { responseMimeType: "application/json" };
  if (format.kind === "json") return json;
  const schema = cleanSchema(format.schema);
  const { description } = format;
  const told = description === null || schema["description"] !== undefined ? {} : { description };
  return { ...json, responseJsonSchema: { ...schema, ...told } };
}

function encodeConfig(conversation: Conversation, model: string): JsonObject {
  const { sampling, maxOutputTokens, reasoning, responseFormat, modalities } = conversation;
  const thinkingConfig = encodeThinking(reasoning, traitsOf(model));
  return {
    ...encodeSampling(sampling),
    ...(maxOutputTokens === null ? {} : { maxOutputTokens }),
    ...(thinkingConfig === undefined ? {} : { thinkingConfig }),
    ...encodeFormat(responseFormat),
    ...(modalities.length === 0
      ? {}
      : { responseModalities: ["TEXT", ...modalities.map((word) => word.toUpperCase())] }),
  };
}

const tiers: Readonly<Record<string, string>> = {
  default: "standard",
  standard: "standard",
  flex: "flex",
  priority: "priority",
  fast: "priority",
};

/** The body that is sent. */
export function encodeRequest(conversation: Conversation, target: EncodeTarget): JsonObject {
  const { tools, toolChoice, serviceTier } = conversation;
  const config = encodeConfig(conversation, target.model);
  const tier = lookUp(tiers, serviceTier);
  const choice = toolChoice === null || tools.length === 0 ? null : encodeChoice(toolChoice);
  return {
    ...encodeTurns(conversation, target.model),
    ...(tools.length === 0 ? {} : { tools: [{ functionDeclarations: tools.map(encodeTool) }] }),
    ...(choice === null ? {} : { toolConfig: { functionCallingConfig: choice } }),
    ...(Object.keys(config).length === 0 ? {} : { generationConfig: config }),
    ...(tier === undefined ? {} : { serviceTier: tier }),
  };
}
