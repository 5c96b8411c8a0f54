/**
 * What a node serves, as one number: the sum of a hash per row over (kind, id, served revision, quarantined). A sum, so
 * that neither the order of loading nor the way (delta or full) matters and a delta only adds and subtracts.
 */
import { hash } from "node:crypto";

const modulus = 1n << 128n;

/** One row's share. `servedRev` 0: nothing of it serves. */
export function digestTerm(
  kind: string,
  id: bigint,
  servedRev: bigint,
  quarantined: boolean,
): bigint {
  const text = `${kind}\n${id}\n${servedRev}\n${quarantined ? 1 : 0}`;
  return BigInt(`0x${hash("sha256", text, "hex").slice(0, 32)}`);
}

export function addTerm(digest: bigint, term: bigint): bigint {
  return (digest + term) % modulus;
}

export function removeTerm(digest: bigint, term: bigint): bigint {
  return (digest - term + modulus) % modulus;
}

export function renderDigest(digest: bigint): string {
  return digest.toString(16).padStart(32, "0");
}
