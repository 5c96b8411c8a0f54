// Disks in virtual time that can refuse, be torn by a kill, and lose what was not forced when the power goes.
import { dirname } from "node:path";
import type { JournalDisk } from "../../src/log/journal-disk.ts";
import type { Chance } from "./virtual-clock.ts";
import type { VirtualClock } from "./virtual-clock.ts";

interface File {
  bytes: Buffer;
  /** Bytes that outlive the power. */
  forced: number;
  /** Whether its name does. */
  named: boolean;
}

const empty = Buffer.alloc(0);

/** One machine's disk; each process that runs there sees it through a view of its own. */
export class SimDisk {
  readonly files = new Map<string, File>();
  /** Every write is refused, some after a part of it. */
  refuses = false;
  readonly #clock: VirtualClock;
  readonly #chance: Chance;

  constructor(clock: VirtualClock, chance: Chance) {
    this.#clock = clock;
    this.#chance = chance;
  }

  /** What a process sees; once it is dead nothing answers it. */
  view(isAlive: () => boolean): JournalDisk {
    const step = async (): Promise<void> => {
      await this.#clock.sleep(this.#chance.happens(0.1) ? this.#chance.between(1, 30) : 0);
      if (!isAlive()) await new Promise<never>(() => undefined);
    };
    const refuse = (): void => {
      if (this.refuses) throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
    };
    const fileAt = (path: string): File => {
      const file = this.files.get(path);
      if (file === undefined) throw Object.assign(new Error("ENOENT"), { code: "ENOENT" });
      return file;
    };
    return {
      makeFolder: async () => await step(),
      list: async (folder) => {
        await step();
        return [...this.files.keys()]
          .filter((path) => dirname(path) === folder)
          .map((path) => path.slice(folder.length + 1));
      },
      create: async (path) => {
        await step();
        refuse();
        const file: File = { bytes: empty, forced: 0, named: false };
        this.files.set(path, file);
        return {
          append: async (text) => {
            const bytes = Buffer.from(text);
            // A kill falls before, within or after the write.
            const part = this.#chance.between(0, bytes.length);
            await step().catch(() => undefined);
            if (!isAlive() || this.refuses)
              file.bytes = Buffer.concat([file.bytes, bytes.subarray(0, part)]);
            if (!isAlive()) await new Promise<never>(() => undefined);
            refuse();
            file.bytes = Buffer.concat([file.bytes, bytes]);
            await step();
          },
          sync: async () => {
            const reached = file.bytes.length;
            await step();
            refuse();
            file.forced = Math.max(file.forced, reached);
          },
          close: async () => await step(),
        };
      },
      size: async (path) => {
        await step();
        return fileAt(path).bytes.length;
      },
      read: async (path, from, length) => {
        await step();
        return fileAt(path).bytes.subarray(from, from + length);
      },
      remove: async (path) => {
        await step();
        this.files.delete(path);
      },
      syncFolder: async (folder) => {
        await step();
        for (const [path, file] of this.files) if (dirname(path) === folder) file.named = true;
      },
    };
  }

  /** What was not forced may be gone, whole or in part. */
  losePower(): void {
    for (const [path, file] of this.files) {
      if (!file.named && this.#chance.happens(0.5)) this.files.delete(path);
      const kept = this.#chance.between(file.forced, file.bytes.length);
      file.bytes = file.bytes.subarray(0, kept);
    }
  }

  /** What a killed process wrote: the system brings it to the disk by and by. */
  writeBack(): void {
    for (const file of this.files.values())
      Object.assign(file, { forced: file.bytes.length, named: true });
  }

  /** As a machine's disk is copied for another. */
  copy(): SimDisk {
    const other = new SimDisk(this.#clock, this.#chance);
    for (const [path, file] of this.files) other.files.set(path, { ...file });
    return other;
  }
}
