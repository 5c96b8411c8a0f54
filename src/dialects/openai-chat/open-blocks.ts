/** The state of one reply while it is read, and the blocks of text, refusal and reasoning that are open in it. */
import type { JsonObject } from "../../core/json-value.ts";
import type { BlockStart, ReplyEvent } from "../../wire/chat-reply.ts";
import type { Carried, Citation } from "../../wire/conversation.ts";
import type { ReadContext } from "../codec.ts";
import { type ThoughtSplitter, makeThoughtSplitter } from "./inline-thoughts.ts";
import { carryDetail, joinDetail } from "./thought-details.ts";

type ProseKind = "text" | "refusal" | "reasoning";

/** The block of running text that is open in a choice. */
interface Prose {
  readonly kind: ProseKind;
  readonly block: number;
  /** Which of a vendor's reasoning details it is; empty for plain text. */
  readonly key: string;
  /** What the vendor wants back with it; null: nothing. */
  detail: JsonObject | null;
  /** All of its text: there are vendors that tell thoughts once more from the beginning. */
  told: string;
}

/** One tool call while it is read (tool-deltas.ts). */
export interface CallState {
  /** As the vendor gave it; null: it gave none. */
  id: string | null;
  readonly index: number | null;
  readonly custom: boolean;
  name: string;
  arguments: string;
  /** Its block's number; -1 until its name is known. */
  block: number;
  closed: boolean;
  carried: Carried | null;
}

/** Spoken output, which comes in pieces and is told whole. */
export interface Speech {
  readonly pieces: string[];
}

/** One choice while it is read. */
export interface ChoiceState {
  readonly index: number;
  prose: Prose | null;
  readonly calls: CallState[];
  readonly splitter: ThoughtSplitter | null;
  speech: Speech | null;
  /** A signature told for the whole message, until its first call or its text takes it. */
  signature: string | null;
  hasText: boolean;
  hasRefusal: boolean;
  finished: boolean;
  /** Sources that were told, so that those that vendors repeat in every chunk are told once. */
  readonly sources: Set<string>;
}

/** One reply while it is read. */
export interface ReplyState {
  readonly context: ReadContext;
  /** Tags what is carried. */
  readonly issuer: string;
  /** A whole message: each entry of `tool_calls` is a call of its own. */
  readonly whole: boolean;
  readonly choices: Map<number, ChoiceState>;
  emit: (event: ReplyEvent) => void;
  nextBlock: number;
  started: boolean;
  ended: boolean;
  serviceTier: string | null;
}

/** The state of a choice, made when it is first heard of. */
export function getChoice(state: ReplyState, index: number): ChoiceState {
  const known = state.choices.get(index);
  if (known !== undefined) return known;
  const choice: ChoiceState = {
    index,
    prose: null,
    calls: [],
    splitter: state.context.quirks.includes("inline-thoughts")
      ? makeThoughtSplitter((kind, text) => tell(state, choice, kind, text))
      : null,
    speech: null,
    signature: null,
    hasText: false,
    hasRefusal: false,
    finished: false,
    sources: new Set(),
  };
  state.choices.set(index, choice);
  return choice;
}

/** Opens a block; answers its number. */
export function openBlock(state: ReplyState, choice: ChoiceState, start: BlockStart): number {
  const block = state.nextBlock;
  state.nextBlock += 1;
  state.emit({ type: "block", choice: choice.index, block, start });
  return block;
}

/** Closes the running text, if any is open. */
export function closeProse(state: ReplyState, choice: ChoiceState): void {
  const { prose } = choice;
  if (prose === null) return;
  choice.prose = null;
  if (prose.detail !== null) {
    const carried = carryDetail(prose.detail, state.issuer);
    if (carried !== undefined) state.emit({ type: "carried", block: prose.block, carried });
  }
  if (prose.kind === "text" && choice.signature !== null && choice.calls.length === 0) {
    const carried = { issuer: state.issuer, data: choice.signature };
    state.emit({ type: "carried", block: prose.block, carried });
    choice.signature = null;
  }
  state.emit({ type: "block-end", block: prose.block });
}

/** The open block of a kind; another one that is open is closed first. */
function enter(state: ReplyState, choice: ChoiceState, kind: ProseKind, key: string): Prose {
  const { prose } = choice;
  if (prose !== null && prose.kind === kind && prose.key === key) return prose;
  closeProse(state, choice);
  const block = openBlock(state, choice, { kind });
  const opened: Prose = { kind, block, key, detail: null, told: "" };
  choice.prose = opened;
  return opened;
}

/** Tells a piece of running text. */
export function tell(state: ReplyState, choice: ChoiceState, kind: ProseKind, text: string): void {
  if (text === "") return;
  if (kind === "text") choice.hasText = true;
  if (kind === "refusal") choice.hasRefusal = true;
  const prose = enter(state, choice, kind, "");
  if (kind === "reasoning") prose.told += text;
  state.emit({ type: "delta", block: prose.block, text });
}

/** Whether a detail tells its signature beside text that was told before (LiteLLM repeats all of it). */
function repeats(prose: Prose, detail: JsonObject, text: string): boolean {
  return text !== "" && text === prose.told && typeof detail["signature"] === "string";
}

/** Whether a detail only completes the thoughts that were told plainly before. */
function completes(prose: Prose | null, detail: JsonObject, text: string): prose is Prose {
  if (prose?.kind !== "reasoning" || prose.key !== "") return false;
  return text === "" || repeats(prose, detail, text);
}

/** What a detail adds to its text so far. MiniMax tells all of it each time. */
function addition(state: ReplyState, prose: Prose, detail: JsonObject, text: string): string {
  if (repeats(prose, detail, text)) return "";
  const splits = state.context.quirks.includes("reasoning-split");
  return splits && text.startsWith(prose.told) ? text.slice(prose.told.length) : text;
}

/** Tells a piece of a reasoning detail: its text as it comes, what is wanted back when the detail is over. */
export function tellDetail(
  state: ReplyState,
  choice: ChoiceState,
  detail: JsonObject,
  text: string,
): void {
  const key = `${String(detail["type"])} ${String(detail["index"] ?? "")}`;
  const plain = choice.prose;
  const prose = completes(plain, detail, text) ? plain : enter(state, choice, "reasoning", key);
  prose.detail = joinDetail(prose.detail ?? {}, detail);
  const fresh = addition(state, prose, detail, text);
  prose.told += fresh;
  if (fresh !== "") state.emit({ type: "delta", block: prose.block, text: fresh });
}

/** Tells a thought whose text the vendor keeps to itself. */
export function tellHidden(state: ReplyState, choice: ChoiceState, detail: JsonObject): void {
  const carried = carryDetail(detail, state.issuer);
  if (carried === undefined) return;
  closeProse(state, choice);
  const block = openBlock(state, choice, { kind: "reasoning", redacted: true });
  state.emit({ type: "carried", block, carried });
  state.emit({ type: "block-end", block });
}

/** Tells a source of the text, once; one that comes when no text is open is the text's before. */
export function cite(state: ReplyState, choice: ChoiceState, citation: Citation): void {
  const { prose, sources } = choice;
  const key = `${citation.url ?? ""} ${citation.start ?? ""} ${citation.end ?? ""}`;
  if (prose?.kind !== "text" || sources.has(key)) return;
  sources.add(key);
  state.emit({ type: "citation", block: prose.block, citation });
}
