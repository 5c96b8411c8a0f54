/**
 * A bell tells that a revision may have been committed. It carries no data and moves no cursor: whoever hears it
 * reads the head. Bells may be lost, doubled or late; the poll stays correct without any of them.
 */

export interface BellHandlers {
  /** Somebody committed, or may have while the bell could not be heard. Called often, in any order; never throws. */
  ring(): void;
  /** Whether the bell is proven to work now. Called on changes only. */
  state(up: boolean): void;
}

export interface Bell {
  /** `notify`, `redis`, … for status and metrics. */
  readonly name: string;
  /** Begins to listen and goes on until closed, whatever fails; called once. */
  start(handlers: BellHandlers): void;
  /** Tells the other nodes, best effort: never waits, never throws. */
  ring(revision: number): void;
  close(): Promise<void>;
}
