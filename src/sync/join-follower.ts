/** Makes what follows the database: the loop, the secrets and callers it feeds, the bells that wake it. */
import type { Clock } from "../core/clock.ts";
import { readerVersion } from "../store/read-schema.ts";
import type { BellRingers } from "./bell-ringers.ts";
import { makeBellRingers } from "./bell-ringers.ts";
import type { CallerCache } from "./caller-cache.ts";
import { makeCallerCache } from "./caller-cache.ts";
import type { ClusterKeeper } from "./cluster-keeper.ts";
import { makeClusterKeeper } from "./cluster-keeper.ts";
import { makeFollower } from "./follow.ts";
import type { CallerFollower, Follower } from "./follower.ts";
import { parseCallerRows } from "./key-row.ts";
import type { SyncParts } from "./sync-parts.ts";

/** What every part is given besides its own. */
export interface Tools {
  readonly clock: Clock;
  readonly random: () => number;
  readonly yieldSlice: () => Promise<void>;
}

export interface Following {
  readonly follower: Follower;
  readonly cluster: ClusterKeeper;
  readonly callers: CallerCache;
  readonly bells: BellRingers;
}

/** Parts that are made after the follower: they need it, and it asks them. */
export interface LateParts {
  readonly liveNodes: () => number;
  readonly callersChanged: () => void;
}

export function joinFollower(parts: SyncParts, tools: Tools, late: LateParts): Following {
  const { config, logger, meters, store } = parts;
  const { clock } = tools;
  const made: { follower?: Follower } = {};
  const bells = makeBellRingers(logger, meters, () => made.follower?.ring());
  const cluster = makeClusterKeeper({
    clock,
    logger,
    openCluster: parts.openCluster,
    onRefused: parts.onRefused,
    onKnown: (secrets) => {
      if (config.syncBell !== "none") bells.replace(parts.openBells(secrets));
    },
  });
  const maxStaleMs = config.authMaxStaleMs ?? Infinity;
  const callers = makeCallerCache({
    clock,
    logger,
    store,
    parse: parseCallerRows,
    enabled: config.memoryCacheEnabled,
    tooStale: () => (made.follower?.status().stalenessMs ?? 0) > maxStaleMs,
  });
  const follower = makeFollower({
    ...tools,
    store,
    logger,
    meters,
    dataKey: () => cluster.dataKey(),
    liveNodes: late.liveNodes,
    bellUp: () => bells.isUp(),
    callers: tellCopies(callers, late.callersChanged),
    schemaVersion: readerVersion,
  });
  made.follower = follower;
  return { follower, cluster, callers, bells };
}

/** The cache as the follower feeds it; a known caller that changed or went reaches the disk at once. */
function tellCopies(callers: CallerCache, changed: () => void): CallerFollower {
  return {
    affected: (changes) => callers.affected(changes),
    apply: (update) => {
      const concerns = callers.concernsKnown(update);
      callers.apply(update);
      if (concerns) changed();
    },
  };
}
