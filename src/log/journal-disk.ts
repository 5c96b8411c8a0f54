/** The disk as the journal uses it, one method a step that may fail or be the last before a crash; simulations put another in its place. */
import { fdatasync, writeFile } from "node:fs";
import { mkdir, open, readdir, rm, stat } from "node:fs/promises";

/** A file that is only ever appended to. */
export interface JournalFile {
  /** Resolves when the operating system has it all. May have written a part when it rejects. */
  append(text: string): Promise<void>;
  /** Forces it to the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface JournalDisk {
  /** Makes a folder with its parents; nothing happens when it is there. */
  makeFolder(path: string): Promise<void>;
  /** Names in a folder; empty when there is no such folder. */
  list(folder: string): Promise<readonly string[]>;
  /** A new file, for the owner's eyes only; what stood there is gone. */
  create(path: string): Promise<JournalFile>;
  size(path: string): Promise<number>;
  /** At most so many bytes; fewer where the file ends. */
  read(path: string, from: number, bytes: number): Promise<Buffer>;
  remove(path: string): Promise<void>;
  /** Forces a folder's names to the disk. */
  syncFolder(path: string): Promise<void>;
}

export const systemJournalDisk: JournalDisk = {
  makeFolder: async (path) => {
    await mkdir(path, { recursive: true, mode: 0o700 });
  },
  list: async (folder) => {
    try {
      return await readdir(folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  },
  create: async (path) => {
    const file = await open(path, "w", 0o600);
    return {
      append: (text) => callback((done) => writeFile(file.fd, text, done)),
      sync: () => callback((done) => fdatasync(file.fd, done)),
      close: () => file.close(),
    };
  },
  size: async (path) => (await stat(path)).size,
  read: async (path, from, bytes) => {
    const file = await open(path, "r");
    try {
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(bytes), 0, bytes, from);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  },
  remove: (path) => rm(path, { force: true }),
  syncFolder: async (path) => {
    // Windows opens no folders; there a new name is durable without.
    if (process.platform === "win32") return;
    const folder = await open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
};

function callback(act: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    act((error) => (error === null ? resolve() : reject(error)));
  });
}
