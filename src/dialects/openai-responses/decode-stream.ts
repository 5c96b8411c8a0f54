/**
 * Reads an upstream's stream of events.
 * Promise kept here: a text, a thought or a call arrives once and whole, whichever of deltas, closing events and final
 * items the vendor tells it by; ids may change on the way, so items are known by their place.
 */
import { isObject, type JsonObject } from "../../core/json-value.ts";
import type { DecodeEvent, ReadContext } from "../codec.ts";
import { parsePayload } from "../framing.ts";
import {
  decodeAnnotation,
  decodeErrorObject,
  decodeFinish,
  objectsOf,
  textOf,
} from "./decode-output.ts";
import {
  type Item,
  type Reading,
  callStart,
  callTypes,
  endBlock,
  endItem,
  endPart,
  itemAt,
  openBlock,
  placeOf,
  startOnce,
  tell,
  tellLogprobs,
} from "./stream-items.ts";
import { decodeUsage } from "./usage.ts";

type Handler = (reading: Reading, event: JsonObject) => void;

function contentOf(reading: Reading, event: JsonObject): [item: Item, content: number] {
  return [itemAt(reading, placeOf(event["output_index"])), placeOf(event["content_index"])];
}

const onTextDelta: Handler = (reading, event) => {
  const delta = textOf(event["delta"]);
  const [item, content] = contentOf(reading, event);
  if (delta === "" || item.ended.has(content)) return;
  const block = openBlock(reading, item, content, { kind: "text" });
  tellLogprobs(reading, block, event["logprobs"], false);
  tell(reading, block, delta);
};

const onRefusalDelta: Handler = (reading, event) => {
  const delta = textOf(event["delta"]);
  const [item, content] = contentOf(reading, event);
  if (delta === "" || item.ended.has(content)) return;
  tell(reading, openBlock(reading, item, content, { kind: "refusal" }), delta);
};

const onAnnotation: Handler = (reading, event) => {
  const { annotation } = event;
  const [item, content] = contentOf(reading, event);
  if (!isObject(annotation) || item.ended.has(content)) return;
  const block = openBlock(reading, item, content, { kind: "text" });
  block.citations += 1;
  reading.emit({ type: "citation", block: block.index, citation: decodeAnnotation(annotation) });
};

const onPartDone: Handler = (reading, event) => {
  const { part } = event;
  const [item, content] = contentOf(reading, event);
  const type = isObject(part) ? part["type"] : undefined;
  // Raw thoughts come in content parts too; they end with their item.
  if (isObject(part) && (type === "output_text" || type === "refusal"))
    endPart(reading, item, content, part);
};

function onThought(kind: "text" | "summary"): Handler {
  return (reading, event) => {
    const delta = textOf(event["delta"]);
    const item = itemAt(reading, placeOf(event["output_index"]));
    if (delta === "" || item.ended.has(0)) return;
    item.thought ??= kind;
    if (item.thought === kind)
      tell(reading, openBlock(reading, item, 0, { kind: "reasoning" }), delta);
  };
}

/** Several summaries or raw texts of one thought are parted by an empty line. */
function onNextThought(kind: "text" | "summary", place: string): Handler {
  return (reading, event) => {
    const item = itemAt(reading, placeOf(event["output_index"]));
    const block = item.blocks.get(0);
    if (item.thought !== kind || block === undefined || placeOf(event[place]) === 0) return;
    if (!item.ended.has(0)) tell(reading, block, "\n\n");
  };
}

const onItemAdded: Handler = (reading, event) => {
  const { item } = event;
  if (!isObject(item)) return;
  const place = placeOf(event["output_index"]);
  const known = itemAt(reading, place);
  if (callTypes.includes(item["type"]))
    openBlock(reading, known, 0, callStart(reading, item, place));
};

const onCallDelta: Handler = (reading, event) => {
  const item = itemAt(reading, placeOf(event["output_index"]));
  const block = item.blocks.get(0);
  if (block !== undefined && !item.ended.has(0)) tell(reading, block, textOf(event["delta"]));
};

const onItemDone: Handler = (reading, event) => {
  if (isObject(event["item"])) endItem(reading, event["item"], placeOf(event["output_index"]));
};

/** The response is whole: what no event told of its items is taken from it, and every block is closed. */
const onEnd: Handler = (reading, event) => {
  if (reading.over) return;
  reading.over = true;
  startOnce(reading, event);
  const response = isObject(event["response"]) ? event["response"] : {};
  for (const [place, item] of objectsOf(response["output"]).entries())
    endItem(reading, item, place);
  for (const item of reading.items.values())
    for (const content of item.blocks.keys()) endBlock(reading, item, content);
  const status = event["type"] === "response.incomplete" ? "incomplete" : "completed";
  const ended = { ...response, status: response["status"] ?? status };
  reading.emit({ type: "finish", choice: 0, finish: decodeFinish(ended, reading.kinds) });
  const usage = decodeUsage(response);
  const tier = textOf(response["service_tier"]);
  if (usage !== null)
    reading.emit({ type: "usage", usage, ...(tier === "" ? {} : { serviceTier: tier }) });
  reading.emit({ type: "done" });
};

const onError: Handler = (reading, event) => {
  if (reading.over) return;
  reading.over = true;
  const response = isObject(event["response"]) ? event["response"] : event;
  reading.emit({ type: "error", error: decodeErrorObject(response) });
};

const handlers: Readonly<Record<string, Handler>> = {
  "response.created": startOnce,
  "response.in_progress": startOnce,
  "response.queued": startOnce,
  "response.output_item.added": onItemAdded,
  "response.output_item.done": onItemDone,
  "response.output_text.delta": onTextDelta,
  "response.output_text.annotation.added": onAnnotation,
  "response.content_part.done": onPartDone,
  "response.refusal.delta": onRefusalDelta,
  "response.reasoning_summary_part.added": onNextThought("summary", "summary_index"),
  "response.reasoning_summary_text.delta": onThought("summary"),
  "response.content_part.added": onNextThought("text", "content_index"),
  "response.reasoning_text.delta": onThought("text"),
  "response.function_call_arguments.delta": onCallDelta,
  "response.custom_tool_call_input.delta": onCallDelta,
  "response.completed": onEnd,
  "response.incomplete": onEnd,
  "response.failed": onError,
  error: onError,
};

/** Unknown events are passed over; broken ones throw `upstream_invalid`. */
export function makeEventDecoder(context: ReadContext): DecodeEvent {
  const reading: Reading = {
    context,
    emit: () => undefined,
    items: new Map(),
    kinds: new Set(),
    blocks: 0,
    started: false,
    over: false,
  };
  return (event, emit) => {
    if (event.payload === "[DONE]") return;
    const payload = parsePayload(event.payload) as JsonObject;
    const type = textOf(payload["type"]) || (event.name ?? "");
    reading.emit = emit;
    if (Object.hasOwn(handlers, type)) handlers[type]?.(reading, payload);
  };
}
