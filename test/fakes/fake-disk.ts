// A disk in memory that can die at any step: what was not forced to it may be gone, half there, or there after all.
import { dirname } from "node:path";
import type { Disk } from "../../src/sync/disk.ts";

export interface FakeDisk extends Disk {
  /** What is on it, by path. */
  readonly files: Map<string, Buffer>;
  /** Steps done so far. */
  steps(): number;
  /** The machine stops in the middle of this step (counted from 1); nothing answers any more. */
  dieAt(step: number): void;
  /** Every write fails so. */
  failWith(code: string | undefined): void;
  /** The disk as the next start finds it. `lucky`: what was not forced arrived all the same. */
  afterCrash(lucky: boolean): FakeDisk;
}

export function makeFakeDisk(initial: ReadonlyMap<string, Buffer> = new Map()): FakeDisk {
  const files = new Map(initial);
  /** Names as a crash would bring them back: the folder was not forced since. */
  const forced = new Map(initial);
  let steps = 0;
  let deadline = Infinity;
  let failure: string | undefined;

  /** Answers false when the machine stops in this very step. */
  const begin = async (): Promise<boolean> => {
    if (steps >= deadline) return await new Promise<never>(() => undefined);
    steps += 1;
    return steps < deadline;
  };
  const stop = (): Promise<never> => new Promise<never>(() => undefined);

  return {
    files,
    steps: () => steps,
    dieAt: (step) => {
      deadline = step;
    },
    failWith: (code) => {
      failure = code;
    },
    afterCrash: (lucky) => makeFakeDisk(lucky ? files : forced),
    makeFolder: async () => {
      if (!(await begin())) await stop();
    },
    list: async (folder) =>
      [...files.keys()]
        .filter((path) => dirname(path) === folder)
        .map((path) => path.slice(folder.length + 1)),
    read: async (path) => {
      const bytes = files.get(path);
      return bytes === undefined ? undefined : Buffer.from(bytes);
    },
    write: async (path, bytes) => {
      const whole = await begin();
      if (failure !== undefined) throw Object.assign(new Error(failure), { code: failure });
      files.set(path, Buffer.from(whole ? bytes : bytes.subarray(0, bytes.length / 2)));
      if (!whole) await stop();
    },
    rename: async (from, to) => {
      const whole = await begin();
      const bytes = files.get(from);
      if (bytes === undefined) throw Object.assign(new Error("ENOENT"), { code: "ENOENT" });
      files.set(to, bytes);
      files.delete(from);
      if (!whole) await stop();
    },
    syncFolder: async (folder) => {
      if (!(await begin())) await stop();
      for (const path of forced.keys()) if (dirname(path) === folder) forced.delete(path);
      for (const [path, bytes] of files) if (dirname(path) === folder) forced.set(path, bytes);
    },
  };
}
