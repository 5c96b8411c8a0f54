// The database servers of one test run: those the caller named, else servers of our own, else a reason why not.
// Tests read the outcome from the environment (test/engines/engines.ts).
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findBinaries } from "../../test/engines/find-binaries.ts";
import { isReachable, makeInstanceFolder } from "../../test/engines/instance-folder.ts";
import type { ServerInstance } from "../../test/engines/server-process.ts";
import { startMariadb } from "../../test/engines/start-mariadb.ts";
import { startPostgres } from "../../test/engines/start-postgres.ts";
import { startRedis } from "../../test/engines/start-redis.ts";

/** What one run has to work with. */
export interface SharedEngines extends AsyncDisposable {
  /** Engines that cannot be used, and why. */
  missing: ReadonlyMap<string, string>;
}

const STARTERS: Readonly<Record<string, () => Promise<ServerInstance>>> = {
  POSTGRES: startPostgres,
  MYSQL: startMariadb,
  REDIS: startRedis,
};

/** Finds or starts each engine and puts its URL, or the reason against it, into this process's environment. */
export async function openSharedEngines(): Promise<SharedEngines> {
  const broughtFolder = providePostgres();
  const missing = new Map<string, string>();
  const started: ServerInstance[] = [];
  const open = async ([name, start]: [string, () => Promise<ServerInstance>]): Promise<void> => {
    if ((process.env[`TEST_${name}_URL`] ?? "") !== "") return;
    try {
      const instance = await start();
      started.push(instance);
      process.env[`TEST_${name}_URL`] = instance.url;
    } catch (error) {
      const reason = `${error instanceof Error ? error.message : String(error)}; TEST_${name}_URL is not set either`;
      missing.set(name.toLowerCase(), reason);
      process.env[`TEST_${name}_MISSING`] = reason;
    }
  };
  await Promise.all(Object.entries(STARTERS).map(open));
  return {
    missing,
    async [Symbol.asyncDispose]() {
      await Promise.all(started.map((instance) => instance.close()));
      if (broughtFolder !== undefined) rmSync(broughtFolder, { recursive: true, force: true });
    },
  };
}

/** Where this machine has no PostgreSQL, npm's serves. Returns a folder to delete afterwards, if one was made. */
function providePostgres(): string | undefined {
  if ((process.env["TEST_POSTGRES_URL"] ?? "") !== "" || findBinaries("postgres") !== undefined)
    return undefined;
  const script = fileURLToPath(new URL("../setup/bring-postgres.mjs", import.meta.url));
  const result = spawnSync(process.execPath, [script], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (result.status !== 0) return undefined;
  const folder = result.stdout.trim();
  process.env["TEST_POSTGRES_BINARIES"] = folder;
  if (isReachable(folder)) return undefined;
  // A root's home is closed to the account that the server must run under.
  const copy = makeInstanceFolder("postgres-binaries");
  cpSync(dirname(folder), copy, { recursive: true, verbatimSymlinks: true });
  chmodSync(copy, 0o755);
  process.env["TEST_POSTGRES_BINARIES"] = join(copy, "bin");
  return copy;
}
