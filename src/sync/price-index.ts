/**
 * Finds the price of a model among the rows of the price book. Promise: no scan, however long the book; of two rows
 * that say the same all nodes take the same one.
 */
import { isPrefixPattern, prefixLengths } from "./pattern-index.ts";
import type { FindPrice, Price, PriceSide } from "./price-rates.ts";

/** Rows of one channel and side for one pattern, latest first. */
type Dated = readonly Price[];

/** The rows of one channel and side. */
interface Shelf {
  readonly exact: Map<string, Price[]>;
  /** By prefix, without the asterisk. */
  readonly prefixes: Map<string, Price[]>;
  lengths: readonly number[];
}

const general = { channelId: 0, atMs: Infinity, side: "charge" } as const;

/** By channel; 0: of every channel. */
type Shelves = Map<number, Shelf>;

/** `prices` in ascending order of ids: where the table lost its constraint the lowest id wins. */
export function makeFindPrice(prices: readonly Price[]): FindPrice {
  const book: Readonly<Record<PriceSide, Shelves>> = { charge: new Map(), cost: new Map() };
  for (const price of prices) place(book[price.side], price);
  for (const shelves of [book.charge, book.cost])
    for (const shelf of shelves.values()) sortShelf(shelf);
  return (model, where = general) => {
    const { channelId, atMs, side } = where;
    const shelves = book[side];
    const own = channelId === 0 ? undefined : shelves.get(channelId);
    return findOn(own, model, atMs) ?? findOn(shelves.get(0), model, atMs);
  };
}

function place(shelves: Shelves, price: Price): void {
  let shelf = shelves.get(price.channelId);
  if (shelf === undefined) {
    shelf = { exact: new Map(), prefixes: new Map(), lengths: [] };
    shelves.set(price.channelId, shelf);
  }
  const isPrefix = isPrefixPattern(price.model);
  const rows = isPrefix ? shelf.prefixes : shelf.exact;
  const key = isPrefix ? price.model.slice(0, -1) : price.model;
  const dated = rows.get(key);
  if (dated === undefined) rows.set(key, [price]);
  else dated.push(price);
}

function sortShelf(shelf: Shelf): void {
  for (const rows of [shelf.exact, shelf.prefixes])
    for (const dated of rows.values())
      if (dated.length > 1) dated.sort((a, b) => b.effectiveFromMs - a.effectiveFromMs);
  shelf.lengths = prefixLengths(shelf.prefixes);
}

/** A row that does not hold yet hides none that does. */
function findOn(shelf: Shelf | undefined, model: string, atMs: number): Price | undefined {
  if (shelf === undefined) return undefined;
  const exact = inForce(shelf.exact.get(model), atMs);
  if (exact !== undefined) return exact;
  for (const length of shelf.lengths) {
    if (length > model.length) continue;
    const found = inForce(shelf.prefixes.get(model.slice(0, length)), atMs);
    if (found !== undefined) return found;
  }
  return undefined;
}

function inForce(dated: Dated | undefined, atMs: number): Price | undefined {
  return dated?.find((price) => price.effectiveFromMs <= atMs);
}
