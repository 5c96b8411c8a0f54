/** Makes the copies that a node's settings ask for: its own disk, a shared folder, Redis. */
import type { Slices } from "./time-slice.ts";
import type { CopyKeeper, CopyKeeperParts } from "./copy-keeper.ts";
import { makeCopyKeeper } from "./copy-keeper.ts";
import { makeCopyKey } from "./copy-envelope.ts";
import type { Disk } from "./disk.ts";
import type { DiskCopy } from "./disk-copy.ts";
import { makeDiskCopy } from "./disk-copy.ts";
import type { NodeFolder } from "./node-folder.ts";
import type { SharedPlace } from "./shared-copy.ts";
import { makeFolderPlace, makeSharedCopy } from "./shared-copy.ts";

export interface CopySettings {
  readonly secretKey: string;
  readonly snapshotDir: string | undefined;
  readonly schema: number;
  readonly disk: Disk;
  readonly own: NodeFolder;
  readonly openPlaces: ((keyId: string) => readonly SharedPlace[]) | undefined;
}

export function openCopies(
  settings: CopySettings,
  parts: Omit<CopyKeeperParts, "disk" | "siblings" | "shared">,
): CopyKeeper {
  const { disk, own, schema, snapshotDir } = settings;
  const { logger } = parts;
  const makeSlices = (): Slices => parts.makeSlices();
  const key = makeCopyKey(settings.secretKey);
  const copyIn = (folder: string, readOnly: boolean): DiskCopy =>
    makeDiskCopy({ disk, logger, folder, key, schema, makeSlices, readOnly });
  const places = [...(settings.openPlaces?.(key.id) ?? [])];
  if (snapshotDir !== undefined)
    places.push(makeFolderPlace(disk, snapshotDir, own.nodeId, key.id));
  return makeCopyKeeper({
    ...parts,
    disk: own.folder === undefined ? undefined : copyIn(own.folder, false),
    siblings: own.siblings.map((folder) => copyIn(folder, true)),
    shared: places.map((place) => makeSharedCopy({ logger, place, key, schema, makeSlices })),
  });
}
