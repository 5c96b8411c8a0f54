/**
 * Encryption of what must not lie in clear: upstream credentials, cluster secrets, the disk snapshot.
 * AES-256-GCM; the caller names what the text belongs to (`context`), so a sealed value moved elsewhere does not open.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
} from "node:crypto";

/** 32 bytes of key material. */
export type SealKey = Buffer;

/** Derives the key for one purpose from the root secret (HKDF-SHA256). */
export function deriveKey(rootSecret: string, purpose: string): SealKey {
  return Buffer.from(hkdfSync("sha256", rootSecret, "switchyard", purpose, 32));
}

/** Seals bytes: 12-byte nonce, ciphertext, 16-byte tag. */
export function sealBytes(key: SealKey, context: string, plain: Uint8Array): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  cipher.setAAD(Buffer.from(context));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Opens what {@link sealBytes} made; throws when key, context or bytes differ. */
export function openBytes(key: SealKey, context: string, sealed: Uint8Array): Buffer {
  const bytes = Buffer.from(sealed);
  if (bytes.length < 28) throw new Error("sealed value is too short");
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12));
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(bytes.subarray(bytes.length - 16));
  return Buffer.concat([decipher.update(bytes.subarray(12, bytes.length - 16)), decipher.final()]);
}

/** {@link sealBytes} for text, as base64. */
export function sealText(key: SealKey, context: string, plain: string): string {
  return sealBytes(key, context, Buffer.from(plain)).toString("base64");
}

/** {@link openBytes} for text sealed by {@link sealText}. */
export function openText(key: SealKey, context: string, sealed: string): string {
  return openBytes(key, context, Buffer.from(sealed, "base64")).toString("utf8");
}

/**
 * The stored form of a caller's API key: HMAC-SHA256(pepper, SHA-256(`sk-` + key)), hex, where `key` is the text
 * without one leading `sk-`, cut at its first `#`. So One Hub's keys and LiteLLM's stored SHA-256 values can be imported.
 */
export function hashApiKey(pepper: Buffer, key: string): string {
  const bare = (key.startsWith("sk-") ? key.slice(3) : key).split("#", 1)[0] ?? "";
  const inner = createHash("sha256").update(`sk-${bare}`).digest();
  return createHmac("sha256", pepper).update(inner).digest("hex");
}

/** What a token is for: one that is known for one purpose is worth nothing for another. */
export type TokenPurpose = "management" | "setup" | "redemption" | "invitation";

/** The stored form of a token: HMAC-SHA256(pepper, purpose + token), hex. */
export function hashToken(pepper: Buffer, purpose: TokenPurpose, token: string): string {
  return createHmac("sha256", pepper).update(`${purpose}\0${token}`).digest("hex");
}
