/**
 * Tells a stream of our own events as Anthropic's. Promise kept here: blocks are told by their index in the order they
 * were begun, nothing is told twice, and the counts in `message_delta` are the last ones known.
 */
import type { Json, JsonObject } from "../../core/json-value.ts";
import type { BlockStart, Finish, ReplyEvent } from "../../wire/chat-reply.ts";
import type { Carried } from "../../wire/conversation.ts";
import { type Usage, noUsage } from "../../wire/usage.ts";
import { unsignedSlot, writeCarried } from "../carried.ts";
import type { EncodeEvent, ReplyContext } from "../codec.ts";
import { encodeCitation } from "./citations.ts";
import {
  encodeCallId,
  encodeFinish,
  encodePart,
  messageId,
  thoughtOfCall,
} from "./encode-reply.ts";
import { encodeDeltaUsage, encodeUsage } from "./usage.ts";

type Of<Type extends ReplyEvent["type"]> = Extract<ReplyEvent, { readonly type: Type }>;

/** A block that has been begun upstream. What says nothing is never begun here. */
interface OpenBlock {
  readonly start: BlockStart;
  /** Its number here; -1: not begun. */
  index: number;
  /** A thought's signature has been told. */
  signed: boolean;
  /** What came for a call that was begun already, or for redacted thoughts, to be told at the end. */
  late: Carried | undefined;
}

interface StreamState {
  readonly context: ReplyContext;
  readonly blocks: Map<number, OpenBlock>;
  nextIndex: number;
  started: boolean;
  /** Whether `message_delta` has been told. */
  ended: boolean;
  usage: Usage | null;
  finish: Finish | null;
  calls: boolean;
  refusal: boolean;
}

function frame(type: string, members: string): string {
  return `event: ${type}\ndata: {"type":"${type}"${members}}\n\n`;
}

function startFrame(index: number, block: JsonObject): string {
  return frame("content_block_start", `,"index":${index},"content_block":${JSON.stringify(block)}`);
}

function deltaFrame(index: number, type: string, name: string, value: Json): string {
  const delta = `{"type":"${type}","${name}":${JSON.stringify(value)}}`;
  return frame("content_block_delta", `,"index":${index},"delta":${delta}`);
}

function stopFrame(index: number): string {
  return frame("content_block_stop", `,"index":${index}`);
}

function messageStart(state: StreamState): string {
  state.started = true;
  const { context } = state;
  const estimate = { ...noUsage, input: context.inputTokensEstimate };
  const message = {
    id: messageId(context),
    type: "message",
    role: "assistant",
    model: context.model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    usage: encodeUsage(state.usage ?? estimate, null),
  };
  return `${frame("message_start", `,"message":${JSON.stringify(message)}`)}${frame("ping", "")}`;
}

/** A block that is known whole, begun and ended at once. Texts go in a delta, where clients look for them. */
function wholeBlock(state: StreamState, block: JsonObject): string {
  const index = state.nextIndex;
  state.nextIndex += 1;
  const { type } = block;
  if (type === "tool_use") {
    const start = startFrame(index, { ...block, input: {} });
    const input = JSON.stringify(block["input"]);
    return `${start}${deltaFrame(index, "input_json_delta", "partial_json", input)}${stopFrame(index)}`;
  }
  if (type === "thinking") {
    const text = block["thinking"] ?? "";
    const start = startFrame(index, { type, thinking: "", signature: "" });
    const told = text === "" ? "" : deltaFrame(index, "thinking_delta", "thinking", text);
    const signature = deltaFrame(index, "signature_delta", "signature", block["signature"] ?? "");
    return `${start}${told}${signature}${stopFrame(index)}`;
  }
  if (type !== "text") return `${startFrame(index, block)}${stopFrame(index)}`;
  const citations = (block["citations"] ?? []) as readonly Json[];
  const start = startFrame(index, { type, text: "" });
  const cites = citations.map((value) => deltaFrame(index, "citations_delta", "citation", value));
  const text = deltaFrame(index, "text_delta", "text", block["text"] ?? "");
  return `${start}${text}${cites.join("")}${stopFrame(index)}`;
}

function firstContent(start: BlockStart): JsonObject {
  if (start.kind === "reasoning") return { type: "thinking", thinking: "", signature: "" };
  if (start.kind !== "tool-call") return { type: "text", text: "" };
  return { type: "tool_use", id: encodeCallId(start.id), name: start.name, input: {} };
}

/** Begins a block where it has not been begun. */
function begin(state: StreamState, block: OpenBlock): string {
  if (block.index !== -1) return "";
  block.index = state.nextIndex;
  state.nextIndex += 1;
  return startFrame(block.index, firstContent(block.start));
}

function onBlock(state: StreamState, event: Of<"block">): string {
  if (event.choice !== 0) return "";
  const { start } = event;
  if (start.kind === "part") {
    state.calls ||= start.part.kind === "tool-call";
    return encodePart(start.part)
      .map((block) => wholeBlock(state, block))
      .join("");
  }
  state.calls ||= start.kind === "tool-call";
  state.refusal ||= start.kind === "refusal";
  state.blocks.set(event.block, { start, index: -1, signed: false, late: undefined });
  return "";
}

function onDelta(state: StreamState, event: Of<"delta">): string {
  const block = state.blocks.get(event.block);
  if (block === undefined || event.text === "") return "";
  const begun = begin(state, block);
  const { kind } = block.start;
  if (kind === "tool-call") return begun + argumentsDelta(block, event.text, begun !== "");
  if (kind === "reasoning")
    return begun + deltaFrame(block.index, "thinking_delta", "thinking", event.text);
  return begun + deltaFrame(block.index, "text_delta", "text", event.text);
}

/** Free text of a custom tool stands in an object, as in whole replies: what opens and closes it, and its pieces. */
const customOpening = '{"input":"';
const customClosing = '"}';

function isCustom({ start }: OpenBlock): boolean {
  return start.kind === "tool-call" && start.custom === true;
}

function argumentsDelta(block: OpenBlock, text: string, isFirst: boolean): string {
  const piece = isCustom(block)
    ? (isFirst ? customOpening : "") + JSON.stringify(text).slice(1, -1)
    : text;
  return deltaFrame(block.index, "input_json_delta", "partial_json", piece);
}

/** A call without arguments: one empty fragment, as Anthropic does it. */
function lastArguments(block: OpenBlock, isBare: boolean): string {
  const custom = isBare ? customOpening + customClosing : customClosing;
  const piece = isCustom(block) ? custom : "";
  if (!isBare && piece === "") return "";
  return deltaFrame(block.index, "input_json_delta", "partial_json", piece);
}

function onCarried(state: StreamState, event: Of<"carried">): string {
  const block = state.blocks.get(event.block);
  if (block === undefined) return "";
  const { start } = block;
  if (start.kind === "tool-call") {
    if (block.index === -1) return callThought(state, start.id, event.carried);
    block.late = event.carried;
    return "";
  }
  if (start.kind !== "reasoning") return "";
  if (start.redacted === true) {
    block.late = event.carried;
    return "";
  }
  block.signed = true;
  const begun = begin(state, block);
  return begun + signatureFrame(block, writeCarried(event.carried, "anthropic-messages"));
}

function signatureFrame({ index }: OpenBlock, signature: string): string {
  return deltaFrame(index, "signature_delta", "signature", signature);
}

function callThought(state: StreamState, id: string, carried: Carried): string {
  return thoughtOfCall({ id, carried })
    .map((block) => wholeBlock(state, block))
    .join("");
}

function onCitation(state: StreamState, event: Of<"citation">): string {
  const block = state.blocks.get(event.block);
  if (block?.start.kind !== "text") return "";
  const begun = begin(state, block);
  return (
    begun + deltaFrame(block.index, "citations_delta", "citation", encodeCitation(event.citation))
  );
}

function onBlockEnd(state: StreamState, event: Of<"block-end">): string {
  const block = state.blocks.get(event.block);
  if (block === undefined) return "";
  state.blocks.delete(event.block);
  const { start, late } = block;
  if (start.kind === "reasoning" && start.redacted === true && late !== undefined) {
    const data = writeCarried(late, "anthropic-messages");
    return wholeBlock(state, { type: "redacted_thinking", data });
  }
  if (start.kind !== "tool-call" && block.index === -1) return "";
  if (start.kind === "reasoning" && !block.signed)
    return signatureFrame(block, unsignedSlot) + stopFrame(block.index);
  if (start.kind !== "tool-call") return stopFrame(block.index);
  const isBare = block.index === -1;
  const begun = begin(state, block);
  const last = lastArguments(block, isBare);
  const thought = late === undefined ? "" : callThought(state, start.id, late);
  return `${begun}${last}${stopFrame(block.index)}${thought}`;
}

/** Why it ended, and all counts: told once, when both are known or nothing more will come. */
function messageDelta(state: StreamState): string {
  state.ended = true;
  const finish = state.finish ?? { reason: "other", stopSequence: null, raw: null };
  const delta = JSON.stringify(encodeFinish(finish, state));
  const usage = state.usage ?? { ...noUsage, input: state.context.inputTokensEstimate };
  const counts = JSON.stringify(encodeDeltaUsage(usage));
  return frame("message_delta", `,"delta":${delta},"usage":${counts}`);
}

function onFinish(state: StreamState, event: Of<"finish">): string {
  if (event.choice === 0) state.finish ??= event.finish;
  return "";
}

function onUsage(state: StreamState, event: Of<"usage">): string {
  state.usage = event.usage;
  return state.finish !== null && !state.ended ? messageDelta(state) : "";
}

function onDone(state: StreamState): string {
  const open = [...state.blocks.keys()].map((block) =>
    onBlockEnd(state, { type: "block-end", block }),
  );
  return `${open.join("")}${state.ended ? "" : messageDelta(state)}${frame("message_stop", "")}`;
}

const handlers: {
  readonly [Type in ReplyEvent["type"]]?: (state: StreamState, event: Of<Type>) => string;
} = {
  block: onBlock,
  delta: onDelta,
  carried: onCarried,
  citation: onCitation,
  "block-end": onBlockEnd,
  finish: onFinish,
  usage: onUsage,
  done: onDone,
};

/** An encoder for one stream. Choices behind the first are left out: callers cannot ask for them. */
export function makeEventEncoder(context: ReplyContext): EncodeEvent {
  const state: StreamState = {
    context,
    blocks: new Map(),
    nextIndex: 0,
    started: false,
    ended: false,
    usage: null,
    finish: null,
    calls: false,
    refusal: false,
  };
  return (event) => {
    const handle = handlers[event.type] as
      | ((state: StreamState, event: ReplyEvent) => string)
      | undefined;
    const told = handle?.(state, event) ?? "";
    const speaks = told !== "" || event.type === "start";
    const head = speaks && !state.started ? messageStart(state) : "";
    return head === "" && told === "" ? undefined : head + told;
  };
}
