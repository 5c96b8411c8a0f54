/** Turns a vendor's usage object into disjoint buckets. Promise kept here: no token is counted twice. */
import type { Usage } from "../../wire/usage.ts";

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

/** The first of the named fields that holds a count. */
function count(fields: Fields, ...names: readonly string[]): number | undefined {
  for (const name of names) {
    const value = fields[name];
    if (typeof value === "number" && Number.isFinite(value) && value >= 0) return Math.floor(value);
  }
  return undefined;
}

function cached(fields: Fields): number {
  const details = fieldsOf(fields["prompt_tokens_details"]);
  const names = ["prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens"];
  return count(details, "cached_tokens") ?? count(fields, ...names) ?? 0;
}

function written(fields: Fields): number {
  const details = fieldsOf(fields["prompt_tokens_details"]);
  const names = ["cache_write_tokens", "cache_creation_input_tokens", "cache_creation_tokens"];
  return count(details, ...names) ?? count(fields, "cache_creation_input_tokens") ?? 0;
}

/**
 * Decodes `usage` as OpenAI and its compatible vendors tell it: prompt tokens include those read from and
 * written to a cache, completion tokens include reasoning, unless their own total says otherwise.
 * Null where nothing was counted.
 */
export function decodeUsage(value: unknown): Usage | null {
  const fields = fieldsOf(value);
  const total = count(fields, "total_tokens");
  const told = count(fields, "completion_tokens") ?? 0;
  const prompt = count(fields, "prompt_tokens") ?? Math.max(0, (total ?? 0) - told);
  const reasoning =
    count(fieldsOf(fields["completion_tokens_details"]), "reasoning_tokens") ??
    count(fields, "reasoning_tokens") ??
    0;
  // xAI's chat leaves reasoning out of completion_tokens; its total tells.
  const apart = reasoning > 0 && total === prompt + told + reasoning;
  const output = apart ? told + reasoning : told;
  if (prompt + output === 0) return null;
  const cacheRead = cached(fields);
  const cacheWrite = written(fields);
  // More cached than prompted: this vendor counts them apart from the prompt.
  const within = cacheRead + cacheWrite <= prompt;
  return {
    input: within ? prompt - cacheRead - cacheWrite : prompt,
    cacheRead,
    cacheWrite5m: cacheWrite,
    cacheWrite1h: 0,
    output,
    reasoning: Math.min(reasoning, output),
    estimated: false,
  };
}

/** Usage out of a whole stream event or reply, wherever vendors put it. */
export function findUsage(value: unknown): Usage | null {
  const fields = fieldsOf(value);
  const choices: unknown = fields["choices"];
  const first = Array.isArray(choices) ? fieldsOf(choices[0]) : {};
  return (
    decodeUsage(fields["usage"]) ??
    decodeUsage(fieldsOf(fields["x_groq"])["usage"]) ??
    decodeUsage(first["usage"])
  );
}
