/**
 * Which callers were invalidated while look-ups were under way. Promise kept: an answer read before a change that this
 * node has applied is never put into the cache, so a revoked key cannot come back.
 */
import type { CallerChanges } from "./follower.ts";

/** What a look-up notes at its start. */
export type FenceMark = number;

export interface CallerFence {
  /** Call before the database is asked. */
  begin(): FenceMark;
  /** Call when its answer has been dealt with. */
  end(): void;
  /** Whether an answer of `revision` for `key:<hash>` and `user:<id>` was overtaken by an applied change. */
  overtaken(mark: FenceMark, revision: number, names: readonly string[]): boolean;
  /** A load applied these changes; it read the database at `revision`. */
  applied(changes: CallerChanges, revision: number): void;
}

const maxRemembered = 10_000;

export function makeCallerFence(): CallerFence {
  let running = 0;
  let generation = 0;
  /** Answers below this revision are overtaken whatever they tell of: what stood here was forgotten. */
  let floor = 0;
  const revisions = new Map<string, number>();

  const note = (name: string, revision: number): void => {
    revisions.set(name, Math.max(revision, revisions.get(name) ?? 0));
    if (revisions.size <= maxRemembered) return;
    for (const kept of revisions.values()) floor = Math.max(floor, kept);
    revisions.clear();
  };
  const forget = (): void => {
    revisions.clear();
    floor = 0;
  };

  return {
    begin: () => {
      running += 1;
      return generation;
    },
    end: () => {
      running -= 1;
      if (running === 0) forget();
    },
    overtaken: (mark, revision, names) =>
      mark !== generation ||
      revision < floor ||
      names.some((name) => (revisions.get(name) ?? 0) > revision),
    applied: (changes, revision) => {
      if (changes.all) {
        generation += 1;
        forget();
        return;
      }
      // With no look-up under way every later one reads at least what is applied now.
      if (running === 0) return;
      for (const hash of changes.keyHashes) note(`key:${hash}`, revision);
      for (const id of changes.userIds) note(`user:${id}`, revision);
    },
  };
}
