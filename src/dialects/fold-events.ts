/** Puts the events of a reply together to the whole reply: for dialects and endpoints that only know streams. */
import { GatewayError } from "../core/errors.ts";
import type { ChatReply, Finish, ReplyEvent, TokenLogprob } from "../wire/chat-reply.ts";
import type { AssistantPart, Citation } from "../wire/conversation.ts";
import type { Usage } from "../wire/usage.ts";

interface Choice {
  readonly parts: AssistantPart[];
  finish: Finish | null;
  logprobs: TokenLogprob[] | null;
}

/** Where a block's part stands. */
interface Place {
  readonly choice: Choice;
  readonly at: number;
}

/** A reply while it is put together. */
export class ReplyFold {
  readonly #choices = new Map<number, Choice>();
  readonly #places = new Map<number, Place>();
  #start: Extract<ReplyEvent, { type: "start" }> | null = null;
  #usage: Usage | null = null;
  #serviceTier: string | null = null;

  /** Takes the next event. Throws `upstream_failed` where it tells an error. */
  take(event: ReplyEvent): void {
    if (event.type === "start") this.#start = event;
    else if (event.type === "block") this.#open(event);
    else if (event.type === "delta") this.#edit(event.block, (part) => grown(part, event.text));
    else if (event.type === "carried")
      this.#edit(event.block, (part) =>
        part.kind === "foreign" || part.kind === "refusal"
          ? part
          : { ...part, carried: event.carried },
      );
    else if (event.type === "citation")
      this.#edit(event.block, (part) => cited(part, event.citation));
    else if (event.type === "finish") this.#choice(event.choice).finish = event.finish;
    else if (event.type === "logprobs") this.#addLogprobs(event.choice, event.tokens);
    else if (event.type === "usage") {
      this.#usage = event.usage;
      this.#serviceTier = event.serviceTier ?? this.#serviceTier;
    } else if (event.type === "error")
      throw new GatewayError("upstream_failed", event.error.message);
  }

  /** The reply; choices in the order of their numbers. */
  reply(): ChatReply {
    const choices = [...this.#choices].sort(([left], [right]) => left - right);
    return {
      id: this.#start?.id ?? null,
      model: this.#start?.model ?? null,
      createdAtS: this.#start?.createdAtS ?? null,
      choices: choices.map(([index, { parts, finish, logprobs }]) => ({
        index,
        parts,
        finish: finish ?? { reason: "other", stopSequence: null, raw: null },
        logprobs,
      })),
      usage: this.#usage,
      serviceTier: this.#serviceTier,
    };
  }

  #choice(index: number): Choice {
    const known = this.#choices.get(index);
    if (known !== undefined) return known;
    const choice: Choice = { parts: [], finish: null, logprobs: null };
    this.#choices.set(index, choice);
    return choice;
  }

  #open({ choice: index, block, start }: Extract<ReplyEvent, { type: "block" }>): void {
    const choice = this.#choice(index);
    this.#places.set(block, { choice, at: choice.parts.length });
    if (start.kind === "part") choice.parts.push(start.part);
    else if (start.kind === "tool-call") choice.parts.push({ ...start, arguments: "" });
    else choice.parts.push({ ...start, text: "" });
  }

  #edit(block: number, change: (part: AssistantPart) => AssistantPart): void {
    const place = this.#places.get(block);
    const part = place?.choice.parts[place.at];
    if (place !== undefined && part !== undefined) place.choice.parts[place.at] = change(part);
  }

  #addLogprobs(index: number, tokens: readonly TokenLogprob[]): void {
    const choice = this.#choice(index);
    choice.logprobs ??= [];
    for (const token of tokens) choice.logprobs.push(token);
  }
}

function grown(part: AssistantPart, text: string): AssistantPart {
  if (part.kind === "tool-call") return { ...part, arguments: part.arguments + text };
  if (part.kind === "media" || part.kind === "foreign") return part;
  return { ...part, text: part.text + text };
}

function cited(part: AssistantPart, citation: Citation): AssistantPart {
  if (part.kind !== "text") return part;
  return { ...part, citations: [...(part.citations ?? []), citation] };
}

/** The reply that the told events make. Throws `upstream_failed` where one of them tells an error. */
export function foldEvents(tellAll: (take: (event: ReplyEvent) => void) => void): ChatReply {
  const fold = new ReplyFold();
  tellAll((event) => fold.take(event));
  return fold.reply();
}
