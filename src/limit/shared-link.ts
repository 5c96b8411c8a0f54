/**
 * A node's line to the counters that all nodes share. Promises: nobody waits when they are silent for 50 ms, and nobody at
 * all once they were for half a second, until they answer in time again; what was let in without them they are told first.
 */
import type { Cancel, Clock } from "../core/clock.ts";
import { makeId } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";
import type {
  Asker,
  CallAnswer,
  CounterReply,
  SharedCounters,
  TakeReply,
} from "../store/redis-limits.ts";
import type { CountedLimit, Limit } from "./limit-state.ts";
import { answerInTime, usualSilenceMs } from "./answer-in-time.ts";
import type { Breaker } from "./breaker.ts";
import { makeBreaker } from "./breaker.ts";
import type { Asked, Question } from "./questions.ts";
import { collectQuestions } from "./questions.ts";
import { dropOldLots, noteChange } from "./slices.ts";
import { forgetShared, Telling } from "./telling.ts";

export interface LinkParts {
  readonly counters: SharedCounters;
  readonly clock: Clock;
  readonly nodeId: string;
  readonly liveNodes: () => number;
  readonly logger: Logger;
  readonly silenceMs?: number;
  /** Every limit that this node knows. */
  readonly limits: () => IteratorObject<Limit>;
}

const tellSoonMs = 50;
const probeEveryMs = 1_000;
const heartbeatMs = 5_000;

export class SharedLink {
  readonly #parts: LinkParts;
  readonly #holder: string;
  readonly #silenceMs: number;
  readonly #telling = new Telling();
  readonly #lending = new Set<CountedLimit>();
  #epoch = "";
  /** What the counters' clock is ahead of ours; undefined: they were never heard. */
  #aheadMs: number | undefined;
  readonly #breaker: Breaker;
  readonly #questions = collectQuestions((questions) => void this.#send(questions));
  #heard = 0;
  /** They have not been told yet what was let in without them. */
  #behind = false;
  #settledAtMs = -Infinity;
  /** When all slots were told last, which renews their lease. */
  #beatAtMs = -Infinity;
  #planned: { readonly atMs: number; readonly cancel: Cancel } | undefined;
  #telltale: Promise<boolean> | undefined;
  /** Something was let in before they were ever heard. */
  #unheardOf = false;
  /** Counters that began anew while they were told. */
  #anew = false;
  #urgent = false;
  #nextTurn = false;
  #closed = false;
  #triedAtMs = -Infinity;

  constructor(parts: LinkParts) {
    this.#parts = parts;
    this.#silenceMs = parts.silenceMs ?? usualSilenceMs;
    this.#breaker = makeBreaker(parts.clock, parts.logger);
    this.#holder = `${parts.nodeId}.${makeId(8)}`;
  }

  /** Whether a call may ask; if not, the node stays within its own share. */
  get usable(): boolean {
    const { counters, clock } = this.#parts;
    if (this.#breaker.open || this.#behind || this.#closed || !counters.up) return false;
    return clock.monotonic() >= this.#settledAtMs;
  }

  get nodes(): number {
    return Math.max(1, this.#parts.liveNodes());
  }

  get epoch(): string {
    return this.#epoch;
  }

  /** Step of the counters' clock now; undefined: it was never heard. */
  bucketNow(stepMs: number): number | undefined {
    if (this.#aheadMs === undefined) return undefined;
    return Math.floor((this.#parts.clock.monotonic() + this.#aheadMs) / stepMs);
  }

  /** Undefined: they did not answer in time, or lost what they knew. What they say later on is undone. */
  ask(asked: readonly Asked[]): Promise<CallAnswer | undefined> {
    return this.#questions.add(asked);
  }

  async #send(questions: readonly Question[]): Promise<void> {
    const { counters, clock } = this.#parts;
    const calls = questions.map(({ asked }) => asked.map(({ entry }) => entry));
    const taking = counters.take(this.#asker(), calls);
    const { value: reply, tookMs } = await answerInTime(clock, taking, {
      silenceMs: this.#silenceMs,
      heard: () => this.#heard,
      late: (late) => this.#undo(questions, late),
    });
    if (reply === undefined) {
      this.#breaker.failed();
      for (const { asked } of questions) this.#doubt(asked);
    } else {
      if (tookMs > this.#silenceMs) this.#breaker.failed();
      else this.#breaker.answered();
      this.#learn(reply, tookMs);
    }
    const answers = reply?.kind === "answered" ? reply.calls : [];
    for (const [index, { answer }] of questions.entries()) answer(answers[index]);
  }

  /** A limit has something to tell. */
  tellSoon(limit: Limit): void {
    this.#telling.add(limit);
    this.#plan(tellSoonMs);
  }

  /** Somebody may be waiting for it. */
  tellNow(limit: Limit): void {
    this.#telling.add(limit);
    this.#urgent = true;
    this.#tellNextTurn();
  }

  /** Something was let in without asking. */
  wentAlone(limit: Limit): void {
    if (this.#aheadMs === undefined) this.#unheardOf = true;
    else if (!this.usable) this.#behind = true;
    this.tellSoon(limit);
  }

  /** A limit holds units in advance: they go back when their time is over. */
  lent(limit: CountedLimit): void {
    this.#lending.add(limit);
    this.#plan(tellSoonMs * 2);
  }

  /** Keeps in touch as long as there is something to count. */
  keepUp(): void {
    this.#plan(heartbeatMs);
  }

  /** Tells what is left to tell. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#planned?.cancel();
    for (const limit of this.#parts.limits()) this.#telling.add(limit, true);
    await this.#telltale;
    if (this.#parts.counters.up) await this.#tellAll();
  }

  #asker(): Asker {
    return { holder: this.#holder, epoch: this.#epoch, nodes: this.nodes };
  }

  #learn(reply: CounterReply, tookMs: number): void {
    const nowMs = this.#parts.clock.monotonic();
    this.#heard += 1;
    // A reply that was long on its way tells a time that is long past.
    if (tookMs <= this.#silenceMs || this.#aheadMs === undefined)
      this.#aheadMs = reply.nowMs - nowMs;
    this.#settledAtMs = nowMs + reply.unsettledMs;
    if (reply.epoch !== this.#epoch) this.#begin(reply.epoch);
  }

  /** The counters begin anew, or are heard for the first time. */
  #begin(epoch: string): void {
    const first = this.#epoch === "";
    this.#epoch = epoch;
    if (first && !this.#behind && !this.#unheardOf) return;
    if (!first)
      this.#parts.logger.warn({}, "the shared counters of limits began anew; they are told again");
    this.#behind = true;
    this.#anew = this.#telltale !== undefined;
    this.#telling.forget();
    for (const limit of this.#parts.limits()) {
      forgetShared(limit, this.#parts.clock.monotonic(), this.#aheadMs ?? 0);
      this.#telling.add(limit);
    }
    this.#plan(0);
  }

  /** Nobody knows whether they were taken: slots are counted again; units leave with the window. */
  #doubt(asked: readonly Asked[]): void {
    for (const { limit } of asked) {
      if (limit.kind !== "slots") continue;
      limit.uncertain = true;
      this.tellSoon(limit);
    }
  }

  /** Nobody waits for them any more: they go back. */
  #undo(questions: readonly Question[], reply: TakeReply): void {
    this.#heard += 1;
    if (reply.kind !== "answered" || reply.epoch !== this.#epoch) return;
    for (const [call, { asked }] of questions.entries())
      for (const [index, { limit }] of asked.entries()) {
        const { granted = 0, bucket = 0 } = reply.calls[call]?.entries[index] ?? {};
        if (limit.kind === "counted" && granted > 0) noteChange(limit, bucket, -granted);
        this.tellSoon(limit);
      }
  }

  #plan(delayMs: number): void {
    if (this.#closed) return;
    const { clock } = this.#parts;
    const atMs = clock.monotonic() + delayMs;
    if (this.#planned !== undefined && this.#planned.atMs <= atMs) return;
    this.#planned?.cancel();
    const run = (): void => {
      this.#planned = undefined;
      void this.#tell();
    };
    this.#planned = { atMs, cancel: clock.after(delayMs, run) };
  }

  /** One telling at a time; what comes up meanwhile follows it. */
  async #tell(): Promise<void> {
    if (this.#telltale !== undefined || this.#closed) return;
    const waitMs = this.#triedAtMs + probeEveryMs - this.#parts.clock.monotonic();
    if (this.#breaker.open && waitMs > 0) return this.#plan(waitMs);
    this.#telltale = this.#tellAll();
    const told = await this.#telltale;
    this.#telltale = undefined;
    if (!told) return this.#plan(probeEveryMs);
    if (this.#urgent) return this.#tellNextTurn();
    if (this.#telling.batches > 0) this.#plan(tellSoonMs);
    else if (this.#lending.size > 0) this.#plan(tellSoonMs * 2);
    else if (!this.#parts.limits().next().done) this.#plan(heartbeatMs);
  }

  #tellNextTurn(): void {
    if (this.#nextTurn) return;
    this.#nextTurn = true;
    setImmediate(() => {
      this.#nextTurn = false;
      void this.#tell();
    });
  }

  #dropOldLots(): void {
    const nowMs = this.#parts.clock.monotonic();
    for (const limit of this.#lending) {
      if (dropOldLots(limit, nowMs)) this.#telling.add(limit);
      if (limit.lots.length === 0) this.#lending.delete(limit);
    }
  }

  /** Whether they heard everything that there was to tell when it began. */
  async #tellAll(): Promise<boolean> {
    const { clock, counters } = this.#parts;
    this.#urgent = false;
    this.#triedAtMs = clock.monotonic();
    this.#dropOldLots();
    if (!counters.up) return false;
    const startMs = clock.monotonic();
    // Timers may be early by a little.
    const beat = this.#breaker.open || startMs - this.#beatAtMs >= heartbeatMs * 0.9;
    if (beat) this.#telling.addSlots(this.#parts.limits());
    let batches = Math.max(beat ? 1 : 0, this.#telling.batches);
    for (; batches > 0; batches -= 1) {
      const tookMs = await this.#tellOnce();
      if (tookMs === undefined || (this.#breaker.open && tookMs > this.#silenceMs)) return false;
    }
    if (beat) this.#beatAtMs = startMs;
    this.#breaker.close();
    this.#behind = this.#anew;
    this.#anew = false;
    return true;
  }

  /** Ms that it took; undefined: nobody answered. */
  async #tellOnce(): Promise<number | undefined> {
    const { clock, counters } = this.#parts;
    const batch = this.#telling.next();
    const startMs = clock.monotonic();
    try {
      const reply = await counters.tell(this.#asker(), batch.sequence, batch.entries);
      if (reply.kind === "told") this.#telling.heard();
      const tookMs = clock.monotonic() - startMs;
      // A slow one says nothing against them: calls were not waiting for it.
      if (tookMs <= this.#silenceMs) this.#breaker.answered();
      this.#learn(reply, tookMs);
      return tookMs;
    } catch {
      this.#telling.unheard();
      this.#breaker.failed();
      return undefined;
    }
  }
}
