/**
 * One Hub's prices: what `GET /api/prices` answers, and the file of its price service. Amounts are quota: a token costs
 * `input` or `output` of it, a call of type `times` a thousand times `input`, and `QuotaPerUnit` of it are a dollar.
 */
import { isObject } from "../../../core/json-value.ts";
import { lookUp } from "../../../core/look-up.ts";
import { modelPattern } from "../../../sync/name-fields.ts";
import { EntryReader } from "../entry-reader.ts";
import type { Fraction } from "../exact-amount.ts";
import { times } from "../exact-amount.ts";
import { everywhere, noTerms } from "../listed-price.ts";
import type { ListedPrice, ListedTerms, ListReading, Remark } from "../listed-price.ts";
import { fault, isAbsent, memberOf, numberText } from "../read-document.ts";
import { readExtraRatios } from "./one-hub-ratios.ts";

/** One Hub's own, which nearly every installation keeps. */
export const usualQuotaPerUnit = 500_000;

/** Reads the list. `quotaPerUnit`: what that installation calls a dollar, > 0. Throws `validation_failed`. */
export function* readOneHub(data: unknown, quotaPerUnit: Fraction): ListReading {
  const list = isObject(data) ? memberOf(data, "data") : data;
  if (!Array.isArray(list)) throw fault("must be One Hub's list of prices, bare or as `data`");
  const dollar: Fraction = { top: quotaPerUnit.bottom, bottom: quotaPerUnit.top };
  const remarks: Remark[] = [];
  const rows = new Map<string, ListedPrice | undefined>();
  for (const entry of list as readonly unknown[]) {
    yield;
    const model = memberOf(entry, "model");
    const vendor = numberText(memberOf(entry, "channel_type")) ?? "";
    const reader = new EntryReader(
      { vendor, model: typeof model === "string" ? model : "" },
      remarks,
    );
    if (!modelPattern.safeParse(model).success) {
      reader.remark("model", "row-left-out", "is no name that a model can have");
      continue;
    }
    // Its table knows no unique names, and the row that is read last is the one that counts.
    if (rows.has(reader.model))
      reader.remark("model", "approximated", "is listed again: the last price counts");
    const price = readPrice(reader, entry, dollar);
    rows.set(reader.model, reader.failed ? undefined : price);
  }
  const prices = [...rows.values()].filter((price) => price !== undefined);
  return { prices, remarks, passedOver: {} };
}

function readPrice(reader: EntryReader, entry: unknown, dollar: Fraction): ListedPrice {
  const { vendor, model } = reader;
  const type = memberOf(entry, "type");
  if (type !== "tokens" && type !== "times")
    reader.remark("type", "row-left-out", "is neither tokens nor times");
  const terms =
    type === "times" ? readTimes(reader, entry, dollar) : readTokens(reader, entry, dollar);
  if (!isAbsent(memberOf(entry, "rate_rules")))
    reader.remark("rate_rules", "field-left-out", "rules of other programs are not read");
  const locked = memberOf(entry, "locked") === true;
  return { ...everywhere, vendor, isMaker: true, model, ...terms, locked };
}

const thousand: Fraction = { top: 1000n, bottom: 1n };

function readTimes(reader: EntryReader, entry: unknown, dollar: Fraction): ListedTerms {
  const quota = reader.fraction("input", memberOf(entry, "input"));
  if (!isAbsent(memberOf(entry, "extra_ratios")))
    reader.remark("extra_ratios", "field-left-out", "has no effect in type times");
  const perCall = quota && reader.product("input", [times(quota, thousand), dollar], "perCall");
  return { ...noTerms, mode: "call", rates: perCall === undefined ? {} : { perCall } };
}

function readTokens(reader: EntryReader, entry: unknown, dollar: Fraction): ListedTerms {
  const input = reader.fraction("input", memberOf(entry, "input"));
  const output = reader.fraction("output", memberOf(entry, "output"));
  if (input === undefined || output === undefined) return noTerms;
  const forms = lookUp(imageRatios, reader.model);
  if (forms !== undefined) return imageTerms(reader, times(times(input, thousand), dollar), forms);
  if (reader.model.startsWith("tts-")) return speechTerms(reader, times(input, dollar));
  const prices = { input: times(input, dollar), output: times(output, dollar) };
  const rates = {
    input: reader.product("input", [input, dollar], "input"),
    output: reader.product("output", [output, dollar], "output"),
    ...readExtraRatios(reader, entry, prices),
  };
  const named = Object.entries(rates).filter(([, amount]) => amount !== undefined);
  return { ...noTerms, rates: Object.fromEntries(named) };
}

/**
 * One Hub counts an image of these models as 1000 tokens times a ratio of its size and quality (relay/image-generations),
 * whatever it was told of usage.
 */
const imageRatios: Readonly<Record<string, Readonly<Record<string, Fraction>>>> = {
  "dall-e-2": {
    "256x256/*": { top: 1n, bottom: 1n },
    "512x512/*": { top: 1125n, bottom: 1000n },
    "*": { top: 125n, bottom: 100n },
  },
  "dall-e-3": {
    "1024x1024/hd": { top: 2n, bottom: 1n },
    "1024x1792/hd": { top: 3n, bottom: 1n },
    "1792x1024/hd": { top: 3n, bottom: 1n },
    "1024x1024/*": { top: 1n, bottom: 1n },
    "1024x1792/*": { top: 2n, bottom: 1n },
    "1792x1024/*": { top: 2n, bottom: 1n },
    "*": { top: 1n, bottom: 1n },
  },
};

function imageTerms(
  reader: EntryReader,
  perImage: Fraction,
  forms: Readonly<Record<string, Fraction>>,
): ListedTerms {
  const amounts = Object.entries(forms).map(
    ([form, ratio]) => [form, reader.product("input", [perImage, ratio], "perCall") ?? 0n] as const,
  );
  return { ...noTerms, perImage: Object.fromEntries(amounts) };
}

/** There a byte of the text is a token. */
function speechTerms(reader: EntryReader, perByte: Fraction): ListedTerms {
  reader.remark("input", "approximated", "is for bytes of the text there, and for characters here");
  const characters = reader.nano("input", perByte, { units: 1_000_000n });
  return { ...noTerms, rates: characters === undefined ? {} : { characters } };
}
