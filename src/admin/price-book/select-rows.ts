/**
 * Which rows of a list are asked for. A model has one price for all channels, that of the vendor which makes it or which
 * the operator named; what others sell it for becomes rows of single channels, when their channels are named.
 */
import { lookUp } from "../../core/look-up.ts";
import type { Channel } from "../../sync/entities.ts";
import type { PriceSide } from "../../sync/price-rates.ts";
import type { ListedVendor } from "../../providers/listed-vendors.ts";
import type { ListedPrice, ParsedList, Remark, VendorWishes } from "./listed-price.ts";

export interface Selection {
  /** Vendors, as the list names them, whose prices count although they do not make the models; undefined: only makers. */
  readonly providers?: readonly string[] | undefined;
  /** Names or `prefix*`; undefined: all. */
  readonly models?: readonly string[] | undefined;
  /** Rows for these channels alone, from the vendors that they pay; undefined: rows for all channels. */
  readonly channels?: readonly Channel[] | undefined;
  readonly side: PriceSide;
}

/** Undefined: the list is one operator's own, whoever is paid. */
export type VendorTable = Readonly<Record<string, ListedVendor>> | undefined;

/** What is wanted of each vendor. */
export function wishesOf(selection: Selection, vendors: VendorTable): VendorWishes {
  const { providers = [], channels = [] } = selection;
  return (vendor) => {
    const paid = channels.some((channel) => isPaidBy(vendor, channel, vendors));
    return paid || providers.includes(vendor) ? "all" : "made";
  };
}

/** The rows asked for, each pattern and date once; remarks on those that another vendor's row stands for. */
export function selectRows(
  list: ParsedList,
  selection: Selection,
  vendors: VendorTable,
): Pick<ParsedList, "prices" | "remarks"> {
  const { channels, providers, models, side } = selection;
  const named =
    providers === undefined
      ? list.prices
      : list.prices.filter(({ vendor }) => providers.includes(vendor));
  const wanted = models === undefined ? named : named.filter((row) => isNamed(row.model, models));
  const remarks: Remark[] = [];
  const prices =
    channels === undefined
      ? oneVendorEach(wanted, remarks)
      : channels.flatMap((channel) => {
          const paid = wanted.filter(({ vendor }) => isPaidBy(vendor, channel, vendors));
          return oneVendorEach(rowsOfChannel(channel, side, paid), remarks);
        });
  return {
    prices: prices.map((price) => ({ ...price, side })),
    remarks: [...list.remarks.filter((one) => isMeant(one, selection, vendors)), ...remarks],
  };
}

/** Whether a remark is about what was asked for. */
function isMeant(
  { vendor, model }: Remark,
  { providers, models, channels }: Selection,
  vendors: VendorTable,
): boolean {
  if (providers?.includes(vendor) === false) return false;
  if (models !== undefined && !isNamed(model, models)) return false;
  return channels?.some((channel) => isPaidBy(vendor, channel, vendors)) !== false;
}

function isPaidBy(vendor: string, channel: Channel, vendors: VendorTable): boolean {
  if (vendors === undefined) return true;
  return lookUp(vendors, vendor)?.providers.includes(channel.provider) === true;
}

function isNamed(model: string, wanted: readonly string[]): boolean {
  return wanted.some((one) =>
    one.endsWith("*") ? model.startsWith(one.slice(0, -1)) : model === one,
  );
}

/** Of several vendors with one name the maker's rows, else those of the first. */
function oneVendorEach(rows: readonly ListedPrice[], remarks: Remark[]): readonly ListedPrice[] {
  const chosen = new Map<string, ListedPrice>();
  for (const row of rows) {
    const before = chosen.get(row.model);
    if (before === undefined || (row.isMaker && !before.isMaker)) chosen.set(row.model, row);
  }
  return rows.filter(({ vendor, model }) => {
    const taken = chosen.get(model)?.vendor ?? vendor;
    if (taken === vendor) return true;
    const reason = `${taken}'s price of ${model} is taken`;
    remarks.push({ vendor, model, field: "", effect: "row-left-out", reason });
    return false;
  });
}

/** The rows of a channel under the names that its calls are billed by; what they cost is found by the name that is sent. */
function rowsOfChannel(
  channel: Channel,
  side: PriceSide,
  rows: readonly ListedPrice[],
): readonly ListedPrice[] {
  const made = channel.models.flatMap((asked) =>
    asked.endsWith("*")
      ? rowsUnder(asked, rows)
      : rowsOfName(namesOfCall(asked, channel, side), rows),
  );
  const unique = new Map(
    made.map((row) => [JSON.stringify([row.vendor, row.model, row.effectiveFromMs]), row] as const),
  );
  return [...unique.values()].map((row) => ({ ...row, channelId: channel.id }));
}

function rowsUnder(pattern: string, rows: readonly ListedPrice[]): readonly ListedPrice[] {
  return rows.filter((row) => row.model.startsWith(pattern.slice(0, -1)));
}

interface CallNames {
  readonly sent: string;
  /** By which a price of this side is found. */
  readonly looked: string;
}

function namesOfCall(asked: string, channel: Channel, side: PriceSide): CallNames {
  const mapped = lookUp(channel.modelMapping, asked);
  const sent = mapped?.replace(/^\+/, "") ?? asked;
  const isBilledAsSent = mapped?.startsWith("+") === false && channel.options.billAs === "sent";
  return { sent, looked: side === "cost" || isBilledAsSent ? sent : asked };
}

function rowsOfName(
  { sent, looked }: CallNames,
  rows: readonly ListedPrice[],
): readonly ListedPrice[] {
  const exact = rows.filter((row) => row.model === sent);
  const found = exact.length > 0 ? exact : longestPrefix(sent, rows);
  return found.map((row) => ({ ...row, model: looked }));
}

function longestPrefix(name: string, rows: readonly ListedPrice[]): readonly ListedPrice[] {
  const fitting = rows.filter(
    ({ model }) => model.endsWith("*") && name.startsWith(model.slice(0, -1)),
  );
  const longest = Math.max(0, ...fitting.map(({ model }) => model.length));
  return fitting.filter(({ model }) => model.length === longest);
}
