/** MySQL's parameters, in a URL or in Go's form: https://github.com/go-sql-driver/mysql#parameters */
import type { MysqlTarget, TlsPlan } from "../database-target.ts";
import { defaultConnectTimeoutMs, DsnError } from "../database-target.ts";
import { readUrl, readWord } from "./read-url.ts";

export function parseMysqlUrl(text: string): MysqlTarget {
  const url = readUrl(text);
  const socket = url.parameters.find(([name]) => name === "socket" || name === "socketPath")?.[1];
  return mysqlTarget(
    {
      host: url.host === "" ? "localhost" : url.host,
      port: url.port ?? 3306,
      ...(socket !== undefined && { socketPath: socket }),
      user: url.user,
      password: url.password,
      database: url.database,
    },
    url.parameters.filter(([name]) => name !== "socket" && name !== "socketPath"),
  );
}

export interface MysqlAddress {
  readonly host: string;
  readonly port: number;
  readonly socketPath?: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export function mysqlTarget(
  address: MysqlAddress,
  parameters: readonly (readonly [string, string])[],
): MysqlTarget {
  const values: Record<string, string> = {};
  for (const [name, value] of parameters) {
    if (ignored.includes(name)) continue;
    if (!honoured.includes(name))
      throw new DsnError(`the parameter ${name} is not known for MySQL; remove it`);
    values[name] = value;
  }
  if (address.database === "")
    throw new DsnError("the database name is missing: …@tcp(host:3306)/database");
  if (address.user === "")
    throw new DsnError("the user is missing: user:password@tcp(host)/database");
  const timeout = values["timeout"];
  return {
    engine: "mysql",
    ...address,
    tls: address.socketPath === undefined ? tlsPlan(values) : { mode: "off", verify: "none" },
    connectTimeoutMs:
      timeout === undefined ? defaultConnectTimeoutMs : readDuration("timeout", timeout),
    applicationName: "switchyard",
  };
}

const honoured: readonly string[] = [
  "tls",
  "timeout",
  "ssl-mode",
  "sslmode",
  "ssl-ca",
  "ssl-cert",
  "ssl-key",
];

// Go's parameters that change nothing here (we read times as numbers and set the session ourselves), and those that
// other drivers' URLs carry for the same ends.
const ignored: readonly string[] = [
  "allowAllFiles",
  "allowCleartextPasswords",
  "allowNativePasswords",
  "allowOldPasswords",
  "autocommit",
  "charset",
  "checkConnLiveness",
  "clientFoundRows",
  "collation",
  "columnsWithAlias",
  "compress",
  "connectionAttributes",
  "interpolateParams",
  "loc",
  "maxAllowedPacket",
  "multiStatements",
  "parseTime",
  "readTimeout",
  "rejectReadOnly",
  "sql_mode",
  "time_zone",
  "timeTruncate",
  "timezone",
  "transaction_isolation",
  "tx_isolation",
  "writeTimeout",
];

function tlsPlan(values: Readonly<Record<string, string>>): TlsPlan {
  const files = {
    ...(values["ssl-ca"] !== undefined && { caFile: values["ssl-ca"] }),
    ...(values["ssl-cert"] !== undefined && { certFile: values["ssl-cert"] }),
    ...(values["ssl-key"] !== undefined && { keyFile: values["ssl-key"] }),
  };
  const mode = values["ssl-mode"] ?? values["sslmode"];
  if (mode !== undefined) return { ...clientMode(mode), ...files };
  return { ...goMode(values["tls"], values["ssl-ca"] !== undefined), ...files };
}

function goMode(tls: string | undefined, hasRoot: boolean): TlsPlan {
  if (tls === undefined)
    return hasRoot ? { mode: "require", verify: "full" } : { mode: "off", verify: "none" };
  switch (tls.toLowerCase()) {
    case "false":
    case "0":
      return { mode: "off", verify: "none" };
    case "true":
    case "1":
      return { mode: "require", verify: "full" };
    case "skip-verify":
      return { mode: "require", verify: "none" };
    case "preferred":
      return { mode: "prefer", verify: "none" };
    default:
      throw new DsnError(
        "the parameter tls must be true, false, skip-verify or preferred; for an own root certificate use tls=true&ssl-ca=/path.pem",
      );
  }
}

/** The mysql client's own words, in either spelling. */
function clientMode(text: string): TlsPlan {
  const mode = readWord("ssl-mode", text.toUpperCase().replaceAll("-", "_"), [
    "DISABLED",
    "PREFERRED",
    "REQUIRED",
    "VERIFY_CA",
    "VERIFY_IDENTITY",
  ]);
  return clientModes[mode];
}

const clientModes = {
  DISABLED: { mode: "off", verify: "none" },
  PREFERRED: { mode: "prefer", verify: "none" },
  REQUIRED: { mode: "require", verify: "none" },
  VERIFY_CA: { mode: "require", verify: "ca" },
  VERIFY_IDENTITY: { mode: "require", verify: "full" },
} as const satisfies Record<string, TlsPlan>;

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Go's durations: `5s`, `1m30s`, `500ms`. */
function readDuration(name: string, text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text)
    throw new DsnError(`the parameter ${name} must be a duration like 5s or 500ms`);
  const total = parts.reduce(
    (sum, [, amount, unit]) => sum + Number(amount) * (unitMs[unit ?? ""] ?? 0),
    0,
  );
  return total === 0 ? defaultConnectTimeoutMs : total;
}
