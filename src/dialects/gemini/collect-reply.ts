/** Puts the events of one reply together: how whole replies are read by the same reducer as streams. */
import type {
  ChatReply,
  Finish,
  ReplyChoice,
  ReplyEvent,
  TokenLogprob,
} from "../../wire/chat-reply.ts";
import type { AssistantPart, Citation } from "../../wire/conversation.ts";
import type { Carried } from "../../wire/conversation.ts";
import type { BlockStart } from "../../wire/chat-reply.ts";

interface Block {
  readonly choice: number;
  readonly start: BlockStart;
  text: string;
  carried: Carried | undefined;
  readonly citations: Citation[];
}

interface Ending {
  readonly index: number;
  readonly finish: Finish;
}

/** What events tell, as it comes. */
export interface Collection {
  readonly blocks: Map<number, Block>;
  readonly endings: Ending[];
  readonly logprobs: Map<number, TokenLogprob[]>;
}

export function openCollection(): Collection {
  return { blocks: new Map(), endings: [], logprobs: new Map() };
}

/** Takes an event. Those that tell of the reply as a whole are read elsewhere. */
export function collect({ blocks, endings, logprobs }: Collection, event: ReplyEvent): void {
  if (event.type === "block") {
    const { choice, start } = event;
    blocks.set(event.block, { choice, start, text: "", carried: undefined, citations: [] });
  } else if (event.type === "finish") endings.push({ index: event.choice, finish: event.finish });
  else if (event.type === "logprobs")
    logprobs.set(event.choice, [...(logprobs.get(event.choice) ?? []), ...event.tokens]);
  if (!("block" in event)) return;
  const block = blocks.get(event.block);
  if (block === undefined) return;
  if (event.type === "delta") block.text += event.text;
  else if (event.type === "carried") block.carried = event.carried;
  else if (event.type === "citation") block.citations.push(event.citation);
}

function partOf({ start, text, carried, citations }: Block): AssistantPart {
  const signed = carried === undefined ? {} : { carried };
  if (start.kind === "part") return { ...start.part, ...signed } as AssistantPart;
  if (start.kind === "tool-call") {
    const { id, name } = start;
    return { kind: "tool-call", id, name, arguments: text, ...signed };
  }
  if (start.kind === "refusal") return { kind: "refusal", text };
  if (start.kind === "reasoning") return { kind: "reasoning", text, ...signed };
  return { kind: "text", text, ...(citations.length === 0 ? {} : { citations }), ...signed };
}

/** The choices, in their order. */
export function collectedChoices({
  blocks,
  endings,
  logprobs,
}: Collection): readonly ReplyChoice[] {
  const all = [...blocks.values()];
  return endings
    .map(({ index, finish }): ChatReply["choices"][number] => ({
      index,
      parts: all.filter(({ choice }) => choice === index).map(partOf),
      finish,
      logprobs: logprobs.get(index) ?? null,
    }))
    .toSorted((left, right) => left.index - right.index);
}
