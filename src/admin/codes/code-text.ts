/** Redemption codes as people type them: 25 characters of Crockford's alphabet (125 bits), in fives. */
import type { RandomBytes } from "../../core/ids.ts";
import type { AdminParts } from "../admin-parts.ts";
import { knownSecret } from "../ask-database.ts";

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const fives = 5;

/** A new code: `7ZK4D-…`. */
export function makeCode(random: RandomBytes): string {
  // 32 characters: the low bits of a byte choose without bias.
  const text = [...random(fives * 5)].map((byte) => alphabet.charAt(byte % 32)).join("");
  return (text.match(/.{5}/g) ?? []).join("-");
}

/** What is hashed: case, spaces, dashes and letters that look like digits make no difference. */
function bareCode(text: string): string {
  return text.toUpperCase().replaceAll(/[\s-]/g, "").replaceAll("O", "0").replaceAll(/[IL]/g, "1");
}

/** The stored form of a code, however it was typed. */
export function hashCode(parts: Pick<AdminParts, "hashToken">, code: string): string {
  return knownSecret(parts.hashToken("redemption", bareCode(code)));
}
