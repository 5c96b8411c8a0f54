/** Reads what an administrator may write behind a key: `#<id>` that channel only, `#<id>#ignore` as usual, `#!<id>` all but that one. */
import { GatewayError } from "../core/errors.ts";
import type { Caller } from "../wire/caller.ts";

/** Ids of channels; null: no wish. */
export interface ChannelWish {
  readonly only: number | null;
  readonly except: number | null;
}

const noWish: ChannelWish = { only: null, except: null };

function refuse(detail: string): GatewayError {
  return new GatewayError("forbidden", detail, { values: { detail } });
}

/** Throws `forbidden` for callers who may not choose channels, and for a wish that cannot be read. */
export function parseSuffix(caller: Pick<Caller, "suffix" | "userRole">): ChannelWish {
  if (caller.suffix === null || caller.suffix === "") return noWish;
  if (caller.userRole === "member")
    throw refuse("Only administrators may choose a channel by their key");
  const match = /^(!?)(\d{1,15})(#ignore)?$/.exec(caller.suffix);
  if (match === null) throw refuse("The channel behind the key's `#` must be a number");
  const [, except, digits, ignore] = match;
  // `#ignore` binds only requests that are handed on unread, of which there are none on these paths.
  if (ignore !== undefined) return noWish;
  const id = Number(digits);
  return except === "!" ? { only: null, except: id } : { only: id, except: null };
}
