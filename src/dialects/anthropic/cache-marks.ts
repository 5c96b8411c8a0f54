/** Cache marks as Anthropic takes them: at most four, those that last longer before those that last shorter. */
import type { Json } from "../../core/json-value.ts";
import type { CacheMark } from "../../wire/conversation.ts";

/** A block or tool while the body is put together. */
export type MutableBlock = Record<string, Json>;

const maxMarks = 4;

/** The longer of Anthropic's two lifetimes stands for all that others have beyond it. */
const hourWords: readonly (string | null)[] = ["1h", "30m", "12h", "24h"];

/** The mark as a block's member; nothing where there is none. */
export function encodeMark(mark: CacheMark | undefined): MutableBlock {
  if (mark === undefined) return {};
  if (hourWords.includes(mark.ttl)) return { cache_control: { type: "ephemeral", ttl: "1h" } };
  return { cache_control: { type: "ephemeral", ...(mark.ttl === null ? {} : { ttl: "5m" }) } };
}

/** Mends the marks of blocks given in the order tools, system, messages: the last four stay. */
export function limitMarks(blocks: readonly MutableBlock[]): void {
  const marked = blocks.filter((block) => block["cache_control"] !== undefined);
  for (const block of marked.slice(0, Math.max(0, marked.length - maxMarks)))
    delete block["cache_control"];
  let short = false;
  for (const block of marked.slice(-maxMarks)) {
    const mark = block["cache_control"] as { readonly ttl?: Json };
    if (mark.ttl !== "1h") short = true;
    else if (short) block["cache_control"] = { type: "ephemeral", ttl: "5m" };
  }
}
