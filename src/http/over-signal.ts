/**
 * A signal that costs next to nothing: one is made for every call, and all running calls listen to the drain's at once,
 * where an AbortSignal walks through all its listeners whenever one is added or removed.
 */
import type { OverSignal } from "../wire/call.ts";

type Listener = (event: unknown) => void;

/** A signal and the one who gives it. */
export class Over implements OverSignal {
  aborted = false;
  #listeners: Set<Listener> | undefined;

  addEventListener(_type: "abort", listener: Listener): void {
    if (!this.aborted) (this.#listeners ??= new Set()).add(listener);
  }

  removeEventListener(_type: "abort", listener: Listener): void {
    this.#listeners?.delete(listener);
  }

  /** Tells everyone who listens; later calls do nothing. */
  abort(): void {
    if (this.aborted) return;
    this.aborted = true;
    const listeners = [...(this.#listeners ?? [])];
    this.#listeners = undefined;
    for (const listener of listeners) listener(undefined);
  }
}
