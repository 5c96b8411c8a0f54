// Where the database servers stand on this machine, if anywhere: in PATH or where the usual packages put them.
// Tests never download a server; what is not found is reported by name as skipped.
import { accessSync, constants, readdirSync, statSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";

/** A database server that tests can start for themselves. */
export type ServerName = "postgres" | "mariadb" | "redis" | "clickhouse";

// Debian keeps PostgreSQL's server programs out of PATH, Homebrew every keg that is not linked.
const FOLDERS: Record<ServerName, readonly string[]> = {
  postgres: [
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
  ],
  mariadb: [
    "/usr/sbin",
    "/usr/libexec",
    "/opt/homebrew/opt/mariadb/bin",
    "/usr/local/opt/mariadb/bin",
  ],
  clickhouse: ["/usr/sbin", "/usr/bin", "/opt/homebrew/bin"],
  redis: ["/usr/bin", "/opt/homebrew/opt/redis/bin", "/usr/local/opt/redis/bin"],
};

const SERVERS: Record<ServerName, { programs: readonly string[]; helper?: string }> = {
  postgres: { programs: ["postgres"], helper: "initdb" },
  mariadb: { programs: ["mariadbd"], helper: "mariadb-install-db" },
  clickhouse: { programs: ["clickhouse-server"] },
  redis: { programs: ["redis-server", "valkey-server"] },
};

/** Paths of a server's own program and of the one that makes its first data folder. */
export interface Binaries {
  server: string;
  helper: string;
}

/**
 * The programs of one server, or undefined when this machine has none that is complete.
 * Looked for in the folder that `TEST_<NAME>_BINARIES` names, in PATH, then in the usual places.
 */
export function findBinaries(name: ServerName): Binaries | undefined {
  const { programs, helper } = SERVERS[name];
  const folders = [
    process.env[`TEST_${name.toUpperCase()}_BINARIES`] ?? "",
    ...(process.env["PATH"] ?? "").split(delimiter),
    ...FOLDERS[name].flatMap(expand),
  ].filter((folder) => folder !== "");
  for (const folder of folders) {
    const server = programs.map((program) => join(folder, program)).find(isExecutable);
    if (server === undefined) continue;
    if (helper === undefined) return { server, helper: "" };
    // mariadbd stands in /usr/sbin, its helper in /usr/bin: look beside the server first, then everywhere.
    const helperPath = [dirname(server), ...folders]
      .map((place) => join(place, helper))
      .find(isExecutable);
    if (helperPath !== undefined) return { server, helper: helperPath };
  }
  return undefined;
}

/** One `*` stands for a version; the newest comes first. */
function expand(pattern: string): string[] {
  const star = pattern.indexOf("*");
  if (star === -1) return [pattern];
  const parent = pattern.slice(0, pattern.lastIndexOf("/", star));
  const prefix = pattern.slice(parent.length + 1, star);
  const rest = pattern.slice(star + 1);
  return listFolder(parent)
    .filter((name) => name.startsWith(prefix))
    .toSorted(
      (a, b) =>
        Number.parseFloat(b.slice(prefix.length)) - Number.parseFloat(a.slice(prefix.length)),
    )
    .map((name) => `${parent}/${name}${rest}`);
}

function listFolder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
