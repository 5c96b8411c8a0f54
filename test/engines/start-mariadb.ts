// A MariaDB server of a test's own, on loopback TCP, from the machine's binaries.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createConnection } from "mysql2/promise";
import { dataTemplate } from "./data-template.ts";
import { findBinaries } from "./find-binaries.ts";
import { copyDataFolder, makeInstanceFolder } from "./instance-folder.ts";
import type { ServerInstance } from "./server-process.ts";
import { startServer } from "./server-process.ts";
import type { TlsMode } from "./tls-certificate.ts";
import { writeCertificate } from "./tls-certificate.ts";

/** Settings over our own: `settings` by MariaDB's option names, `tls` offers or demands encryption. */
export interface MariadbOptions {
  settings?: Readonly<Record<string, string | number>>;
  tls?: TlsMode;
  /** Names and addresses that the certificate is made out to; the loopback's unless told. */
  names?: readonly string[];
}

const USER = "switchyard";

// The log is written at each commit and synced once a second: a commit outlives a crash of the server, which is what tests play.
const SETTINGS: Readonly<Record<string, string | number>> = {
  "bind-address": "127.0.0.1",
  "innodb-flush-log-at-trx-commit": 2,
  "innodb-doublewrite": 0,
  "innodb-buffer-pool-size": "64M",
  "innodb-log-file-size": "16M",
  "max-connections": 300,
  "skip-name-resolve": 1,
  // Containers often forbid io_uring, and falling back costs a warning and time at each start.
  "innodb-use-native-aio": 0,
};

/** Starts a private MariaDB; throws when this machine has none (ask `skipReason('mysql', 'own')` first). */
export async function startMariadb(options: MariadbOptions = {}): Promise<ServerInstance> {
  const binaries = findBinaries("mariadb");
  if (binaries === undefined) throw new Error("MariaDB is not installed here");
  const template = await dataTemplate("mariadb", binaries, installArguments);
  const folder = makeInstanceFolder("mariadb");
  const data = join(folder, "data");
  copyDataFolder(template.data, data);
  const tls = options.tls === undefined ? undefined : writeCertificate(folder, options.names);
  const settings = {
    ...SETTINGS,
    ...(tls && { "ssl-ca": tls.caFile, "ssl-cert": tls.certFile, "ssl-key": tls.keyFile }),
    ...(options.tls === "required" && { "require-secure-transport": 1 }),
    ...options.settings,
  };
  const accounts = writeAccounts(folder, template.password);
  return await startServer({
    name: "MariaDB",
    folder,
    program: binaries.server,
    programArguments: (port) => [
      // First of all: the machine's own settings are for the machine's own server.
      "--no-defaults",
      `--datadir=${data}`,
      `--port=${port}`,
      `--socket=${join(folder, "socket")}`,
      `--pid-file=${join(folder, "pid")}`,
      `--tmpdir=${folder}`,
      `--init-file=${accounts}`,
      ...Object.entries(settings).map(([name, value]) => `--${name}=${value}`),
    ],
    url: (port) => `mysql://${USER}:${template.password}@127.0.0.1:${port}/mysql`,
    ping: (url) => ping(url, tls?.ca),
    signals: { clean: "SIGTERM", crash: "SIGKILL" },
    ...(tls && { tls: { ca: tls.ca, caFile: tls.caFile } }),
  });
}

function installArguments(data: string): string[] {
  const quick = [
    "--innodb-log-file-size=16M",
    "--innodb-data-file-path=ibdata1:12M:autoextend",
    "--innodb-autoextend-increment=1",
  ];
  const accounts = [
    "--auth-root-authentication-method=normal",
    "--skip-test-db",
    "--skip-name-resolve",
  ];
  return ["--no-defaults", `--datadir=${data}`, ...accounts, ...quick];
}

/** Run by the server at each start: there is an account for TCP, and root has no open door. */
function writeAccounts(folder: string, password: string): string {
  const path = join(folder, "accounts.sql");
  const statements = [
    `create user if not exists '${USER}'@'%' identified by '${password}'`,
    `grant all privileges on *.* to '${USER}'@'%' with grant option`,
    `set password for 'root'@'localhost' = password('${password}')`,
    `drop user if exists 'root'@'127.0.0.1', 'root'@'::1'`,
  ];
  writeFileSync(path, statements.map((statement) => `${statement};\n`).join(""), { mode: 0o644 });
  return path;
}

async function ping(url: string, ca: string | undefined): Promise<void> {
  const connection = await createConnection({ uri: url, ...(ca !== undefined && { ssl: { ca } }) });
  connection.on("error", () => {});
  try {
    await connection.query("select 1");
  } finally {
    connection.destroy();
  }
}
