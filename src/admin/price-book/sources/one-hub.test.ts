/** One Hub's prices: quota of that installation in exact dollars. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fraction } from "../exact-amount.ts";
import { readAtOnce } from "../listed-price.ts";
import type { ListedPrice, ParsedList } from "../listed-price.ts";
import { renderRow } from "../render-row.ts";
import { readOneHub } from "./one-hub.ts";

const usual: Fraction = { top: 500_000n, bottom: 1n };
const parse = (rows: readonly object[], quota = usual): ParsedList =>
  readAtOnce(readOneHub({ data: rows }, quota));

function shown(row: object, quota = usual): Record<string, unknown> {
  const { prices, remarks } = parse(
    [{ model: "m", type: "tokens", channel_type: 1, ...row }],
    quota,
  );
  assert.equal(prices.length, 1, JSON.stringify(remarks));
  const rendered = renderRow(prices[0] as ListedPrice, "one-hub", []);
  assert.ok(rendered !== undefined);
  const { model: _model, mode: _mode, side: _side, source: _source, ...rest } = rendered.shown;
  return rest;
}

test("a ratio of 1 is $0.002 for a thousand tokens, or for a call", () => {
  assert.deepEqual(shown({ input: 1, output: 1 }), { input: "2", output: "2" });
  assert.deepEqual(shown({ input: 1.25, output: 5 }), { input: "2.5", output: "10" });
  assert.deepEqual(shown({ input: 0.0375, output: 0 }), { input: "0.075", output: "0" });
  assert.deepEqual(shown({ type: "times", input: 25, output: 0 }), { perCall: "0.05" });
  assert.deepEqual(shown({ type: "times", input: 1, output: 9 }), { perCall: "0.002" });
});

test("the dollar is the installation's own; what does not divide is rounded and told", () => {
  const yuan: Fraction = { top: 68_493n, bottom: 1n };
  const { prices, remarks } = parse([{ model: "m", type: "tokens", input: 1, output: 0 }], yuan);
  // 10^15 / 68493 = 14600032120.0706…
  assert.equal(prices[0]?.rates.input, 14_600_032_120n);
  assert.deepEqual(
    remarks.map(({ field, effect }) => [field, effect]),
    [["input", "rounded"]],
  );
  assert.deepEqual(shown({ input: 1, output: 1 }, { top: 1_000_000n, bottom: 1n }), {
    input: "1",
    output: "1",
  });
});

test("extra ratios are multiples of input or output", () => {
  assert.deepEqual(
    shown({
      input: 1.25,
      output: 5,
      extra_ratios: {
        cached_tokens: 0.5,
        input_audio_tokens: 16,
        output_audio_tokens: 8,
        input_image: 2,
        output_image_tokens: 3,
        reasoning_tokens: 1.5,
        input_text_tokens: 1,
      },
    }),
    {
      input: "2.5",
      output: "10",
      cacheRead: "1.25",
      inputAudio: "40",
      outputAudio: "80",
      inputImage: "5",
      outputImage: "30",
      reasoning: "15",
    },
  );
  // Claude's owner: One Hub's ratios of reads and writes hold where none are written.
  const claude = { channel_type: 14, input: 1.5, output: 7.5 };
  const plain = { input: "3", output: "15", cacheRead: "0.3", cacheWrite5m: "3.75" };
  assert.deepEqual(shown(claude), plain);
  assert.deepEqual(shown({ ...claude, extra_ratios: { cached_read_tokens: 0.2 } }), {
    ...plain,
    cacheRead: "0.6",
  });
  const other = parse([
    {
      model: "m",
      type: "tokens",
      input: 1,
      output: 1,
      extra_ratios: { cached_tokens: 0.5, cached_read_tokens: 0.1, input_text_tokens: 2, moon: 1 },
    },
  ]);
  assert.equal(other.prices[0]?.rates.cacheRead, 1_000_000_000n);
  assert.deepEqual(other.remarks.map(({ field, effect }) => `${field} ${effect}`).sort(), [
    "extra_ratios.cached_read_tokens field-left-out",
    "extra_ratios.input_text_tokens field-left-out",
    "extra_ratios.moon field-left-out",
  ]);
});

test("images and speech are counted there in tokens that nobody uses", () => {
  assert.deepEqual(shown({ model: "dall-e-3", input: 20, output: 20 })["perImage"], {
    "1024x1024/hd": "0.08",
    "1024x1792/hd": "0.12",
    "1792x1024/hd": "0.12",
    "1024x1024/*": "0.04",
    "1024x1792/*": "0.08",
    "1792x1024/*": "0.08",
    "*": "0.04",
  });
  assert.deepEqual(shown({ model: "dall-e-2", input: 8, output: 8 })["perImage"], {
    "256x256/*": "0.016",
    "512x512/*": "0.018",
    "*": "0.02",
  });
  assert.deepEqual(shown({ model: "tts-1", input: 7.5, output: 7.5 }), { characters: "15" });
});

test("the last of several rows of a model counts, locks stay, and nonsense is left out by name", () => {
  const { prices, remarks } = parse([
    { model: "a", type: "tokens", input: 1, output: 1 },
    { model: "gpt-4*", type: "tokens", input: 15, output: 30, locked: true },
    { model: "a", type: "tokens", input: 2, output: 2 },
    { model: "b", type: "monthly", input: 2, output: 2 },
    { model: "c", type: "tokens", input: -2, output: 2 },
    { model: "d", type: "tokens", input: 2 },
    { model: "e", type: "tokens", input: Number.NaN, output: 2 },
    { model: "", type: "tokens", input: 2, output: 2 },
    { type: "tokens", input: 2, output: 2 },
    5 as never,
    { model: "f", type: "tokens", input: 1e30, output: 2 },
    { model: "g", type: "tokens", input: 1, output: 2, rate_rules: { version: 2 } },
  ]);
  assert.deepEqual(
    prices.map(({ model, rates, locked }) => [model, rates.input, locked]),
    [
      ["a", 4_000_000_000n, false],
      ["gpt-4*", 30_000_000_000n, true],
      ["g", 2_000_000_000n, false],
    ],
  );
  assert.deepEqual(
    remarks.map(({ model, field, effect }) => `${model}:${field}:${effect}`),
    [
      "a:model:approximated",
      "b:type:row-left-out",
      "c:input:row-left-out",
      "d:output:row-left-out",
      "e:input:row-left-out",
      ":model:row-left-out",
      ":model:row-left-out",
      ":model:row-left-out",
      "f:input:row-left-out",
      "g:rate_rules:field-left-out",
    ],
  );
  for (const hostile of [null, 7, "x", {}, { data: 5 }, { data: { model: "m" } }])
    assert.throws(() => readAtOnce(readOneHub(hostile, usual)), { kind: "validation_failed" });
});
