/** Reads the members of a delta (or of a whole message), each by its own handler, in the order of the table. */
import type { Json, JsonObject } from "../../core/json-value.ts";
import type { Citation } from "../../wire/conversation.ts";
import { findCount, findText, jsonOf, objectsOf, textOf } from "../loose-fields.ts";
import { thinkingText } from "./decode-thoughts.ts";
import { sniffAudio } from "./media-names.ts";
import {
  type ChoiceState,
  type ReplyState,
  cite,
  closeProse,
  openBlock,
  tell,
  tellDetail,
  tellHidden,
} from "./open-blocks.ts";
import { detailText, isHidden } from "./thought-details.ts";
import { closeCalls, readToolDelta, signMessage } from "./tool-deltas.ts";

type Handle = (state: ReplyState, choice: ChoiceState, value: Json, delta: JsonObject) => void;

/** Whether a delta tells thoughts as details: then what it tells plainly beside says the same again. */
function hasDetails(delta: JsonObject): boolean {
  return ["reasoning_details", "thinking_blocks"].some((name) =>
    objectsOf(delta[name]).some((detail) => detailText(detail) !== ""),
  );
}

function readDetails(state: ReplyState, choice: ChoiceState, value: Json): void {
  for (const detail of objectsOf(value))
    if (isHidden(detail)) tellHidden(state, choice, detail);
    else tellDetail(state, choice, detail, detailText(detail));
}

function readThoughts(
  state: ReplyState,
  choice: ChoiceState,
  value: Json,
  delta: JsonObject,
): void {
  if (!hasDetails(delta)) tell(state, choice, "reasoning", textOf(value));
}

/** Some vendors tell both names with the same text. */
function readReasoning(
  state: ReplyState,
  choice: ChoiceState,
  value: Json,
  delta: JsonObject,
): void {
  if (textOf(delta["reasoning_content"]) === "") readThoughts(state, choice, value, delta);
}

function readText(state: ReplyState, choice: ChoiceState, text: string): void {
  if (choice.splitter === null) tell(state, choice, "text", text);
  else if (text !== "") choice.splitter.push(text);
}

/** Content is text; with Mistral a list of thoughts and texts. */
function readContent(state: ReplyState, choice: ChoiceState, value: Json): void {
  if (typeof value === "string") {
    readText(state, choice, value);
    return;
  }
  for (const part of objectsOf(value)) {
    const type = part["type"];
    if (type === "thinking") tell(state, choice, "reasoning", thinkingText(part));
    else if (type === "refusal") tell(state, choice, "refusal", textOf(part["refusal"]));
    else if (type === "image_url") readImage(state, choice, part);
    else readText(state, choice, textOf(part["text"]));
  }
}

function readRefusal(state: ReplyState, choice: ChoiceState, value: Json): void {
  tell(state, choice, "refusal", textOf(value));
}

/** Images of the answer, as OpenRouter tells them. */
function readImage(state: ReplyState, choice: ChoiceState, part: JsonObject): void {
  const image = part["image_url"];
  const url = textOf(image) || textOf(jsonOf(image)["url"]);
  const found = /^data:([^;,]*)[^,]*;base64,/i.exec(url.slice(0, 200));
  if (url === "") return;
  const source =
    found === null
      ? ({ kind: "url", url, mediaType: null } as const)
      : ({
          kind: "data",
          mediaType: found[1] || "image/png",
          data: url.slice(found[0].length),
        } as const);
  closeProse(state, choice);
  const block = openBlock(state, choice, {
    kind: "part",
    part: { kind: "media", medium: "image", source },
  });
  state.emit({ type: "block-end", block });
}

function readImages(state: ReplyState, choice: ChoiceState, value: Json): void {
  for (const part of objectsOf(value)) readImage(state, choice, part);
}

/** Spoken output: its words are the text, its sound is told when it is whole. */
function readAudio(state: ReplyState, choice: ChoiceState, value: Json): void {
  const audio = jsonOf(value);
  const data = textOf(audio["data"]);
  tell(state, choice, "text", textOf(audio["transcript"]));
  if (data === "") return;
  choice.speech ??= { pieces: [] };
  choice.speech.pieces.push(data);
}

function tellSpeech(state: ReplyState, choice: ChoiceState): void {
  const { speech } = choice;
  if (speech === null) return;
  choice.speech = null;
  const [first = ""] = speech.pieces;
  // Each piece of a stream is base64 of its own, padded.
  const data =
    speech.pieces.length === 1
      ? first
      : Buffer.concat(speech.pieces.map((piece) => Buffer.from(piece, "base64"))).toString(
          "base64",
        );
  const source = { kind: "data", mediaType: sniffAudio(data), data } as const;
  const part = { kind: "media", medium: "audio", source } as const;
  const block = openBlock(state, choice, { kind: "part", part });
  state.emit({ type: "block-end", block });
}

function readAnnotations(state: ReplyState, choice: ChoiceState, value: Json): void {
  for (const annotation of objectsOf(value)) {
    const fields = jsonOf(annotation["url_citation"]);
    const url = findText(fields["url"]);
    if (url === null) continue;
    const end = findCount(fields["end_index"]) ?? 0;
    // OpenRouter tells 0 and 0 where it does not know.
    const range = end > 0 ? { start: findCount(fields["start_index"]) ?? 0, end } : noRange;
    const citedText = findText(fields["content"]);
    cite(state, choice, { url, title: findText(fields["title"]), citedText, ...range });
  }
}

const noRange = { start: null, end: null } as const;

/** Sources that a vendor tells beside the choices (Perplexity's `search_results` and `citations`). */
export function readSources(state: ReplyState, choice: ChoiceState, body: JsonObject): void {
  const results = objectsOf(body["search_results"]).map(({ url, title }): Citation => ({
    url: findText(url),
    title: findText(title),
    citedText: null,
    ...noRange,
  }));
  const urls = Array.isArray(body["citations"]) ? (body["citations"] as readonly Json[]) : [];
  const bare = urls.map((url): Citation => ({
    url: findText(url),
    title: null,
    citedText: null,
    ...noRange,
  }));
  for (const citation of results.length > 0 ? results : bare)
    if (citation.url !== null) cite(state, choice, citation);
}

/** Google's compatible endpoint signs the whole message. */
function readExtra(state: ReplyState, choice: ChoiceState, value: Json): void {
  const signature = findText(jsonOf(jsonOf(value)["google"])["thought_signature"]);
  if (signature !== null) signMessage(state, choice, signature);
}

function readLegacyCall(state: ReplyState, choice: ChoiceState, value: Json): void {
  const call = jsonOf(value);
  // Snowflake tells one that is empty in every reply.
  if (textOf(call["name"]) === "" && textOf(call["arguments"]) === "") return;
  readToolDelta(state, choice, { index: 0, function: call });
}

function readToolCalls(state: ReplyState, choice: ChoiceState, value: Json): void {
  for (const entry of objectsOf(value)) readToolDelta(state, choice, entry);
}

const handlers: readonly (readonly [string, Handle])[] = [
  ["extra_content", readExtra],
  ["reasoning_details", readDetails],
  ["thinking_blocks", readDetails],
  ["reasoning_content", readThoughts],
  ["reasoning", readReasoning],
  ["content", readContent],
  ["refusal", readRefusal],
  ["audio", readAudio],
  ["annotations", readAnnotations],
  ["images", readImages],
  ["function_call", readLegacyCall],
  ["tool_calls", readToolCalls],
];

/** Reads a delta, or a whole message. */
export function readDelta(state: ReplyState, choice: ChoiceState, delta: JsonObject): void {
  for (const [name, handle] of handlers) {
    const value = delta[name];
    if (value !== undefined && value !== null) handle(state, choice, value, delta);
  }
}

/** Tells what was held back and closes everything that is open in a choice. */
export function closeChoice(state: ReplyState, choice: ChoiceState): void {
  choice.splitter?.end();
  closeProse(state, choice);
  tellSpeech(state, choice);
  closeCalls(state, choice);
}
