/** Sealing of the cluster's own secrets with the root secret: opening one proves that the root secret is the right one. */
import { deriveKey, openBytes, sealBytes } from "../core/seal.ts";

export type ClusterSecret = "pepper" | "data key";

export function sealSecret(secretKey: string, name: ClusterSecret, plain: Uint8Array): string {
  return sealBytes(deriveKey(secretKey, `cluster ${name}`), name, plain).toString("base64");
}

/** Throws when the root secret is another than the one it was sealed with. */
export function openSecret(secretKey: string, name: ClusterSecret, sealed: string): Buffer {
  const key = deriveKey(secretKey, `cluster ${name}`);
  return openBytes(key, name, Buffer.from(sealed, "base64"));
}
