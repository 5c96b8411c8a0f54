/**
 * The last known good configuration as bytes: a readable header line, then everything a node needs to serve without a
 * database, compressed and sealed with a key of the root secret. Promise kept: what opens is exactly what was written,
 * header included; nothing lies in clear.
 */
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { messageOf } from "../core/errors.ts";
import type { SealKey } from "../core/seal.ts";
import { deriveKey, openBytes, sealBytes } from "../core/seal.ts";
import type { CopyContent } from "./copy-content.ts";
import { parseContent, renderContent } from "./copy-content.ts";
import type { Slices } from "./time-slice.ts";

const compress = promisify(gzip);
const decompress = promisify(gunzip);

/** Readable without the key, authenticated by it. */
export interface CopyHeader {
  readonly magic: "switchyard-copy";
  readonly format: number;
  /** Snapshot schema of the rows. */
  readonly schema: number;
  readonly epoch: string;
  readonly revision: number;
  readonly commitId: string;
  /** Database's clock when the node last knew itself at this revision. */
  readonly databaseTimeMs: number;
  /** Counts this node's writes: tells the newer of its two generations. */
  readonly serial: number;
  /** Version of the program that wrote it. */
  readonly version: string;
  readonly keyId: string;
}

export interface Copy {
  readonly header: CopyHeader;
  readonly content: CopyContent;
}

/**
 * - `damaged`: not what was written.
 * - `foreign`: sealed with another root secret.
 * - `unsupported`: of a format or schema that this version does not read.
 */
export type CopyFaultKind = "damaged" | "foreign" | "unsupported";

export class CopyFault extends Error {
  readonly kind: CopyFaultKind;
  constructor(kind: CopyFaultKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "CopyFault";
    this.kind = kind;
  }
}

export interface CopyKey {
  readonly key: SealKey;
  /** Names the key without telling it. */
  readonly id: string;
}

const format = 1;
const maxHeaderBytes = 4096;

export function makeCopyKey(rootSecret: string): CopyKey {
  const key = deriveKey(rootSecret, "snapshot-copy");
  const id = createHash("sha256").update("switchyard copy key id").update(key).digest("hex");
  return { key, id: id.slice(0, 12) };
}

export type HeaderFacts = Pick<CopyHeader, "schema" | "databaseTimeMs" | "serial" | "version">;

/** Renders in slices and compresses off the event loop. */
export async function encodeCopy(
  content: CopyContent,
  facts: HeaderFacts,
  copyKey: CopyKey,
  slices: Slices,
): Promise<Buffer> {
  const { epoch, revision, commitId } = content.edition.rowSet.position;
  const identity = { magic: "switchyard-copy" as const, format, keyId: copyKey.id };
  const header: CopyHeader = { ...identity, ...facts, epoch, revision, commitId };
  const line = JSON.stringify(header);
  const plain = await compress(await renderContent(content, slices), { level: 1 });
  return Buffer.concat([Buffer.from(`${line}\n`), sealBytes(copyKey.key, line, plain)]);
}

/** Reads the header without proving it; throws {@link CopyFault} `damaged`. */
export function readHeader(bytes: Buffer): CopyHeader {
  const end = bytes.subarray(0, maxHeaderBytes).indexOf(10);
  if (end < 0) throw new CopyFault("damaged", "no header line");
  try {
    const header = JSON.parse(bytes.toString("utf8", 0, end)) as CopyHeader;
    if (header.magic === "switchyard-copy" && Number.isInteger(header.serial)) return header;
  } catch (error) {
    throw new CopyFault("damaged", "the header cannot be read", error);
  }
  throw new CopyFault("damaged", "the header is none of ours");
}

/** Opens and proves; throws {@link CopyFault}. */
export async function decodeCopy(
  bytes: Buffer,
  copyKey: CopyKey,
  schema: number,
  slices: Slices,
): Promise<Copy> {
  const { header, sealed } = openCopy(bytes, copyKey);
  // Only a proven header may say that it is of another version: a flipped bit says so too.
  if (header.format !== format || header.schema !== schema)
    throw new CopyFault("unsupported", `format ${header.format}, schema ${header.schema}`);
  try {
    return { header, content: await parseContent(await decompress(sealed), slices) };
  } catch (error) {
    throw new CopyFault("damaged", `its content cannot be read: ${messageOf(error)}`, error);
  }
}

/** The header, proven to be what was written; throws {@link CopyFault}. */
export function proveHeader(bytes: Buffer, copyKey: CopyKey): CopyHeader {
  return openCopy(bytes, copyKey).header;
}

function openCopy(bytes: Buffer, copyKey: CopyKey): { header: CopyHeader; sealed: Buffer } {
  const header = readHeader(bytes);
  if (header.keyId !== copyKey.id)
    throw new CopyFault("foreign", "it is sealed with another SECRET_KEY");
  return { header, sealed: openSealed(bytes, bytes.indexOf(10), copyKey.key) };
}

function openSealed(bytes: Buffer, headerEnd: number, key: SealKey): Buffer {
  try {
    return openBytes(key, bytes.toString("utf8", 0, headerEnd), bytes.subarray(headerEnd + 1));
  } catch (error) {
    throw new CopyFault("damaged", "it is not what was written", error);
  }
}

export type CopiedState = Pick<CopyHeader, "epoch" | "revision" | "commitId" | "databaseTimeMs">;

/** Whether `a` is of a later state of the cluster than `b`; revisions may have gone back, the database's time tells. */
export function isNewerCopy(a: CopiedState, b: CopiedState): boolean {
  if (a.epoch === b.epoch && a.databaseTimeMs === b.databaseTimeMs) return a.revision > b.revision;
  return a.databaseTimeMs > b.databaseTimeMs;
}
