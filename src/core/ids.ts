/** Identifiers: random ones, and call ids that carry the instant of their admission. */
import { randomBytes } from "node:crypto";

/** Gives `length` random bytes; a parameter wherever simulations must repeat themselves. */
export type RandomBytes = (length: number) => Uint8Array;

/** The machine's own source of randomness. */
export const systemRandom: RandomBytes = (length) => randomBytes(length);

/** {@link systemRandom} fetched in larger pieces: asking the kernel for each id costs more than the rest of making one. */
export function makeRandomPool(source: RandomBytes = systemRandom, poolBytes = 4096): RandomBytes {
  let pool: Uint8Array = new Uint8Array(0);
  let at = 0;
  return (length) => {
    if (at + length > pool.length) {
      pool = source(Math.max(poolBytes, length));
      at = 0;
    }
    at += length;
    return pool.subarray(at - length, at);
  };
}

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

function base32(value: bigint, length: number): string {
  let rest = value;
  let text = "";
  for (let index = 0; index < length; index += 1) {
    text = (alphabet[Number(rest & 31n)] ?? "") + text;
    rest >>= 5n;
  }
  return text;
}

/**
 * A call id: 10 characters of admission time (ms UTC, base 32, sortable) and 16 random ones (80 bits).
 * The time is read back by {@link callAdmittedAtMs}, so the ledger finds the day of a call from its id alone.
 */
export function makeCallId(admittedAtMs: number, random: RandomBytes = systemRandom): string {
  const noise = BigInt(`0x${Buffer.from(random(10)).toString("hex")}`);
  return base32(BigInt(admittedAtMs), 10) + base32(noise, 16);
}

/** Admission time (ms UTC) of a call id, or undefined for text that is none. */
export function callAdmittedAtMs(callId: string): number | undefined {
  if (!/^[0-9a-hjkmnp-tv-z]{26}$/.test(callId)) return undefined;
  let value = 0;
  for (const character of callId.slice(0, 10)) value = value * 32 + alphabet.indexOf(character);
  return value;
}

/** A random hexadecimal id of `bytes` bytes (16 by default: 128 bits). */
export function makeId(bytes = 16, random: RandomBytes = systemRandom): string {
  return Buffer.from(random(bytes)).toString("hex");
}
