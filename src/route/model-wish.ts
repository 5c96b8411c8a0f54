/**
 * What may stand behind a model's name: `model#thinking`, `model#high`, `model#search`, in a request or in the target of
 * a channel's mapping. Only known words count: a model whose own name holds a `#` stays callable.
 */
import type { Effort } from "../wire/conversation.ts";

/** What the name asks for beside the model. */
export interface ModelWish {
  readonly effort: Effort | null;
  /** Reasoning, as much as the model likes. */
  readonly thinking: boolean;
  /** The vendor's own search of the web. */
  readonly search: boolean;
}

export interface NamedModel {
  readonly model: string;
  /** Null: nothing is asked. */
  readonly wish: ModelWish | null;
}

const efforts: readonly string[] = [
  "none",
  "minimal",
  "low",
  "medium",
  "high",
  "xhigh",
  "max",
] satisfies Effort[];

function readWord(word: string, before: ModelWish): ModelWish | undefined {
  if (word === "thinking") return { ...before, thinking: true };
  if (word === "search") return { ...before, search: true };
  return efforts.includes(word) ? { ...before, effort: word as Effort } : undefined;
}

const nothing: ModelWish = { effort: null, thinking: false, search: false };

/** Takes the words off a name, from its end on (`m#high#search`). */
export function parseModelWish(name: string): NamedModel {
  let model = name;
  let wish: ModelWish | null = null;
  for (let mark = model.lastIndexOf("#"); mark > 0; mark = model.lastIndexOf("#")) {
    const read = readWord(model.slice(mark + 1), wish ?? nothing);
    if (read === undefined) break;
    wish = read;
    model = model.slice(0, mark);
  }
  return { model, wish };
}
