/**
 * Tells a stream of reply events as the Responses API does: every item opened, told and closed in the canonical order,
 * every event numbered. Promise kept here: what the events told is what the final response holds.
 */
import { isObject, type JsonObject } from "../../core/json-value.ts";
import type { ReplyEvent } from "../../wire/chat-reply.ts";
import type { EncodeEvent, ReplyContext } from "../codec.ts";
import {
  addCitation,
  addLogprobs,
  closeBlock,
  closeMessage,
  openBlock,
  tellDelta,
} from "./stream-telling.ts";
import { type Telling, makeTelling, tell } from "./telling.ts";
import { emptyState, endingOf, renderResponse } from "./response-object.ts";

type Handlers = {
  readonly [Type in ReplyEvent["type"]]: (
    telling: Telling,
    event: Extract<ReplyEvent, { readonly type: Type }>,
  ) => void;
};

function begin(telling: Telling): void {
  if (telling.begun) return;
  telling.begun = true;
  const response = renderResponse(telling.context, emptyState, telling.stored);
  tell(telling, "response.created", { response });
  tell(telling, "response.in_progress", { response });
}

/** A model that declined without a word is quoted so. */
const wordlessRefusal = "The model declined to answer.";

/** Whoever declined without a word says so; readers would take nothing at all for an answer. */
function tellRefusal(telling: Telling, detail: string | undefined): void {
  if (telling.items.length > 0) return;
  const block = -1;
  openBlock(telling, block, { kind: "refusal" });
  tellDelta(telling, block, detail ?? wordlessRefusal);
  closeBlock(telling, block);
}

function finalResponse(telling: Telling): JsonObject {
  const ending = endingOf(telling.finish);
  const { items: output, usage, serviceTier } = telling;
  const state = { ...emptyState, ...ending, output, usage, serviceTier };
  return renderResponse(telling.context, state, telling.stored);
}

/** Everything told, nothing open: the response can be rendered. */
function close(telling: Telling): void {
  if (telling.closed) return;
  telling.closed = true;
  begin(telling);
  for (const block of telling.blocks.keys()) closeBlock(telling, block);
  if (telling.finish.reason === "refusal") tellRefusal(telling, telling.finish.detail);
  const { status } = endingOf(telling.finish);
  closeMessage(telling, status === "incomplete" ? "incomplete" : "completed", true);
}

const handlers: Handlers = {
  start: (telling, { createdAtS }) => {
    if (createdAtS !== null) telling.context = { ...telling.context, createdAtS };
    begin(telling);
  },
  block: (telling, { choice, block, start }) => {
    // This API has one answer; more are refused before anything is sent.
    if (choice !== 0) return;
    begin(telling);
    openBlock(telling, block, start);
  },
  delta: (telling, { block, text }) => tellDelta(telling, block, text),
  carried: (telling, { block, carried }) => {
    const open = telling.blocks.get(block);
    if (open !== undefined) open.carried = carried;
  },
  citation: (telling, { block, citation }) => addCitation(telling, block, citation),
  logprobs: (telling, { choice, tokens }) => {
    if (choice === 0) addLogprobs(telling, tokens);
  },
  "block-end": (telling, { block }) => closeBlock(telling, block),
  finish: (telling, { choice, finish }) => {
    if (choice === 0) telling.finish = finish;
  },
  usage: (telling, { usage, serviceTier }) => {
    telling.usage = usage;
    telling.serviceTier = serviceTier ?? telling.serviceTier;
  },
  error: () => undefined,
  done: (telling) => {
    close(telling);
    const response = finalResponse(telling);
    tell(telling, `response.${String(response["status"])}`, { response });
    // OpenAI's own streams end with that event; Open Responses wants the terminator, which all readers pass over.
    if (!telling.silent) telling.out += "data: [DONE]\n\n";
  },
};

/** An encoder of one stream whose response can be kept before its end is told. */
export interface ResponseStream {
  readonly encode: EncodeEvent;
  /**
   * To be asked behind the last event before `done`: the response as `done` will tell it, and the bytes of events that
   * closing its open items takes, which go to the caller before `done`'s.
   */
  readonly complete: () => { readonly response: JsonObject; readonly bytes: string | undefined };
  /** Whether the response is kept after all, and if not why; to be said before `done`. */
  readonly markStored: (stored: boolean, warning?: string) => void;
}

/** `silent`: only the response is wanted, none of the events that lead to it. */
export function makeResponseStream(context: ReplyContext, silent = false): ResponseStream {
  const telling = makeTelling(context, silent);
  const take = (): string | undefined => {
    const bytes = telling.out;
    telling.out = "";
    return bytes === "" ? undefined : bytes;
  };
  return {
    encode: (event) => {
      // One table serves all types; each handler gets its own kind of event.
      const handle = handlers[event.type] as (telling: Telling, event: ReplyEvent) => void;
      handle(telling, event);
      return take();
    },
    complete: () => {
      close(telling);
      return { response: finalResponse(telling), bytes: take() };
    },
    markStored: (stored, warning) => {
      telling.stored = stored;
      if (warning === undefined) return;
      // The head has gone: the caller's own metadata is the one place that every client hands on.
      const { request } = telling.context;
      const own = isObject(request["metadata"]) ? request["metadata"] : {};
      const metadata = { ...own, switchyard_warning: warning };
      telling.context = { ...telling.context, request: { ...request, metadata } };
    },
  };
}
