/** What docs/prices.md shows is accepted as it stands, and its sums are the gateway's. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { formatDollars } from "../src/core/money.ts";
import { makeCharge } from "../src/meter/charge.ts";
import { priceFields } from "../src/sync/price-fields.ts";
import { noUsage } from "../src/wire/usage.ts";
import { type WrittenPrice, priceOf } from "./fakes/prices.ts";

const pages = ["docs/prices.md", "docs/zh-CN/prices.md"];
const read = (page: string): string =>
  readFileSync(fileURLToPath(new URL(`../${page}`, import.meta.url)), "utf8");

for (const page of pages) {
  test(`${page}: its price is one, and its charge is what that price comes to`, () => {
    const text = read(page);
    const [, example = ""] = /```json\n([^]*?)```/.exec(text) ?? [];
    const price = priceOf({ ...(JSON.parse(example) as WrittenPrice), cacheRead: "0.3" });
    const charge = makeCharge({
      usage: {
        ...noUsage,
        input: 1000,
        cacheRead: 20_000,
        output: 400,
        kinds: { webSearches: 2 },
      },
      price,
      ratios: [1_200_000n, 900_000n],
      tier: null,
      atMs: Date.parse("2026-11-23T12:00:00Z"),
    });
    const rows = charge.lines.map(
      ({ what, units }) => `| \`${what}\` | ${units.toLocaleString("en")} |`,
    );
    for (const row of rows) assert.ok(text.includes(row), row);
    assert.equal(formatDollars(charge.cost), /\*\*(0\.\d+)\*\*/.exec(text)?.[1]);
  });

  test(`${page}: every field is in its table`, () => {
    const told = new Set([...read(page).matchAll(/`(\w+)`/g)].map(([, name]) => name));
    for (const field of [...Object.keys(priceFields), "source"]) assert.ok(told.has(field), field);
  });
}
