/**
 * The disk as sync uses it, one method a step that may fail or be the last one before a crash; simulations put another
 * disk in its place.
 */
import { mkdir, open, readdir, readFile, rename } from "node:fs/promises";

export interface Disk {
  /** Makes a folder with its parents; nothing happens when it is there. */
  makeFolder(path: string): Promise<void>;
  /** Names in a folder; empty when there is no such folder. */
  list(folder: string): Promise<readonly string[]>;
  /** Undefined when there is no such file. */
  read(path: string): Promise<Buffer | undefined>;
  /** Writes a file for the owner's eyes only and forces it to the disk. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** Atomic: afterwards `to` is either the one or the other. */
  rename(from: string, to: string): Promise<void>;
  /** Forces a folder's names to the disk. */
  syncFolder(path: string): Promise<void>;
}

export const systemDisk: Disk = {
  makeFolder: async (path) => {
    await mkdir(path, { recursive: true, mode: 0o700 });
  },
  list: (folder) => readdir(folder).catch(unlessMissing([])),
  read: (path) => readFile(path).catch(unlessMissing(undefined)),
  write: async (path, bytes) => {
    const file = await open(path, "w", 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  },
  rename,
  syncFolder: async (path) => {
    // Windows opens no folders; there a rename is durable without.
    if (process.platform === "win32") return;
    const folder = await open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
};

function unlessMissing<T>(answer: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === "ENOENT") return answer;
    throw error;
  };
}
