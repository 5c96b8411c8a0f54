// A PostgreSQL server of a test's own, on loopback TCP, from the machine's binaries.
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { dataTemplate } from "./data-template.ts";
import type { Binaries } from "./find-binaries.ts";
import { findBinaries } from "./find-binaries.ts";
import { copyDataFolder, makeInstanceFolder } from "./instance-folder.ts";
import type { ServerInstance } from "./server-process.ts";
import { startServer } from "./server-process.ts";
import type { TlsMode } from "./tls-certificate.ts";
import { writeCertificate } from "./tls-certificate.ts";

/** Settings over our own: `settings` by PostgreSQL's names, `tls` offers or demands encryption on TCP. */
export interface PostgresOptions {
  settings?: Readonly<Record<string, string | number>>;
  tls?: TlsMode;
  /** Names and addresses that the certificate is made out to; the loopback's unless told. */
  names?: readonly string[];
  binaries?: Binaries;
}

const USER = "switchyard";

// Without fsync a commit still reaches the kernel, so it outlives a crash of the server, which is what tests play.
// synchronous_commit stays on for the same reason.
const SETTINGS: Readonly<Record<string, string | number>> = {
  fsync: "off",
  full_page_writes: "off",
  max_connections: 300,
  shared_buffers: "64MB",
  jit: "off",
  log_min_messages: "warning",
  listen_addresses: "127.0.0.1",
};

/** Starts a private PostgreSQL; throws when this machine has none (ask `skipReason('postgres', 'own')` first). */
export async function startPostgres(options: PostgresOptions = {}): Promise<ServerInstance> {
  const binaries = options.binaries ?? findBinaries("postgres");
  if (binaries === undefined) throw new Error("PostgreSQL is not installed here");
  const template = await dataTemplate("postgres", binaries, initdbArguments);
  const folder = makeInstanceFolder("postgres");
  const data = join(folder, "data");
  copyDataFolder(template.data, data);
  const tls = options.tls === undefined ? undefined : writeCertificate(folder, options.names);
  const settings = { ...SETTINGS, ...(tls && tlsSettings(tls)), ...options.settings };
  if (options.tls === "required") demandTls(data);
  return await startServer({
    name: "PostgreSQL",
    folder,
    program: binaries.server,
    programArguments: (port) => [
      "-D",
      data,
      "-p",
      String(port),
      "-k",
      folder,
      ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    ],
    url: (port) => `postgres://${USER}:${template.password}@127.0.0.1:${port}/postgres`,
    ping: (url) => ping(url, tls?.ca),
    signals: { clean: "SIGINT", crash: "SIGQUIT" },
    ...(tls && { tls: { ca: tls.ca, caFile: tls.caFile } }),
  });
}

function initdbArguments(data: string, passwordFile: string): string[] {
  const accounts = [`--username=${USER}`, `--pwfile=${passwordFile}`, "--auth=scram-sha-256"];
  return ["-D", data, "--no-sync", "--wal-segsize=4", "--encoding=UTF8", "--locale=C", ...accounts];
}

function tlsSettings(tls: { certFile: string; keyFile: string }): Record<string, string> {
  return { ssl: "on", ssl_cert_file: tls.certFile, ssl_key_file: tls.keyFile };
}

function demandTls(data: string): void {
  const path = join(data, "pg_hba.conf");
  copyFileSync(path, `${path}.first`);
  writeFileSync(path, readFileSync(path, "utf8").replaceAll(/^host\b/gm, "hostssl"));
}

async function ping(url: string, ca: string | undefined): Promise<void> {
  const client = new Client({
    connectionString: url,
    ...(ca !== undefined && { ssl: { ca, checkServerIdentity: () => undefined } }),
  });
  // A connection that the server cuts while starting must not become an uncaught error.
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query("select 1");
  } finally {
    await client.end().catch(() => {});
  }
}
