/** Usage as it is counted, for comparing what two tongues say of one answer. */
import { isObject } from "../../src/core/json-value.ts";

const told: readonly string[] = ["raw", "serviceTier"];

/** A copy in which no usage, however deep it stands, holds the vendor's own object or words. */
export function bareUsage<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map(bareUsage) as Value;
  if (!isObject(value) || Buffer.isBuffer(value)) return value;
  const isUsage = "cacheWrite5m" in value && "estimated" in value;
  const entries = Object.entries(value).filter(([name]) => !(isUsage && told.includes(name)));
  return Object.fromEntries(entries.map(([name, item]) => [name, bareUsage(item)])) as Value;
}
