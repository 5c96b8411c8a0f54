/**
 * Where the network cuts a stream changes nothing, for every API that is streamed: small streams cut at every byte,
 * larger ones byte by byte and at seeded places, both by the decoders and by what passes streams through.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SseFramer } from "../../src/core/sse.ts";
import type { StreamEvent } from "../../src/dialects/codec.ts";
import { makeFramer } from "../../src/dialects/framing.ts";
import { findDialect, findUpstreamCodec } from "../../src/dialects/registry.ts";
import { decodeChunks } from "../fakes/reply-events.ts";
import { type StreamedDialect, loadStreams, streamedDialects } from "../fakes/streams.ts";
import { type Chance, makeChance } from "../simulation/virtual-clock.ts";

const smallBytes = 16 * 1024;
const long = process.env["CI"] === "true" || process.env["SWITCHYARD_LONG"] === "1";
/** Streams larger than this are cut at every third byte only, unless there is time. */
const hastyBytes = 4 * 1024;

function cutAt(body: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places)].sort((left, right) => left - right);
  return [...ends, body.length].map((end, index) => body.subarray(ends[index - 1] ?? 0, end));
}

function everyByte(body: Buffer): Buffer[] {
  return Array.from(body, (_byte, at) => body.subarray(at, at + 1));
}

/** Cuts, half of them within a letter of several bytes or a line end, where there are such. */
function seededCuts(body: Buffer, count: number, chance: Chance): number[] {
  return Array.from({ length: count }, () => {
    const from = chance.between(1, body.length - 1);
    if (chance.happens(0.5)) return from;
    let at = from;
    const isDelicate = (byte = 0): boolean => byte >= 0x80 || byte === 0x0a;
    while (at < body.length && !(isDelicate(body[at]) && isDelicate(body[at - 1]))) at += 1;
    return at < body.length ? at : from;
  });
}

/** What framers hand to decoders. */
function framed(dialect: StreamedDialect, chunks: readonly Buffer[]): string {
  const events: StreamEvent[] = [];
  const framing = findUpstreamCodec(dialect)?.framing ?? "sse";
  const framer = makeFramer(framing, (event) => events.push(event));
  for (const chunk of chunks) framer.push(chunk);
  framer.end();
  return JSON.stringify(events);
}

function decoded(dialect: StreamedDialect, chunks: readonly Buffer[]): string {
  const codec = findUpstreamCodec(dialect);
  assert.ok(codec !== undefined);
  return JSON.stringify(decodeChunks(codec, chunks));
}

/** What pass-through makes of a stream: its events as bytes, and how it reads them; undefined where it has none. */
function passed(dialect: StreamedDialect, chunks: readonly Buffer[]): string | undefined {
  const front = findDialect(dialect);
  if (front?.front == null) return undefined;
  const read = front.makeEventReader();
  let told = "";
  const framer = new SseFramer((event) => {
    const { kind, hasUsage, textBytes, modelStart } = read(event);
    told += `${event.toString("latin1")}|${kind} ${hasUsage} ${textBytes} ${modelStart}\n`;
  });
  for (const chunk of chunks) framer.push(chunk);
  return told + framer.rest().toString("latin1");
}

/** Pieces of a stream that cuts can be tried in one by one: each event with the one behind it. */
function piecesOf(dialect: StreamedDialect, body: Buffer): Buffer[] {
  if (findUpstreamCodec(dialect)?.framing !== "sse") return [body];
  const events: Buffer[] = [];
  new SseFramer((event) => events.push(event)).push(body);
  return events.map((event, index) => Buffer.concat([event, events[index + 1] ?? Buffer.alloc(0)]));
}

for (const dialect of streamedDialects) {
  const streams = loadStreams(dialect);
  const small = streams.filter(({ body }) => body.length <= smallBytes);
  const large = streams.filter(({ body }) => body.length > smallBytes);

  test(`small streams of ${dialect} cut at every byte`, () => {
    assert.ok(small.length >= 4, `${small.length} streams`);
    for (const [index, { id, body }] of small.entries()) {
      const step = long || body.length <= hastyBytes ? 1 : 3;
      for (const piece of piecesOf(dialect, body)) {
        const whole = framed(dialect, [piece]);
        const through = passed(dialect, [piece]);
        for (let at = 1 + (index % step); at < piece.length; at += step) {
          const halves = [piece.subarray(0, at), piece.subarray(at)];
          if (framed(dialect, halves) !== whole) assert.fail(`${id}: ${piece.toString()} at ${at}`);
          if (passed(dialect, halves) !== through)
            assert.fail(`${id}: ${piece.toString()} at ${at}`);
        }
      }
      const bytes = everyByte(body);
      assert.equal(decoded(dialect, bytes), decoded(dialect, [body]), id);
      assert.equal(passed(dialect, bytes), passed(dialect, [body]), id);
    }
  });

  // Some APIs have none so large.
  test(`large streams of ${dialect} cut byte by byte and at 200 places`, () => {
    for (const [seed, { id, body }] of large.entries()) {
      const chance = makeChance(seed);
      const whole = decoded(dialect, [body]);
      const through = passed(dialect, [body]);
      const sets = Array.from({ length: 10 }, () => cutAt(body, seededCuts(body, 20, chance)));
      for (const [index, chunks] of [everyByte(body), ...sets].entries()) {
        assert.equal(decoded(dialect, chunks), whole, `${id}, set ${index}`);
        assert.equal(passed(dialect, chunks), through, `${id}, set ${index}`);
      }
    }
  });
}
