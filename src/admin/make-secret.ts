/** Secrets that the gateway hands out once: random text in base 62, drawn without bias. */
import type { RandomBytes } from "../core/ids.ts";

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** Bytes from here on would favour the alphabet's beginning. */
const fairBytes = 256 - (256 % alphabet.length);

/** Random text of `length` characters. */
export function makeSecret(length: number, random: RandomBytes): string {
  let text = "";
  while (text.length < length)
    for (const byte of random(length))
      if (byte < fairBytes && text.length < length) text += alphabet.charAt(byte % alphabet.length);
  return text;
}

/** A new caller's key. 59 characters after `sk-`, as One Hub's. */
export function makeApiKey(random: RandomBytes): string {
  return `sk-${makeSecret(59, random)}`;
}

/** A new management token. */
export function makeManagementToken(random: RandomBytes): string {
  return `swt-${makeSecret(48, random)}`;
}
