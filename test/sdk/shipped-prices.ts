/** The built-in price book, each vendor's part for itself, on the whole way that a row takes: list, field rules, columns, price. */
import type { Remark } from "../../src/admin/price-book/listed-price.ts";
import { renderRow } from "../../src/admin/price-book/render-row.ts";
import {
  loadBundledBook,
  parseGenaiPrices,
} from "../../src/admin/price-book/sources/genai-prices.ts";
import type { RawRow } from "../../src/store/sync-store.ts";
import { makeFindPrice } from "../../src/sync/price-index.ts";
import type { FindPrice, Price } from "../../src/sync/price-rates.ts";
import { parsePriceRow } from "../../src/sync/price-row.ts";

/** Finds prices by the list's own names of vendors. */
export async function loadShippedPrices(): Promise<ReadonlyMap<string, FindPrice>> {
  const list = parseGenaiPrices(await loadBundledBook(), () => "all");
  const byVendor = new Map<string, Price[]>();
  const remarks: Remark[] = [];
  for (const [index, listed] of list.prices.entries()) {
    const row = renderRow(listed, "builtin", remarks);
    if (row === undefined) continue;
    const prices = byVendor.get(listed.vendor) ?? [];
    byVendor.set(listed.vendor, prices);
    const raw = { id: BigInt(index + 1), rev: 1n, ...row.columns } as unknown as RawRow;
    prices.push(parsePriceRow(raw));
  }
  return new Map([...byVendor].map(([vendor, prices]) => [vendor, makeFindPrice(prices)]));
}
