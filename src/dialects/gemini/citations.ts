/** Sources of an answer: Google's grounding and citation metadata, both ways. */
import type { JsonObject } from "../../core/json-value.ts";
import type { Citation } from "../../wire/conversation.ts";
import { type Fields, fieldsOf, findCount, findText, listOf } from "../loose-fields.ts";
import { byteAtUnit, unitAtByte } from "./text-offsets.ts";

/** A text that sources may speak of. */
export interface CitedText {
  readonly block: number;
  readonly text: string;
}

export interface FoundCitation {
  readonly block: number;
  readonly citation: Citation;
}

interface Source {
  readonly url: string | null;
  readonly title: string | null;
  readonly citedText: string | null;
}

function sourceOf(chunk: unknown): Source {
  const fields = fieldsOf(chunk);
  const kept = fieldsOf(fields["retrievedContext"]);
  const web = [fields["web"], fields["maps"], fields["image"], kept].map(fieldsOf);
  const told = web.find((one) => findText(one["uri"]) !== null) ?? web.find(hasMembers) ?? {};
  return {
    url: findText(told["uri"]) ?? findText(told["sourceUri"]),
    title: findText(told["title"]),
    citedText: findText(told["text"]),
  };
}

function hasMembers(fields: Fields): boolean {
  return Object.keys(fields).length > 0;
}

interface Place {
  readonly block: number;
  readonly start: number | null;
  readonly end: number | null;
}

/** Where a segment stands: by its bytes if the text there is the one it names, else by that text itself. */
function placeOf(segment: Fields, texts: readonly CitedText[]): Place | undefined {
  const claim = findText(segment["text"]);
  const from = findCount(segment["startIndex"]) ?? 0;
  const to = findCount(segment["endIndex"]);
  const index = findCount(segment["partIndex"]) ?? 0;
  const named = texts[index];
  const ordered = named === undefined ? texts : [named, ...texts];
  for (const { block, text } of to === undefined ? [] : ordered) {
    const start = unitAtByte(text, from);
    const end = unitAtByte(text, to ?? 0);
    if (claim === null || text.slice(start, end) === claim) return { block, start, end };
  }
  for (const { block, text } of claim === null ? [] : ordered) {
    const start = text.indexOf(claim ?? "");
    if (start !== -1) return { block, start, end: start + (claim ?? "").length };
  }
  const last = texts.at(-1);
  return last === undefined ? undefined : { block: last.block, start: null, end: null };
}

function fromGrounding(grounding: Fields, texts: readonly CitedText[]): FoundCitation[] {
  const sources = listOf(grounding["groundingChunks"]).map(sourceOf);
  const cited = new Set<number>();
  const found = listOf(grounding["groundingSupports"]).flatMap((support) => {
    const fields = fieldsOf(support);
    const place = placeOf(fieldsOf(fields["segment"]), texts);
    if (place === undefined) return [];
    const { block, start, end } = place;
    return listOf(fields["groundingChunkIndices"]).flatMap((index) => {
      const source = typeof index === "number" ? sources[index] : undefined;
      if (source === undefined) return [];
      cited.add(index as number);
      return [{ block, citation: { ...source, start, end } }];
    });
  });
  const last = texts.at(-1);
  if (last === undefined) return found;
  // Sources of the answer as a whole.
  const whole = sources.filter((_source, index) => !cited.has(index));
  return [
    ...found,
    ...whole.map((source) => ({
      block: last.block,
      citation: { ...source, start: null, end: null },
    })),
  ];
}

function fromCitations(metadata: Fields, texts: readonly CitedText[]): FoundCitation[] {
  return listOf(metadata["citations"] ?? metadata["citationSources"]).flatMap((one) => {
    const fields = fieldsOf(one);
    const place = placeOf(fields, texts);
    if (place === undefined) return [];
    const { block, start, end } = place;
    const url = findText(fields["uri"]);
    const title = findText(fields["title"]);
    return [{ block, citation: { url, title, citedText: null, start, end } }];
  });
}

/** Citations that a candidate tells, each with the block of the text it speaks of. */
export function decodeCitations(candidate: Fields, texts: readonly CitedText[]): FoundCitation[] {
  return [
    ...fromGrounding(fieldsOf(candidate["groundingMetadata"]), texts),
    ...fromCitations(fieldsOf(candidate["citationMetadata"]), texts),
  ];
}

/** Texts with what is cited for each; `offset`: bytes of the answer before the text. */
export interface TextWithCitations {
  readonly text: string;
  readonly partIndex: number;
  readonly offset: number;
  readonly citations: readonly Citation[];
}

function encodeSource({ url, title, citedText }: Citation): JsonObject {
  const named = title === null ? {} : { title };
  if (url !== null && citedText === null) return { web: { uri: url, ...named } };
  return {
    retrievedContext: {
      ...(url === null ? {} : { uri: url }),
      ...named,
      ...(citedText === null ? {} : { text: citedText }),
    },
  };
}

/** `groundingMetadata` of an answer; undefined where nothing is cited. */
export function encodeCitations(texts: readonly TextWithCitations[]): JsonObject | undefined {
  const groundingChunks: JsonObject[] = [];
  const groundingSupports: JsonObject[] = [];
  const indexes = new Map<string, number>();
  const indexOf = (citation: Citation): number => {
    const source = encodeSource(citation);
    const key = JSON.stringify(source);
    const index = indexes.get(key) ?? groundingChunks.push(source) - 1;
    indexes.set(key, index);
    return index;
  };
  for (const { text, partIndex, offset, citations } of texts)
    for (const citation of citations) {
      const index = indexOf(citation);
      const { start, end } = citation;
      if (start === null || end === null) continue;
      const segment = {
        ...(partIndex === 0 ? {} : { partIndex }),
        startIndex: offset + byteAtUnit(text, start),
        endIndex: offset + byteAtUnit(text, end),
        text: text.slice(start, end),
      };
      groundingSupports.push({ segment, groundingChunkIndices: [index] });
    }
  if (groundingChunks.length === 0) return undefined;
  return groundingSupports.length === 0
    ? { groundingChunks }
    : { groundingChunks, groundingSupports };
}
