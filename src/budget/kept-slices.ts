/**
 * Slices that a process could not hand back, since the database was away when it ended, for the next one. Promise: no
 * dollar is spent twice: the file is written when nothing is spent any more, and gone before anything is spent again.
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

export interface KeptSlices {
  /** Takes what the process before left; undefined: nothing. Throws where it cannot be taken away. */
  take(): string | undefined;
  save(text: string): void;
}

/** In the node's own folder. */
export function makeKeptSlices(folder: string): KeptSlices {
  const path = join(folder, "budget-slices.json");
  const syncFolder = (): void => {
    // Windows opens no folders; there a rename is durable without.
    if (process.platform === "win32") return;
    const handle = openSync(folder, "r");
    fsyncSync(handle);
    closeSync(handle);
  };
  return {
    take: () => {
      let text: string;
      try {
        text = readFileSync(path, "utf8");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
      rmSync(path);
      syncFolder();
      return text;
    },
    save: (text) => {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const handle = openSync(`${path}.tmp`, "w", 0o600);
      try {
        writeFileSync(handle, text);
        fsyncSync(handle);
      } finally {
        closeSync(handle);
      }
      renameSync(`${path}.tmp`, path);
      syncFolder();
    },
  };
}
