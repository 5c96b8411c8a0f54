/** One Hub's `extra_ratios`: what kinds of tokens cost, as multiples of the price of input or output. */
import { lookUp } from "../../../core/look-up.ts";
import type { EntryReader } from "../entry-reader.ts";
import type { Fraction } from "../exact-amount.ts";
import type { RateName } from "../listed-price.ts";
import { isAbsent, memberOf, membersOf } from "../read-document.ts";

type Side = "input" | "output";

interface Kind {
  readonly name: RateName;
  readonly of: Side;
}

const kinds: Readonly<Record<string, Kind>> = {
  cached_tokens: { name: "cacheRead", of: "input" },
  cached_read_tokens: { name: "cacheRead", of: "input" },
  cached_write_tokens: { name: "cacheWrite5m", of: "input" },
  input_audio_tokens: { name: "inputAudio", of: "input" },
  input_image_tokens: { name: "inputImage", of: "input" },
  output_audio_tokens: { name: "outputAudio", of: "output" },
  output_image_tokens: { name: "outputImage", of: "output" },
  reasoning_tokens: { name: "reasoning", of: "output" },
};

/** Tokens that have no kind of their own here: only a ratio of 1 means the same. */
const plainKinds: readonly string[] = ["input_text_tokens", "output_text_tokens"];

/** Claude's owner in One Hub's table of channel types; its cached tokens have ratios also where none are written. */
const claude = "14";
const claudeRatios = {
  cached_read_tokens: { top: 1n, bottom: 10n },
  cached_write_tokens: { top: 125n, bottom: 100n },
} as const satisfies Readonly<Record<string, Fraction>>;

/** Rates of the kinds that a row names (dollars for one token in `prices`). */
export function readExtraRatios(
  reader: EntryReader,
  entry: unknown,
  prices: Readonly<Record<Side, Fraction>>,
): Readonly<Partial<Record<RateName, bigint | undefined>>> {
  const rates: Partial<Record<RateName, bigint | undefined>> = {};
  for (const [field, ratio] of ratiosOf(reader, entry)) {
    const kind = lookUp(kinds, field);
    if (kind === undefined) continue;
    const amount = reader.product(`extra_ratios.${field}`, [prices[kind.of], ratio], kind.name);
    if (rates[kind.name] !== undefined && rates[kind.name] !== amount) {
      reader.remark(`extra_ratios.${field}`, "field-left-out", `${kind.name} has a price already`);
      continue;
    }
    rates[kind.name] = amount;
  }
  return rates;
}

/** The ratios in force, by names with `_tokens` behind; of two for reads from caches the one that the owner's replies count by comes first. */
function ratiosOf(reader: EntryReader, entry: unknown): readonly (readonly [string, Fraction])[] {
  const isClaude = reader.vendor === claude;
  const ratios = new Map<string, Fraction>(isClaude ? Object.entries(claudeRatios) : []);
  for (const [member, value] of membersOf(memberOf(entry, "extra_ratios"))) {
    if (isAbsent(value)) continue;
    const field = member.endsWith("_tokens") ? member : `${member}_tokens`;
    const ratio = reader.fraction(`extra_ratios.${member}`, value);
    if (ratio === undefined) continue;
    if (Object.hasOwn(kinds, field)) ratios.set(field, ratio);
    else if (!plainKinds.includes(field) || ratio.top !== ratio.bottom)
      reader.remark(`extra_ratios.${member}`, "field-left-out", "has no price of its own here");
  }
  const first = isClaude ? "cached_read_tokens" : "cached_tokens";
  return [...ratios].sort(([left], [right]) => Number(right === first) - Number(left === first));
}
