/**
 * Wherever the network cuts an upstream's stream, within letters and line ends too, a caller is told the same bytes:
 * passed through, and translated between every pair of APIs. Seeded; all of it again and again where there is time.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { systemClock } from "../../src/core/clock.ts";
import { type Piece, openFakeUpstream, stream } from "../fakes/upstream.ts";
import { type WholeStream, loadStreams, streamedDialects } from "../fakes/streams.ts";
import { type Chance, makeChance } from "../simulation/virtual-clock.ts";
import { closing, openYard, testKey } from "./call-harness.ts";
import { type Front, fronts } from "./fronts.ts";
import { type RawReply, inParallel, makeRawCaller } from "./raw-call.ts";
import { channelSpeaking } from "./recorded-calls.ts";

const long = process.env["CI"] === "true" || process.env["SWITCHYARD_LONG"] === "1";
/** Seeded cuttings of each pair: together more than a thousand; a thousand each where there is time. */
const cuttings = long ? 1000 : 40;
/** Larger streams take turns of their own, as each costs as much as many small ones. */
const usualBytes = 32 * 1024;

const pairs = fronts.flatMap((front) => streamedDialects.map((dialect) => ({ front, dialect })));

/** Cuts a body in up to a dozen places, half of them within letters, line ends and blank lines where there are such. */
function cutUp(body: Buffer, chance: Chance): Buffer[] {
  const isDelicate = (byte = 0): boolean => byte >= 0x80 || byte === 0x0a || byte === 0x0d;
  const places = Array.from({ length: chance.between(1, 12) }, () => {
    let at = chance.between(1, body.length - 1);
    if (chance.happens(0.5)) return at;
    const from = at;
    while (at < body.length && !(isDelicate(body[at - 1]) && isDelicate(body[at]))) at += 1;
    return at < body.length ? at : from;
  });
  // Often the last byte comes alone.
  if (chance.happens(0.3)) places.push(body.length - 1);
  const ends = [...new Set(places)].sort((left, right) => left - right);
  return [...ends, body.length].map((end, index) => body.subarray(ends[index - 1] ?? 0, end));
}

/** What the caller got, without what differs from call to call: its id, and the ids of tool calls that are made of it. */
function comparable(got: RawReply): string {
  const minted: string[] = [];
  const place = (id: string): string => {
    if (!minted.includes(id)) minted.push(id);
    return `MINTED-${minted.indexOf(id)}`;
  };
  const text = got.body
    .toString("latin1")
    // Packed signatures hold such ids, too.
    .replaceAll(/"sy1\.([\w-]+)"/g, (_all, packed: string) =>
      Buffer.from(packed, "base64url").toString("latin1"),
    )
    .replaceAll(String(got.headers["x-request-id"]), "ID")
    .replaceAll(/\b(?:call_|toolu_|fc_)?[0-9a-f]{24}\b/g, place);
  return `${got.status} ${got.torn}\n${text}`;
}

/** How the end of a whole answer looks to callers of each API. */
const ends: Readonly<Record<string, RegExp>> = {
  "openai-chat": /^data: \[DONE\]$/m,
  "openai-responses": /"type":"response\.(?:completed|incomplete)"/,
  "anthropic-messages": /"type": ?"message_stop"/,
  "gemini-content": /"finishReason": ?"/,
};

interface Node {
  play(body: readonly Piece[], contentType: string): Promise<RawReply>;
}

/** A gateway before an upstream that speaks one API, its clock standing still for everybody who tells the time. */
async function openNode(t: TestContext, front: Front, dialect: string): Promise<Node> {
  const playing = new Map<string, { pieces: readonly Piece[]; contentType: string }>();
  const vendor = closing(
    t,
    await openFakeUpstream((request, response) => {
      const current = playing.get(String(request.headers["traceparent"]));
      assert.ok(current !== undefined);
      return stream(current.pieces, { "content-type": current.contentType })(request, response);
    }),
  );
  const channel = channelSpeaking(dialect, `http://127.0.0.1:${vendor.port}`);
  const yard = await openYard(t, {
    channels: [{ ...channel, models: ["own-model"] }],
    settings: { retryTimes: 0 },
    clock: {
      now: () => 1_700_000_000_000,
      monotonic: () => systemClock.monotonic(),
      after: (delayMs, action) => systemClock.after(delayMs, action),
    },
  });
  const caller = makeRawCaller(yard.url);
  t.after(() => caller.close());
  const ask = { stream: true };
  const body = JSON.stringify(front.body(ask));
  let count = 0;
  return {
    play: (pieces, contentType) => {
      count += 1;
      const traceparent = `00-${String(count).padStart(32, "0")}-0000000000000001-01`;
      playing.set(traceparent, { pieces, contentType });
      return caller.send({
        path: front.path(ask),
        headers: {
          authorization: `Bearer ${testKey}`,
          "content-type": "application/json",
          traceparent,
          ...front.headers,
        },
        body,
      });
    },
  };
}

for (const { front, dialect } of pairs)
  test(`${front.id} over streams of ${dialect}, cut at seeded places`, async (t) => {
    const node = await openNode(t, front, dialect);
    const all = loadStreams(dialect);
    const usual = all.filter(({ body }) => body.length <= usualBytes);
    const chance = makeChance(streamedDialects.indexOf(dialect) * 100 + fronts.indexOf(front));
    const turns = Array.from({ length: cuttings }, (_, index): WholeStream => {
      if (index % 20 === 19) return chance.pick(all);
      return index < usual.length ? usual[index]! : chance.pick(usual);
    });
    const whole = new Map<WholeStream, Promise<string>>();
    let told = 0;
    await inParallel(turns, 4, async (turn) => {
      const { id, body, contentType } = turn;
      const uncut = whole.get(turn) ?? node.play([body], contentType).then(comparable);
      whole.set(turn, uncut);
      const expected = await uncut;
      const pieces = cutUp(body, chance);
      const got = comparable(await node.play(pieces, contentType));
      const cuts = pieces.map((piece) => piece.length).join(" + ");
      assert.equal(got, expected, `${id}, cut into ${cuts}`);
      if (ends[front.id]?.test(expected) === true) told += 1;
    });
    assert.ok(told > cuttings * 0.85, `only ${told} of ${cuttings} ended as whole answers`);
  });
