/** The events that tell blocks: messages that are kept open for further texts, thoughts and calls. */
import type { Json, JsonObject } from "../../core/json-value.ts";
import type { BlockStart, TokenLogprob } from "../../wire/chat-reply.ts";
import type { Carried, Citation } from "../../wire/conversation.ts";
import { unsignedSlot } from "../carried.ts";
import { packForPrevious, packThought } from "./carried-slot.ts";
import {
  type ItemStatus,
  itemId,
  renderAnnotation,
  renderCall,
  renderLogprobs,
  renderMessage,
  renderReasoning,
  renderRefusal,
  renderText,
  renderWhole,
} from "./render-items.ts";
import { type Block, type OpenMessage, type Telling, addItem, endItem, tell } from "./telling.ts";

function nextId(telling: Telling, prefix: string): string {
  return itemId(prefix, telling.context.callId, telling.items.length);
}

/** What belongs to the item before, as an item of its own. */
function tellCarrier(telling: Telling, carried: Carried): void {
  const id = nextId(telling, "rs");
  const place = addItem(telling, renderReasoning(id, "", null, "in_progress"));
  endItem(telling, place, renderReasoning(id, "", packForPrevious(carried), "completed"));
}

/** Ends the open message, unless texts of it are still coming. `last`: nothing stands behind it. */
export function closeMessage(telling: Telling, status: ItemStatus, last: boolean): void {
  const { message } = telling;
  if (message === null || message.openParts > 0) return;
  telling.message = null;
  endItem(telling, message.place, renderMessage(message.id, message.content, status));
  // Readers take the last item for the answer; only who asked for such items gets one behind it.
  if (message.carried !== null && (!last || telling.keepsTail))
    tellCarrier(telling, message.carried);
}

function messageOf(telling: Telling): OpenMessage {
  if (telling.message !== null) return telling.message;
  const id = nextId(telling, "msg");
  const place = addItem(telling, renderMessage(id, [], "in_progress"));
  const message = { id, place, content: [], openParts: 0, carried: null };
  telling.message = message;
  return message;
}

function openContent(telling: Telling, start: BlockStart): Omit<Block, "start"> {
  const message = messageOf(telling);
  const part = start.kind === "refusal" ? renderRefusal("") : renderText("", [], []);
  const contentIndex = message.content.push(part) - 1;
  message.openParts += 1;
  tell(telling, "response.content_part.added", {
    item_id: message.id,
    output_index: message.place,
    content_index: contentIndex,
    part,
  });
  return {
    ...emptyBlock,
    annotations: [],
    logprobs: [],
    place: message.place,
    contentIndex,
    message,
  };
}

const emptyBlock = { contentIndex: 0, message: null, text: "", carried: null } as const;

/** Opens a block: a part of a message, or an item of its own. */
export function openBlock(telling: Telling, index: number, start: BlockStart): void {
  if (start.kind === "text" || start.kind === "refusal")
    return void telling.blocks.set(index, { start, ...openContent(telling, start) });
  if (start.kind === "part") return tellWhole(telling, index, start);
  closeMessage(telling, "completed", false);
  const place = telling.items.length;
  const block = { start, ...emptyBlock, annotations: [], logprobs: [], place };
  addItem(telling, renderBlock(telling, block, "in_progress"));
  telling.blocks.set(index, block);
}

/** A part that comes whole. */
function tellWhole(
  telling: Telling,
  index: number,
  { part }: Extract<BlockStart, { readonly kind: "part" }>,
): void {
  if (part.kind === "text" || part.kind === "refusal" || part.kind === "reasoning") {
    openBlock(telling, index, { kind: part.kind });
    tellDelta(telling, index, part.text);
  } else if (part.kind === "tool-call") {
    openBlock(telling, index, part);
    tellDelta(telling, index, part.arguments);
  } else {
    const item = renderWhole(part, telling.context.callId, telling.items.length);
    if (item === undefined) return;
    closeMessage(telling, "completed", false);
    endItem(telling, addItem(telling, item), item);
    return;
  }
  const block = telling.blocks.get(index);
  if (block !== undefined && "carried" in part) block.carried = part.carried ?? null;
}

/** The item that a block is, as far as it has come. */
function renderBlock(telling: Telling, block: Block, status: ItemStatus): JsonObject {
  const { start, place, text, carried } = block;
  const { callId } = telling.context;
  const done = status !== "in_progress";
  if (start.kind === "tool-call") {
    const { id, name, custom = false } = start;
    const call = { id: itemId(custom ? "ctc" : "fc", callId, place), callId: id, name, custom };
    return renderCall(call, text, status, telling.names);
  }
  const redacted = start.kind === "reasoning" && start.redacted === true;
  const slot = carried === null ? unsignedSlot : packThought(carried, redacted);
  const encrypted = done ? slot : null;
  return renderReasoning(itemId("rs", callId, place), done ? text : "", encrypted, status);
}

function placeOf(block: Block, id: Json | undefined): JsonObject {
  const item = { item_id: id ?? "", output_index: block.place };
  if (block.message !== null) return { ...item, content_index: block.contentIndex };
  return block.start.kind === "reasoning" ? { ...item, summary_index: 0 } : item;
}

const deltaTypes: Readonly<Record<string, string>> = {
  text: "response.output_text.delta",
  refusal: "response.refusal.delta",
  reasoning: "response.reasoning_summary_text.delta",
  "tool-call": "response.function_call_arguments.delta",
  custom: "response.custom_tool_call_input.delta",
};

function kindOf({ start }: Block): string {
  return start.kind === "tool-call" && start.custom === true ? "custom" : start.kind;
}

export function tellDelta(telling: Telling, index: number, text: string): void {
  const block = telling.blocks.get(index);
  if (block === undefined || text === "") return;
  const id = block.message?.id ?? telling.items[block.place]?.["id"];
  const place = placeOf(block, id);
  if (block.start.kind === "reasoning" && block.text === "")
    tell(telling, "response.reasoning_summary_part.added", {
      ...place,
      part: { type: "summary_text", text: "" },
    });
  block.text += text;
  const logprobs = block.start.kind === "text" ? telling.logprobs : null;
  if (logprobs !== null) {
    block.logprobs.push(...logprobs);
    telling.logprobs = [];
  }
  const type = deltaTypes[kindOf(block)] ?? "";
  tell(telling, type, { ...place, delta: text, ...(logprobs === null ? {} : { logprobs }) });
}

export function addLogprobs(telling: Telling, tokens: readonly TokenLogprob[]): void {
  telling.logprobs.push(...renderLogprobs(tokens));
}

export function addCitation(telling: Telling, index: number, citation: Citation): void {
  const block = telling.blocks.get(index);
  if (block?.start.kind !== "text") return;
  const annotation = renderAnnotation(citation, block.text.length);
  if (annotation === undefined) return;
  const annotationIndex = block.annotations.push(annotation) - 1;
  tell(telling, "response.output_text.annotation.added", {
    ...placeOf(block, block.message?.id),
    annotation_index: annotationIndex,
    annotation,
  });
}

function closeContent(telling: Telling, block: Block, message: OpenMessage): void {
  const place = placeOf(block, message.id);
  const { text, annotations } = block;
  if (block.start.kind === "refusal") {
    tell(telling, "response.refusal.done", { ...place, refusal: text });
  } else {
    block.logprobs.push(...telling.logprobs);
    telling.logprobs = [];
    tell(telling, "response.output_text.done", { ...place, text, logprobs: block.logprobs });
  }
  const part =
    block.start.kind === "refusal"
      ? renderRefusal(text)
      : renderText(text, annotations, block.logprobs);
  tell(telling, "response.content_part.done", { ...place, part });
  message.content[block.contentIndex] = part;
  message.openParts -= 1;
  message.carried = block.carried ?? message.carried;
}

function tellCallDone(telling: Telling, block: Block, item: JsonObject): void {
  const place = placeOf(block, item["id"]);
  if (kindOf(block) === "custom")
    return tell(telling, "response.custom_tool_call_input.done", { ...place, input: block.text });
  tell(telling, "response.function_call_arguments.done", {
    ...place,
    name: item["name"] ?? "",
    arguments: item["arguments"] ?? "{}",
  });
}

/** Ends a block; its message stays open for further texts. */
export function closeBlock(telling: Telling, index: number): void {
  const block = telling.blocks.get(index);
  if (block === undefined) return;
  if (kindOf(block) === "tool-call" && block.text === "") tellDelta(telling, index, "{}");
  telling.blocks.delete(index);
  if (block.message !== null) return closeContent(telling, block, block.message);
  const item = renderBlock(telling, block, "completed");
  if (block.start.kind === "reasoning" && block.text !== "") {
    const place = placeOf(block, item["id"]);
    const part = { type: "summary_text", text: block.text };
    tell(telling, "response.reasoning_summary_text.done", { ...place, text: block.text });
    tell(telling, "response.reasoning_summary_part.done", { ...place, part });
  }
  if (block.start.kind === "tool-call") tellCallDone(telling, block, item);
  endItem(telling, block.place, item);
  if (block.start.kind === "tool-call" && block.carried !== null)
    tellCarrier(telling, block.carried);
}
