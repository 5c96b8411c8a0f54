/**
 * Opens the sealed ids in a caller's body.
 * Promise kept here: an id opens for the account that it was made for and for nobody else, and one that nobody sealed is
 * told by name, so that it reaches only accounts that allow it.
 */
import { GatewayError } from "../../core/errors.ts";
import { type ByteEdit, readString } from "../../core/json.ts";
import { walkStrings } from "../../core/json-strings.ts";
import type { SealKey } from "../../core/seal.ts";
import {
  type SealedResource,
  looksSealed,
  openId,
  openTagged,
  sealedMarker,
} from "../../core/sealed-id.ts";
import { type IdRules, idIn, kindAt } from "../../dialects/resource-ids.ts";
import type { FrontId, ResourceKind } from "../../wire/call.ts";
import { type Pin, joinPins } from "./pin.ts";

/** Whose ids are opened, and by which key. */
export interface Opener {
  readonly ownerId: number;
  /** Throws `temporarily_unavailable` while it is not known. */
  readonly key: () => SealKey;
}

/** An opener of the ids in a body. */
export interface BodyOpener extends Opener {
  readonly dialect: FrontId;
  /** Tells ids of the gateway's own, which are left alone; left out: there are none. */
  readonly isOwn?: (kind: ResourceKind, id: string) => boolean;
}

export interface OpenedIds {
  readonly edits: readonly ByteEdit[];
  /** Where all of them lie; null: there were none. */
  readonly pin: Pin | null;
  /** What is told where an id that nobody sealed may not pass; null: there is none. */
  readonly unsealed: GatewayError | null;
  /** Ids as callers know them, by the vendor's. */
  readonly opened: ReadonlyMap<string, string>;
}

export const nothingOpened: OpenedIds = {
  edits: [],
  pin: null,
  unsealed: null,
  opened: new Map(),
};

/** Names of members hold letters and underscores: only the escapes of these could hide one. */
const letterEscapes = ["\\u004", "\\u005", "\\u006", "\\u007"];

function mayHoldIds(body: Buffer, rules: IdRules): boolean {
  if (body.includes(sealedMarker)) return true;
  if (rules.needles.some((needle) => body.includes(needle))) return true;
  return body.includes("\\u00") && letterEscapes.some((escape) => body.includes(escape));
}

/** Undefined: it is sealed for another, for another kind of thing, or was changed. */
export function openFor(
  opener: Opener,
  id: string,
  kind: ResourceKind,
): SealedResource | undefined {
  if (kind === "item") return openTagged(opener.key(), id, { ownerId: opener.ownerId, kind });
  const opened = openId(opener.key(), id);
  return opened?.ownerId === opener.ownerId && opened.kind === kind ? opened : undefined;
}

/** The error of an id that does not open: nobody learns whether it opens for another. */
export function noSuchId(id: string, kind: ResourceKind, field: string): GatewayError {
  if (kind === "response")
    return new GatewayError(
      "previous_response_not_found",
      `Previous response with id '${id}' not found.`,
      { values: { id }, fields: [{ field, message: "no such response" }] },
    );
  const message = `There is no ${kind} with id '${id}'`;
  return new GatewayError("invalid_request", message, {
    fields: [{ field, message }],
    values: { detail: message },
  });
}

/** The error of an id that nobody sealed, in a request that no channel may take for it. */
export function unsealedId(id: string, kind: ResourceKind, field: string): GatewayError {
  if (kind === "response") return noSuchId(id, kind, field);
  const message = `\`${field}\` holds an id that was not given out here; use the ids that this gateway's replies tell`;
  return new GatewayError("invalid_request", message, {
    fields: [{ field, message }],
    values: { detail: message },
  });
}

/**
 * Finds and opens the ids of a body that is known to be well-formed. Throws `previous_response_not_found` or
 * `invalid_request` for ids that do not open.
 */
export function openIds(body: Buffer, rules: IdRules, opener: BodyOpener): OpenedIds {
  if (!mayHoldIds(body, rules)) return nothingOpened;
  const edits: ByteEdit[] = [];
  const opened = new Map<string, string>();
  let pin: Pin | null = null;
  let unsealed: GatewayError | null = null;
  walkStrings(body, rules.opaque, (path, value) => {
    const kind = kindAt(rules, path);
    const placed = kind && idIn(opener.dialect, path, readString(body, value) ?? "");
    if (kind === undefined || placed === undefined) return;
    if (opener.isOwn?.(kind, placed.id) === true) return;
    const field = path.join(".");
    if (!looksSealed(placed.id)) {
      unsealed ??= unsealedId(placed.id, kind, field);
      return;
    }
    const resource = openFor(opener, placed.id, kind);
    if (resource === undefined) throw noSuchId(placed.id, kind, field);
    pin = joinPins(pin, resource, field);
    opened.set(resource.upstreamId, placed.id);
    const text = placed.before + resource.upstreamId + placed.behind;
    edits.push({ ...value, bytes: JSON.stringify(text) });
  });
  return { edits, pin, unsealed, opened };
}
