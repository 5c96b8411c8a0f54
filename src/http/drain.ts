/**
 * How a server ends. Promise kept here: unready at once, still accepting while balancers lag, what runs may finish,
 * streams that do not are told, and all of it within a known time.
 */
import type { Server } from "node:http";
import type { Clock } from "../core/clock.ts";
import { sleep } from "../core/clock.ts";
import type { OverSignal } from "../wire/call.ts";
import { Over } from "./over-signal.ts";

/** Time that cut streams have to write their error event. */
export const lastWordsMs = 2000;

export interface DrainParts {
  readonly server: Server;
  readonly clock: Clock;
  readonly graceMs: number;
  readonly timeoutMs: number;
  /** Cuts connections that the server does not know any more. */
  readonly cutSockets?: () => void;
}

export interface Drain {
  readonly draining: boolean;
  /** Aborts when no more is accepted: what idles shall go. */
  readonly closing: OverSignal;
  /** Aborts when running streams must end. */
  readonly signal: OverSignal;
  /** Counts a request as running until the answered function is called. */
  enter(): () => void;
  /** Runs the whole drain; a second call joins the first. */
  run(): Promise<void>;
}

/** Makes the drain of one server. */
export function makeDrain(parts: DrainParts): Drain {
  const closing = new Over();
  const streamsOver = new Over();
  const waiting: (() => void)[] = [];
  let running = 0;
  let whole: Promise<void> | undefined;

  function leave(): void {
    running -= 1;
    if (whole !== undefined) setImmediate(() => parts.server.closeIdleConnections());
    if (running === 0) for (const wake of waiting.splice(0)) wake();
  }
  async function idleWithin(delayMs: number): Promise<void> {
    if (running === 0) return;
    const late = new AbortController();
    waiting.push(() => late.abort());
    await sleep(parts.clock, delayMs, late.signal);
  }
  async function drain(): Promise<void> {
    await sleep(parts.clock, parts.graceMs);
    const closed = new Promise<void>((resolve) => void parts.server.close(() => resolve()));
    parts.server.closeIdleConnections();
    closing.abort();
    await idleWithin(parts.timeoutMs);
    streamsOver.abort();
    await idleWithin(lastWordsMs);
    parts.server.closeAllConnections();
    parts.cutSockets?.();
    await closed;
  }
  return {
    get draining() {
      return whole !== undefined;
    },
    closing,
    signal: streamsOver,
    enter: () => {
      running += 1;
      let entered = true;
      return () => {
        if (entered) leave();
        entered = false;
      };
    },
    run: () => (whole ??= drain()),
  };
}
