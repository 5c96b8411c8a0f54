/** What each member of an entry of LiteLLM's file is, by its name: `<rate>[_above_<N>k_tokens][_batches|_flex|_priority]`. */
import { lookUp } from "../../../core/look-up.ts";
import type { RateName } from "../listed-price.ts";

/** Members that are dollars for one unit. */
const rates: Readonly<Record<string, RateName>> = {
  input_cost_per_token: "input",
  output_cost_per_token: "output",
  cache_read_input_token_cost: "cacheRead",
  cache_creation_input_token_cost: "cacheWrite5m",
  cache_creation_input_token_cost_above_1hr: "cacheWrite1h",
  input_cost_per_audio_token: "inputAudio",
  output_cost_per_audio_token: "outputAudio",
  input_cost_per_image_token: "inputImage",
  output_cost_per_image_token: "outputImage",
  input_cost_per_video_token: "inputVideo",
  output_cost_per_video_token: "outputVideo",
  cache_read_input_audio_token_cost: "cacheReadAudio",
  cache_read_input_token_cost_per_audio_token: "cacheReadAudio",
  cache_read_input_image_token_cost: "cacheReadImage",
  cache_read_input_video_token_cost: "cacheReadVideo",
  output_cost_per_reasoning_token: "reasoning",
  citation_cost_per_token: "citations",
  input_cost_per_character: "characters",
  input_cost_per_second: "perSecond",
  output_cost_per_second: "perSecond",
  output_cost_per_video_per_second: "perSecond",
  input_cost_per_request: "perCall",
  ocr_cost_per_page: "perPage",
  code_interpreter_cost_per_session: "perCodeSession",
};

/** As the tier is called in a reply. */
const serviceTiers: Readonly<Record<string, string>> = {
  batches: "batch",
  flex: "flex",
  priority: "priority",
};

/** A member that is an amount for one unit. */
export interface RateField {
  readonly name: RateName;
  /** For inputs longer than this many tokens; undefined: for all. */
  readonly above: number | undefined;
  /** For replies of this tier; undefined: for all. */
  readonly serviceTier: string | undefined;
}

const pattern = /^(.+?)(?:_above_(\d{1,6})k_tokens)?(?:_(batches|flex|priority))?$/;

/** A member's meaning; undefined: it is no plain rate. */
export function findRateField(field: string): RateField | undefined {
  const [, base = "", thousands, tier] = pattern.exec(field) ?? [];
  const name = lookUp(rates, base);
  if (name === undefined) return undefined;
  return {
    name,
    above: thousands === undefined ? undefined : Number(thousands) * 1000,
    serviceTier: tier === undefined ? undefined : serviceTiers[tier],
  };
}

/** Whether a member that we do not know speaks of money; all else is none of ours. */
export function isMoneyField(field: string): boolean {
  return /cost|price|pricing|multiplier|billing/.test(field);
}
