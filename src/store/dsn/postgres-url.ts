/** libpq's connection URL: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { PostgresTarget, TlsPlan } from "../database-target.ts";
import { defaultConnectTimeoutMs, DsnError } from "../database-target.ts";
import { readNumber, readUrl, readWord } from "./read-url.ts";

export function parsePostgresUrl(text: string): PostgresTarget {
  const url = readUrl(text);
  const values: Record<string, string> = {};
  for (const [name, value] of url.parameters) {
    if (ignored.includes(name)) continue;
    if (!honoured.includes(name))
      throw new DsnError(`the parameter ${name} is not known for PostgreSQL; remove it`);
    values[name] = value;
  }
  refuseUnmet(values);
  const host = values["hostaddr"] ?? values["host"] ?? url.host;
  if (host.includes(","))
    throw new DsnError(
      "lists of hosts are not supported; name one address that always leads to the primary",
    );
  const port = values["port"] === undefined ? url.port : readNumber("port", values["port"], 1);
  const user = values["user"] ?? url.user;
  if (user === "")
    throw new DsnError("the user is missing: postgres://user:password@host/database");
  return {
    engine: "postgres",
    host: host === "" ? "localhost" : host,
    port: port ?? 5432,
    user,
    password: values["password"] ?? url.password,
    // libpq's own default.
    database: (values["dbname"] ?? url.database) || user,
    tls: host.startsWith("/") ? { mode: "off", verify: "none" } : tlsPlan(values),
    connectTimeoutMs: connectTimeout(values["connect_timeout"]),
    applicationName:
      values["application_name"] ?? values["fallback_application_name"] ?? "switchyard",
    ...(values["options"] !== undefined && { options: values["options"] }),
    ...(values["search_path"] !== undefined && { searchPath: values["search_path"] }),
    channelBinding: (values["channel_binding"] ?? "prefer") !== "disable",
  };
}

const honoured: readonly string[] = [
  "host",
  "hostaddr",
  "port",
  "user",
  "password",
  "dbname",
  "sslmode",
  "sslrootcert",
  "sslcert",
  "sslkey",
  "sslpassword",
  "sslnegotiation",
  "connect_timeout",
  "application_name",
  "fallback_application_name",
  "options",
  "search_path",
  "channel_binding",
  "gssencmode",
  "target_session_attrs",
];

// What other drivers take and what changes nothing here: settings we make ourselves, and tuning of pools not ours.
const ignored: readonly string[] = [
  "TimeZone",
  "timezone",
  "client_encoding",
  "keepalives",
  "keepalives_idle",
  "keepalives_interval",
  "keepalives_count",
  "tcp_user_timeout",
  "sslcompression",
  "sslsni",
  "uselibpqcompat",
  "default_query_exec_mode",
  "statement_cache_capacity",
  "description_cache_capacity",
  "pool_max_conns",
  "pool_min_conns",
  "pool_max_conn_lifetime",
  "pool_max_conn_idle_time",
  "pool_health_check_period",
  "pgbouncer",
];

function refuseUnmet(values: Readonly<Record<string, string>>): void {
  if (values["gssencmode"] === "require")
    throw new DsnError("gssencmode=require is not supported; use sslmode=verify-full");
  const attributes = values["target_session_attrs"] ?? "any";
  // A standby cannot take writes; one that shows up read-only is dropped and dialled again anyway.
  readWord("target_session_attrs", attributes, ["any", "read-write", "primary"]);
  readWord("channel_binding", values["channel_binding"] ?? "prefer", [
    "disable",
    "prefer",
    "require",
  ]);
}

function connectTimeout(text: string | undefined): number {
  const seconds = text === undefined ? 0 : readNumber("connect_timeout", text);
  return seconds === 0 ? defaultConnectTimeoutMs : seconds * 1000;
}

function tlsPlan(values: Readonly<Record<string, string>>): TlsPlan {
  const sslmode = readWord("sslmode", values["sslmode"] ?? "prefer", [
    "disable",
    "allow",
    "prefer",
    "require",
    "verify-ca",
    "verify-full",
  ]);
  if (sslmode === "disable") return { mode: "off", verify: "none" };
  const root = values["sslrootcert"];
  if (root === "system" && sslmode !== "verify-full")
    throw new DsnError("sslrootcert=system needs sslmode=verify-full");
  const caFile = root === "system" ? undefined : (root ?? homeRootCertificate());
  const files = {
    ...(caFile !== undefined && sslmode !== "allow" && sslmode !== "prefer" && { caFile }),
    ...(values["sslcert"] !== undefined && { certFile: values["sslcert"] }),
    ...(values["sslkey"] !== undefined && { keyFile: values["sslkey"] }),
    ...(values["sslpassword"] !== undefined && { keyPassword: values["sslpassword"] }),
  };
  const negotiation = readWord("sslnegotiation", values["sslnegotiation"] ?? "postgres", [
    "postgres",
    "direct",
  ]);
  const direct = negotiation === "direct";
  if (direct && (sslmode === "allow" || sslmode === "prefer"))
    throw new DsnError("sslnegotiation=direct needs sslmode=require or stronger");
  if (sslmode === "allow" || sslmode === "prefer")
    return { mode: sslmode, verify: "none", ...files };
  return { mode: "require", verify: verification(sslmode, caFile !== undefined), ...files, direct };
}

/** libpq: `require` with a root certificate at hand behaves as `verify-ca`. */
function verification(
  sslmode: "require" | "verify-ca" | "verify-full",
  hasRoot: boolean,
): TlsPlan["verify"] {
  if (sslmode === "verify-full") return "full";
  return sslmode === "verify-ca" || hasRoot ? "ca" : "none";
}

/** libpq's default place of the root certificate. */
function homeRootCertificate(): string | undefined {
  const path = join(homedir(), ".postgresql", "root.crt");
  return existsSync(path) ? path : undefined;
}
