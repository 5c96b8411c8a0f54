/** Makes every part of a node's sync and ties them together; nothing runs yet. */
import { systemClock } from "../core/clock.ts";
import { makeId, systemRandom } from "../core/ids.ts";
import { readerVersion } from "../store/read-schema.ts";
import type { CopyKeeper } from "./copy-keeper.ts";
import { systemDisk } from "./disk.ts";
import { makeDoor } from "./door.ts";
import type { Following, Tools } from "./join-follower.ts";
import { joinFollower } from "./join-follower.ts";
import type { LeaderJobs } from "./leader-jobs.ts";
import { makeLeaderJobs, syncJobs } from "./leader-jobs.ts";
import { Leadership } from "./lease.ts";
import type { NodeFolder } from "./node-folder.ts";
import { claimNodeFolder } from "./node-folder.ts";
import type { NodeIdentity } from "./node-report.ts";
import { makeReport } from "./node-report.ts";
import { openCopies } from "./open-copies.ts";
import type { Reconciler } from "./reconcile.ts";
import { makeReconciler } from "./reconcile.ts";
import type { Registry } from "./registry.ts";
import { makeRegistry } from "./registry.ts";
import type { SyncParts } from "./sync-parts.ts";
import { makeSlices } from "./time-slice.ts";
import type { Door } from "./write-door.ts";

export interface NodeParts extends Following {
  readonly folder: NodeFolder;
  readonly door: Door;
  readonly reconciler: Reconciler;
  readonly copies: CopyKeeper;
  readonly registry: Registry;
  readonly leadership: Leadership;
  readonly jobs: LeaderJobs;
}

/** Resolves once the node's folder is claimed. */
export async function joinNode(parts: SyncParts): Promise<NodeParts> {
  const { config, logger, meters, store } = parts;
  const randomBytes = parts.randomBytes ?? systemRandom;
  const tools = {
    logger,
    clock: parts.clock ?? systemClock,
    random: parts.random ?? Math.random,
    yieldSlice: (): Promise<void> => new Promise((resolve) => setImmediate(resolve)),
  };
  const disk = parts.disk ?? systemDisk;
  const { dataDir } = config;
  const folder = await claimNodeFolder({ ...tools, disk, randomBytes, dataDir });
  const identity: NodeIdentity = {
    nodeId: folder.nodeId,
    incarnation: makeId(8, randomBytes),
    type: config.nodeType,
    version: parts.version,
    schemaVersion: readerVersion,
    startedAtMs: tools.clock.now(),
  };
  const late: { registry?: Registry; copies?: CopyKeeper } = {};
  const liveNodes = (): number => late.registry?.liveNodes() ?? 1;
  const callersChanged = (): void => late.copies?.callersChanged();
  const following = joinFollower(parts, tools, { liveNodes, callersChanged });
  const { follower } = following;
  const registry = makeRegistry({ ...tools, store, report: () => makeReport(identity, follower) });
  const copies = joinCopies(parts, { ...tools, disk }, folder, following);
  Object.assign(late, { registry, copies });
  follower.onApplied(() => registry.applied());
  const door = makeDoor({
    ...parts,
    ...tools,
    follower,
    randomBytes,
    nodeId: folder.nodeId,
    dataKey: () => following.cluster.dataKey(),
    schemaVersion: readerVersion,
    ringBells: ({ revision }) => following.bells.ring(revision),
  });
  const everyMs = config.syncFrequencyMs;
  const reconciler = makeReconciler({ ...tools, follower, door, meters, everyMs, liveNodes });
  const leadership = new Leadership({ ...tools, ...identity, store, nodeType: config.nodeType });
  const jobs = makeLeaderJobs({ ...tools, leadership });
  for (const job of syncJobs(store, logger)) jobs.add(job);
  return { ...following, folder, door, reconciler, copies, registry, leadership, jobs };
}

function joinCopies(
  parts: SyncParts,
  tools: Tools & Pick<Required<SyncParts>, "logger" | "disk">,
  own: NodeFolder,
  following: Following,
): CopyKeeper {
  const { config, secretKey, openPlaces, meters, version } = parts;
  const { snapshotDir, lkgMaxAgeMs: maxAgeMs } = config;
  return openCopies(
    { secretKey, snapshotDir, schema: readerVersion, disk: tools.disk, own, openPlaces },
    {
      ...tools,
      ...following,
      meters,
      version,
      maxAgeMs,
      makeSlices: () => makeSlices(tools.clock, tools.yieldSlice),
    },
  );
}
