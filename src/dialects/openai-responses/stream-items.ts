/** What is known of a stream while it is read: its items, their blocks, and what was told of each. */
import { isObject, type JsonObject } from "../../core/json-value.ts";
import type { BlockStart, ReplyEvent } from "../../wire/chat-reply.ts";
import type { ReadContext } from "../codec.ts";
import {
  callIdOf,
  carriedOf,
  decodeAnnotation,
  decodeLogprobs,
  decodeOutputItem,
  objectsOf,
  reasoningText,
  textOf,
} from "./decode-output.ts";

/** An open block: a text, a refusal, a thought or a call. */
interface Block {
  readonly index: number;
  /** Length of what was told of it. */
  told: number;
  citations: number;
  logprobs: number;
}

/** An output item while it comes in. */
export interface Item {
  /** By content index; calls and thoughts have one block, at 0. */
  readonly blocks: Map<number, Block>;
  /** Contents that were told to their end. */
  readonly ended: Set<number>;
  done: boolean;
  /** Which of raw text and summary a thought is told by: the first that comes. */
  thought: "text" | "summary" | null;
}

export interface Reading {
  readonly context: ReadContext;
  emit: (event: ReplyEvent) => void;
  readonly items: Map<number, Item>;
  readonly kinds: Set<string>;
  blocks: number;
  started: boolean;
  over: boolean;
}

export function placeOf(value: unknown): number {
  return typeof value === "number" && value >= 0 ? value : 0;
}

export function itemAt(reading: Reading, place: number): Item {
  const known = reading.items.get(place);
  if (known !== undefined) return known;
  const item = { blocks: new Map(), ended: new Set<number>(), done: false, thought: null };
  reading.items.set(place, item);
  return item;
}

/** Told once, in front of everything. */
export function startOnce(reading: Reading, event: JsonObject): void {
  if (reading.started) return;
  reading.started = true;
  const response = isObject(event["response"]) ? event["response"] : {};
  const createdAtS = response["created_at"];
  reading.emit({
    type: "start",
    id: textOf(response["id"]) || null,
    model: textOf(response["model"]) || null,
    createdAtS: typeof createdAtS === "number" ? Math.floor(createdAtS) : null,
  });
}

export function openBlock(reading: Reading, item: Item, content: number, start: BlockStart): Block {
  const known = item.blocks.get(content);
  if (known !== undefined) return known;
  startOnce(reading, {});
  const block = { index: reading.blocks, told: 0, citations: 0, logprobs: 0 };
  reading.blocks += 1;
  reading.kinds.add(start.kind === "part" ? start.part.kind : start.kind);
  item.blocks.set(content, block);
  reading.emit({ type: "block", choice: 0, block: block.index, start });
  return block;
}

export function tell(reading: Reading, block: Block, text: string): void {
  if (text === "") return;
  block.told += text.length;
  reading.emit({ type: "delta", block: block.index, text });
}

export function endBlock(reading: Reading, item: Item, content: number): void {
  const block = item.blocks.get(content);
  if (block === undefined || item.ended.has(content)) return;
  item.ended.add(content);
  reading.emit({ type: "block-end", block: block.index });
}

/** Tells what a closing event knows and no delta told. */
function tellRest(reading: Reading, block: Block, whole: string): void {
  if (whole.length > block.told) tell(reading, block, whole.slice(block.told));
}

export function tellLogprobs(reading: Reading, block: Block, value: unknown, whole: boolean): void {
  const all = decodeLogprobs(value);
  const tokens = whole ? all.slice(block.logprobs) : all;
  if (tokens.length === 0) return;
  block.logprobs += tokens.length;
  reading.emit({ type: "logprobs", choice: 0, tokens });
}

/** A content part is whole: what its deltas left out is told, then it ends. */
export function endPart(reading: Reading, item: Item, content: number, part: JsonObject): void {
  if (item.ended.has(content)) return;
  const refusal = part["type"] === "refusal";
  const whole = textOf(refusal ? part["refusal"] : part["text"]);
  if (whole === "" && !item.blocks.has(content)) return;
  const block = openBlock(reading, item, content, { kind: refusal ? "refusal" : "text" });
  tellLogprobs(reading, block, part["logprobs"], true);
  tellRest(reading, block, whole);
  for (const annotation of objectsOf(part["annotations"]).slice(block.citations)) {
    block.citations += 1;
    reading.emit({ type: "citation", block: block.index, citation: decodeAnnotation(annotation) });
  }
  endBlock(reading, item, content);
}

export function callStart(reading: Reading, item: JsonObject, place: number): BlockStart {
  const id = callIdOf(item, place, reading.context);
  const custom = item["type"] === "custom_tool_call";
  return {
    kind: "tool-call",
    id,
    name: textOf(item["name"]),
    ...(custom ? { custom } : {}),
  };
}

export const callTypes: readonly unknown[] = ["function_call", "custom_tool_call"];

function endCall(reading: Reading, known: Item, item: JsonObject, place: number): void {
  const custom = item["type"] === "custom_tool_call";
  const block = openBlock(reading, known, 0, callStart(reading, item, place));
  tellRest(reading, block, textOf(custom ? item["input"] : item["arguments"]));
  if (block.told === 0 && !custom) tell(reading, block, "{}");
  endBlock(reading, known, 0);
}

function endThought(reading: Reading, known: Item, item: JsonObject): void {
  const carried = carriedOf(item, reading.context.model);
  const text = reasoningText(item);
  if (text === "" && carried === undefined && !known.blocks.has(0)) return;
  const block = openBlock(reading, known, 0, { kind: "reasoning" });
  if (block.told === 0) tell(reading, block, text);
  if (carried !== undefined) reading.emit({ type: "carried", block: block.index, carried });
  endBlock(reading, known, 0);
}

/** An item is whole. */
export function endItem(reading: Reading, item: JsonObject, place: number): void {
  const known = itemAt(reading, place);
  if (known.done) return;
  known.done = true;
  if (callTypes.includes(item["type"])) return endCall(reading, known, item, place);
  if (item["type"] === "reasoning") return endThought(reading, known, item);
  if (item["type"] === "message") {
    for (const [content, part] of objectsOf(item["content"]).entries())
      endPart(reading, known, content, part);
    for (const content of known.blocks.keys()) endBlock(reading, known, content);
    return;
  }
  for (const part of decodeOutputItem(item, place, reading.context)) {
    openBlock(reading, known, 0, { kind: "part", part });
    endBlock(reading, known, 0);
  }
}
