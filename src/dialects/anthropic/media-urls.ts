/**
 * Finds images and documents that a body names by URL, and puts what stands there in their place.
 * Promises kept here: only the source changes; a body that names none is not read for it.
 */
import { type ByteEdit, type ByteRange, readString, skipSpace } from "../../core/json.ts";
import type { CallFacts, InlineFile, MediaUrl } from "../contract.ts";
import { listItems } from "../list-items.ts";
import { encodeSource } from "./encode-history.ts";
import { membersOf, typeOf } from "./read-block.ts";

const openBrace = 0x7b;
const openBracket = 0x5b;
const colon = 0x3a;

/** With its quotes; written with escapes it is not found, and the vendor refuses it. */
const sourceType = '"url"';

/** A message's list, a tool's result in it, a document's own list in that: no block of this kind stands deeper. */
const deepestList = 3;

interface UrlSource extends MediaUrl {
  /** Of the source, with its braces. */
  readonly range: ByteRange;
}

/** A body and where in it a source by URL may stand: nothing else is gone into. */
interface Search {
  readonly body: Buffer;
  /** Offsets in order. */
  readonly marks: readonly number[];
}

interface Place {
  readonly path: string;
  /** How many lists of blocks it stands in. */
  readonly depth: number;
}

/** Where the word stands as a value: as a name (arguments and results of tools have it) a colon follows it. */
function findMarks(body: Buffer, { start, end }: ByteRange): number[] {
  const within = body.subarray(start, end);
  const marks: number[] = [];
  let at = within.indexOf(sourceType);
  while (at !== -1) {
    const behind = at + sourceType.length;
    if (within[skipSpace(within, behind)] !== colon) marks.push(start + at);
    at = within.indexOf(sourceType, behind);
  }
  return marks;
}

function holdsMark(marks: readonly number[], { start, end }: ByteRange): boolean {
  let low = 0;
  let high = marks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((marks[middle] ?? end) < start) low = middle + 1;
    else high = middle;
  }
  return (marks[low] ?? end) < end;
}

/** Objects of a list that are worth a look, with their paths. */
function* objectsIn(
  { body, marks }: Search,
  list: ByteRange | undefined,
  path: string,
): Generator<readonly [ByteRange, string]> {
  if (list === undefined || body[list.start] !== openBracket || !holdsMark(marks, list)) return;
  let index = 0;
  for (const item of listItems(body, list)) {
    if (body[item.start] === openBrace && holdsMark(marks, item)) yield [item, `${path}[${index}]`];
    index += 1;
  }
}

function* sourcesIn(
  search: Search,
  list: ByteRange | undefined,
  { path, depth }: Place,
): Generator<UrlSource> {
  if (depth > deepestList) return;
  for (const [block, at] of objectsIn(search, list, path))
    yield* sourcesOf(search, block, { path: at, depth });
}

function* sourcesOf(
  search: Search,
  block: ByteRange,
  { path, depth }: Place,
): Generator<UrlSource> {
  const { body } = search;
  const type = typeOf(body, block);
  if (type === "tool_result") {
    const { content } = membersOf(body, ["content"], block);
    yield* sourcesIn(search, content, { path: `${path}.content`, depth: depth + 1 });
  }
  if (type !== "image" && type !== "document") return;
  const { source } = membersOf(body, ["source"], block);
  const kind = typeOf(body, source);
  if (source === undefined || (kind !== "url" && kind !== "content")) return;
  const { url, content } = membersOf(body, ["url", "content"], source);
  if (kind === "content")
    yield* sourcesIn(search, content, { path: `${path}.source.content`, depth: depth + 1 });
  const address = url === undefined ? undefined : readString(body, url);
  if (kind === "url" && address !== undefined)
    yield { field: `${path}.source.url`, url: address, medium: type, range: source };
}

function* urlSources(body: Buffer, facts: CallFacts): Generator<UrlSource> {
  const { messages } = facts.scan.members;
  if (messages === undefined) return;
  const search = { body, marks: findMarks(body, messages) };
  for (const [message, path] of objectsIn(search, messages, "messages")) {
    const { content } = membersOf(body, ["content"], message);
    yield* sourcesIn(search, content, { path: `${path}.content`, depth: 1 });
  }
}

/** What a body names by URL, in its order. */
export function findMediaUrls(body: Buffer, facts: CallFacts): readonly MediaUrl[] {
  return [...urlSources(body, facts)].map(({ field, url, medium }) => ({ field, url, medium }));
}

/** Splices of the sources whose URL is among the files. */
export function inlineEdits(
  body: Buffer,
  facts: CallFacts,
  files: ReadonlyMap<string, InlineFile> | undefined,
): ByteEdit[] {
  if (files === undefined) return [];
  return [...urlSources(body, facts)].flatMap(({ url, medium, range }) => {
    const file = files.get(url);
    if (file === undefined) return [];
    const source = encodeSource({ kind: "data", ...file }, medium);
    return [{ start: range.start, end: range.end, bytes: JSON.stringify(source) }];
  });
}
