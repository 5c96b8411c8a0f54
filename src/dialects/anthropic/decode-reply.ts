/** Reads a whole message. What only Anthropic knows is kept as it stands; what is missing or odd is passed over. */
import { GatewayError } from "../../core/errors.ts";
import { isObject, type JsonObject } from "../../core/json-value.ts";
import { lookUp } from "../../core/look-up.ts";
import type { ChatReply, Finish, FinishReason } from "../../wire/chat-reply.ts";
import type { AssistantPart, Carried, Citation } from "../../wire/conversation.ts";
import { mintToolCallId } from "../call-ids.ts";
import { issuerOf, unsignedSlot } from "../carried.ts";
import type { ReadContext } from "../codec.ts";
import { type Fields, fieldsOf, findText, listOf, textOf } from "../loose-fields.ts";
import { decodeCitation } from "./citations.ts";
import { answerTool } from "./encode-tools.ts";
import { decodeServiceTier, decodeUsage } from "./usage.ts";

const dialect = "anthropic-messages";

/** What a model of this dialect gave and wants back. */
export function carriedOf(data: string, context: ReadContext): Carried {
  return { issuer: issuerOf(dialect, context.model), data };
}

/** The id of a call: the upstream's own, else one made of the call's. */
export function callIdOf(fields: Fields, context: ReadContext, index: number): string {
  return findText(fields["id"]) ?? mintToolCallId(context.callId, index);
}

function decodeCitations(value: unknown, length: number): { readonly citations?: Citation[] } {
  const list = listOf(value).filter(isObject) as JsonObject[];
  if (list.length === 0) return {};
  // A block is cut where its sources change, so each of them stands for all of it.
  return { citations: list.map((item) => ({ ...decodeCitation(item), start: 0, end: length })) };
}

function argumentsOf(input: unknown): string {
  return typeof input === "string" ? input : JSON.stringify(input ?? {});
}

/** One block as a part; undefined for one that says nothing. */
export function decodeBlock(
  fields: Fields,
  context: ReadContext,
  index: number,
): AssistantPart | undefined {
  switch (fields["type"]) {
    case "text": {
      const text = textOf(fields["text"]);
      if (text === "") return undefined;
      return { kind: "text", text, ...decodeCitations(fields["citations"], text.length) };
    }
    case "thinking": {
      const text = textOf(fields["thinking"]);
      const signature = textOf(fields["signature"]);
      if (signature === "" || signature === unsignedSlot)
        return text === "" ? undefined : { kind: "reasoning", text };
      return { kind: "reasoning", text, carried: carriedOf(signature, context) };
    }
    case "redacted_thinking": {
      const carried = carriedOf(textOf(fields["data"]), context);
      return { kind: "reasoning", text: "", redacted: true, carried };
    }
    case "tool_use": {
      const text = argumentsOf(fields["input"]);
      if (fields["name"] === answerTool) return { kind: "text", text };
      const name = textOf(fields["name"]);
      return { kind: "tool-call", id: callIdOf(fields, context, index), name, arguments: text };
    }
    default:
      return findText(fields["type"]) === null
        ? undefined
        : { kind: "foreign", dialect, value: fields as JsonObject };
  }
}

const finishReasons: Readonly<Record<string, FinishReason>> = {
  end_turn: "stop",
  stop_sequence: "stop-sequence",
  max_tokens: "length",
  model_context_window_exceeded: "context",
  tool_use: "tool-calls",
  pause_turn: "pause",
  refusal: "refusal",
};

/** Reads why an answer ended, from a message or the delta that ends a stream. `calls`: whether tools were called. */
export function decodeFinish(fields: Fields, calls: boolean): Finish {
  const raw = findText(fields["stop_reason"]);
  const reason = lookUp(finishReasons, raw) ?? "other";
  const detail = findText(fieldsOf(fields["stop_details"])["explanation"]);
  return {
    // The only call may have been the answer itself.
    reason: reason === "tool-calls" && !calls ? "stop" : reason,
    stopSequence: findText(fields["stop_sequence"]),
    raw,
    ...(detail === null ? {} : { detail }),
  };
}

/** Throws `upstream_invalid` where there is no content list. */
export function decodeReply(body: JsonObject, context: ReadContext): ChatReply {
  const { content } = body;
  if (!Array.isArray(content))
    throw new GatewayError("upstream_invalid", "The reply has no list `content`");
  const parts = listOf(content)
    .map((block, index) => decodeBlock(fieldsOf(block), context, index))
    .filter((part) => part !== undefined);
  const calls = parts.some(({ kind }) => kind === "tool-call");
  return {
    id: findText(body["id"]),
    model: findText(body["model"]),
    createdAtS: null,
    choices: [{ index: 0, parts, finish: decodeFinish(body, calls), logprobs: null }],
    usage: decodeUsage(body["usage"]),
    serviceTier: decodeServiceTier(body["usage"]),
  };
}
