/** Counters in Redis that all nodes of a cluster share. */
export interface SharedCounters {
  /** Whether they can be asked now. */
  readonly up: boolean;
}
