/** Invite codes: an account's id with a mark that only this cluster can make, so that none has to be kept. */
import type { AdminParts } from "../admin-parts.ts";
import { knownSecret } from "../ask-database.ts";

const markLength = 10;

/** `3f-0123456789`: the id in base 36, then the mark; null until the cluster's secrets are known. */
export function inviteCodeOf(parts: Pick<AdminParts, "hashToken">, userId: bigint): string | null {
  const mark = markOf(parts, userId);
  return mark === undefined ? null : `${userId.toString(36)}-${mark}`;
}

/** The account whose code it is; undefined where it is none of ours. */
export function readInviteCode(
  parts: Pick<AdminParts, "hashToken">,
  code: string,
): bigint | undefined {
  const [, id = "", mark] = /^([1-9a-z][0-9a-z]{0,10})-([0-9a-f]+)$/.exec(code.trim()) ?? [];
  if (id === "") return undefined;
  const userId = [...id].reduce((sum, digit) => sum * 36n + BigInt(Number.parseInt(digit, 36)), 0n);
  return knownSecret(markOf(parts, userId)) === mark ? userId : undefined;
}

function markOf(parts: Pick<AdminParts, "hashToken">, userId: bigint): string | undefined {
  return parts.hashToken("invitation", String(userId))?.slice(0, markLength);
}
