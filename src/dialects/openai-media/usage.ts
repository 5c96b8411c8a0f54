/**
 * Turns the usage told by image and audio operations into disjoint buckets and units.
 * Promise kept here: no token is counted twice, and what is not told is not made up.
 */
import type { Usage } from "../../wire/usage.ts";
import { type Fields, fieldsOf, textOf } from "../loose-fields.ts";
import { makeUsage } from "../make-usage.ts";
import { makeUsageReader } from "../usage-number.ts";

/** What a reply counts beside its `usage`. */
export interface Counted {
  readonly images?: number;
  readonly seconds?: number;
  /** What the output tokens are. */
  readonly output?: "image" | "audio";
  /** What the reply says of its images: `size`, `quality`. */
  readonly look?: Fields;
}

/** Longest word that is taken for a size or a quality. */
const maxWordLength = 24;

function wordOf(value: unknown): string {
  const word = textOf(value);
  return word === "" || word.length > maxWordLength ? "auto" : word;
}

/** The name under which pictures of a size and quality are counted; undefined where neither is known. */
export function imageLook(size: unknown, quality: unknown): string | undefined {
  const look = `${wordOf(size)}/${wordOf(quality)}`;
  return look === "auto/auto" ? undefined : look;
}

/** Decodes `usage` of an image or audio reply, joined with what the reply itself counts; null where nothing was. */
export function decodeUsage(value: unknown, counted: Counted = {}): Usage | null {
  const fields = fieldsOf(value);
  const reader = makeUsageReader();
  const inputs = fieldsOf(fields["input_tokens_details"] ?? fields["input_token_details"]);
  const outputs = fieldsOf(fields["output_tokens_details"]);
  const all = reader.count(fields, "input_tokens", "prompt_tokens") ?? 0;
  const output = reader.count(fields, "output_tokens", "completion_tokens") ?? 0;
  const cached = Math.min(all, reader.count(inputs, "cached_tokens") ?? 0);
  const pictures = reader.count(outputs, "image_tokens");
  const { images, look = {} } = counted;
  const name = imageLook(look["size"], look["quality"]);
  const kinds = {
    inputImage: reader.count(inputs, "image_tokens"),
    inputAudio: reader.count(inputs, "audio_tokens"),
    outputImage: pictures ?? (counted.output === "image" ? output : undefined),
    outputAudio: counted.output === "audio" ? output : undefined,
    images,
    imageSizes: images === undefined || name === undefined ? undefined : { [name]: images },
    seconds: reader.seconds(fields, "seconds", "prompt_audio_seconds") ?? counted.seconds,
  };
  return makeUsage({ input: all - cached, cacheRead: cached, output, kinds, raw: value }, reader);
}

/** Seconds at which the last cue of a subtitle file (SRT or WebVTT) ends; undefined: it has none. */
export function subtitleSeconds(text: string): number | undefined {
  const last = text.slice(-4096).matchAll(/-->\s*(?:(\d+):)?(\d{1,2}):(\d{2})[.,](\d{3})/g);
  const cue = [...last].at(-1);
  if (cue === undefined) return undefined;
  const [, hours = "0", minutes = "0", seconds = "0", thousandths = "0"] = cue;
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds) + Number(thousandths) / 1000;
}
