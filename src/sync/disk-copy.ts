/**
 * The last known good configuration on this node's disk, in two generations. Promise kept: whatever happens while one
 * is written, the other is whole; a damaged one is put aside, one sealed with another key is left untouched.
 */
import { join } from "node:path";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { Copy, CopyKey, HeaderFacts } from "./copy-envelope.ts";
import { CopyFault, decodeCopy, encodeCopy, readHeader } from "./copy-envelope.ts";
import type { CopyContent } from "./copy-content.ts";
import type { Disk } from "./disk.ts";
import type { Slices } from "./time-slice.ts";

export interface DiskCopyParts {
  readonly disk: Disk;
  readonly logger: Logger;
  /** `DATA_DIR/nodes/<node id>`. */
  readonly folder: string;
  readonly key: CopyKey;
  readonly schema: number;
  readonly makeSlices: () => Slices;
  /** Another node's folder: nothing in it is touched. */
  readonly readOnly?: boolean;
}

export interface DiskCopy {
  /** The newest copy that opens; undefined when there is none. Never rejects. */
  load(): Promise<Copy | undefined>;
  /** Replaces the older generation. Rejects when the disk fails; then both are as they were. */
  save(content: CopyContent, facts: Omit<HeaderFacts, "schema" | "serial">): Promise<void>;
}

const generations = ["a", "b"] as const;

interface Generation {
  readonly path: string;
  /** Of the header; -1 where nothing usable lies. */
  serial: number;
}

export function makeDiskCopy(parts: DiskCopyParts): DiskCopy {
  const { disk, folder, key } = parts;
  let known: Promise<Generation[]> | undefined;
  // Read once: only this process writes here.
  const generationsOnDisk = (): Promise<Generation[]> => {
    known ??= findGenerations(parts).catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  };

  return {
    load: async () => {
      try {
        const found = await generationsOnDisk();
        for (const generation of [...found].sort((a, b) => b.serial - a.serial)) {
          const copy = await loadGeneration(parts, generation);
          if (copy !== undefined) return copy;
        }
      } catch (error) {
        parts.logger.error({ folder, error: messageOf(error) }, "disk copy cannot be read");
      }
      return undefined;
    },
    save: async (content, facts) => {
      const [a, b] = await generationsOnDisk();
      if (a === undefined || b === undefined) return;
      const older = a.serial <= b.serial ? a : b;
      const serial = Math.max(a.serial, b.serial) + 1;
      const header = { ...facts, schema: parts.schema, serial };
      const bytes = await encodeCopy(content, header, key, parts.makeSlices());
      await disk.makeFolder(folder);
      await disk.write(`${older.path}.tmp`, bytes);
      await disk.rename(`${older.path}.tmp`, older.path);
      older.serial = serial;
      await disk.syncFolder(folder);
    },
  };
}

/** Files carry the key's id in their names, so that a copy of another key is never written over. */
async function findGenerations(parts: DiskCopyParts): Promise<Generation[]> {
  const { disk, folder, key, logger } = parts;
  const found: Generation[] = [];
  for (const name of generations) {
    const path = join(folder, `snapshot-${key.id}-${name}.copy`);
    found.push({ path, serial: await serialOf(disk, path) });
  }
  const foreign = (await disk.list(folder)).filter(
    (name) => /^snapshot-.*\.copy$/.test(name) && !name.startsWith(`snapshot-${key.id}-`),
  );
  if (foreign.length > 0)
    logger.warn(
      { folder, files: foreign },
      "a snapshot copy is sealed with another SECRET_KEY; left untouched",
    );
  return found;
}

async function serialOf(disk: Disk, path: string): Promise<number> {
  const bytes = await disk.read(path);
  if (bytes === undefined) return -1;
  try {
    return readHeader(bytes).serial;
  } catch {
    // Looked at last, and put aside then.
    return -1;
  }
}

async function loadGeneration(
  parts: DiskCopyParts,
  generation: Generation,
): Promise<Copy | undefined> {
  const { disk, logger, key, schema } = parts;
  const { path } = generation;
  const bytes = await disk.read(path);
  if (bytes === undefined) return undefined;
  try {
    const copy = await decodeCopy(bytes, key, schema, parts.makeSlices());
    generation.serial = copy.header.serial;
    return copy;
  } catch (error) {
    generation.serial = -1;
    logger.error({ path, error: messageOf(error) }, "a snapshot copy cannot be used");
    if (error instanceof CopyFault && error.kind === "damaged" && parts.readOnly !== true)
      await disk.rename(path, `${path}.corrupt`).catch(() => undefined);
    return undefined;
  }
}
