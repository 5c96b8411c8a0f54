/**
 * The last known good configuration where every node of the cluster finds it: a shared folder or Redis, since the
 * container that replaces a node starts with an empty disk. Promise kept: an older state never replaces a newer one
 * knowingly, and a place that fails harms nobody.
 */
import { join } from "node:path";
import type { Logger } from "../core/logger.ts";
import type { CopyContent } from "./copy-content.ts";
import type { CopiedState, Copy, CopyHeader, CopyKey, HeaderFacts } from "./copy-envelope.ts";
import { CopyFault, decodeCopy, encodeCopy, isNewerCopy, proveHeader } from "./copy-envelope.ts";
import type { Disk } from "./disk.ts";
import { makeOutageLog } from "./outage-log.ts";
import type { Slices } from "./time-slice.ts";

const refreshMs = 4 * 60 * 1000;

/** One blob under one name that the cluster shares. */
export interface SharedPlace {
  /** `folder`, `redis`, for logs. */
  readonly name: string;
  load(): Promise<Buffer | undefined>;
  save(bytes: Buffer): Promise<void>;
}

export interface SharedCopyParts {
  readonly logger: Logger;
  readonly place: SharedPlace;
  readonly key: CopyKey;
  readonly schema: number;
  readonly makeSlices: () => Slices;
}

export interface SharedCopy {
  readonly name: string;
  /** Undefined when there is none that opens. Never rejects. */
  load(): Promise<Copy | undefined>;
  /** Writes unless another node has written this state or a newer one already. */
  save(content: CopyContent, facts: Omit<HeaderFacts, "schema" | "serial">): Promise<void>;
}

export function makeSharedCopy(parts: SharedCopyParts): SharedCopy {
  const { place, key, schema } = parts;
  const outage = makeOutageLog(parts.logger, `use the ${place.name} copy of the configuration`);
  return {
    name: place.name,
    load: async () => {
      try {
        const bytes = await place.load();
        const copy = bytes && (await decodeCopy(bytes, key, schema, parts.makeSlices()));
        outage.worked();
        return copy;
      } catch (error) {
        outage.failed(error);
        return undefined;
      }
    },
    save: async (content, facts) => {
      const there = await headerThere(parts);
      const mine = { ...content.edition.rowSet.position, databaseTimeMs: facts.databaseTimeMs };
      if (there !== undefined && !replaces(mine, there)) return;
      const header = { ...facts, schema, serial: (there?.serial ?? 0) + 1 };
      await place.save(await encodeCopy(content, header, key, parts.makeSlices()));
    },
  };
}

/** The header of what lies there, if it is of this key; undefined when it may be written over. */
async function headerThere(parts: SharedCopyParts): Promise<CopyHeader | undefined> {
  const bytes = await parts.place.load();
  if (bytes === undefined) return undefined;
  try {
    return proveHeader(bytes, parts.key);
  } catch (error) {
    if (!(error instanceof CopyFault) || error.kind === "damaged") return undefined;
    throw error;
  }
}

/** Nodes hold the same at an equal revision: written again only for the sake of newer callers and a newer date. */
function replaces(mine: CopiedState, there: CopiedState): boolean {
  const equal = mine.epoch === there.epoch && mine.commitId === there.commitId;
  if (equal) return mine.databaseTimeMs - there.databaseTimeMs > refreshMs;
  return isNewerCopy(mine, there);
}

/** A file in `SNAPSHOT_DIR`; the key's id in its name keeps clusters and rotated keys apart. */
export function makeFolderPlace(
  disk: Disk,
  folder: string,
  writer: string,
  keyId: string,
): SharedPlace {
  const path = join(folder, `snapshot-${keyId}.copy`);
  // Each writer has a file of its own until the rename: two at once must not write into one.
  const draft = `${path}.${writer}.tmp`;
  return {
    name: "folder",
    load: () => disk.read(path),
    save: async (bytes) => {
      await disk.makeFolder(folder);
      await disk.write(draft, bytes);
      await disk.rename(draft, path);
      await disk.syncFolder(folder);
    },
  };
}
