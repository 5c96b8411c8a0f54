/**
 * Ids of upstream resources as callers see them: sealed, so that any node opens them without a database and only for
 * the owner they were made for. Promise kept here: tenants that share a vendor account never reach each other's state.
 */
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from "node:crypto";
import type { SealKey } from "./seal.ts";

/** What an id stands for. */
export interface SealedResource {
  /** Channel and credential that own the resource at the vendor; credential 0: the channel needs none. */
  readonly channelId: number;
  readonly credentialId: number;
  /** The account that made it. */
  readonly ownerId: number;
  /** What kind of thing: `response`, `file`, `batch`, … An id of one kind does not open as another. */
  readonly kind: string;
  /** The vendor's own id. */
  readonly upstreamId: string;
}

/** Stands behind the vendor's prefix and tells our ids from vendors'. */
export const sealedMarker = "sy1x";

const nonceBytes = 12;
const tagBytes = 16;
/** Longest id that is opened. */
const maxIdLength = 4096;

/** `file-abc` → `file-`, `resp_abc` → `resp_`, `files/abc` → `files/`, so that clients which look at prefixes are content. */
const prefixPattern = /^[A-Za-z]+(?:[-_/])/;

interface Keys {
  readonly nonce: Buffer;
  readonly cipher: Buffer;
}

function keysOf(key: SealKey): Keys {
  const derive = (purpose: string): Buffer =>
    createHmac("sha256", key).update(`sealed-id ${purpose}`).digest();
  return { nonce: derive("nonce"), cipher: derive("cipher") };
}

function nonceOf(keys: Keys, plain: Buffer): Buffer {
  return createHmac("sha256", keys.nonce).update(plain).digest().subarray(0, nonceBytes);
}

/** Seals an id. The same resource of the same owner always gets the same id: lists can be compared. */
export function sealId(key: SealKey, resource: SealedResource): string {
  const { channelId, credentialId, ownerId, kind, upstreamId } = resource;
  const keys = keysOf(key);
  const plain = Buffer.from(JSON.stringify([channelId, credentialId, ownerId, kind, upstreamId]));
  // The nonce comes from the content: repeated only for the same content, which then gives the same bytes.
  const nonce = nonceOf(keys, plain);
  const cipher = createCipheriv("aes-256-gcm", keys.cipher, nonce);
  const sealed = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  const prefix = prefixPattern.exec(upstreamId)?.[0] ?? "";
  return prefix + sealedMarker + sealed.toString("base64url");
}

/** Whether a text has the form of our ids (it may still not open). */
export function looksSealed(id: string): boolean {
  return id.replace(prefixPattern, "").startsWith(sealedMarker);
}

/** Opens an id; undefined for ids that we did not make with this key, or whose bytes were changed. */
export function openId(key: SealKey, id: string): SealedResource | undefined {
  if (id.length > maxIdLength || !looksSealed(id)) return undefined;
  const text = id.replace(prefixPattern, "").slice(sealedMarker.length);
  const bytes = Buffer.from(text, "base64url");
  if (bytes.length <= nonceBytes + tagBytes || bytes.toString("base64url") !== text)
    return undefined;
  const keys = keysOf(key);
  const nonce = bytes.subarray(0, nonceBytes);
  const decipher = createDecipheriv("aes-256-gcm", keys.cipher, nonce);
  decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
  try {
    const body = bytes.subarray(nonceBytes, bytes.length - tagBytes);
    const plain = Buffer.concat([decipher.update(body), decipher.final()]);
    if (!timingSafeEqual(nonceOf(keys, plain), nonce)) return undefined;
    return readResource(JSON.parse(plain.toString()));
  } catch {
    return undefined;
  }
}

function readResource(values: unknown): SealedResource | undefined {
  if (!Array.isArray(values)) return undefined;
  const [channelId, credentialId, ownerId, kind, upstreamId] = values as unknown[];
  return typeof channelId === "number" &&
    typeof credentialId === "number" &&
    typeof ownerId === "number" &&
    typeof kind === "string" &&
    typeof upstreamId === "string"
    ? { channelId, credentialId, ownerId, kind, upstreamId }
    : undefined;
}

/** Between an id that need not be hidden and the tag that says where it lies and for whom. */
const tagMarker = "_sy1t";
const tagPattern = /^(.{1,512})_sy1t([0-9a-z]{1,11})-([0-9a-z]{1,11})-([\w-]{16})$/;

function tagOf(key: SealKey, resource: SealedResource): string {
  const { channelId, credentialId, ownerId, kind, upstreamId } = resource;
  const text = JSON.stringify([channelId, credentialId, ownerId, kind, upstreamId]);
  const tagKey = createHmac("sha256", key).update("sealed-id tag").digest();
  return createHmac("sha256", tagKey).update(text).digest().subarray(0, 12).toString("base64url");
}

/** An id with a tag: far shorter than a sealed one, for what stands in every event of a stream. */
export function tagId(key: SealKey, resource: SealedResource): string {
  const place = `${resource.channelId.toString(36)}-${resource.credentialId.toString(36)}`;
  return `${resource.upstreamId}${tagMarker}${place}-${tagOf(key, resource)}`;
}

/** Whether a text has the form of a tagged id. */
export function looksTagged(id: string): boolean {
  return tagPattern.test(id);
}

/** Opens a tagged id; undefined for one that was not made with this key for this owner and kind. */
export function openTagged(
  key: SealKey,
  id: string,
  { ownerId, kind }: Pick<SealedResource, "ownerId" | "kind">,
): SealedResource | undefined {
  const [, upstreamId = "", channel = "", credential = "", tag = ""] = tagPattern.exec(id) ?? [];
  if (tag === "") return undefined;
  const channelId = Number.parseInt(channel, 36);
  const credentialId = Number.parseInt(credential, 36);
  const resource = { channelId, credentialId, ownerId, kind, upstreamId };
  const wanted = Buffer.from(tagOf(key, resource));
  return timingSafeEqual(wanted, Buffer.from(tag)) ? resource : undefined;
}
