/**
 * Field rules of a price, the same for the management API, for updates of the price book and for rows of the table.
 * Promise kept here: a price that would make calls free by oversight, or says what has no effect, is refused by field.
 */
import { z } from "zod";
import type { FieldFault } from "../core/errors.ts";
import { type NanoDollars, ratioOne } from "../core/money.ts";
import { isTimeZone } from "../core/periods.ts";
import { dollarsField, instantField, ratioField } from "./money-fields.ts";
import { modelPattern } from "./name-fields.ts";
import { priceSides, type TokenRate, tokenRates, type UnitRate, unitRates } from "./price-rates.ts";

const rate = dollarsField.nullable().default(null);
type RateField = typeof rate;

function ratesOf<Name extends string>(names: readonly Name[]): Record<Name, RateField> {
  return Object.fromEntries(names.map((name) => [name, rate])) as Record<Name, RateField>;
}

/** A rate of any kind: dollars, nano-dollars after parsing; null: not named. */
const plainRates = ratesOf<TokenRate | UnitRate>([...tokenRates, ...unitRates]);

/** What a condition may put in the place of the price's own. */
const change = { ...ratesOf(tokenRates), factor: ratioField.default(ratioOne) };

const clockTime = z
  .string()
  .regex(/^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/, "must be a time of day such as 16:30")
  .transform((text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3)));

const tier = z.strictObject({ above: z.int().min(1).max(1_000_000_000), ...change });

const time = z
  .strictObject({
    zone: z
      .string()
      .max(64)
      .refine(isTimeZone, "must be a time zone such as Europe/Berlin")
      .default("UTC"),
    from: clockTime,
    to: clockTime,
    weekdays: z
      .array(z.int().min(1).max(7))
      .min(1)
      .max(7)
      .transform((days) => [...new Set(days)].sort((left, right) => left - right))
      .nullable()
      .default(null),
    ...change,
  })
  .refine(({ from, to }) => from !== to, { path: ["to"], message: "must differ from `from`" })
  .refine(({ from }) => from < 1440, { path: ["from"], message: "must be before 24:00" });

const tierName = z.string().regex(/^[a-z0-9_-]{1,32}$/, "must be a tier's name such as batch");
const imageForm = z
  .string()
  .regex(/^(?:\*|[a-z0-9_.:-]{1,32}\/(?:\*|[a-z0-9_.-]{1,32})|\*\/[a-z0-9_.-]{1,32})$/i, {
    message: "must be such as `1024x1024/high`, `1024x1024/*`, `*/high` or `*`",
  });

/** Fields that are rates; in the table the classic ones have columns and the others lie in `rates`. */
export const rateFields = {
  ...plainRates,
  perImage: z
    .record(imageForm, dollarsField)
    .refine((forms) => Object.keys(forms).length <= 100, "must have at most 100 forms")
    .refine((forms) => "*" in forms, "must name `*`, the price of any other image")
    .nullable()
    .default(null),
  tiers: z
    .array(tier)
    .max(20, "must have at most 20 tiers")
    .refine(ascends, "must stand in ascending order of `above`")
    .default([]),
  times: z.array(time).max(50, "must have at most 50 times").default([]),
  serviceTiers: z
    .record(tierName, z.strictObject(change))
    .refine((tiers) => Object.keys(tiers).length <= 20, "must have at most 20 tiers")
    .default({}),
};

function ascends(tiers: readonly { readonly above: number }[]): boolean {
  return tiers.every((one, index) => index === 0 || one.above > (tiers[index - 1]?.above ?? 0));
}

/** Every field of a price that can be written. */
export const priceFields = {
  model: modelPattern,
  mode: z.enum(["tokens", "call"]),
  /** Of one channel alone; null: of all. */
  channelId: z.int().min(1).nullable().default(null),
  side: z.enum(priceSides).default("charge"),
  /** Null: always. */
  effectiveFrom: instantField.nullable().default(null),
  locked: z.boolean().default(false),
  ...rateFields,
};

const schema = z.strictObject(priceFields);

/** A price as parsed. */
export type PriceFields = z.output<typeof schema>;
export type RateValues = Pick<PriceFields, keyof typeof rateFields>;
type Change = PriceFields["serviceTiers"][string];

/** What of a price's fields do not go together, by field; empty: nothing. */
export function priceFaults(price: RateValues & Pick<PriceFields, "mode">): readonly FieldFault[] {
  return [
    ...(price.mode === "call" ? callFaults(price) : tokenFaults(price)),
    ...secondFaults(price),
    ...changeFaults(price),
  ];
}

const without = "has no effect in mode call";

function callFaults(price: RateValues): FieldFault[] {
  const faults: FieldFault[] = [];
  if (price.perCall === null)
    faults.push({ field: "perCall", message: "is required in mode call" });
  for (const name of [...tokenRates, ...unitRates, "perImage"] as const)
    if (name !== "perCall" && price[name] !== null) faults.push({ field: name, message: without });
  if (price.tiers.length > 0) faults.push({ field: "tiers", message: without });
  for (const [path, one] of conditionsOf(price))
    for (const name of tokenRates)
      if (one[name] !== null) faults.push({ field: `${path}.${name}`, message: without });
  return faults;
}

/** A price that names no amount would make calls free by oversight: zero must be written. */
function tokenFaults(price: RateValues): FieldFault[] {
  const named = [...tokenRates, ...unitRates, "perImage"] as const;
  return named.some((name) => price[name] !== null)
    ? []
    : [{ field: "input", message: "or another amount is required in mode tokens" }];
}

function secondFaults(price: RateValues): FieldFault[] {
  const [, second] = (["perSecond", "perMinute", "perHour"] as const).filter(
    (name) => price[name] !== null,
  );
  return second === undefined
    ? []
    : [{ field: second, message: "must not stand beside another price of time" }];
}

/** A condition that changes nothing is one that was not finished. */
function changeFaults(price: RateValues): FieldFault[] {
  return conditionsOf(price)
    .filter(([, one]) => one.factor === ratioOne && tokenRates.every((name) => one[name] === null))
    .map(([path]) => ({ field: path, message: "must name a factor or a rate" }));
}

function conditionsOf(price: RateValues): readonly (readonly [string, Change])[] {
  return [
    ...price.tiers.map((one, index) => [`tiers[${index}]`, one] as const),
    ...price.times.map((one, index) => [`times[${index}]`, one] as const),
    ...Object.entries(price.serviceTiers).map(
      ([name, one]) => [`serviceTiers.${name}`, one] as const,
    ),
  ];
}

/** The rates that are named, of those in a list. */
export function namedRates<Name extends TokenRate | UnitRate>(
  names: readonly Name[],
  from: Readonly<Record<Name, NanoDollars | null>>,
): { readonly [Key in Name]?: NanoDollars } {
  const named: { [Key in Name]?: NanoDollars } = {};
  for (const name of names) {
    const amount = from[name];
    if (amount !== null) named[name] = amount;
  }
  return named;
}
