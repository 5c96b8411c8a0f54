/**
 * Prices of images in LiteLLM's file: on an entry, and in entries of their own named `<quality>/<width>-x-<height>/<model>`.
 * Promise kept here: an image is paid for once, by its form or by its tokens, never by both.
 */
import type { EntryReader } from "../entry-reader.ts";
import type { Fraction } from "../exact-amount.ts";
import { times } from "../exact-amount.ts";
import { isAbsent, memberOf, numberText } from "../read-document.ts";

/** A name that tells an image's form before the model's. */
export interface SizedName {
  readonly model: string;
  /** `1024x1024/hd`, `1024x1024/*`. */
  readonly form: string;
  readonly pixels: bigint;
}

const sized = /^(?:(standard|hd|low|medium|high|auto)\/)?(\d{2,5})-x-(\d{2,5})\/([^/]+)$/;

export function parseSizedName(name: string): SizedName | undefined {
  const [, quality = "*", width = "", height = "", model] = sized.exec(name) ?? [];
  if (model === undefined) return undefined;
  const pixels = BigInt(width) * BigInt(height);
  return { model, form: `${width}x${height}/${quality}`, pixels };
}

/** Nano-dollars of one image; undefined: the entry tells none. `pixels` undefined: of any size. */
export function readImagePrice(
  reader: EntryReader,
  entry: unknown,
  pixels: bigint | undefined,
): bigint | undefined {
  for (const field of ["output_cost_per_image", "input_cost_per_image"]) {
    const value = memberOf(entry, field);
    if (isAbsent(value) || numberText(value) === "0") continue;
    if (field === "input_cost_per_image" && !makesImages(entry)) {
      reader.remark(field, "field-left-out", "images of the input are charged by their tokens");
      continue;
    }
    return reader.rate(field, value, { name: "perCall", per: 1n });
  }
  return readPixels(reader, entry, pixels);
}

function readPixels(
  reader: EntryReader,
  entry: unknown,
  pixels: bigint | undefined,
): bigint | undefined {
  const fields = ["input_cost_per_pixel", "output_cost_per_pixel"].filter(
    (field) => !isAbsent(memberOf(entry, field)) && numberText(memberOf(entry, field)) !== "0",
  );
  const [field, second] = fields;
  if (field === undefined) return undefined;
  if (second !== undefined || pixels === undefined) {
    reader.remark(field, "field-left-out", "is for pixels of images whose size is not told");
    return undefined;
  }
  const dollars = reader.fraction(field, memberOf(entry, field));
  const area: Fraction = { top: pixels, bottom: 1n };
  return dollars && reader.nano(field, times(dollars, area), { units: 1n });
}

function makesImages(entry: unknown): boolean {
  return ["image_generation", "image_edit"].includes(String(memberOf(entry, "mode")));
}

/** The forms with the price of any other: the entry's own, else the dearest. */
export function completeForms(
  forms: Readonly<Record<string, bigint>>,
  any: bigint | undefined,
): Readonly<Record<string, bigint>> {
  const dearest = Object.values(forms).reduce((most, one) => (one > most ? one : most), 0n);
  return { ...forms, "*": any ?? dearest };
}
