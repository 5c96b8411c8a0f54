/**
 * Joins the parts of sync. Promises kept: the database is asked from the first moment, concurrently with the copies;
 * a dead, empty or half set up database blocks nothing and is asked again; no setting turns the following off.
 */
import type { Clock } from "../core/clock.ts";
import { systemClock } from "../core/clock.ts";
import { hashApiKey, hashToken } from "../core/seal.ts";
import { inTime } from "./in-time.ts";
import type { NodeParts } from "./join-node.ts";
import { joinNode } from "./join-node.ts";
import type { SyncStatus } from "./sync.ts";
import type { OpenedSync, SyncParts } from "./sync-parts.ts";

/** Resolves as soon as the node's folder is claimed; whether the database answers plays no part. */
export async function openSync(parts: SyncParts): Promise<OpenedSync> {
  const node = await joinNode(parts);
  const { follower, registry, leadership, copies, cluster, door, callers } = node;
  follower.start();
  void copies.offerNewest();
  registry.start();
  leadership.start();
  sayHow(parts);
  node.reconciler.start();

  return {
    nodeId: node.folder.nodeId,
    current: () => follower.current(),
    findCaller: (hash) => callers.find(hash),
    write: (author, work) => door.write(author, work),
    convergence: (revision, timeoutMs) => registry.convergence(revision, timeoutMs),
    reached: (revision, timeoutMs) => follower.waitApplied(revision, timeoutMs),
    nodes: () => registry.nodes(),
    status: () => statusOf(node),
    businessNowMs: () => follower.businessNowMs(),
    hashKey: (key) => {
      const secrets = cluster.secrets();
      return secrets && hashApiKey(secrets.pepper, key);
    },
    hashToken: (purpose, token) => {
      const secrets = cluster.secrets();
      return secrets && hashToken(secrets.pepper, purpose, token);
    },
    secrets: () => cluster.secrets(),
    whenServing: (timeoutMs) => follower.waitApplied(0, timeoutMs),
    rejected: () => follower.rejected(),
    onApplied: (listener) => follower.onApplied(listener),
    lead: (job) => node.jobs.add(job),
    liveNodes: () => registry.liveNodes(),
    term: () => leadership.term(),
    close: () => closeNode(node, parts.clock ?? systemClock),
  };
}

/** A dead database must not use up the time that shutting down has. */
const closeStepMs = 2_000;

async function closeNode(node: NodeParts, clock: Clock): Promise<void> {
  const steps: readonly (() => Promise<unknown>)[] = [
    // What leads and what writes first, what tells of it last.
    () => Promise.all([node.reconciler.close(), node.jobs.close()]),
    () => node.leadership.close(),
    () => node.follower.close(),
    () => node.copies.close(),
    () => node.registry.close(),
    () => node.bells.close(),
  ];
  for (const step of steps) await inTime(clock, closeStepMs, step()).catch(() => undefined);
  node.folder.release();
}

/** Lines that operators' runbooks search for, word for word. */
function sayHow({ config, logger }: SyncParts): void {
  const seconds = config.syncFrequencyMs / 1000;
  if (config.memoryCacheEnabled) logger.info({}, "memory cache enabled");
  logger.info({}, `sync frequency: ${seconds} seconds`);
  if (config.nodeType === "slave")
    logger.info({}, `slave sync enabled, frequency: ${seconds} seconds`);
}

function statusOf(node: NodeParts): SyncStatus {
  const { state, source, headRevision, stalenessMs, lagMs, lastError, lastErrorAtMs } =
    node.follower.status();
  const snapshot = node.follower.current();
  return {
    nodeId: node.folder.nodeId,
    state,
    appliedRevision: snapshot?.revision ?? null,
    headRevision,
    commitId: snapshot?.commitId ?? null,
    epoch: snapshot?.epoch ?? null,
    digest: snapshot?.digest ?? null,
    source,
    stalenessMs,
    lagMs,
    lastError,
    lastErrorAtMs,
    bells: node.bells.states(),
    leader: node.leadership.leader(),
  };
}
