/** What has been told of a response stream, and how its events and items are written. */
import type { Json, JsonObject } from "../../core/json-value.ts";
import type { BlockStart, Finish } from "../../wire/chat-reply.ts";
import type { Carried } from "../../wire/conversation.ts";
import type { Usage } from "../../wire/usage.ts";
import type { ReplyContext } from "../codec.ts";
import { type CallerName, callerNames } from "./tool-names.ts";

/** A message that may still get further texts. */
export interface OpenMessage {
  readonly id: string;
  readonly place: number;
  readonly content: JsonObject[];
  openParts: number;
  carried: Carried | null;
}

export interface Block {
  readonly start: BlockStart;
  readonly place: number;
  /** Within a message. */
  readonly contentIndex: number;
  readonly message: OpenMessage | null;
  readonly annotations: JsonObject[];
  readonly logprobs: Json[];
  text: string;
  carried: Carried | null;
}

export interface Telling {
  context: ReplyContext;
  readonly names: ReadonlyMap<string, CallerName>;
  readonly blocks: Map<number, Block>;
  /** The output so far, items in their places. */
  readonly items: JsonObject[];
  readonly keepsTail: boolean;
  message: OpenMessage | null;
  /** Log probabilities whose text has not come yet. */
  logprobs: Json[];
  sequence: number;
  out: string;
  /** No events are wanted, only the response they lead to. */
  readonly silent: boolean;
  begun: boolean;
  closed: boolean;
  stored: boolean;
  finish: Finish;
  usage: Usage | null;
  serviceTier: string | null;
}

export function makeTelling(context: ReplyContext, silent: boolean): Telling {
  const { include } = context.request;
  return {
    context,
    names: callerNames(context.request),
    blocks: new Map(),
    items: [],
    keepsTail: Array.isArray(include) && include.includes("reasoning.encrypted_content"),
    message: null,
    logprobs: [],
    sequence: 0,
    out: "",
    silent,
    begun: false,
    closed: false,
    stored: context.stored ?? false,
    finish: { reason: "stop", stopSequence: null, raw: null },
    usage: null,
    serviceTier: null,
  };
}

/** Writes one event. */
export function tell(telling: Telling, type: string, fields: JsonObject): void {
  if (telling.silent) return;
  const data = JSON.stringify({ type, sequence_number: telling.sequence, ...fields });
  telling.sequence += 1;
  telling.out += `event: ${type}\ndata: ${data}\n\n`;
}

export function addItem(telling: Telling, item: JsonObject): number {
  const place = telling.items.push(item) - 1;
  tell(telling, "response.output_item.added", { output_index: place, item });
  return place;
}

export function endItem(telling: Telling, place: number, item: JsonObject): void {
  telling.items[place] = item;
  tell(telling, "response.output_item.done", { output_index: place, item });
}
