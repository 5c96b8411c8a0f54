/**
 * Every vendor recording, read directly by that vendor's own client, says the same as when it is read through each
 * front by that front's client. What differs is counted by its cell of the conversion matrix in cross-counts.json;
 * a count may only fall (UPDATE_CROSS=1 writes the new ones), and text, tool calls and token counts have no cells
 * but the ones explained in `excused`.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { openYard, testKey } from "../e2e/call-harness.ts";
import { loadRecordings, type Recording } from "../fakes/recordings.ts";
import { openReplay } from "./replay.ts";
import { nothingTold, readers, type ReaderId, type Told } from "./readers.ts";

interface Vendor {
  readonly recordings: string;
  readonly reader: ReaderId;
  /** Of a channel that speaks this API alone. */
  readonly channel: { readonly provider: string; readonly path: string; readonly options: object };
}

const custom = (dialect: string): object => ({ dialects: [dialect] });

const vendors: readonly Vendor[] = [
  {
    recordings: "openai-chat",
    reader: "chat",
    channel: { provider: "custom", path: "/v1", options: custom("openai-chat") },
  },
  {
    recordings: "openai-responses",
    reader: "responses",
    channel: { provider: "custom", path: "/v1", options: custom("openai-responses") },
  },
  {
    recordings: "anthropic",
    reader: "messages",
    channel: { provider: "custom", path: "", options: custom("anthropic-messages") },
  },
  {
    recordings: "gemini",
    reader: "gemini",
    channel: { provider: "custom", path: "/v1beta", options: custom("gemini-content") },
  },
  {
    recordings: "bedrock-converse",
    reader: "converse",
    channel: { provider: "custom", path: "", options: custom("bedrock-converse") },
  },
  {
    recordings: "cohere",
    reader: "cohere",
    channel: { provider: "custom", path: "/v2", options: custom("cohere-v2") },
  },
];

const fronts = ["chat", "responses", "messages", "gemini"] as const;
type Front = (typeof fronts)[number];

/** Fields that must arrive unchanged (E in the matrix). */
const exactFields = ["text", "calls", "input", "output"] as const;
/** Fields whose differences are counted by cell. */
const otherFields = [
  "reasoning",
  "refusal",
  "finish",
  "cacheRead",
  "cacheWrite",
  "reasoningTokens",
] as const;
type Field = (typeof exactFields)[number] | (typeof otherFields)[number];

/** Differences of exact fields that have a reason outside the gateway; each names it. */
const excused: readonly {
  readonly field: Field;
  readonly vendor: ReaderId;
  readonly why: string;
  readonly when: (recording: Recording, direct: Told, through: Told, front: Front) => boolean;
}[] = [];

const countsFile = new URL("cross-counts.json", import.meta.url);
const isStream = ({ response }: Recording): boolean =>
  /event-stream|eventstream/.test(response.headers["content-type"] ?? "");
const isChat = ({ request, response }: Recording): boolean =>
  response.status === 200 &&
  /\/(chat\/completions|responses|messages|converse|converse-stream|chat)$|:(generateContent|streamGenerateContent)/.test(
    request.path.split("?")[0] ?? "",
  );

const same = (left: unknown, right: unknown): boolean =>
  JSON.stringify(left) === JSON.stringify(right);

for (const vendor of vendors) {
  const all = loadRecordings(vendor.recordings);
  const skip = all === undefined ? "recordings of vendors are not beside this checkout" : false;
  test(
    `${vendor.recordings} says the same through every front`,
    { skip, timeout: 600_000 },
    async (t) => {
      const replay = await openReplay();
      t.after(() => replay.close());
      const yard = await openYard(t, {
        channels: [
          {
            provider: vendor.channel.provider,
            baseUrl: replay.origin + vendor.channel.path,
            models: ["any-model"],
            options: vendor.channel.options as Record<string, unknown>,
          },
        ],
      });
      const cells = new Map<string, number>();
      const examples = new Map<string, string>();
      const faults: string[] = [];
      let compared = 0;
      for (const recording of (all ?? []).filter(isChat)) {
        replay.play(recording);
        const stream = isStream(recording);
        const ask = { key: testKey, model: "any-model", stream };
        const direct = await readers[vendor.reader]({ ...ask, url: replay.origin }).catch(
          () => undefined,
        );
        // What the vendor's own client cannot read has nothing to compare with.
        if (direct === undefined) continue;
        for (const front of fronts) {
          if (front === vendor.reader) continue;
          compared += 1;
          let through: Told;
          try {
            through = await readers[front]({ ...ask, url: yard.url });
          } catch (thrown) {
            faults.push(`${recording.id} through ${front}: ${String(thrown)}`);
            continue;
          }
          note({ recording, direct, through, front });
        }
      }
      function note(one: {
        recording: Recording;
        direct: Told;
        through: Told;
        front: Front;
      }): void {
        const { recording, direct, through, front } = one;
        for (const field of [...exactFields, ...otherFields] as Field[]) {
          if (direct[field] === null || through[field] === null) continue;
          if (same(direct[field], through[field])) continue;
          const exact = (exactFields as readonly string[]).includes(field);
          const excuse = excused.find(
            (candidate) =>
              candidate.field === field &&
              candidate.vendor === vendor.reader &&
              candidate.when(recording, direct, through, front),
          );
          const told = `${recording.id}: ${JSON.stringify(direct[field])?.slice(0, 300)} became ${JSON.stringify(through[field])?.slice(0, 300)}`;
          if (exact && excuse === undefined) {
            faults.push(`${front} ${field}: ${told}`);
            continue;
          }
          const cell = `${vendor.reader}→${front} ${field}${excuse === undefined ? kindOf(field, direct, through) : `: ${excuse.why}`}`;
          cells.set(cell, (cells.get(cell) ?? 0) + 1);
          if (!examples.has(cell)) examples.set(cell, told);
        }
      }
      assert.deepEqual(faults, [], `${faults.length} of ${compared} readings differ`);
      assert.ok(compared > 0, "nothing was compared");
      checkCounts(vendor.reader, cells, examples);
    },
  );
}

function kindOf(field: Field, direct: Told, through: Told): string {
  if (field === "finish") return ` ${direct.finish} became ${through.finish}`;
  const empty = nothingTold()[field];
  if (through[field] === empty || through[field] === 0) return " lost";
  return direct[field] === empty || direct[field] === 0 ? " gained" : " changed";
}

type Counts = Record<string, Record<string, number>>;

function checkCounts(
  reader: ReaderId,
  cells: ReadonlyMap<string, number>,
  examples: ReadonlyMap<string, string>,
): void {
  const held = JSON.parse(readFileSync(countsFile, "utf8")) as Counts;
  const sorted = Object.fromEntries(
    [...cells].toSorted(([left], [right]) => (left < right ? -1 : 1)),
  );
  if (process.env["UPDATE_CROSS"] === "1") {
    const next = { ...held, [reader]: sorted };
    writeFileSync(countsFile, `${JSON.stringify(next, null, 2)}\n`);
    for (const [cell, example] of examples) console.log(cell, cells.get(cell), example);
    return;
  }
  const before = held[reader] ?? {};
  for (const [cell, count] of cells)
    assert.ok(
      count <= (before[cell] ?? 0),
      `${cell}: ${count}, was ${before[cell] ?? 0}; for example ${examples.get(cell)}`,
    );
  assert.deepEqual(
    sorted,
    before,
    "fewer differences than before: write them down with UPDATE_CROSS=1",
  );
}
