/**
 * Which node this process is: the name of a folder that no other process holds. Promise kept: two processes never share
 * a node id on one disk, and a restarted one is the node it was before, with its disk copy.
 */
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { RandomBytes } from "../core/ids.ts";
import { makeId } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";
import { takeFileLock } from "../store/file-lock.ts";
import type { Disk } from "./disk.ts";
import { inTime } from "./in-time.ts";

export interface NodeFolder {
  readonly nodeId: string;
  /** Undefined where the disk allows none: the node then keeps no copy. */
  readonly folder: string | undefined;
  /** Folders of other nodes on the same disk, held or not. */
  readonly siblings: readonly string[];
  /** Lets another process be this node. */
  release(): void;
}

export interface NodeFolderParts {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly logger: Logger;
  readonly randomBytes: RandomBytes;
  readonly dataDir: string;
  readonly takeLock?: typeof takeFileLock;
}

const idPattern = /^[0-9a-f]{12}$/;
const lockName = "lock";

/** A disk that hangs must not keep the node from following its database. */
const claimMs = 5_000;

/** Takes the first folder under `DATA_DIR/nodes` that nobody holds, or makes one. Never rejects. */
export async function claimNodeFolder(parts: NodeFolderParts): Promise<NodeFolder> {
  const nodes = join(parts.dataDir, "nodes");
  try {
    return await inTime(parts.clock, claimMs, claimFirst(parts, nodes));
  } catch (error) {
    parts.logger.warn(
      { folder: nodes, error: messageOf(error) },
      "no folder of its own for this node: it keeps no disk copy and cannot start without the database",
    );
    const nodeId = makeId(6, parts.randomBytes);
    return { nodeId, folder: undefined, siblings: [], release: () => undefined };
  }
}

async function claimFirst(parts: NodeFolderParts, nodes: string): Promise<NodeFolder> {
  const ids = (await parts.disk.list(nodes)).filter((name) => idPattern.test(name)).sort();
  for (const id of [...ids, makeId(6, parts.randomBytes)]) {
    const claimed = await claim(parts, nodes, id);
    if (claimed === undefined) continue;
    const siblings = ids.filter((other) => other !== id).map((other) => join(nodes, other));
    return { nodeId: id, folder: join(nodes, id), siblings, release: claimed.release };
  }
  throw new Error("every folder is held");
}

async function claim(
  parts: NodeFolderParts,
  nodes: string,
  id: string,
): Promise<{ release(): void } | undefined> {
  const folder = join(nodes, id);
  await parts.disk.makeFolder(folder);
  return (parts.takeLock ?? takeFileLock)(join(folder, lockName));
}
