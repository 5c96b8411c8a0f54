/**
 * Carries messages from one socket to another, in order, one after the other.
 * Promise kept here: a slow reader slows the sender, and what was read before the end is delivered before the end.
 */
import type { Socket, SocketMessage } from "../../wire/socket.ts";

/** What becomes of a message: itself, another one, or nothing. */
export type Turn = (
  message: SocketMessage,
) => SocketMessage | undefined | Promise<SocketMessage | undefined>;

export interface PumpParts {
  readonly from: Socket;
  readonly to: Socket;
  readonly turn: Turn;
  /** A turn failed: nothing more is carried. */
  readonly onFault: (thrown: unknown) => void;
}

export class SocketPump {
  readonly #parts: PumpParts;
  readonly #waiting: SocketMessage[] = [];
  #running = false;
  #stopped = false;
  #atEnd: (() => void) | undefined;

  constructor(parts: PumpParts) {
    this.#parts = parts;
  }

  push(message: SocketMessage): void {
    if (this.#stopped || this.#atEnd !== undefined) return;
    this.#waiting.push(message);
    if (!this.#running) void this.#run();
  }

  /** Runs `act` once all that was pushed has been carried. */
  finish(act: () => void): void {
    if (this.#stopped || this.#atEnd !== undefined) return;
    this.#atEnd = act;
    if (!this.#running) act();
  }

  /** Carries nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#waiting.length = 0;
  }

  async #run(): Promise<void> {
    const { from, to, turn, onFault } = this.#parts;
    this.#running = true;
    let isPaused = false;
    const pause = (): void => {
      if (!isPaused) from.pause();
      isPaused = true;
    };
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        const turned = turn(next);
        if (turned instanceof Promise) pause();
        const message = turned instanceof Promise ? await turned : turned;
        if (this.#stopped) return;
        const drained = message === undefined ? undefined : to.send(message);
        if (drained === undefined) continue;
        pause();
        await drained;
      }
    } catch (thrown) {
      this.stop();
      return onFault(thrown);
    } finally {
      this.#running = false;
      if (isPaused && !this.#stopped) from.resume();
    }
    if (!this.#stopped) this.#atEnd?.();
  }
}
