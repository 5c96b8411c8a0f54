/** A conversation as the body of Cohere's `POST /v2/chat`. */
import type { JsonObject } from "../../core/json-value.ts";
import type {
  AssistantPart,
  Conversation,
  Effort,
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
import type { Turn } from "../turns.ts";

/** Stands where Cohere wants a text and the conversation has none. */
const placeholder = "…";

function textsOf(parts: readonly { readonly kind: string }[]): string[] {
  return parts.flatMap((part) => {
    if (part.kind !== "text" && part.kind !== "refusal") return [];
    const { text } = part as TextPart;
    return text === "" ? [] : [text];
  });
}

function encodeImage(part: MediaPart): JsonObject {
  const { source } = part;
  if (part.medium !== "image" || (source.kind !== "data" && source.kind !== "url")) {
    const message = "The upstream of this model takes images, inline or by URL, and no other media";
    throw fieldFault("messages", message);
  }
  const url = source.kind === "url" ? source.url : `data:${source.mediaType};base64,${source.data}`;
  const detail = part.detail === undefined ? {} : { detail: part.detail };
  return { type: "image_url", image_url: { url, ...detail } };
}

/** A result as JSON that reads as an object goes as it is; other text becomes a document, which can be cited. */
function encodeResult(part: ToolResultPart): JsonObject {
  const text = textsOf(part.content).join("\n");
  const asIs = !part.isError && isJsonObject(text);
  const data = part.isError ? { error: text } : { result: text };
  return {
    role: "tool",
    tool_call_id: part.callId,
    content: asIs ? text : [{ type: "document", document: { data } }],
  };
}

function isJsonObject(text: string): boolean {
  if (!text.trimStart().startsWith("{")) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function encodeUser(parts: readonly (ToolResultPart | UserPart)[]): JsonObject[] {
  const results = parts.flatMap((part) =>
    part.kind === "tool-result" ? [encodeResult(part)] : [],
  );
  const content = parts.flatMap((part): JsonObject[] => {
    if (part.kind === "media") return [encodeImage(part)];
    return part.kind === "text" && part.text !== "" ? [{ type: "text", text: part.text }] : [];
  });
  if (content.length === 0)
    return results.length > 0 ? results : [{ role: "user", content: placeholder }];
  const [only] = content;
  const text = content.length === 1 ? only?.["text"] : undefined;
  return [...results, { role: "user", content: text ?? content }];
}

/** Thoughts go back to the model that had them, at the place where it looks for them. */
function thoughtsOf(
  parts: readonly AssistantPart[],
  model: string,
): { plan: string; thinking: string } {
  let plan = "";
  let thinking = "";
  for (const part of parts) {
    if (part.kind !== "reasoning" || part.carried === undefined) continue;
    if (!canRead(part.carried, "cohere-v2", model)) continue;
    if (part.carried.data === "tool_plan") plan += part.text;
    else thinking += part.text;
  }
  return { plan, thinking };
}

function encodeAssistant(parts: readonly AssistantPart[], model: string): JsonObject[] {
  const { plan, thinking } = thoughtsOf(parts, model);
  const calls = parts.flatMap((part) =>
    part.kind === "tool-call"
      ? [
          {
            id: part.id,
            type: "function",
            function: { name: part.name, arguments: part.arguments === "" ? "{}" : part.arguments },
          },
        ]
      : [],
  );
  const content = [
    ...(thinking === "" ? [] : [{ type: "thinking", thinking }]),
    ...textsOf(parts).map((text) => ({ type: "text", text })),
  ];
  if (content.length === 0 && calls.length === 0) content.push({ type: "text", text: placeholder });
  return [
    {
      role: "assistant",
      ...(content.length === 0 ? {} : { content }),
      ...(plan === "" ? {} : { tool_plan: plan }),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    },
  ];
}

function encodeSystem(parts: readonly TextPart[]): JsonObject[] {
  const content = textsOf(parts).join("\n\n");
  return content === "" ? [] : [{ role: "system", content }];
}

function encodeTurn(turn: Turn | SystemTurn, model: string): JsonObject[] {
  if (turn.role === "system") return encodeSystem(turn.parts);
  return turn.role === "user" ? encodeUser(turn.parts) : encodeAssistant(turn.parts, model);
}

function encodeTool(tool: Tool): JsonObject {
  const description = tool.description === null ? {} : { description: tool.description };
  const parameters = tool.parameters ?? { type: "object", properties: {} };
  return { type: "function", function: { name: tool.name, ...description, parameters } };
}

/** Cohere can be told to call some tool or none; to say which, only those stay that may be called. */
function encodeTools({ tools, toolChoice: choice }: Conversation): JsonObject {
  const names =
    choice?.kind === "named" ? [choice.name] : choice?.kind === "allowed" ? choice.names : null;
  const left = names === null ? tools : tools.filter(({ name }) => names.includes(name));
  if (left.length === 0) return {};
  const must =
    choice?.kind === "required" ||
    choice?.kind === "named" ||
    (choice?.kind === "allowed" && choice.required);
  const word = choice?.kind === "none" ? "NONE" : "REQUIRED";
  return {
    tools: left.map(encodeTool),
    ...(must || choice?.kind === "none" ? { tool_choice: word } : {}),
  };
}

/** Models known not to think: they refuse to be asked. */
const thoughtless =
  /^(?:command-r|command-a-03|command-a-vision|command-a-translate|command-light|c4ai|command$)/u;

const budgets: Readonly<Record<Effort, number | null>> = {
  none: 0,
  minimal: 512,
  low: 1024,
  medium: 4096,
  high: null,
  xhigh: null,
  max: null,
};

function encodeThinking(wish: ReasoningWish | null, model: string): JsonObject {
  if (wish === null || thoughtless.test(model)) return {};
  const wished = wish.effort === null ? null : budgets[wish.effort];
  const budget = wish.budgetTokens ?? wished;
  if (budget === 0) return { thinking: { type: "disabled" } };
  const limit = budget === null || budget < 0 ? {} : { token_budget: budget };
  return { thinking: { type: "enabled", ...limit } };
}

function encodeFormat(format: ResponseFormat | null): JsonObject {
  if (format === null || format.kind === "text") return {};
  const schema = format.kind === "schema" ? { json_schema: format.schema } : {};
  return { response_format: { type: "json_object", ...schema } };
}

function within(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

/** Sampling in Cohere's names and ranges. */
function encodeSampling({ sampling, maxOutputTokens }: Conversation): JsonObject {
  const { temperature, topP, topK, seed, presencePenalty, frequencyPenalty, stop } = sampling;
  return {
    ...(maxOutputTokens === null ? {} : { max_tokens: maxOutputTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { p: within(topP, 0.01, 0.99) }),
    ...(topK === undefined ? {} : { k: within(topK, 0, 500) }),
    ...(seed === undefined ? {} : { seed }),
    ...(presencePenalty === undefined ? {} : { presence_penalty: within(presencePenalty, 0, 1) }),
    ...(frequencyPenalty === undefined
      ? {}
      : { frequency_penalty: within(frequencyPenalty, 0, 1) }),
    ...(stop === undefined || stop.length === 0 ? {} : { stop_sequences: [...stop] }),
    ...(sampling.topLogprobs === undefined ? {} : { logprobs: true }),
  };
}

/** Encodes a request; see codec.ts. Throws `invalid_request` for media other than images. */
export function encodeRequest(conversation: Conversation, target: EncodeTarget): JsonObject {
  const { model } = target;
  const turns = arrangeWithSystem(conversation.messages);
  const messages = turns.flatMap((turn) => encodeTurn(turn, model));
  return {
    model,
    messages: [...encodeSystem(conversation.system), ...messages],
    stream: target.stream,
    ...encodeTools(conversation),
    ...encodeFormat(conversation.responseFormat),
    ...encodeThinking(conversation.reasoning, model),
    ...encodeSampling(conversation),
  };
}
