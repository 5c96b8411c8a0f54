/**
 * Keeps to a caller's wish for one tool call at a time, where the upstream's API or its model does not.
 * Promise kept here: the first call of a choice arrives whole, and none behind it; the model is asked again anyway once
 * the call's result is there.
 */
import type { ChatReply, ReplyChoice, ReplyEvent } from "../../wire/chat-reply.ts";
import type { Call } from "../exchange/ending.ts";

export function wantsSingleCall({ decoded }: Call): boolean {
  return decoded.conversation().parallelToolCalls === false;
}

/** A whole reply without the calls behind each choice's first. */
export function withSingleCalls(reply: ChatReply): ChatReply {
  return { ...reply, choices: reply.choices.map(withSingleCall) };
}

function withSingleCall(choice: ReplyChoice): ReplyChoice {
  const first = choice.parts.findIndex(({ kind }) => kind === "tool-call");
  const parts = choice.parts.filter(({ kind }, index) => kind !== "tool-call" || index === first);
  return { ...choice, parts };
}

/** Leaves out of one stream what belongs to calls behind the first of a choice. */
export class SingleCalls {
  readonly #called = new Set<number>();
  readonly #left = new Set<number>();

  leavesOut(event: ReplyEvent): boolean {
    if (event.type !== "block") return "block" in event && this.#left.has(event.block);
    if (event.start.kind !== "tool-call") return false;
    if (this.#called.has(event.choice)) this.#left.add(event.block);
    this.#called.add(event.choice);
    return this.#left.has(event.block);
  }
}
