/**
 * Reads SQL_DSN. Promises: parameters mean what libpq and the Go MySQL driver mean by them, what we cannot honour is
 * refused by name instead of ignored, and no error text holds the password.
 */
import type { ServerTarget } from "./database-target.ts";
import { DsnError } from "./database-target.ts";
import { parseGoDsn } from "./dsn/go-dsn.ts";
import { parseMysqlUrl } from "./dsn/mysql-parameters.ts";
import { parsePostgresUrl } from "./dsn/postgres-url.ts";

export { DsnError };

/** Throws {@link DsnError}. */
export function parseDsn(dsn: string): ServerTarget {
  const text = dsn.trim();
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === "postgres" || scheme === "postgresql") return parsePostgresUrl(text);
  if (scheme === "mysql" || scheme === "mariadb") return parseMysqlUrl(text);
  if (scheme === "sqlite" || scheme === "file" || /\.(db|sqlite3?)$/i.test(text))
    throw new DsnError("for the embedded database leave it empty and set SQLITE_PATH");
  if (scheme !== undefined)
    throw new DsnError(`the scheme ${scheme}:// is not known; use postgres:// or mysql://`);
  if (/^\s*(host|hostaddr|user|dbname|port)\s*=/.test(text))
    throw new DsnError("write it as a URL: postgres://user:password@host:5432/database");
  return parseGoDsn(text);
}
