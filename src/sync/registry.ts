/**
 * Who is there and who has which revision. Promise kept: a node counts as having a revision only by its own word, at
 * most 30 s old by the database's clock; what was applied is told within 50 ms.
 */
import type { Cancel, Clock } from "../core/clock.ts";
import { sleep } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { NodeReport, NodeRow, SyncStore } from "../store/sync-store.ts";
import { inTime } from "./in-time.ts";
import { makeOutageLog } from "./outage-log.ts";
import type { Convergence } from "./sync.ts";

export interface RegistryParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: Pick<SyncStore, "writeReport" | "readReports">;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** This node as it is now. */
  readonly report: () => NodeReport;
}

export interface Registry {
  start(): void;
  /** Call after each swap: tells the cluster soon. */
  applied(): void;
  /** Every node of the last 24 hours, this one as it is now. Rejects when the database cannot be asked. */
  nodes(): Promise<readonly NodeRow[]>;
  /** Live nodes as last read; at least 1. */
  liveNodes(): number;
  /** Who lacks a revision; waits for up to `timeoutMs` until nobody does. */
  convergence(revision: number, timeoutMs?: number): Promise<Convergence>;
  /** Tells that this node stopped, so that nobody waits for it. */
  close(): Promise<void>;
}

const heartbeatMs = 10_000;
/** A node that has not been heard of for longer is not waited for. */
export const liveMs = 30_000;
const retryMs = 1_000;
const appliedMs = 20;
/** Beyond this many nodes a storm of reports after each revision would cost more than it tells. */
const promptNodes = 20;
const spreadMs = 1_000;
const pollMs = 40;
const answerMs = 5_000;
const farewellMs = 1_000;

export function isLive(row: NodeRow): boolean {
  return row.ageMs < liveMs && row.state !== "stopped";
}

export function makeRegistry(parts: RegistryParts): Registry {
  const { clock, store } = parts;
  let live = 1;
  let countedAt = -Infinity;
  let toldOfDouble = false;

  const nodes = async (): Promise<readonly NodeRow[]> => {
    const rows = await inTime(clock, answerMs, store.readReports());
    const mine = parts.report();
    const heard = rows.find((row) => row.nodeId === mine.nodeId);
    const others = rows.filter((row) => row.nodeId !== mine.nodeId);
    const double = heard !== undefined && isDouble(heard, mine) ? [heard] : [];
    if (double.length > 0 && !toldOfDouble) {
      toldOfDouble = true;
      const { nodeId, version } = double[0] as NodeRow;
      parts.logger.error({ nodeId, version }, doubleMessage);
    }
    live = others.filter(isLive).length + 1;
    const heartbeatAtMs = heard?.heartbeatAtMs ?? mine.startedAtMs;
    return [...others, ...double, { ...mine, heartbeatAtMs, ageMs: heard?.ageMs ?? 0 }];
  };
  // The number of live nodes sets the pace of the poll: known before it is needed, never waited for.
  const count = (): void => {
    const everyMs = live <= promptNodes ? heartbeatMs / 2 : liveMs * 2;
    if (clock.monotonic() - countedAt < everyMs) return;
    countedAt = clock.monotonic();
    nodes().catch(() => undefined);
  };
  const heart = makeHeart(parts, () => live, count);

  return {
    start: heart.start,
    applied: heart.applied,
    nodes,
    liveNodes: () => live,
    convergence: (revision, timeoutMs = 0) => converge({ ...parts, nodes }, revision, timeoutMs),
    close: heart.close,
  };
}

type ConvergenceParts = Pick<RegistryParts, "clock" | "report"> & Pick<Registry, "nodes">;

async function converge(
  parts: ConvergenceParts,
  revision: number,
  timeoutMs: number,
): Promise<Convergence> {
  const { clock } = parts;
  const until = clock.monotonic() + timeoutMs;
  try {
    let pending = await findPending(parts, revision);
    while (pending.length > 0 && clock.monotonic() < until) {
      await sleep(clock, Math.min(pollMs, until - clock.monotonic()));
      pending = await findPending(parts, revision);
    }
    return { revision, converged: pending.length === 0, pending };
  } catch (error) {
    const message = "The database cannot be asked which nodes have the revision";
    throw new GatewayError("temporarily_unavailable", message, { cause: error });
  }
}

async function findPending(parts: ConvergenceParts, revision: number): Promise<readonly string[]> {
  const rows = await parts.nodes();
  const mine = parts.report();
  const pending = rows
    .filter((row) => row.incarnation === mine.incarnation || isLive(row))
    .filter((row) => !hasRevision(row, revision, mine))
    .map((row) => row.nodeId);
  return [...new Set(pending)].sort();
}

const doubleMessage =
  "another process reports under this node's id: give each node a DATA_DIR of its own, not a copy of another's";

/** A later process under the same id (a copied disk); an earlier one is this node before its restart. */
function isDouble(heard: NodeRow, mine: NodeReport): boolean {
  const isOther = heard.incarnation !== mine.incarnation && isLive(heard);
  return isOther && heard.startedAtMs > mine.startedAtMs;
}

/** Equal revisions of different commits are different timelines: such a node has not what it seems to have. */
function hasRevision(row: NodeReport, revision: number, mine: NodeReport): boolean {
  if (row.appliedRevision < revision || row.epoch !== mine.epoch) return false;
  return row.appliedRevision !== mine.appliedRevision || row.commitId === mine.commitId;
}

interface Heart {
  start(): void;
  applied(): void;
  close(): Promise<void>;
}

function makeHeart(parts: RegistryParts, live: () => number, count: () => void): Heart {
  const { clock, random, store } = parts;
  const outage = makeOutageLog(parts.logger, "report to the registry");
  let planned: { cancel: Cancel; atMs: number } | undefined;
  let writing: Promise<void> | undefined;
  let closed = false;

  const plan = (delayMs: number): void => {
    const atMs = clock.monotonic() + delayMs;
    if (closed || (planned !== undefined && planned.atMs <= atMs)) return;
    planned?.cancel();
    planned = { atMs, cancel: clock.after(delayMs, beat) };
  };
  const write = async (): Promise<void> => {
    try {
      await inTime(clock, answerMs, store.writeReport(parts.report()));
      outage.worked();
      // Applied meanwhile: `applied` has planned the next report already.
      plan(heartbeatMs * (0.8 + 0.4 * random()));
    } catch (error) {
      outage.failed(error);
      plan(retryMs * (1 + random()));
    }
  };
  const beat = (): void => {
    planned = undefined;
    if (writing !== undefined) return plan(appliedMs);
    writing = write().finally(() => {
      writing = undefined;
    });
    count();
  };

  return {
    start: () => plan(0),
    applied: () => plan(live() <= promptNodes ? appliedMs : spreadMs * random()),
    close: async () => {
      closed = true;
      planned?.cancel();
      if (writing !== undefined) await inTime(clock, farewellMs, writing).catch(() => undefined);
      const last = store.writeReport({ ...parts.report(), state: "stopped" });
      await inTime(clock, farewellMs, last).catch(() => undefined);
    },
  };
}
