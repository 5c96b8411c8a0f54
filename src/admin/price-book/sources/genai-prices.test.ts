/** The bundled price book against the package's own calculation: for every name that we take, at several instants and lengths. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { calcPrice } from "@pydantic/genai-prices";
import { makeCharge } from "../../../meter/charge.ts";
import type { FindPrice, Price } from "../../../sync/price-rates.ts";
import { makeFindPrice } from "../../../sync/price-index.ts";
import { parsePriceRow } from "../../../sync/price-row.ts";
import type { RawRow } from "../../../store/sync-store.ts";
import { noUsage } from "../../../wire/usage.ts";
import type { ListedPrice, ParsedList, Remark } from "../listed-price.ts";
import { renderRow } from "../render-row.ts";
import { loadBundledBook, parseGenaiPrices } from "./genai-prices.ts";

let data: unknown;
let list: ParsedList;
const remarks: Remark[] = [];
let findPrice: FindPrice;

function asPrices(listed: readonly ListedPrice[]): readonly Price[] {
  return listed.flatMap((price, index) => {
    const row = renderRow(price, "builtin", remarks);
    if (row === undefined) return [];
    return [parsePriceRow({ ...row.columns, id: BigInt(index + 1), rev: 1n } as RawRow)];
  });
}

before(async () => {
  data = await loadBundledBook();
  list = parseGenaiPrices(data, () => "made");
  findPrice = makeFindPrice(asPrices(list.prices));
});

const instants = [
  "2025-01-15T12:00:00Z",
  "2026-06-01T02:00:00Z",
  "2026-11-23T00:29:59Z",
  "2026-11-23T00:30:00Z",
  "2026-11-23T03:30:00Z",
  "2026-11-23T09:59:59Z",
  "2026-11-23T10:00:00Z",
  "2026-11-23T16:30:00Z",
  "2027-06-01T12:00:00Z",
].map((text) => new Date(text));

/** A name that a pattern is meant for. */
const exampleOf = (pattern: string): string =>
  pattern.endsWith("-20*") ? `${pattern.slice(0, -1)}260101` : pattern.replace(/\*$/, "");

test("every name that is taken costs what the package says, by length, date and hour", () => {
  let compared = 0;
  const tried = new Set<string>();
  for (const { model, vendor } of list.prices) {
    const name = exampleOf(model);
    if (tried.has(name)) continue;
    tried.add(name);
    for (const timestamp of instants)
      for (const input of [1000, 200_000, 271_999, 272_000, 900_001]) {
        const price = findPrice(name, { channelId: 0, atMs: timestamp.getTime(), side: "charge" });
        assert.ok(price !== undefined, name);
        // The package does not charge for output that it has no price of; ours falls back on the input's.
        const output = price.output === undefined ? 0 : 777;
        const [read, write] = [
          price.cacheRead === undefined ? 0 : 300,
          price.cacheWrite5m === undefined ? 0 : 100,
        ];
        const told = calcPrice(
          {
            input_tokens: input,
            output_tokens: output,
            ...(read > 0 && { cache_read_tokens: read }),
            ...(write > 0 && { cache_write_tokens: write }),
          },
          name,
          { providerId: vendor, timestamp },
        );
        assert.ok(told !== null, name);
        const usage = {
          ...noUsage,
          input: input - read - write,
          cacheRead: read,
          cacheWrite5m: write,
          output,
        };
        const atMs = timestamp.getTime();
        const { cost } = makeCharge({ usage, price, ratios: [], tier: null, atMs });
        const difference = Math.abs(Number(cost) - told.total_price * 1e9);
        const where = `${vendor} ${name} ${timestamp.toISOString()} ${input}`;
        assert.ok(
          difference <= 1 + told.total_price * 1e-3,
          `${where}: ${cost} ${told.total_price}`,
        );
        compared += 1;
      }
  }
  assert.ok(compared > 30_000, String(compared));
});

test("no bare name to which the package gives a price is without one", () => {
  const usage = { input_tokens: 1000, output_tokens: 0 };
  const providers = data as readonly { models: readonly { id: string }[] }[];
  const unpriced: string[] = [];
  let found = 0;
  for (const { id } of providers.flatMap(({ models }) => models)) {
    const told = calcPrice(usage, id, { timestamp: new Date("2026-11-23T12:00:00Z") });
    if (told === null || told.total_price === 0) continue;
    if (findPrice(id) === undefined) unpriced.push(id);
    else found += 1;
  }
  // A reseller's name that differs from a maker's prefix by its capitals.
  const others = ["DeepSeek-R1-Distill-Llama-70B"];
  // Names of resellers that merely hold a maker's word, as `us.anthropic.claude-…`: prices of channels, not of models.
  assert.deepEqual(
    unpriced.filter((id) => !/[/.:@]/.test(id)),
    others,
  );
  assert.ok(found > 300, String(found));
});

test("the price of a bare name is that of its maker, and resellers are counted, not taken", () => {
  const vendorsOf = (model: string): readonly string[] => [
    ...new Set(list.prices.filter((price) => price.model === model).map((price) => price.vendor)),
  ];
  assert.deepEqual(vendorsOf("gpt-4o"), ["openai"]);
  assert.deepEqual(vendorsOf("claude-3-5-haiku-latest*"), []);
  assert.deepEqual(vendorsOf("gemini-2.5-pro*"), ["google"]);
  assert.deepEqual(vendorsOf("text-embedding-3-small"), ["openai"]);
  assert.deepEqual(vendorsOf("amazon.nova-lite*"), ["aws"]);
  for (const { model, vendor } of list.prices)
    if (model.startsWith("claude")) assert.equal(vendor, "anthropic", model);
  assert.ok((list.passedOver["openrouter"] ?? 0) > 500);
  assert.ok((list.passedOver["azure"] ?? 0) > 0);
  const seller = parseGenaiPrices(data, (vendor) => (vendor === "groq" ? "all" : "made"));
  assert.ok(seller.prices.some(({ vendor, isMaker }) => vendor === "groq" && !isMaker));
});

test("all that is said of money and not taken is named, and the rules of prices take every row", () => {
  assert.deepEqual(remarks, []);
  const lost = list.remarks.filter(({ effect }) => effect === "field-left-out");
  assert.deepEqual([...new Set(lost.map(({ field }) => field))].sort(), [
    "input_annotated_document_kpages",
    "input_text_messages_kcount",
  ]);
  const out = list.remarks.filter(({ effect }) => effect === "row-left-out");
  assert.deepEqual([...new Set(out.map(({ reason }) => reason))], ["names no amount"]);
});

/** A list of one vendor with one model. */
const only = (model: object): unknown => [
  { id: "openai", models: [{ id: "m", match: { equals: "m" }, ...model }] },
];
const parseOnly = (model: object): ParsedList => parseGenaiPrices(only(model), () => "made");

test("hours of an offset, over midnight, and a price that outranks them", () => {
  const constraint = (from: string, to: string) => ({
    constraint: { type: "time_of_date", start_time: from, end_time: to },
    prices: { input_mtok: 2 },
  });
  const listed = parseOnly({
    prices: [
      { prices: { input_mtok: 1, cache_read_mtok: 0.5 } },
      constraint("23:30:00+01:00", "00:30:00Z"),
      constraint("12:00:00Z", "13:00:00Z"),
      { constraint: { start_date: "2027-01-01" }, prices: { input_mtok: 3 } },
    ],
  });
  assert.deepEqual(listed.remarks, []);
  const rates = { input: 2_000_000_000n, cacheRead: 2_000_000_000n };
  assert.deepEqual(
    listed.prices.map(({ effectiveFromMs, times }) => [effectiveFromMs, times]),
    [
      [
        0,
        [
          { fromMinute: 720, toMinute: 780, rates, factor: null },
          { fromMinute: 1350, toMinute: 30, rates, factor: null },
        ],
      ],
      [Date.parse("2027-01-01"), []],
    ],
  );
});

test("what is no price leaves its model out by name, and no expression of a list is run", () => {
  const tiers = (start: unknown, price: unknown) => ({
    input_mtok: { base: 1, tiers: [{ start, price }] },
  });
  const bad: readonly object[] = [
    { prices: { input_mtok: -1 } },
    { prices: { input_mtok: Number.NaN } },
    { prices: { input_mtok: "1e400" } },
    { prices: { input_mtok: [1] } },
    { prices: { input_mtok: { base: 1 } } },
    { prices: tiers(-5, 1) },
    { prices: tiers(1.5, 1) },
    { prices: tiers(1000, -1) },
    { prices: { requests_kcount: { base: 1, tiers: [{ start: 5, price: 2 }] } } },
    { prices: null },
    { prices: [] },
    { prices: {} },
    { prices: [{ prices: { input_mtok: 1 }, constraint: { start_date: "2026-02-30" } }] },
    {
      prices: [
        {
          prices: { input_mtok: 1 },
          constraint: { start_time: "25:00:00Z", end_time: "01:00:00Z" },
        },
      ],
    },
    { prices: [{ prices: { input_mtok: 1 }, constraint: { phase: "moon" } }] },
  ];
  for (const model of bad) {
    const { prices, remarks: made } = parseOnly(model);
    assert.deepEqual(prices, [], JSON.stringify(model));
    assert.ok(made.some(({ effect, model: name }) => effect === "row-left-out" && name === "m"));
  }
  const catastrophic = "^(a+)+$";
  const usedBefore = process.cpuUsage().user;
  const { prices } = parseGenaiPrices(
    [
      {
        id: "openai",
        model_match: { regex: catastrophic },
        models: [
          {
            id: `${"a".repeat(60)}!`,
            match: { or: [{ regex: catastrophic }, { equals: "b" }] },
            prices: { input_mtok: 1 },
          },
        ],
      },
    ],
    () => "made",
  );
  assert.deepEqual(
    prices.map(({ model }) => model),
    ["b"],
  );
  assert.ok(process.cpuUsage().user - usedBefore < 2_000_000);
  for (const hostile of [null, 7, "x", {}, [1], [null], [{ id: 5 }], [{ id: "x", models: 5 }]])
    assert.throws(() => parseGenaiPrices(hostile, () => "all"), { kind: "validation_failed" });
});
