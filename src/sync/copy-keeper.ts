/**
 * Joins the copies to the running node: offers the newest at start, writes them as the configuration changes. Promise
 * kept: a copy is written only from what the database gave, and what was taken away reaches it within a second.
 */
import type { Cancel, Clock } from "../core/clock.ts";
import { sleep } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { SyncMeters } from "../metrics/meters.ts";
import type { CallerCache, CallerExport } from "./caller-cache.ts";
import type { ClusterKeeper } from "./cluster-keeper.ts";
import type { Copy } from "./copy-envelope.ts";
import { isNewerCopy } from "./copy-envelope.ts";
import type { CopyContent } from "./copy-content.ts";
import type { Schedule, SchedulePace } from "./copy-schedule.ts";
import { makeSchedule } from "./copy-schedule.ts";
import type { DiskCopy } from "./disk-copy.ts";
import { takesAway } from "./forgetting.ts";
import type { Follower } from "./follower.ts";
import { makeOutageLog } from "./outage-log.ts";
import type { SharedCopy } from "./shared-copy.ts";
import type { Slices } from "./time-slice.ts";

export interface CopyKeeperParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meters: SyncMeters;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly follower: Follower;
  readonly callers: CallerCache;
  readonly cluster: ClusterKeeper;
  /** This node's own; undefined where its disk allows none. */
  readonly disk: DiskCopy | undefined;
  /** Of other nodes on this disk: read only. */
  readonly siblings: readonly DiskCopy[];
  /** Places that the whole cluster shares. */
  readonly shared: readonly SharedCopy[];
  readonly version: string;
  /** Copies older than this are not served; undefined: any. */
  readonly maxAgeMs: number | undefined;
  readonly makeSlices: () => Slices;
}

export interface CopyKeeper {
  /** Offers the newest copy that opens, and later ones until the database is reached. Never rejects. */
  offerNewest(): Promise<void>;
  /** A caller that was known has changed or gone. */
  callersChanged(): void;
  /** Writes to this node's disk what is not there yet. */
  close(): Promise<void>;
}

type Source = "disk" | "shared-copy";

interface Place {
  readonly source: Source;
  load(): Promise<Copy | undefined>;
}

interface Found {
  readonly copy: Copy;
  readonly source: Source;
}

const diskPace: SchedulePace = {
  delayMs: 1_000,
  spacingMs: 60_000,
  urgentDelayMs: 100,
  urgentSpacingMs: 500,
};
/** A healthy database answers well within it; a node whose database is dead is ready after it all the same. */
const databaseHeadStartMs = 700;
const lookAgainMs = 2_000;
const lookForNewerMs = 5_000;
const warmedCallers = 2_000;
const warmedAtOnce = 4;
const keptCallers = 20_000;
/** Callers in use and the date change without any revision. */
const refreshMs = 5 * 60 * 1000;

export function makeCopyKeeper(parts: CopyKeeperParts): CopyKeeper {
  const { clock, follower } = parts;
  const schedules = openSchedules(parts);
  const changed = (urgent: boolean): void => {
    for (const schedule of schedules) schedule.changed(urgent);
  };
  const stopListening = follower.onApplied((event) => {
    if (event.source === "database") changed(takesAway(event.previous, event.edition));
  });
  let cancelRefresh: Cancel;
  const refresh = (): void => {
    changed(false);
    cancelRefresh = clock.after(refreshMs, refresh);
  };
  cancelRefresh = clock.after(refreshMs, refresh);

  const finder = makeFinder(parts);

  return {
    offerNewest: finder.start,
    callersChanged: () => changed(true),
    close: async () => {
      stopListening();
      cancelRefresh();
      finder.close();
      await Promise.all(schedules.map((schedule) => schedule.flush()));
      await Promise.all(schedules.map((schedule) => schedule.close()));
    },
  };
}

/**
 * Looks for copies to serve until the database is reached: at once in all places, then again where others may put a
 * newer one. So a node that is cut off from the database alone follows the copies of those that are not.
 */
function makeFinder(parts: CopyKeeperParts): { start(): Promise<void>; close(): void } {
  const { clock, follower, disk, siblings, shared } = parts;
  let closed = false;
  let cancel: Cancel = () => undefined;
  const disks = [disk, ...siblings].filter((copy) => copy !== undefined);
  const look = async (places: readonly Place[], headStartMs = 0): Promise<void> => {
    const [found] = await Promise.all([
      findNewest(parts, places),
      databaseFirst(parts, headStartMs),
    ]);
    if (found !== undefined && !closed) use(parts, found);
    if (closed || sharedPlaces.length === 0 || follower.status().source === "database") return;
    const waitMs = follower.edition() === undefined ? lookAgainMs : lookForNewerMs;
    cancel = clock.after(waitMs, () => void look(sharedPlaces));
  };
  const diskPlaces = disks.map(({ load }): Place => ({ source: "disk", load }));
  const sharedPlaces = shared.map(({ load }): Place => ({ source: "shared-copy", load }));
  return {
    start: () => look([...diskPlaces, ...sharedPlaces], databaseHeadStartMs),
    close: () => {
      closed = true;
      cancel();
    },
  };
}

function openSchedules(parts: CopyKeeperParts): readonly Schedule[] {
  const { clock, disk, shared, random } = parts;
  const schedules: Schedule[] = [];
  if (disk !== undefined)
    schedules.push(makeSchedule(clock, diskPace, makeWriter(parts, disk, "disk")));
  for (const copy of shared) {
    // Nodes apply a revision at the same moment: spread, the first one's copy spares the others theirs.
    const urgentDelayMs = 100 + 500 * random();
    const delayMs = 1_000 + 2_000 * random();
    const pace: SchedulePace = { ...diskPace, delayMs, urgentDelayMs };
    schedules.push(makeSchedule(clock, pace, makeWriter(parts, copy, copy.name)));
  }
  return schedules;
}

/** Answers whether nothing is left to be written. */
function makeWriter(
  parts: CopyKeeperParts,
  copy: Pick<DiskCopy, "save">,
  name: string,
): () => Promise<boolean> {
  const outage = makeOutageLog(parts.logger, `write the ${name} copy of the configuration`);
  return async () => {
    const content = contentNow(parts);
    if (content === undefined) return true;
    const { follower, version, meters } = parts;
    const databaseTimeMs = follower.businessNowMs() - follower.status().stalenessMs;
    try {
      await copy.save(content, { databaseTimeMs, version });
      outage.worked();
      meters.diskCopy(content.edition.snapshot.revision, false);
      return true;
    } catch (error) {
      outage.failed(error);
      meters.diskCopy(null, true);
      return false;
    }
  };
}

/** What serves now, if the database gave it. */
function contentNow(parts: CopyKeeperParts): CopyContent | undefined {
  const edition = parts.follower.edition();
  const cluster = parts.cluster.secrets();
  if (edition === undefined || cluster === undefined) return undefined;
  if (parts.follower.status().source !== "database") return undefined;
  return { edition, cluster, callers: parts.callers.export(keptCallers) };
}

/**
 * A copy may let in what was revoked while this node was away: it is for when the database does not answer. Resolves
 * once the first question to the database failed or was answered, after `headStartMs` at the latest.
 */
async function databaseFirst(
  { clock, follower }: CopyKeeperParts,
  headStartMs: number,
): Promise<void> {
  const until = clock.monotonic() + headStartMs;
  const isDecided = (): boolean => {
    const { source, lastError } = follower.status();
    return source === "database" || lastError !== null || clock.monotonic() >= until;
  };
  while (!isDecided()) await sleep(clock, 20);
}

async function findNewest(
  parts: CopyKeeperParts,
  places: readonly Place[],
): Promise<Found | undefined> {
  const loaded = await Promise.all(
    places.map(async ({ source, load }): Promise<Found[]> => {
      const copy = await load();
      return copy === undefined || isTooOld(parts, copy) ? [] : [{ copy, source }];
    }),
  );
  return loaded.flat().sort((a, b) => (isNewerCopy(a.copy.header, b.copy.header) ? -1 : 1))[0];
}

function isTooOld(parts: CopyKeeperParts, copy: Copy): boolean {
  const ageMs = parts.clock.now() - copy.header.databaseTimeMs;
  if (parts.maxAgeMs === undefined || ageMs <= parts.maxAgeMs) return false;
  const ageSeconds = Math.round(ageMs / 1000);
  parts.logger.error({ ageSeconds }, "the copy is older than LKG_MAX_AGE allows; not served");
  return true;
}

function use(parts: CopyKeeperParts, { copy, source }: Found): void {
  const { content, header } = copy;
  const { follower, logger } = parts;
  if (follower.status().source === "database") {
    void warmUp(parts, content.callers);
    return;
  }
  // Secrets first: with the snapshot served, keys must be checkable.
  parts.cluster.offer(content.cluster);
  if (!follower.offer(content.edition, source)) return;
  parts.callers.import(content.callers, header.revision);
  const ageSeconds = Math.round((parts.clock.now() - header.databaseTimeMs) / 1000);
  logger.info(
    { source, revision: header.revision, ageSeconds, callers: content.callers.callers.length },
    "serving from a copy until the database is reached",
  );
}

/** Looks up who called before the restart, so that they are known should the database go away again soon. */
async function warmUp({ callers }: CopyKeeperParts, copied: CallerExport): Promise<void> {
  for (
    let start = 0;
    start < Math.min(warmedCallers, copied.callers.length);
    start += warmedAtOnce
  ) {
    const some = copied.callers.slice(start, Math.min(start + warmedAtOnce, warmedCallers));
    const found = await Promise.all(some.map(({ key }) => callers.find(String(key["hash"]))));
    if (found.some((lookup) => !lookup.found && lookup.reason === "unavailable")) return;
  }
}
