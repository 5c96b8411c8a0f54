/**
 * Counters in Redis that all nodes of a cluster share. Promise: one script answers a call's whole question, and what is
 * told twice counts once.
 */
import { takeScript, tellScript } from "./limit-scripts.ts";
import type { Redis } from "./redis.ts";

/** Who asks, and what it takes for granted. */
export interface Asker {
  /** One life of one node. */
  readonly holder: string;
  /** The counters' epoch as this node knows it; empty: none yet. */
  readonly epoch: string;
  readonly nodes: number;
}

/** Names of entries are without the cluster's prefix. Amounts are whole numbers below 2^53. */
export type TakeEntry =
  | {
      readonly kind: "counted";
      readonly key: string;
      readonly amount: number;
      /** Without these the call is refused. */
      readonly need: number;
      /** What the node would like to hold in advance. */
      readonly wish: number;
      readonly spanMs: number;
      readonly stepMs: number;
    }
  | { readonly kind: "slots"; readonly key: string; readonly amount: number };

export interface EntryAnswer {
  readonly granted: number;
  /** The step that the units stand in: ms of the counters' clock by the length of a step. */
  readonly bucket: number;
  /** What is left after it; may be negative. */
  readonly left: number;
  /** Until the need may fit; 0: it fits. */
  readonly waitMs: number;
  /** Until nothing is in use, if nothing more is taken. */
  readonly fullMs: number;
}

export interface CounterReply {
  readonly epoch: string;
  /** The counters' own clock. */
  readonly nowMs: number;
  /** How long each node still has to stay within its own share, because the counters lost what they knew. */
  readonly unsettledMs: number;
}

/** What became of one call, in the order of its entries. */
export interface CallAnswer {
  readonly taken: boolean;
  readonly entries: readonly EntryAnswer[];
}

export type TakeReply = CounterReply &
  (
    | { readonly kind: "answered"; readonly calls: readonly CallAnswer[] }
    | { readonly kind: "changed" | "unsettled" }
  );

export type TellEntry =
  | {
      readonly kind: "counted";
      readonly key: string;
      readonly spanMs: number;
      readonly stepMs: number;
      /** Step and units to add to it (negative: to take off). */
      readonly changes: readonly (readonly [number, number])[];
    }
  | {
      readonly kind: "slots";
      readonly key: string;
      readonly freed: number;
      /** All that this node holds; null: only what was freed is told. */
      readonly held: number | null;
    };

export type TellReply = CounterReply & { readonly kind: "told" | "changed" };

export interface SharedCounters {
  /** Whether they can be asked now. */
  readonly up: boolean;
  /** Each call takes from all its entries or from none. Rejects when Redis does not answer. */
  take(asker: Asker, calls: readonly (readonly TakeEntry[])[]): Promise<TakeReply>;
  /** Tells what was taken, given back and held. A number that was told before changes nothing. */
  tell(asker: Asker, sequence: number, entries: readonly TellEntry[]): Promise<TellReply>;
}

export interface CounterTimes {
  /** How long nodes may take to tell again what they let in. */
  readonly graceMs?: number;
  /** How long a slot is held without a word of its node. */
  readonly leaseMs?: number;
}

/** Longer than any node repeats what it could not tell. */
const sequenceKeptMs = 3_600_000;

export function makeSharedCounters(
  redis: Redis,
  clusterId: () => string | undefined,
  { graceMs = 10_000, leaseMs = 20_000 }: CounterTimes = {},
): SharedCounters {
  const name = (key: string): string => {
    const cluster = clusterId();
    if (cluster === undefined) throw new Error("the cluster's id is not known yet");
    return `switchyard:${cluster}:limit:${key}`;
  };
  const opening = ({ holder, epoch, nodes }: Asker): readonly string[] =>
    [epoch, holder, nodes, graceMs, leaseMs].map(String);
  return {
    get up() {
      return redis.up && clusterId() !== undefined;
    },
    take: async (asker, calls) => {
      const keys = ["epoch", ...calls.flat().map(({ key }) => key)].map(name);
      const asked = calls.flatMap((entries) => [entries.length, ...entries.flatMap(takeValues)]);
      const values = [...opening(asker), ...asked.map(String)];
      return readTake(await redis.evaluate(takeScript, keys, values), calls);
    },
    tell: async (asker, sequence, entries) => {
      const keys = ["epoch", `told:${asker.holder}`, ...entries.map(({ key }) => key)].map(name);
      const values = [sequence, sequenceKeptMs, ...entries.flatMap(tellValues)].map(String);
      const reply = await redis.evaluate(tellScript, keys, [...opening(asker), ...values]);
      const { status, ...rest } = readReply(reply);
      return { ...rest, kind: status === 1 ? "told" : "changed" };
    },
  };
}

function takeValues(entry: TakeEntry): readonly (string | number)[] {
  if (entry.kind === "slots") return ["s", entry.amount, 1, 0, 0, 0];
  const { amount, need, wish, spanMs, stepMs } = entry;
  return ["c", amount, need, wish, spanMs, stepMs];
}

function tellValues(entry: TellEntry): readonly (string | number)[] {
  if (entry.kind === "slots") return ["s", entry.freed, entry.held ?? -1];
  const { spanMs, stepMs, changes } = entry;
  // What is added first: then nothing is taken off before it is there.
  const ordered = [...changes].sort(([, left], [, right]) => right - left);
  return ["c", spanMs, stepMs, changes.length, ...ordered.flat()];
}

interface ReadReply extends CounterReply {
  readonly status: number;
  readonly rest: readonly unknown[];
}

function readReply(reply: unknown): ReadReply {
  if (!Array.isArray(reply)) throw new Error("Redis answered the script with no list");
  const [status, epoch, nowMs, unsettledMs, ...rest] = reply as readonly unknown[];
  return {
    status: Number(status),
    epoch: String(epoch),
    nowMs: Number(nowMs),
    unsettledMs: Number(unsettledMs),
    rest,
  };
}

function readTake(reply: unknown, asked: readonly (readonly TakeEntry[])[]): TakeReply {
  const { status, rest, ...head } = readReply(reply);
  if (status === 2) return { ...head, kind: "changed" };
  if (status === 3) return { ...head, kind: "unsettled" };
  let at = 0;
  const next = (): number => Number(rest[at++] ?? 0);
  const calls = asked.map((entries): CallAnswer => {
    const taken = next() === 1;
    return {
      taken,
      entries: entries.map(() => ({
        granted: next(),
        bucket: next(),
        left: next(),
        waitMs: next(),
        fullMs: next(),
      })),
    };
  });
  return { ...head, kind: "answered", calls };
}
