/**
 * Streams of any vendor as chunks of GenerateContentResponse. Promises kept here: text goes on as it comes, a call goes
 * on whole, and the last chunk tells how each choice ended and what it cost.
 */
import type { JsonObject } from "../../core/json-value.ts";
import type { Finish, ReplyEvent, TokenLogprob } from "../../wire/chat-reply.ts";
import type { BlockStart } from "../../wire/chat-reply.ts";
import type { Carried, Citation } from "../../wire/conversation.ts";
import type { Usage } from "../../wire/usage.ts";
import type { EncodeEvent, ReplyContext } from "../codec.ts";
import { encodeCitations, type TextWithCitations } from "./citations.ts";
import {
  encodeAnsweredCall,
  encodeAnswerPart,
  encodeBlock,
  encodeFinish,
  encodeTail,
} from "./encode-reply.ts";
import { encodeLogprobs } from "./logprobs.ts";
import { writeSignature } from "./signature.ts";
import { encodeUsage } from "./usage.ts";

interface Block {
  readonly choice: Choice;
  readonly start: BlockStart;
  /** Of a call: its arguments; of a text: what sources may speak of. */
  text: string;
  carried: Carried | undefined;
}

interface Choice {
  readonly index: number;
  /** Bytes of text so far: offsets of sources count them all. */
  bytes: number;
  readonly cited: TextWithCitations[];
  readonly tokens: TokenLogprob[];
  brokenCall: string | undefined;
  told: boolean;
  finish: Finish | undefined;
}

interface State {
  readonly context: ReplyContext;
  readonly blocks: Map<number, Block>;
  readonly offsets: Map<number, number>;
  readonly choices: Choice[];
  id: string | null;
  usage: Usage | undefined;
  tier: string | null;
  /** What stands behind the candidates of each chunk, written once. */
  tail: string | undefined;
}

type Of<T extends ReplyEvent["type"]> = Extract<ReplyEvent, { type: T }>;

function choiceOf(state: State, index: number): Choice {
  let choice = state.choices.find((one) => one.index === index);
  if (choice === undefined) {
    choice = {
      index,
      bytes: 0,
      cited: [],
      tokens: [],
      brokenCall: undefined,
      told: false,
      finish: undefined,
    };
    state.choices.push(choice);
  }
  return choice;
}

/** A chunk with one part. */
function partChunk(state: State, choice: Choice, part: JsonObject): string {
  choice.told = true;
  state.tail ??= JSON.stringify(encodeTail(state.context, state.id)).slice(1);
  const candidate = `{"content":{"parts":[${JSON.stringify(part)}],"role":"model"},"index":${choice.index}}`;
  return `data: {"candidates":[${candidate}],${state.tail}\r\n\r\n`;
}

function onStart(state: State, event: Of<"start">): undefined {
  state.id = event.id;
}

function onBlock(state: State, { choice, block, start }: Of<"block">): undefined {
  const owner = choiceOf(state, choice);
  state.blocks.set(block, { choice: owner, start, text: "", carried: undefined });
  state.offsets.set(block, owner.bytes);
}

function onDelta(state: State, { block, text }: Of<"delta">): string | undefined {
  const found = state.blocks.get(block);
  if (found === undefined || text === "") return undefined;
  const { start, choice } = found;
  found.text += text;
  if (start.kind === "tool-call" || start.kind === "part") return undefined;
  if (start.kind === "reasoning") return partChunk(state, choice, { text, thought: true });
  choice.bytes += Buffer.byteLength(text);
  return partChunk(state, choice, { text });
}

/** A text's signature follows it at once in a part of its own; a call's waits for the call. */
function onCarried(state: State, { block, carried }: Of<"carried">): string | undefined {
  const found = state.blocks.get(block);
  if (found === undefined) return undefined;
  const { start, choice, text } = found;
  if (start.kind === "tool-call" || start.kind === "part") {
    found.carried = carried;
    return undefined;
  }
  const redacted = start.kind === "reasoning" && start.redacted === true;
  const signed = { text: "", thoughtSignature: writeSignature(carried, redacted) };
  const thinks = start.kind === "reasoning" && text !== "";
  return partChunk(state, choice, thinks ? { ...signed, thought: true } : signed);
}

function cite(state: State, block: number, citation: Citation): void {
  const found = state.blocks.get(block);
  if (found === undefined) return;
  const offset = state.offsets.get(block) ?? 0;
  found.choice.cited.push({ text: found.text, partIndex: 0, offset, citations: [citation] });
}

function onCitation(state: State, { block, citation }: Of<"citation">): undefined {
  cite(state, block, citation);
}

function onLogprobs(state: State, { choice, tokens }: Of<"logprobs">): undefined {
  choiceOf(state, choice).tokens.push(...tokens);
}

function onBlockEnd(state: State, { block }: Of<"block-end">): string | undefined {
  const found = state.blocks.get(block);
  state.blocks.delete(block);
  state.offsets.delete(block);
  if (found === undefined) return undefined;
  const { start, choice, text, carried } = found;
  const signed = carried === undefined ? {} : { thoughtSignature: writeSignature(carried) };
  if (start.kind === "part") {
    const part = encodeAnswerPart(start.part);
    return part === undefined ? undefined : partChunk(state, choice, { ...part, ...signed });
  }
  if (start.kind !== "tool-call") return undefined;
  const call = encodeAnsweredCall({ ...start, arguments: text });
  if (call === undefined) choice.brokenCall = text;
  return call === undefined ? undefined : partChunk(state, choice, { ...call, ...signed });
}

/** Ends wait for the usage, which other vendors tell behind them and Google with them. */
function onFinish(state: State, { choice, finish }: Of<"finish">): undefined {
  choiceOf(state, choice).finish = finish;
}

function onUsage(state: State, { usage, serviceTier }: Of<"usage">): undefined {
  state.usage = usage;
  state.tier = serviceTier ?? state.tier;
}

function lastCandidate({ index, finish, brokenCall, cited, tokens }: Choice): JsonObject {
  const grounding = encodeCitations(cited);
  return {
    // Clients take a content without parts for a broken answer.
    content: { parts: [{ text: "" }], role: "model" },
    ...(finish === undefined ? {} : encodeFinish(finish, brokenCall)),
    index,
    ...(grounding === undefined ? {} : { groundingMetadata: grounding }),
    ...(tokens.length === 0 ? {} : { logprobsResult: encodeLogprobs(tokens) }),
  };
}

function onDone(state: State): string {
  const { choices, usage, tier, context, id } = state;
  const [first] = choices;
  const alone = choices.length === 1 && first?.told === false && first.finish !== undefined;
  const promptFeedback = alone ? encodeBlock(first.finish ?? neverEnded) : undefined;
  const chunk = {
    ...(promptFeedback === undefined
      ? { candidates: choices.map(lastCandidate) }
      : { promptFeedback }),
    ...(usage === undefined ? {} : { usageMetadata: encodeUsage(usage, tier) }),
    ...encodeTail(context, id),
  };
  return `data: ${JSON.stringify(chunk)}\r\n\r\n`;
}

const neverEnded: Finish = { reason: "other", stopSequence: null, raw: null };

type Handler<T extends ReplyEvent["type"]> = (state: State, event: Of<T>) => string | undefined;

const handlers: { readonly [T in ReplyEvent["type"]]: Handler<T> } = {
  start: onStart,
  block: onBlock,
  delta: onDelta,
  carried: onCarried,
  citation: onCitation,
  logprobs: onLogprobs,
  "block-end": onBlockEnd,
  finish: onFinish,
  usage: onUsage,
  // The gateway tells errors itself.
  error: () => undefined,
  done: onDone,
};

/** An encoder of one stream. */
export function makeEventEncoder(context: ReplyContext): EncodeEvent {
  const state: State = {
    context,
    blocks: new Map(),
    offsets: new Map(),
    choices: [],
    id: null,
    usage: undefined,
    tier: null,
    tail: undefined,
  };
  return (event) => (handlers[event.type] as Handler<typeof event.type>)(state, event as never);
}
