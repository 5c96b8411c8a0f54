/**
 * How something opaque of one vendor travels through the API of another and back: packed into a string that says who
 * made it. Promise kept here: a signature reaches only the dialect and model that can read it.
 */
import type { Carried } from "../wire/conversation.ts";

/** Opens every packed string; no vendor's own signatures begin so. */
export const carriedMarker = "sy1.";

/** Longest packed string that is read (the longest signatures known are some ten thousand bytes). */
const maxPackedLength = 1024 * 1024;

/** The issuer of what a model of a dialect made. */
export function issuerOf(dialect: string, model: string | null): string {
  return model === null ? dialect : `${dialect}/${model}`;
}

/** One string of letters, digits, `-`, `_` and `.` */
export function packCarried(carried: Carried): string {
  const text = JSON.stringify([carried.issuer, carried.data]);
  return carriedMarker + Buffer.from(text).toString("base64url");
}

/**
 * Stands in the slot of a thought that nobody signed: a vendor whose own slot it is would refuse an empty one, and takes
 * the whole thought for a stranger's by this.
 */
export const unsignedSlot = packCarried({ issuer: "", data: "" });

/** The strings in a packed one; none where we did not pack it. */
function unpackFields(text: string): readonly string[] {
  if (!text.startsWith(carriedMarker) || text.length > maxPackedLength) return [];
  try {
    const parsed: unknown = JSON.parse(
      Buffer.from(text.slice(carriedMarker.length), "base64url").toString(),
    );
    if (!Array.isArray(parsed)) return [];
    const fields = parsed as unknown[];
    return fields.every((field) => typeof field === "string") ? fields : [];
  } catch {
    return [];
  }
}

/** What a string carries; undefined for strings that we did not pack. */
export function unpackCarried(text: string): Carried | undefined {
  const [issuer, data] = unpackFields(text);
  return issuer === undefined || data === undefined ? undefined : { issuer, data };
}

/** Packs what belongs to a tool call, for dialects whose calls have no slot for it but whose thoughts do. */
export function packForCall(carried: Carried, callId: string): string {
  const text = JSON.stringify([carried.issuer, carried.data, callId]);
  return carriedMarker + Buffer.from(text).toString("base64url");
}

/** What a string carries for a tool call; undefined for all other strings. */
export function unpackForCall(
  text: string,
): { readonly callId: string; readonly carried: Carried } | undefined {
  const [issuer, data, callId = ""] = unpackFields(text);
  if (issuer === undefined || data === undefined || callId === "") return undefined;
  return { callId, carried: { issuer, data } };
}

/** Packs what belongs to a thought together with its text, for streams that clients put together badly. */
export function packWithText(carried: Carried, thought: string): string {
  const text = JSON.stringify([carried.issuer, carried.data, "", thought]);
  return carriedMarker + Buffer.from(text).toString("base64url");
}

/** The text of the thought that a packed string belongs to; undefined: it does not tell. */
export function unpackText(text: string): string | undefined {
  return unpackFields(text)[3];
}

/** Reads a dialect's own slot for such things: packed by us, or the dialect's own (model unknown). */
export function readCarried(text: string, dialect: string): Carried {
  return unpackCarried(text) ?? { issuer: dialect, data: text };
}

/** Writes to a dialect's own slot: its own as it was, others' packed. */
export function writeCarried(carried: Carried, dialect: string): string {
  return carried.issuer === dialect || carried.issuer.startsWith(`${dialect}/`)
    ? carried.data
    : packCarried(carried);
}

/** Whether a target can read it: same dialect, and the same model where the issuer is known to that point. */
export function canRead(carried: Carried, dialect: string, model: string): boolean {
  return carried.issuer === dialect || carried.issuer === issuerOf(dialect, model);
}
