/** From a request to the rows that it asks for. Promise kept here: what has no effect is refused, not ignored. */
import { systemClock } from "../../core/clock.ts";
import { genaiVendors, liteLlmVendors } from "../../providers/listed-vendors.ts";
import type { Channel } from "../../sync/entities.ts";
import { type Slices, makeSlices } from "../../sync/time-slice.ts";
import { invalid } from "../parse-fields.ts";
import type { Fraction } from "./exact-amount.ts";
import { parseFraction } from "./exact-amount.ts";
import type { ListReading, ParsedList, Remark, VendorWishes } from "./listed-price.ts";
import { numberText, readDocument } from "./read-document.ts";
import type { BookRow } from "./render-row.ts";
import { renderRow } from "./render-row.ts";
import type { BookSource, DiffFields } from "./schema.ts";
import type { Selection, VendorTable } from "./select-rows.ts";
import { selectRows, wishesOf } from "./select-rows.ts";
import { loadBundledBook, readGenaiPrices } from "./sources/genai-prices.ts";
import { readLiteLlm } from "./sources/litellm.ts";
import { readOneHub, usualQuotaPerUnit } from "./sources/one-hub.ts";

/** The rows of a list that were asked for, and what was not understood of it. */
export interface ReadList {
  readonly rows: readonly BookRow[];
  readonly remarks: readonly Remark[];
  readonly passedOver: Readonly<Record<string, number>>;
}

type Read = (wishes: VendorWishes) => ListReading;

/** A list that was read and can be asked for rows: which, may depend on channels that change meanwhile. */
export interface OpenedList {
  select(channels: ReadonlyMap<number, Channel>): Promise<ReadList>;
}

/** Reads the document; throws `validation_failed` naming the field. */
export async function openList(fields: DiffFields): Promise<OpenedList> {
  const read = await readers[fields.source](fields);
  if (fields.channels !== null) return { select: (channels) => selectFrom(read, fields, channels) };
  // The same rows for whoever asks, and made before any lock is held.
  const selected = await selectFrom(read, fields, new Map());
  return { select: () => Promise.resolve(selected) };
}

async function selectFrom(
  read: Read,
  fields: DiffFields,
  channels: ReadonlyMap<number, Channel>,
): Promise<ReadList> {
  const { source } = fields;
  // Calls are served meanwhile: a list of thousands takes longer than they may wait.
  const slices = makeSlices(systemClock, () => new Promise((resolve) => setImmediate(resolve)));
  const selection = selectionOf(fields, channels);
  const parsed = await readInSlices(read(wishesOf(selection, vendorTables[source])), slices);
  const { prices, remarks } = selectRows(parsed, selection, vendorTables[source]);
  const noted: Remark[] = [...remarks];
  const rows: BookRow[] = [];
  for (const price of prices) {
    const row = renderRow(price, source, noted);
    if (row !== undefined) rows.push(row);
    await slices.breathe();
  }
  return { rows, remarks: noted, passedOver: parsed.passedOver };
}

async function readInSlices(reading: ListReading, slices: Slices): Promise<ParsedList> {
  for (;;) {
    const step = reading.next();
    if (step.done === true) return step.value;
    await slices.breathe();
  }
}

const vendorTables: Readonly<Record<BookSource, VendorTable>> = {
  builtin: genaiVendors,
  litellm: liteLlmVendors,
  "one-hub": undefined,
};

const readers: Readonly<Record<BookSource, (fields: DiffFields) => Promise<Read>>> = {
  builtin: async (fields) => {
    refuseQuota(fields);
    const { document } = fields;
    const data = document === null ? await loadBundledBook() : readDocument(document);
    return (wishes) => readGenaiPrices(data, wishes);
  },
  litellm: (fields) => {
    refuseQuota(fields);
    const data = readDocument(neededDocument(fields));
    return Promise.resolve((wishes) => readLiteLlm(data, wishes));
  },
  "one-hub": (fields) => {
    const data = readDocument(neededDocument(fields));
    const quotaPerUnit = readQuota(fields);
    return Promise.resolve(() => readOneHub(data, quotaPerUnit));
  },
};

function neededDocument({ document }: DiffFields): unknown {
  if (document === null) throw invalid([{ field: "document", message: "is required" }]);
  return document;
}

function refuseQuota({ quotaPerUnit, source }: DiffFields): void {
  if (quotaPerUnit !== null)
    throw invalid([{ field: "quotaPerUnit", message: `has no effect with source ${source}` }]);
}

function readQuota({ quotaPerUnit }: DiffFields): Fraction {
  const parsed = parseFraction(numberText(quotaPerUnit ?? usualQuotaPerUnit) ?? "");
  if ("fault" in parsed || parsed.top === 0n)
    throw invalid([{ field: "quotaPerUnit", message: "must be a number above 0" }]);
  return parsed;
}

function selectionOf(fields: DiffFields, channels: ReadonlyMap<number, Channel>): Selection {
  const named = fields.channels?.map((id, index) => {
    const channel = channels.get(id);
    if (channel !== undefined) return channel;
    throw invalid([{ field: `channels[${index}]`, message: "names no channel" }]);
  });
  return {
    side: fields.side,
    providers: fields.providers ?? undefined,
    models: fields.models ?? undefined,
    channels: named,
  };
}
