/** What a database server says of itself: version, clock, encryption. For `doctor`. */
import { sql } from "kysely";
import type { Database } from "./database.ts";
import { nowMs } from "./dialect.ts";

export interface ServerFacts {
  /** `15.18`, `10.11.19-MariaDB`, `3.53.4`. */
  readonly version: string;
  /** The lowest version that works, where this one is older. */
  readonly minimumVersion?: string;
  /** Database's clock, ms UTC. */
  readonly nowMs: number;
  /** Whether this connection is encrypted. */
  readonly encrypted: boolean;
}

/** Lowest major (and minor) versions that the statements of this room need. */
const minimum = { postgres: "12", mysql: "8.0", mariadb: "10.5", sqlite: "3.35" } as const;

/** Asks the server; rejects with what the driver says when it cannot be asked. */
export async function readServer(database: Database): Promise<ServerFacts> {
  const { engine, reads } = database;
  const statements = {
    postgres: sql<{
      version: string;
      encrypted: unknown;
    }>`select current_setting('server_version') as version, (select ssl from pg_stat_ssl where pid = pg_backend_pid()) as encrypted`,
    mysql: sql<{
      version: string;
      encrypted: unknown;
    }>`select version() as version, (select variable_value <> '' from information_schema.session_status where variable_name = 'SSL_CIPHER') as encrypted`,
    sqlite: sql<{
      version: string;
      encrypted: unknown;
    }>`select sqlite_version() as version, 0 as encrypted`,
  };
  const [facts] = (
    await statements[engine].execute(reads).catch((error: unknown) => {
      if (engine !== "mysql") throw error;
      // MySQL keeps the session's status elsewhere than MariaDB does.
      return sql<{
        version: string;
        encrypted: unknown;
      }>`select version() as version, (select variable_value <> '' from performance_schema.session_status where variable_name = 'Ssl_cipher') as encrypted`.execute(
        reads,
      );
    })
  ).rows;
  const [clock] = (
    await sql<{ now: bigint | number | string }>`select ${nowMs(engine)} as now`.execute(reads)
  ).rows;
  const version = facts?.version ?? "";
  const lowest = minimum[engine === "mysql" && /mariadb/i.test(version) ? "mariadb" : engine];
  return {
    version,
    nowMs: Number(clock?.now ?? 0),
    encrypted: facts?.encrypted === true || Number(facts?.encrypted ?? 0) === 1,
    ...(isOlder(version, lowest) && { minimumVersion: lowest }),
  };
}

function isOlder(version: string, lowest: string): boolean {
  const numbers = (text: string): readonly number[] =>
    (/\d+(\.\d+)*/.exec(text)?.[0] ?? "0").split(".").map(Number);
  const [major = 0, minor = 0] = numbers(version);
  const [lowestMajor = 0, lowestMinor = 0] = numbers(lowest);
  return major < lowestMajor || (major === lowestMajor && minor < lowestMinor);
}
