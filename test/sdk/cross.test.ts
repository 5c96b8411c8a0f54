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
import { loadVendorExchanges } from "../fakes/vendor-exchanges.ts";
import { openReplay } from "./replay.ts";
import { canonical, nothingTold, readers, type ReaderId, type Told } from "./readers.ts";

interface Vendor {
  /** Under which its counts are kept. */
  readonly name: string;
  readonly recordings: readonly Recording[] | undefined;
  readonly reader: ReaderId;
  /** Of a channel that speaks this API alone. */
  readonly channel: { readonly provider: string; readonly path: string; readonly dialect: string };
}

/** The path of a base URL, and the dialect, of each API. */
const apis = {
  chat: { path: "/v1", dialect: "openai-chat" },
  responses: { path: "/v1", dialect: "openai-responses" },
  messages: { path: "", dialect: "anthropic-messages" },
  gemini: { path: "/v1beta", dialect: "gemini-content" },
  converse: { path: "", dialect: "bedrock-converse" },
  cohere: { path: "/v2", dialect: "cohere-v2" },
} as const satisfies Record<ReaderId, { path: string; dialect: string }>;

const conversations =
  /\/(chat\/completions|responses|messages|converse|converse-stream|chat)$|:(generateContent|streamGenerateContent)/;
const isChat = ({ request, response }: Recording): boolean =>
  response.status === 200 && conversations.test(request.path.split("?")[0] ?? "");

/** Recordings by protocol: any vendor's, so no vendor's ways are asked for. */
const recorded: readonly (readonly [string, ReaderId])[] = [
  ["openai-chat", "chat"],
  ["openai-responses", "responses"],
  ["anthropic", "messages"],
  ["gemini", "gemini"],
  ["bedrock-converse", "converse"],
  ["cohere", "cohere"],
];

/** Folders of vendors' packages, and the provider whose ways they show. */
const packages: readonly (readonly [folder: string, ReaderId, provider: string])[] = [
  ["openai/chat", "chat", "openai"],
  ["groq", "chat", "groq"],
  ["mistral", "chat", "mistral"],
  ["deepseek/chat", "chat", "deepseek"],
  ["xai", "chat", "xai"],
  ["alibaba", "chat", "dashscope"],
  ["moonshotai", "chat", "moonshot"],
  ["perplexity", "chat", "perplexity"],
  ["openai-compatible/chat", "chat", "custom"],
  ["openai/responses", "responses", "openai"],
  ["azure", "responses", "azure-v1"],
  ["xai/responses", "responses", "xai"],
  ["open-responses/responses", "responses", "custom"],
  ["anthropic", "messages", "anthropic"],
  ["google", "gemini", "gemini"],
  ["amazon-bedrock", "converse", "custom"],
  ["cohere", "cohere", "cohere"],
];

const vendors: readonly Vendor[] = [
  ...recorded.map(([name, reader]): Vendor => ({
    name: reader,
    recordings: loadRecordings(name)?.filter(isChat),
    reader,
    channel: { provider: "custom", ...apis[reader] },
  })),
  ...packages.map(([folder, reader, provider]): Vendor => ({
    name: `${reader} of ${folder}`,
    recordings: loadVendorExchanges(folder, reader),
    reader,
    channel: { provider, ...apis[reader] },
  })),
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
}[] = [
  {
    field: "output",
    vendor: "chat",
    why: "thoughts counted beside the output",
    when: (_, direct, through) =>
      through.output === (direct.output ?? 0) + (direct.reasoningTokens ?? 0),
  },
  {
    field: "output",
    vendor: "chat",
    why: "Google tells this API of thoughts by its total alone, and no client of OpenAI's adds them",
    when: (recording) => holds(recording, '"model":"gemini-'),
  },
  {
    field: "calls",
    vendor: "responses",
    why: "the text of custom tools stands in an object",
    when: (_, direct, through) =>
      same(
        through.calls,
        direct.calls.map(({ name, arguments: text }) => ({
          name,
          arguments: canonical({ input: text }),
        })),
      ),
  },
  {
    field: "input",
    vendor: "responses",
    why: "the vendor counted nothing, so tokens are estimated",
    when: (_, direct) => direct.input === 0 && direct.output === 0,
  },
  {
    field: "text",
    vendor: "responses",
    why: "its package has shortened the deltas, not the whole",
    when: ({ id }) => /openai-(?:phase|shell-container)\.1\.chunks/.test(id),
  },
  ...(["input", "output"] as const).map((field) => ({
    field,
    vendor: "messages" as const,
    why: "the client forgets the rounds of a stream",
    when: (recording: Recording) => isStream(recording) && holds(recording, '"iterations"'),
  })),
  {
    field: "input",
    vendor: "messages",
    why: "a model that declined before another answered is not billed",
    when: (recording) => holds(recording, '"fallback_message"'),
  },
  {
    field: "calls",
    vendor: "gemini",
    why: "the client does not join partial arguments",
    when: (recording) => holds(recording, '"partialArgs"'),
  },
  {
    field: "calls",
    vendor: "cohere",
    why: "null stands for no arguments",
    when: (_, direct, through) =>
      same(
        through.calls,
        direct.calls.map((call) =>
          call.arguments === "null" ? { ...call, arguments: "{}" } : call,
        ),
      ),
  },
];

const countsFile = new URL("cross-counts.json", import.meta.url);
const isStream = ({ response }: Recording): boolean =>
  /event-stream|eventstream/.test(response.headers["content-type"] ?? "");
function same(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

const holds = ({ response }: Recording, text: string): boolean => response.body.includes(text);

for (const vendor of vendors) {
  const { recordings } = vendor;
  const skip =
    recordings === undefined ? "recordings of vendors are not beside this checkout" : false;
  test(
    `${vendor.name} says the same through every front`,
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
            options: { dialects: [vendor.channel.dialect] },
          },
        ],
      });
      const cells = new Map<string, number>();
      const examples = new Map<string, string>();
      const faults: string[] = [];
      let compared = 0;
      for (const recording of recordings ?? []) {
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
      checkCounts(vendor.name, cells, examples);
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
  name: string,
  cells: ReadonlyMap<string, number>,
  examples: ReadonlyMap<string, string>,
): void {
  const held = JSON.parse(readFileSync(countsFile, "utf8")) as Counts;
  const sorted = Object.fromEntries(
    [...cells].toSorted(([left], [right]) => (left < right ? -1 : 1)),
  );
  if (process.env["UPDATE_CROSS"] === "1") {
    const next = { ...held, [name]: sorted };
    writeFileSync(countsFile, `${JSON.stringify(next, null, 2)}\n`);
    for (const [cell, example] of examples) console.log(cell, cells.get(cell), example);
    return;
  }
  const before = held[name] ?? {};
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
