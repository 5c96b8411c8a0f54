/**
 * A lock on a file that the operating system frees when its holder ends, however it ends. Node offers none of its own;
 * SQLite's is one, on every platform and through shared volumes.
 */
import { DatabaseSync } from "node:sqlite";

export interface FileLock {
  release(): void;
}

/** Takes the lock at once; undefined when another holds it. Throws when the disk allows no locks. */
export function takeFileLock(path: string): FileLock | undefined {
  const file = new DatabaseSync(path, { timeout: 0 });
  try {
    file.exec("pragma locking_mode = exclusive; begin exclusive");
  } catch (error) {
    file.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
  return { release: () => file.close() };
}

const sqliteBusy = 5;
const sqliteLocked = 6;

function isBusy(error: unknown): boolean {
  const code = error instanceof Error && "errcode" in error ? Number(error.errcode) & 0xff : -1;
  return code === sqliteBusy || code === sqliteLocked;
}
