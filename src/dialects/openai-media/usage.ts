/**
 * Turns the usage told by image and audio operations into disjoint buckets and units.
 * Promise kept here: no token is counted twice, and what is not told is not made up.
 */
import { type Usage, type UsageKinds, noUsage } from "../../wire/usage.ts";

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

/** The first of the named fields that holds a number of something; verbose transcripts tell seconds as text too. */
function amount(fields: Fields, ...names: readonly string[]): number | undefined {
  for (const name of names) {
    const told = fields[name];
    const value = typeof told === "string" && /^\d+(?:\.\d+)?$/.test(told) ? Number(told) : told;
    if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  }
  return undefined;
}

function count(fields: Fields, ...names: readonly string[]): number | undefined {
  const value = amount(fields, ...names);
  return value === undefined ? undefined : Math.floor(value);
}

function kindsOf(entries: Readonly<Record<keyof UsageKinds & string, number | undefined>>): {
  kinds?: UsageKinds;
} {
  const told = Object.entries(entries).filter(([, value]) => value !== undefined && value > 0);
  return told.length === 0 ? {} : { kinds: Object.fromEntries(told) };
}

/** What a reply counts beside its `usage`. */
export interface Counted {
  readonly images?: number;
  readonly seconds?: number;
  /** What the output tokens are. */
  readonly output?: "image" | "audio";
}

/** Decodes `usage` of an image or audio reply, joined with what the reply itself counts; null where nothing was. */
export function decodeUsage(value: unknown, counted: Counted = {}): Usage | null {
  const fields = fieldsOf(value);
  const inputDetails = fieldsOf(fields["input_tokens_details"] ?? fields["input_token_details"]);
  const outputDetails = fieldsOf(fields["output_tokens_details"]);
  const total = count(fields, "input_tokens", "prompt_tokens") ?? 0;
  const output = count(fields, "output_tokens", "completion_tokens") ?? 0;
  const cached = Math.min(total, count(inputDetails, "cached_tokens") ?? 0);
  const input = total - cached;
  const within = (limit: number, told: number | undefined): number | undefined =>
    told === undefined ? undefined : Math.min(limit, told);
  const { kinds } = kindsOf({
    inputImage: within(input, count(inputDetails, "image_tokens")),
    inputAudio: within(input, count(inputDetails, "audio_tokens")),
    outputImage: within(
      output,
      count(outputDetails, "image_tokens") ?? (counted.output === "image" ? output : undefined),
    ),
    outputAudio: counted.output === "audio" ? output : undefined,
    images: counted.images,
    seconds: amount(fields, "seconds", "prompt_audio_seconds") ?? counted.seconds,
  } as Readonly<Record<keyof UsageKinds & string, number | undefined>>);
  if (total + output === 0 && kinds === undefined) return null;
  return {
    ...noUsage,
    input,
    cacheRead: cached,
    output,
    ...(kinds === undefined ? {} : { kinds }),
  };
}

/** Seconds at which the last cue of a subtitle file (SRT or WebVTT) ends; undefined: it has none. */
export function subtitleSeconds(text: string): number | undefined {
  const last = text.slice(-4096).matchAll(/-->\s*(?:(\d+):)?(\d{1,2}):(\d{2})[.,](\d{3})/g);
  const cue = [...last].at(-1);
  if (cue === undefined) return undefined;
  const [, hours = "0", minutes = "0", seconds = "0", thousandths = "0"] = cue;
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds) + Number(thousandths) / 1000;
}
