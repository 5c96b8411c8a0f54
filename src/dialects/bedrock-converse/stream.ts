/**
 * Reads ConverseStream's events. Promise kept here: every block that is opened is closed before the finish is told,
 * and signatures, which come in pieces, are told whole.
 */
import { isObject } from "../../core/json-value.ts";
import { lookUp } from "../../core/look-up.ts";
import type { ReplyEvent } from "../../wire/chat-reply.ts";
import { issuerOf } from "../carried.ts";
import type { DecodeEvent, ReadContext } from "../codec.ts";
import { parsePayload, readException } from "../framing.ts";
import { type Fields, fieldsOf, findText, textOf } from "../loose-fields.ts";
import { imagePart } from "./decode.ts";
import { readCitation, readFinish, readTier, readUsage } from "./reply-words.ts";

type Emit = (event: ReplyEvent) => void;

/** One of our blocks that is open. */
interface OpenBlock {
  /** `skipped`: nothing of it is told (a server tool's call and result). */
  readonly kind: "text" | "reasoning" | "redacted" | "tool-call" | "image" | "skipped";
  /** Number in our stream. */
  readonly block: number;
  /** Whether any text of it was told. */
  told: boolean;
  /** Signature, encrypted thoughts or bytes of an image (base64 each), as far as they came. */
  readonly held: string[];
  readonly format: unknown;
}

interface StreamState {
  readonly context: ReadContext;
  readonly open: Map<number, OpenBlock>;
  started: boolean;
  called: boolean;
  nextBlock: number;
}

type Handler = (fields: Fields, state: StreamState, emit: Emit) => void;

function blockIndex(fields: Fields): number {
  const index = fields["contentBlockIndex"];
  return typeof index === "number" ? index : 0;
}

function start(state: StreamState, emit: Emit): void {
  if (state.started) return;
  state.started = true;
  emit({ type: "start", id: null, model: null, createdAtS: null });
}

function joinBase64(pieces: readonly string[]): string {
  if (pieces.length === 1) return pieces[0] ?? "";
  return Buffer.concat(pieces.map((piece) => Buffer.from(piece, "base64"))).toString("base64");
}

function tellHeld(open: OpenBlock, state: StreamState, emit: Emit): void {
  if (open.held.length === 0) return;
  const issuer = issuerOf("bedrock-converse", state.context.model);
  const data = open.kind === "redacted" ? joinBase64(open.held) : open.held.join("");
  emit({ type: "carried", block: open.block, carried: { issuer, data } });
}

/** Media come whole, so an image's block is told only now. */
function tellImage(open: OpenBlock, emit: Emit): void {
  const part = imagePart(open.format, joinBase64(open.held));
  if (part === undefined) return;
  const { block } = open;
  emit({ type: "block", choice: 0, block, start: { kind: "part", part } });
  emit({ type: "block-end", block });
}

function close(index: number, state: StreamState, emit: Emit): void {
  const open = state.open.get(index);
  if (open === undefined) return;
  state.open.delete(index);
  if (open.kind === "skipped") return;
  if (open.kind === "image") return tellImage(open, emit);
  if (open.kind === "tool-call" && !open.told)
    emit({ type: "delta", block: open.block, text: "{}" });
  if (open.kind === "reasoning" || open.kind === "redacted") tellHeld(open, state, emit);
  emit({ type: "block-end", block: open.block });
}

function add(
  index: number,
  kind: OpenBlock["kind"],
  state: StreamState,
  format?: unknown,
): OpenBlock {
  const open = { kind, block: state.nextBlock, told: false, held: [], format };
  if (kind !== "skipped") state.nextBlock += 1;
  state.open.set(index, open);
  return open;
}

/** The block of a delta; texts and thoughts have no start event, so their first delta opens them. */
function opened(
  index: number,
  kind: "text" | "reasoning" | "redacted",
  state: StreamState,
  emit: Emit,
): OpenBlock {
  const current = state.open.get(index);
  if (current?.kind === kind) return current;
  close(index, state, emit);
  const open = add(index, kind, state);
  const blockStart =
    kind === "text"
      ? ({ kind } as const)
      : ({ kind: "reasoning", ...(kind === "redacted" ? { redacted: true } : {}) } as const);
  emit({ type: "block", choice: 0, block: open.block, start: blockStart });
  return open;
}

function tellText(open: OpenBlock, text: string, emit: Emit): void {
  if (text === "") return;
  open.told = true;
  emit({ type: "delta", block: open.block, text });
}

function onReasoning(delta: Fields, index: number, state: StreamState, emit: Emit): void {
  const redacted = findText(delta["redactedContent"]);
  if (redacted !== null) return void opened(index, "redacted", state, emit).held.push(redacted);
  const open = opened(index, "reasoning", state, emit);
  tellText(open, textOf(delta["text"]), emit);
  const signature = findText(delta["signature"]);
  if (signature !== null) open.held.push(signature);
}

const onStart: Handler = (fields, state, emit) => {
  const index = blockIndex(fields);
  close(index, state, emit);
  const { toolUse, image } = fieldsOf(fields["start"]);
  if (isObject(image)) return void add(index, "image", state, image["format"]);
  // Texts and thoughts have no start of their own: what else begins here is told to nobody.
  const { toolUseId, name, type } = fieldsOf(toolUse);
  const id = findText(toolUseId);
  const tool = findText(name);
  const begins = Object.keys(fieldsOf(fields["start"])).length > 0;
  if (id === null || tool === null || type === "server_tool_use") {
    if (begins) add(index, "skipped", state);
    return;
  }
  const open = add(index, "tool-call", state);
  state.called = true;
  const blockStart = { kind: "tool-call", id, name: tool } as const;
  emit({ type: "block", choice: 0, block: open.block, start: blockStart });
};

const onDelta: Handler = (fields, state, emit) => {
  const index = blockIndex(fields);
  const current = state.open.get(index);
  if (current?.kind === "skipped") return;
  const delta = fieldsOf(fields["delta"]);
  if (typeof delta["text"] === "string") {
    // An empty text alone opens nothing: blocks of Nova begin so before their tool call.
    if (delta["text"] !== "") tellText(opened(index, "text", state, emit), delta["text"], emit);
  } else if (isObject(delta["toolUse"])) {
    if (current?.kind === "tool-call") tellText(current, textOf(delta["toolUse"]["input"]), emit);
  } else if (isObject(delta["reasoningContent"])) {
    onReasoning(delta["reasoningContent"], index, state, emit);
  } else if (isObject(delta["citation"])) {
    const { block } = opened(index, "text", state, emit);
    emit({ type: "citation", block, citation: readCitation(delta["citation"], null, null) });
  } else if (isObject(delta["image"]) && current?.kind === "image") {
    const bytes = findText(fieldsOf(delta["image"]["source"])["bytes"]);
    if (bytes !== null) current.held.push(bytes);
  }
};

const onMessageStop: Handler = (fields, state, emit) => {
  for (const index of state.open.keys()) close(index, state, emit);
  const extra = fields["additionalModelResponseFields"];
  const finish = readFinish(fields["stopReason"], extra, state.called);
  emit({ type: "finish", choice: 0, finish });
};

const onMetadata: Handler = (fields, _state, emit) => {
  const tier = readTier(fields);
  const usage = readUsage(fields["usage"], tier);
  if (usage === null) return;
  emit({ type: "usage", usage, ...(tier === null ? {} : { serviceTier: tier }) });
};

const handlers: Readonly<Record<string, Handler>> = {
  messageStart: () => undefined,
  contentBlockStart: onStart,
  contentBlockDelta: onDelta,
  contentBlockStop: (fields, state, emit) => close(blockIndex(fields), state, emit),
  messageStop: onMessageStop,
  metadata: onMetadata,
};

/** A reader of one stream; see codec.ts. The end of the body is the terminator, so it tells no `done`. */
export function makeEventDecoder(context: ReadContext): DecodeEvent {
  const state: StreamState = {
    context,
    open: new Map(),
    started: false,
    called: false,
    nextBlock: 0,
  };
  return (event, emit) => {
    const error = readException(event);
    if (error !== undefined) return emit({ type: "error", error });
    const handler = lookUp(handlers, event.name);
    if (handler === undefined) return;
    const fields = parsePayload(event.payload);
    start(state, emit);
    handler(fields, state, emit);
  };
}
