// Folders that a test server works in, and the account it runs under.
// PostgreSQL and MariaDB refuse to run as root, so there a server gets an unprivileged account and a folder it can reach.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  cpSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** An account that owns nothing; undefined means "as we are". */
export interface Account {
  uid: number;
  gid: number;
}

/** The account servers run under: our own, or `nobody` when we are root. */
export function serverAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  return { uid: idOf("-u", 65534), gid: idOf("-g", 65534) };
}

function idOf(flag: string, fallback: number): number {
  try {
    return Number(
      execFileSync("id", [flag, "nobody"], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }),
    );
  } catch {
    return fallback;
  }
}

/** A new private folder that the server account owns and can reach. */
export function makeInstanceFolder(name: string): string {
  const account = serverAccount();
  // Socket paths end at about 100 bytes, and root's TMPDIR may be closed to others: then /tmp it is.
  const base = tmpdir().length < 60 && isReachable(tmpdir()) ? tmpdir() : "/tmp";
  const folder = mkdtempSync(join(base, `switchyard-${name}-`));
  if (account !== undefined) chownSync(folder, account.uid, account.gid);
  return folder;
}

/** Whether the server account can get into a folder. */
export function isReachable(path: string): boolean {
  return serverAccount() === undefined || isOpenToAll(path);
}

function isOpenToAll(path: string): boolean {
  const parent = dirname(path);
  return (statSync(path).mode & 0o001) !== 0 && (parent === path || isOpenToAll(parent));
}

/** Copies a data folder and hands it to the server account. */
export function copyDataFolder(from: string, to: string): void {
  cpSync(from, to, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  const account = serverAccount();
  if (account !== undefined) handOver(to, account);
  chmodSync(to, 0o700);
}

function handOver(path: string, account: Account): void {
  chownSync(path, account.uid, account.gid);
  if (!lstatSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) handOver(join(path, name), account);
}
