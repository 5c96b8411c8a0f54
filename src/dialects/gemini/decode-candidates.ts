/**
 * The reducer behind streamed and whole replies: parts of a candidate, one after another, as events.
 * Promises kept here: parts of one kind are one block, a call's arguments reach the caller as they come, and every
 * block is closed before its choice ends.
 */
import { isObject, type JsonObject } from "../../core/json-value.ts";
import type { BlockStart, Finish, ReplyEvent } from "../../wire/chat-reply.ts";
import type { Usage } from "../../wire/usage.ts";
import { issuerOf } from "../carried.ts";
import { mintToolCallId } from "../call-ids.ts";
import type { ReadContext } from "../codec.ts";
import { type Fields, fieldsOf, findCount, findText, listOf, textOf } from "../loose-fields.ts";
import { type CitedText, decodeCitations } from "./citations.ts";
import { decodeFinish } from "./finish-words.ts";
import { decodeLogprobs } from "./logprobs.ts";
import { mediumOf } from "./media-types.ts";
import { ArgumentWriter, type PartialValue } from "./partial-arguments.ts";
import { dialectId, readSignature } from "./signature.ts";

export type Emit = (event: ReplyEvent) => void;

interface OpenBlock {
  readonly kind: "text" | "reasoning" | "tool-call";
  readonly block: number;
  /** Of a call whose arguments come value by value. */
  readonly writer?: ArgumentWriter;
}

export interface Choice {
  readonly index: number;
  open: OpenBlock | undefined;
  /** Texts so far, for sources that speak of them. */
  readonly texts: { block: number; text: string }[];
  called: boolean;
  ended: boolean;
}

/** What is kept between the chunks of one stream. */
export interface StreamState {
  readonly context: ReadContext;
  emit: Emit;
  readonly choices: Choice[];
  /** Whether all of the reply is at hand at once. */
  readonly whole: boolean;
  begun: boolean;
  usage: Usage | null;
  blocks: number;
  calls: number;
}

export function openState(context: ReadContext, emit: Emit, whole: boolean): StreamState {
  return { context, emit, choices: [], whole, begun: false, usage: null, blocks: 0, calls: 0 };
}

export function choiceOf(state: StreamState, index: number): Choice {
  let choice = state.choices.find((one) => one.index === index);
  if (choice === undefined) {
    choice = { index, open: undefined, texts: [], called: false, ended: false };
    state.choices.push(choice);
  }
  return choice;
}

function nextBlock(state: StreamState): number {
  state.blocks += 1;
  return state.blocks - 1;
}

export function closeBlock(state: StreamState, choice: Choice): void {
  const { open } = choice;
  if (open === undefined) return;
  const rest = open.writer?.end() ?? "";
  if (rest !== "") state.emit({ type: "delta", block: open.block, text: rest });
  state.emit({ type: "block-end", block: open.block });
  choice.open = undefined;
}

function emitSignature(state: StreamState, block: number, part: Fields): void {
  const signature = readSignature(textOf(part["thoughtSignature"]));
  if (signature === undefined) return;
  const { data, issuer } = signature.carried;
  const maker = issuer === dialectId ? issuerOf(dialectId, state.context.model) : issuer;
  state.emit({ type: "carried", block, carried: { issuer: maker, data } });
}

function openText(state: StreamState, choice: Choice, kind: "text" | "reasoning"): OpenBlock {
  if (choice.open?.kind === kind) return choice.open;
  closeBlock(state, choice);
  const open: OpenBlock = { kind, block: nextBlock(state) };
  choice.open = open;
  if (kind === "text") choice.texts.push({ block: open.block, text: "" });
  state.emit({ type: "block", choice: choice.index, block: open.block, start: { kind } });
  return open;
}

function readText(state: StreamState, choice: Choice, part: Fields): void {
  const text = textOf(part["text"]);
  const thinks = part["thought"] === true;
  if (text === "") return readBareSignature(state, choice, part);
  const { block } = openText(state, choice, thinks ? "reasoning" : "text");
  const told = thinks ? undefined : choice.texts.at(-1);
  if (told !== undefined) told.text += text;
  state.emit({ type: "delta", block, text });
  emitSignature(state, block, part);
}

/** A signature in a part without text belongs to what was said last, or stands for thoughts that are not shown. */
function readBareSignature(state: StreamState, choice: Choice, part: Fields): void {
  if (findText(part["thoughtSignature"]) === null) return;
  const { open } = choice;
  if (open !== undefined && open.kind !== "tool-call")
    return emitSignature(state, open.block, part);
  emitSignature(state, openText(state, choice, "reasoning").block, part);
  closeBlock(state, choice);
}

function beginCall(state: StreamState, choice: Choice, call: Fields): number {
  closeBlock(state, choice);
  const block = nextBlock(state);
  const id = findText(call["id"]) ?? mintToolCallId(state.context.callId, state.calls);
  const start = { kind: "tool-call", id, name: textOf(call["name"]) } as const;
  state.calls += 1;
  choice.called = true;
  state.emit({ type: "block", choice: choice.index, block, start });
  return block;
}

function partialOf(value: unknown): PartialValue {
  const fields = fieldsOf(value);
  const told = [fields["stringValue"], fields["numberValue"], fields["boolValue"]].find(
    (one) => typeof one === "string" || typeof one === "number" || typeof one === "boolean",
  );
  return {
    path: textOf(fields["jsonPath"]),
    value: (told as string | number | boolean | undefined) ?? null,
    goesOn: fields["willContinue"] === true,
  };
}

/** Vertex begins a call by its name, goes on value by value, and ends it by a call that holds nothing. */
function readCall(state: StreamState, choice: Choice, part: Fields): void {
  const call = fieldsOf(part["functionCall"]);
  const goesOn = call["willContinue"] === true;
  const running = choice.open?.writer === undefined ? undefined : choice.open;
  if (findText(call["name"]) === null && running === undefined) return;
  const partial = listOf(call["partialArgs"]).map(partialOf);
  if (running === undefined || findText(call["name"]) !== null) {
    const block = beginCall(state, choice, call);
    emitSignature(state, block, part);
    const streams = goesOn || partial.length > 0;
    choice.open = {
      kind: "tool-call",
      block,
      ...(streams ? { writer: new ArgumentWriter() } : {}),
    };
    const text = JSON.stringify(isObject(call["args"]) ? call["args"] : {});
    if (!streams) state.emit({ type: "delta", block, text });
  }
  const open = choice.open;
  const text = partial.map((value) => open?.writer?.write(value) ?? "").join("");
  if (open !== undefined && text !== "") state.emit({ type: "delta", block: open.block, text });
  if (!goesOn) closeBlock(state, choice);
}

function readMedia(state: StreamState, choice: Choice, part: Fields): boolean {
  const inline = fieldsOf(part["inlineData"]);
  const data = findText(inline["data"]);
  const file = fieldsOf(part["fileData"]);
  const url = findText(file["fileUri"]);
  // Pictures drawn while thinking are no answer.
  if (part["thought"] === true || (data === null && url === null)) return false;
  const mediaType = findText((data === null ? file : inline)["mimeType"]);
  const source =
    data === null
      ? ({ kind: "url", url: url ?? "", mediaType } as const)
      : ({ kind: "data", mediaType: mediaType ?? "application/octet-stream", data } as const);
  const media = { kind: "media", medium: mediumOf(mediaType), source } as const;
  openPart(state, choice, { kind: "part", part: media }, part);
  return true;
}

function openPart(state: StreamState, choice: Choice, start: BlockStart, part: Fields): void {
  closeBlock(state, choice);
  const block = nextBlock(state);
  state.emit({ type: "block", choice: choice.index, block, start });
  emitSignature(state, block, part);
  state.emit({ type: "block-end", block });
}

function readPart(state: StreamState, choice: Choice, part: Fields): void {
  if (isObject(part["functionCall"])) return readCall(state, choice, part);
  if (typeof part["text"] === "string") return readText(state, choice, part);
  if (readMedia(state, choice, part)) return;
  const { thoughtSignature, thought, ...rest } = part;
  if (Object.values(rest).every((member) => member === null)) {
    if (thoughtSignature !== undefined || thought !== undefined) readText(state, choice, part);
    return;
  }
  const foreign = { kind: "foreign", dialect: dialectId, value: part as JsonObject } as const;
  openPart(state, choice, { kind: "part", part: foreign }, {});
}

function readCitations(state: StreamState, choice: Choice, candidate: Fields): void {
  if (candidate["groundingMetadata"] === undefined && candidate["citationMetadata"] === undefined)
    return;
  const texts: readonly CitedText[] = choice.texts;
  for (const { block, citation } of decodeCitations(candidate, texts))
    // In a stream what is closed has been told to the end.
    if (state.whole || block === choice.open?.block)
      state.emit({ type: "citation", block, citation });
}

/** Ends a choice; once. */
export function endChoice(state: StreamState, choice: Choice, finish: Finish): void {
  closeBlock(state, choice);
  choice.ended = true;
  state.emit({ type: "finish", choice: choice.index, finish });
}

/** Reads a candidate of a chunk, or of a whole reply. */
export function readCandidate(state: StreamState, candidate: Fields): void {
  const choice = choiceOf(state, findCount(candidate["index"]) ?? 0);
  if (choice.ended) return;
  for (const part of listOf(fieldsOf(candidate["content"])["parts"]))
    readPart(state, choice, fieldsOf(part));
  const tokens = decodeLogprobs(candidate["logprobsResult"]);
  if (tokens.length > 0) state.emit({ type: "logprobs", choice: choice.index, tokens });
  readCitations(state, choice, candidate);
  const word = findText(candidate["finishReason"]);
  if (word === null || word === "FINISH_REASON_UNSPECIFIED") return;
  const message = findText(candidate["finishMessage"]);
  endChoice(state, choice, decodeFinish(word, message, choice.called));
}
