/** A conversation as the body of Ollama's `POST /api/chat`. */
import type { Json, JsonObject } from "../../core/json-value.ts";
import type {
  AssistantPart,
  Conversation,
  MediaPart,
  ReasoningWish,
  ResponseFormat,
  TextPart,
  Tool,
  ToolResultPart,
  UserPart,
} from "../../wire/conversation.ts";
import { canRead } from "../carried.ts";
import type { EncodeTarget } from "../codec.ts";
import { fieldFault } from "../refuse.ts";
import { arrangeWithSystem, type SystemTurn } from "../system-turns.ts";
import { argumentsObject } from "../tool-arguments.ts";
import type { Turn } from "../turns.ts";

function joinTexts(parts: readonly (TextPart | { readonly kind: string })[]): string {
  const texts = parts.flatMap((part) =>
    part.kind === "text" || part.kind === "refusal" ? [(part as TextPart).text] : [],
  );
  return texts.filter((text) => text !== "").join("\n\n");
}

/** Images travel beside the text, as base64 without a media type. */
function encodeImage(part: MediaPart): string {
  if (part.medium === "image" && part.source.kind === "data") return part.source.data;
  const message =
    part.medium === "image"
      ? "The upstream of this model cannot fetch images; send them inline, as base64"
      : `The upstream of this model takes no ${part.medium}`;
  throw fieldFault("messages", message);
}

/** Results have no ids here: they follow their calls in order, and name the tool. */
function encodeResult(part: ToolResultPart): JsonObject {
  const text = joinTexts(part.content);
  return {
    role: "tool",
    content: part.isError ? `Error: ${text}` : text,
    ...(part.name === null ? {} : { tool_name: part.name }),
  };
}

function encodeUser(parts: readonly (ToolResultPart | UserPart)[]): JsonObject[] {
  const results = parts.flatMap((part) =>
    part.kind === "tool-result" ? [encodeResult(part)] : [],
  );
  const images = parts.flatMap((part) => (part.kind === "media" ? [encodeImage(part)] : []));
  const content = joinTexts(parts);
  if (content === "" && images.length === 0 && results.length > 0) return results;
  return [...results, { role: "user", content, ...(images.length === 0 ? {} : { images }) }];
}

function encodeAssistant(parts: readonly AssistantPart[], model: string): JsonObject {
  const thinking = parts.flatMap((part) =>
    part.kind === "reasoning" &&
    part.carried !== undefined &&
    canRead(part.carried, "ollama-chat", model)
      ? [part.text]
      : [],
  );
  const calls = parts.flatMap((part) =>
    part.kind === "tool-call"
      ? [{ function: { name: part.name, arguments: argumentsObject(part.arguments) } }]
      : [],
  );
  return {
    role: "assistant",
    content: joinTexts(parts),
    ...(thinking.length === 0 ? {} : { thinking: thinking.join("") }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

function encodeSystem(parts: readonly TextPart[]): JsonObject[] {
  const content = joinTexts(parts);
  return content === "" ? [] : [{ role: "system", content }];
}

function encodeTurn(turn: Turn | SystemTurn, model: string): JsonObject[] {
  if (turn.role === "system") return encodeSystem(turn.parts);
  return turn.role === "user" ? encodeUser(turn.parts) : [encodeAssistant(turn.parts, model)];
}

function encodeTool(tool: Tool): JsonObject {
  const parameters = tool.parameters ?? { type: "object", properties: {} };
  const description = tool.description ?? "";
  return { type: "function", function: { name: tool.name, description, parameters } };
}

/** Tools that may be called, and what Ollama has no member for, told in the instructions. */
interface ToolPlan {
  readonly tools: readonly Tool[];
  readonly instructions: readonly TextPart[];
}

function mustCall(text: string): readonly TextPart[] {
  return [{ kind: "text", text }];
}

function planTools({ tools, toolChoice: choice }: Conversation): ToolPlan {
  if (choice?.kind === "none") return { tools: [], instructions: [] };
  if (choice?.kind === "named")
    return {
      tools: tools.filter(({ name }) => name === choice.name),
      instructions: mustCall(`You must call the tool ${choice.name} now.`),
    };
  const left =
    choice?.kind === "allowed" ? tools.filter(({ name }) => choice.names.includes(name)) : tools;
  const must = choice?.kind === "required" || (choice?.kind === "allowed" && choice.required);
  return { tools: left, instructions: must ? mustCall("You must call a tool now.") : [] };
}

/** Only gpt-oss knows steps; it cannot be told not to think. */
function encodeThink(wish: ReasoningWish | null, model: string): Json | undefined {
  if (wish === null) return undefined;
  const off = wish.effort === "none" || wish.budgetTokens === 0;
  if (!model.includes("gpt-oss")) return !off;
  if (off || wish.effort === "minimal" || wish.effort === "low") return "low";
  return wish.effort === null || wish.effort === "medium" ? "medium" : "high";
}

function encodeFormat(format: ResponseFormat | null): Json | undefined {
  if (format === null || format.kind === "text") return undefined;
  return format.kind === "json" ? "json" : format.schema;
}

function encodeOptions({ sampling, maxOutputTokens }: Conversation): JsonObject {
  const { temperature, topP, topK, seed, presencePenalty, frequencyPenalty, stop } = sampling;
  return {
    ...(maxOutputTokens === null ? {} : { num_predict: maxOutputTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(topK === undefined ? {} : { top_k: topK }),
    ...(seed === undefined ? {} : { seed }),
    ...(presencePenalty === undefined ? {} : { presence_penalty: presencePenalty }),
    ...(frequencyPenalty === undefined ? {} : { frequency_penalty: frequencyPenalty }),
    ...(stop === undefined || stop.length === 0 ? {} : { stop: [...stop] }),
  };
}

/** Encodes a request; see codec.ts. Throws `invalid_request` for media other than inline images. */
export function encodeRequest(conversation: Conversation, target: EncodeTarget): JsonObject {
  const { model } = target;
  const { tools, instructions } = planTools(conversation);
  const turns = arrangeWithSystem(conversation.messages);
  const think = encodeThink(conversation.reasoning, model);
  const format = encodeFormat(conversation.responseFormat);
  const options = encodeOptions(conversation);
  return {
    model,
    messages: [
      ...encodeSystem([...conversation.system, ...instructions]),
      ...turns.flatMap((turn) => encodeTurn(turn, model)),
    ],
    stream: target.stream,
    ...(tools.length === 0 ? {} : { tools: tools.map(encodeTool) }),
    ...(think === undefined ? {} : { think }),
    ...(format === undefined ? {} : { format }),
    ...(Object.keys(options).length === 0 ? {} : { options }),
  };
}
