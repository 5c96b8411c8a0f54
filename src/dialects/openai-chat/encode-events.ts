/**
 * Writes the events of a stream as chat completion chunks. Promise kept here: the role comes first, tool calls are
 * numbered within their choice, each choice ends once, and usage comes last and only where it was asked for.
 */
import type { JsonObject } from "../../core/json-value.ts";
import type { BlockStart, ReplyEvent } from "../../wire/chat-reply.ts";
import type { Carried, Citation } from "../../wire/conversation.ts";
import type { Usage } from "../../wire/usage.ts";
import type { EncodeEvent, ReplyContext } from "../codec.ts";
import { writeImage } from "./encode-content.ts";
import {
  isLegacy,
  writeAnnotation,
  writeLogprobs,
  writeSignature,
  writeSpeech,
  writeTier,
} from "./encode-parts.ts";
import { encodeFinish } from "./finish-reasons.ts";
import { writeDetail, writeLastDetail } from "./thought-details.ts";
import { encodeUsage } from "./usage.ts";

/** One choice while it is written. */
interface Choice {
  readonly index: number;
  /** Tool calls and reasoning blocks so far: their numbers are the caller's. */
  calls: number;
  thoughts: number;
  textLength: number;
}

/** One block while it is written. */
interface Block {
  readonly choice: Choice;
  readonly start: BlockStart;
  /** Number of a tool call or of a thought within its choice. */
  readonly number: number;
  /** Where a text starts within the answer. */
  readonly textStart: number;
  carried: Carried | null;
  /** Of a thought. */
  thought: string;
  readonly citations: Citation[];
  /** A tool call's name has been told. */
  told: boolean;
}

class ChunkWriter {
  readonly #context: ReplyContext;
  readonly #legacy: boolean;
  readonly #choices = new Map<number, Choice>();
  readonly #blocks = new Map<number, Block>();
  #head = "";
  #tail = "";
  #usage: Usage | null = null;
  #serviceTier: string | null = null;
  #out = "";

  constructor(context: ReplyContext) {
    this.#context = context;
    this.#legacy = isLegacy(context.request);
    this.#begin(context.createdAtS);
  }

  write(event: ReplyEvent): string | undefined {
    this.#out = "";
    this.#take(event);
    return this.#out === "" ? undefined : this.#out;
  }

  /** What all chunks of the stream have in common is written once. */
  #begin(createdAtS: number): void {
    const { callId, replyId, model, usageAsked } = this.#context;
    const head = JSON.stringify({
      id: replyId ?? `chatcmpl-${callId}`,
      object: "chat.completion.chunk",
      created: createdAtS,
      model,
    });
    this.#head = `data: ${head.slice(0, -1)},"choices":[`;
    this.#tail = usageAsked ? `],"usage":null}\n\n` : "]}\n\n";
  }

  #take(event: ReplyEvent): void {
    switch (event.type) {
      case "start":
        this.#begin(event.createdAtS ?? this.#context.createdAtS);
        this.#choice(0);
        break;
      case "block":
        this.#open(event);
        break;
      case "delta":
        this.#delta(event.block, event.text);
        break;
      case "finish":
        this.#finish(event);
        break;
      case "done":
        this.#done();
        break;
      case "usage":
        this.#usage = event.usage;
        this.#serviceTier = event.serviceTier ?? this.#serviceTier;
        break;
      case "logprobs":
        this.#chunk(this.#choice(event.choice), {}, { logprobs: writeLogprobs(event.tokens) });
        break;
      default:
        this.#aside(event);
    }
  }

  /** What is told when its block ends. */
  #aside(
    event: Extract<ReplyEvent, { type: "carried" | "citation" | "block-end" | "error" }>,
  ): void {
    if (event.type === "error") return;
    const block = this.#blocks.get(event.block);
    if (block === undefined) return;
    if (event.type === "citation") block.citations.push(event.citation);
    else if (event.type === "block-end") this.#close(event.block, block);
    else if (block.start.kind === "tool-call" && block.told)
      this.#chunk(block.choice, callDelta(block.number, writeSignature(event.carried)));
    else block.carried = event.carried;
  }

  #chunk(choice: Choice, delta: JsonObject, more: JsonObject = {}): void {
    const { logprobs = null, finish = null } = more;
    const entry = { index: choice.index, delta, logprobs, finish_reason: finish };
    this.#out += this.#head + JSON.stringify(entry) + this.#tail;
  }

  #choice(index: number): Choice {
    const known = this.#choices.get(index);
    if (known !== undefined) return known;
    const choice: Choice = { index, calls: 0, thoughts: 0, textLength: 0 };
    this.#choices.set(index, choice);
    this.#chunk(choice, { role: "assistant", content: "", refusal: null });
    return choice;
  }

  #open({ choice: index, block, start }: Extract<ReplyEvent, { type: "block" }>): void {
    const choice = this.#choice(index);
    const number = start.kind === "tool-call" ? choice.calls : choice.thoughts;
    if (start.kind === "tool-call") choice.calls += 1;
    if (start.kind === "reasoning") choice.thoughts += 1;
    const textStart = choice.textLength;
    const opened = { choice, start, number, textStart, carried: null, citations: [] };
    this.#blocks.set(block, { ...opened, thought: "", told: false });
    if (start.kind === "part") this.#part(choice, start.part);
  }

  #part(choice: Choice, part: Extract<BlockStart, { kind: "part" }>["part"]): void {
    if (part.kind !== "media") return;
    const { callId, createdAtS } = this.#context;
    if (part.medium === "image")
      this.#chunk(choice, { images: [{ ...writeImage(part), index: 0 }] });
    const speech = writeSpeech(part, callId, createdAtS);
    if (speech !== undefined) this.#chunk(choice, { audio: speech });
  }

  #delta(number: number, text: string): void {
    const block = this.#blocks.get(number);
    if (block === undefined) return;
    const { choice, start } = block;
    if (start.kind === "text") {
      choice.textLength += text.length;
      this.#chunk(choice, { content: text });
    } else if (start.kind === "refusal") this.#chunk(choice, { refusal: text });
    else if (start.kind === "reasoning") {
      block.thought += text;
      // Both names in one delta, as OpenRouter does: readers of details count the text once.
      const detail = writeDetail({ kind: "reasoning", text }, block.number);
      this.#chunk(choice, { reasoning_content: text, reasoning_details: [detail] });
    } else if (start.kind === "tool-call") {
      this.#name(block);
      this.#callText(block, text);
    }
  }

  /** Tells a call's name: held until its first argument, since clients read a signature only beside the name. */
  #name(block: Block): void {
    const { start, carried, choice } = block;
    if (start.kind !== "tool-call" || block.told) return;
    block.told = true;
    const { id, name } = start;
    if (this.#legacy) {
      if (block.number === 0) this.#chunk(choice, { function_call: { name, arguments: "" } });
      return;
    }
    const call: JsonObject =
      start.custom === true
        ? { id, type: "custom", custom: { name, input: "" } }
        : { id, type: "function", function: { name, arguments: "" } };
    const signature = carried === null ? {} : writeSignature(carried);
    this.#chunk(choice, callDelta(block.number, { ...call, ...signature }));
  }

  #callText({ choice, number, start }: Block, text: string): void {
    if (this.#legacy) {
      if (number === 0) this.#chunk(choice, { function_call: { arguments: text } });
      return;
    }
    const isCustom = start.kind === "tool-call" && start.custom === true;
    const piece = isCustom ? { custom: { input: text } } : { function: { arguments: text } };
    this.#chunk(choice, callDelta(number, piece));
  }

  #close(number: number, block: Block): void {
    const { choice, start, carried } = block;
    this.#blocks.delete(number);
    if (start.kind === "tool-call") this.#name(block);
    if (start.kind === "text") this.#closeText(block);
    if (start.kind !== "reasoning" || carried === null) return;
    const redacted = start.redacted === true;
    const told = { text: block.thought, redacted, index: block.number };
    this.#chunk(choice, { reasoning_details: [writeLastDetail(carried, told)] });
  }

  #closeText({ choice, textStart, citations, carried }: Block): void {
    const extent = { start: textStart, end: choice.textLength };
    const annotations = citations.flatMap((citation) => writeAnnotation(citation, extent) ?? []);
    if (annotations.length > 0) this.#chunk(choice, { annotations });
    if (carried !== null) this.#chunk(choice, writeSignature(carried));
  }

  #finish({ choice: index, finish }: Extract<ReplyEvent, { type: "finish" }>): void {
    const choice = this.#choice(index);
    const word = encodeFinish(finish, choice.calls > 0);
    const isLegacyCall = word === "tool_calls" && this.#legacy;
    this.#chunk(choice, {}, { finish: isLegacyCall ? "function_call" : word });
  }

  #done(): void {
    if (this.#context.usageAsked && this.#usage !== null) {
      const members = { usage: encodeUsage(this.#usage), ...writeTier(this.#serviceTier) };
      this.#out += `${this.#head}],${JSON.stringify(members).slice(1)}\n\n`;
    }
    this.#out += "data: [DONE]\n\n";
  }
}

function callDelta(index: number, members: JsonObject): JsonObject {
  return { tool_calls: [{ index, ...members }] };
}

/** Writes the events of one stream. */
export function makeEventEncoder(context: ReplyContext): EncodeEvent {
  const writer = new ChunkWriter(context);
  return (event) => writer.write(event);
}
