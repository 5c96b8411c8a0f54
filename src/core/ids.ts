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

/** Half of the 50 bits that hold the time. */
const timeHalf = 2 ** 25;

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/** Of a value below 2^30: whole numbers of that size cost a tenth of what BigInt does. */
function base32(value: number, length: number): string {
  let rest = value;
  let text = "";
  for (let index = 0; index < length; index += 1) {
    text = (alphabet[rest & 31] ?? "") + text;
    rest >>>= 5;
  }
  return text;
}

/** Five bytes as eight characters. */
function base32Bytes(bytes: Uint8Array, start: number): string {
  const at = (offset: number): number => bytes[start + offset] ?? 0;
  return (
    base32((at(0) << 12) | (at(1) << 4) | (at(2) >> 4), 4) +
    base32(((at(2) & 15) << 16) | (at(3) << 8) | at(4), 4)
  );
}

/**
 * A call id: 10 characters of admission time (ms UTC, base 32, sortable) and 16 random ones (80 bits).
 * The time is read back by {@link callAdmittedAtMs}, so the ledger finds the day of a call from its id alone.
 */
export function makeCallId(admittedAtMs: number, random: RandomBytes = systemRandom): string {
  const noise = random(10);
  const time = base32(Math.floor(admittedAtMs / timeHalf), 5) + base32(admittedAtMs % timeHalf, 5);
  return time + base32Bytes(noise, 0) + base32Bytes(noise, 5);
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
