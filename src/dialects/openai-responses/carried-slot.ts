/**
 * How what vendors want back (signatures, encrypted reasoning) travels in `encrypted_content` of reasoning items.
 * Promise kept here: it says whose it is and which item it belongs to, so that nobody gets another one's.
 */
import type { Json } from "../../core/json-value.ts";
import type { Carried } from "../../wire/conversation.ts";
import { issuerOf, packCarried, unpackCarried } from "../carried.ts";

export const dialectId = "openai-responses";

/** Behind a packed string: the vendor keeps the thought to itself. */
const redactedMark = ".redacted";
/** Behind a packed string: it belongs to the item before, because calls and texts have no slot of their own. */
const previousMark = ".previous";

/** What a reasoning item's `encrypted_content` holds. */
export interface Slot {
  readonly carried: Carried;
  readonly redacted: boolean;
  /** It is no thought; it belongs to the item before. */
  readonly ofPrevious: boolean;
}

/** Packs what belongs to a thought. */
export function packThought(carried: Carried, redacted: boolean): string {
  return packCarried(carried) + (redacted ? redactedMark : "");
}

/** Packs what belongs to the item before. */
export function packForPrevious(carried: Carried): string {
  return packCarried(carried) + previousMark;
}

/** What an upstream of this dialect wants back: the item's id, and its encryption or its text as content. */
interface Native {
  readonly id: string;
  readonly encrypted: string | null;
}

/** Carries a reasoning item of this dialect. `encrypted` null: the item goes back with its text as it was. */
export function carryNative(native: Native, model: string | null): Carried {
  return {
    issuer: issuerOf(dialectId, model),
    data: JSON.stringify([native.id, native.encrypted]),
  };
}

/** Undefined for data that `carryNative` has not made. */
export function readNative(carried: Carried): Native | undefined {
  let parsed: Json;
  try {
    parsed = JSON.parse(carried.data) as Json;
  } catch {
    return undefined;
  }
  if (!Array.isArray(parsed)) return undefined;
  const [id, encrypted] = parsed as readonly Json[];
  if (typeof id !== "string") return undefined;
  return { id, encrypted: typeof encrypted === "string" ? encrypted : null };
}

/** Reads a caller's reasoning item; its own encryption belongs to an upstream of this dialect. */
export function readSlot(id: string, text: string): Slot {
  const redacted = text.endsWith(redactedMark);
  const ofPrevious = text.endsWith(previousMark);
  const mark = redacted ? redactedMark : ofPrevious ? previousMark : "";
  const carried = unpackCarried(text.slice(0, text.length - mark.length));
  if (carried !== undefined) return { carried, redacted, ofPrevious };
  const native = carryNative({ id, encrypted: text }, null);
  return { carried: native, redacted: false, ofPrevious: false };
}
