/** Tells a whole reply as a message. Promise kept here: its content is what a caller can send back unchanged. */
import type { Json, JsonObject } from "../../core/json-value.ts";
import type { ChatReply, Finish, ReplyChoice } from "../../wire/chat-reply.ts";
import type {
  AssistantPart,
  ReasoningPart,
  TextPart,
  ToolCallPart,
} from "../../wire/conversation.ts";
import { noUsage } from "../../wire/usage.ts";
import { fitToolCallId } from "../call-ids.ts";
import { packForCall, unsignedSlot, writeCarried } from "../carried.ts";
import type { ReplyContext } from "../codec.ts";
import { encodeCitation } from "./citations.ts";
import { inputOf } from "./cut-json.ts";
import { encodeUsage } from "./usage.ts";

const dialect = "anthropic-messages";

/** Ids that Anthropic takes back; others are changed here once, for good. */
export function encodeCallId(id: string): string {
  return fitToolCallId(id, /^[a-zA-Z0-9_-]+$/u);
}

function encodeText(part: TextPart): JsonObject[] {
  if (part.text === "") return [];
  const { citations } = part;
  const cited = citations === undefined ? {} : { citations: citations.map(encodeCitation) };
  return [{ type: "text", text: part.text, ...cited }];
}

function encodeThought(part: ReasoningPart): JsonObject[] {
  const { carried, text } = part;
  if (carried === undefined && (part.redacted === true || text === "")) return [];
  const signature = carried === undefined ? unsignedSlot : writeCarried(carried, dialect);
  return part.redacted === true
    ? [{ type: "redacted_thinking", data: signature }]
    : [{ type: "thinking", thinking: text, signature }];
}

/** A thought that only carries what the upstream wants back with a call. */
export function thoughtOfCall({ id, carried }: Pick<ToolCallPart, "id" | "carried">): JsonObject[] {
  if (carried === undefined) return [];
  const signature = packForCall(carried, encodeCallId(id));
  return [{ type: "thinking", thinking: "", signature }];
}

function encodeCall(part: ToolCallPart): JsonObject[] {
  const input = part.custom === true ? { input: part.arguments } : inputOf(part.arguments);
  const block = { type: "tool_use", id: encodeCallId(part.id), name: part.name, input };
  return [...thoughtOfCall(part), block];
}

/** The blocks that tell one part; none where the dialect has nothing for it (pictures made by the model). */
export function encodePart(part: AssistantPart): JsonObject[] {
  switch (part.kind) {
    case "text":
      return encodeText(part);
    case "refusal":
      return encodeText({ kind: "text", text: part.text });
    case "reasoning":
      return encodeThought(part);
    case "tool-call":
      return encodeCall(part);
    case "foreign":
      return part.dialect === dialect ? [part.value] : [];
    default:
      return [];
  }
}

const stopReasons = {
  stop: "end_turn",
  "stop-sequence": "stop_sequence",
  length: "max_tokens",
  context: "model_context_window_exceeded",
  "tool-calls": "tool_use",
  "content-filter": "refusal",
  refusal: "refusal",
  pause: "pause_turn",
  "tool-error": "end_turn",
  other: "end_turn",
} as const;

/** What was seen of an answer that its end depends on. */
export interface Seen {
  readonly calls: boolean;
  readonly refusal: boolean;
}

function stopReason(finish: Finish, seen: Seen): string {
  const told = stopReasons[finish.reason];
  if (told === "end_turn" && seen.refusal) return "refusal";
  // Some vendors say `stop` after calls, or tell of calls that they never made; Anthropic means what it says.
  const unsaid = finish.raw !== "end_turn" && finish.reason !== "tool-error";
  if (told === "end_turn" && seen.calls && unsaid) return "tool_use";
  return told === "tool_use" && !seen.calls ? "end_turn" : told;
}

/** The members of a message that tell why it ended. */
export function encodeFinish(finish: Finish, seen: Seen): Readonly<Record<string, Json>> {
  const reason = stopReason(finish, seen);
  const refused = reason === "refusal";
  return {
    stop_reason: reason,
    stop_sequence: reason === "stop_sequence" ? finish.stopSequence : null,
    stop_details: refused
      ? { type: "refusal", category: null, explanation: finish.detail ?? null }
      : null,
  };
}

/** The reply's own id. */
export function messageId(context: ReplyContext): string {
  return context.replyId ?? `msg_${context.callId}`;
}

const nothingSaid: ReplyChoice = {
  index: 0,
  parts: [],
  finish: { reason: "other", stopSequence: null, raw: null },
  logprobs: null,
};

/** The first choice as a message: the dialect has no place for others, and its callers cannot ask for them. */
export function encodeReply(reply: ChatReply, context: ReplyContext): JsonObject {
  const choice = reply.choices[0] ?? nothingSaid;
  const seen = {
    calls: choice.parts.some(({ kind }) => kind === "tool-call"),
    refusal: choice.parts.some(({ kind }) => kind === "refusal"),
  };
  const usage = reply.usage ?? { ...noUsage, input: context.inputTokensEstimate };
  return {
    id: messageId(context),
    type: "message",
    role: "assistant",
    model: context.model,
    content: choice.parts.flatMap(encodePart),
    ...encodeFinish(choice.finish, seen),
    usage: encodeUsage(usage, reply.serviceTier),
  };
}
