// A model of the shared counters in virtual time: what the scripts promise, written down plainly, with a network that can
// be slow, cut, or lose answers, and a Redis that can forget everything.
import type {
  Asker,
  CallAnswer,
  CounterReply,
  EntryAnswer,
  SharedCounters,
  TakeEntry,
  TakeReply,
  TellEntry,
  TellReply,
} from "../../src/store/redis-limits.ts";
import type { Chance, VirtualClock } from "../simulation/virtual-clock.ts";

export interface ModelWorld {
  readonly clock: VirtualClock;
  readonly chance: Chance;
}

const graceMs = 10_000;
const leaseMs = 20_000;

/** Redis itself. */
export class CountersModel {
  readonly #world: ModelWorld;
  #counts = new Map<string, Map<number, number>>();
  #slots = new Map<string, Map<string, { count: number; endsMs: number }>>();
  #told = new Map<string, number>();
  #epoch = "";
  #bornMs = 0;
  #settledMs = 0;
  #lives = 0;
  /** Most that was held of a key's slots at once. */
  readonly mostSlots = new Map<string, number>();
  down = false;
  takes = 0;
  tells = 0;

  constructor(world: ModelWorld) {
    this.#world = world;
    this.restartEmpty();
  }

  restartEmpty(): void {
    this.#counts = new Map();
    this.#slots = new Map();
    this.#told = new Map();
    this.#lives += 1;
    this.#epoch = "";
  }

  nowMs(): number {
    return 1_900_000_000_000 + this.#world.clock.monotonic();
  }

  /** Units that stand in a key's window. */
  sumOf(key: string, spanMs: number, stepMs: number): number {
    return this.#inWindow(key, spanMs, stepMs).reduce((sum, [, units]) => sum + units, 0);
  }

  slotsOf(key: string): number {
    const held = this.#slots.get(key) ?? new Map<string, { count: number; endsMs: number }>();
    let total = 0;
    for (const [holder, { count, endsMs }] of held)
      if (endsMs <= this.nowMs()) held.delete(holder);
      else total += count;
    return total;
  }

  take(asker: Asker, calls: readonly (readonly TakeEntry[])[]): TakeReply {
    this.takes += 1;
    const { changed, ...head } = this.#open(asker);
    if (changed) return { ...head, kind: "changed" };
    if (head.unsettledMs > 0) return { ...head, kind: "unsettled" };
    return { ...head, kind: "answered", calls: calls.map((entries) => this.#call(asker, entries)) };
  }

  #call(asker: Asker, entries: readonly TakeEntry[]): CallAnswer {
    const lefts = entries.map((entry) =>
      entry.kind === "slots"
        ? entry.amount - this.slotsOf(entry.key)
        : entry.amount - this.sumOf(entry.key, entry.spanMs, entry.stepMs),
    );
    const needs = entries.map((entry) => (entry.kind === "slots" ? 1 : entry.need));
    const fits = needs.map((need, index) => need === 0 || lefts[index]! >= need);
    const all = fits.every(Boolean);
    const answers = entries.map((entry, index): EntryAnswer => {
      const granted = all ? this.#grant(asker, entry, lefts[index]!) : 0;
      const left = lefts[index]! - granted;
      const bucket = entry.kind === "slots" ? 0 : Math.floor(this.nowMs() / entry.stepMs);
      const waitMs = fits[index] ? 0 : this.#waitFor(entry, needs[index]! - lefts[index]!);
      return { granted, bucket, left, waitMs, fullMs: entry.kind === "slots" ? 0 : entry.spanMs };
    });
    return { taken: all, entries: answers };
  }

  tell(asker: Asker, sequence: number, entries: readonly TellEntry[]): TellReply {
    this.tells += 1;
    const { changed, ...head } = this.#open(asker);
    if (changed) return { ...head, kind: "changed" };
    if ((this.#told.get(asker.holder) ?? 0) >= sequence) return { ...head, kind: "told" };
    this.#told.set(asker.holder, sequence);
    for (const entry of entries) {
      if (entry.kind === "slots") this.#keep(asker, entry);
      else this.#change(entry);
    }
    return { ...head, kind: "told" };
  }

  #open(asker: Asker): CounterReply & { readonly changed: boolean } {
    const nowMs = this.nowMs();
    if (this.#epoch === "") {
      this.#epoch = `life ${this.#lives}`;
      this.#bornMs = nowMs;
      this.#settledMs = 0;
    }
    const changed = asker.epoch !== "" && asker.epoch !== this.#epoch;
    if (changed && this.#settledMs === 0) this.#settledMs = this.#bornMs + graceMs;
    const unsettledMs = Math.max(0, this.#settledMs - nowMs);
    return { epoch: this.#epoch, nowMs, unsettledMs, changed };
  }

  #inWindow(key: string, spanMs: number, stepMs: number): [number, number][] {
    const oldest = Math.floor(this.nowMs() / stepMs) - spanMs / stepMs;
    return [...(this.#counts.get(key) ?? [])]
      .filter(([bucket]) => bucket >= oldest)
      .sort(([left], [right]) => left - right);
  }

  #grant(asker: Asker, entry: TakeEntry, left: number): number {
    if (entry.kind === "slots") {
      const held = this.#slots.get(entry.key) ?? new Map();
      this.#slots.set(entry.key, held);
      const count = (held.get(asker.holder)?.count ?? 0) + 1;
      held.set(asker.holder, { count, endsMs: this.nowMs() + leaseMs });
      const total = this.slotsOf(entry.key);
      this.mostSlots.set(entry.key, Math.max(total, this.mostSlots.get(entry.key) ?? 0));
      return 1;
    }
    const spare = Math.max(0, Math.floor((left - entry.need) / (4 * asker.nodes)));
    const granted = entry.need + Math.min(entry.wish, spare);
    this.#add(entry.key, Math.floor(this.nowMs() / entry.stepMs), granted);
    return granted;
  }

  #waitFor(entry: TakeEntry, missing: number): number {
    if (entry.kind === "slots") return 1000;
    let over = missing;
    for (const [bucket, units] of this.#inWindow(entry.key, entry.spanMs, entry.stepMs)) {
      over -= units;
      if (over <= 0) return (bucket + 1) * entry.stepMs + entry.spanMs - this.nowMs();
    }
    return entry.spanMs + entry.stepMs;
  }

  #keep({ holder }: Asker, entry: Extract<TellEntry, { kind: "slots" }>): void {
    const held = this.#slots.get(entry.key) ?? new Map();
    this.#slots.set(entry.key, held);
    const count = entry.held ?? Math.max(0, (held.get(holder)?.count ?? 0) - entry.freed);
    if (count > 0) held.set(holder, { count, endsMs: this.nowMs() + leaseMs });
    else held.delete(holder);
  }

  #change({ key, spanMs, stepMs, changes }: Extract<TellEntry, { kind: "counted" }>): void {
    const now = Math.floor(this.nowMs() / stepMs);
    const ordered = [...changes].sort(([, left], [, right]) => right - left);
    for (const [told, units] of ordered) {
      const bucket = units > 0 ? Math.min(told, now) : told;
      if (bucket < now - spanMs / stepMs) continue;
      const there = this.#counts.get(key)?.get(bucket) ?? 0;
      this.#add(key, bucket, Math.max(units, -there));
    }
  }

  #add(key: string, bucket: number, units: number): void {
    const counts = this.#counts.get(key) ?? new Map<number, number>();
    this.#counts.set(key, counts);
    counts.set(bucket, (counts.get(bucket) ?? 0) + units);
  }
}

/** What a node reaches it through. */
export interface Line {
  /** Ms there and back, drawn for each message. */
  latencyMs: () => number;
  cut: boolean;
  /** Share of messages whose answer is lost. */
  loss: number;
}

export function openLine(model: CountersModel, line: Line, world: ModelWorld): SharedCounters {
  const { clock, chance } = world;
  // One connection: messages arrive in the order they were sent in.
  let lastArrivalMs = 0;
  const send = async <T>(work: () => T): Promise<T> => {
    if (line.cut || model.down) throw new Error("not connected");
    const halfMs = line.latencyMs() / 2;
    lastArrivalMs = Math.max(lastArrivalMs, clock.monotonic() + halfMs);
    await clock.sleep(lastArrivalMs - clock.monotonic());
    if (line.cut || model.down) throw new Error("connection lost");
    const answer = work();
    if (chance.happens(line.loss)) {
      await clock.sleep(1000);
      throw new Error("no answer within 1000 ms");
    }
    await clock.sleep(halfMs);
    if (line.cut || model.down) throw new Error("connection lost");
    return answer;
  };
  return {
    get up() {
      return !line.cut && !model.down;
    },
    take: (asker, calls) => send(() => model.take(asker, calls)),
    tell: (asker, sequence, entries) => send(() => model.tell(asker, sequence, entries)),
  };
}
