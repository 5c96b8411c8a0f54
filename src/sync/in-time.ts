/** Bounds a wait: a database that neither answers nor refuses must not hold anybody for longer than told. */
import type { Clock } from "../core/clock.ts";

/** The promise's result, or a rejection after `limitMs`; the work itself goes on and its late result is dropped. */
export function inTime<T>(clock: Clock, limitMs: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(limitMs, () => reject(new Error(`no answer within ${limitMs} ms`)));
    void work.then(resolve, reject).finally(cancel);
  });
}
