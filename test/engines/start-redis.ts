// A Redis server of a test's own, on loopback TCP, from the machine's binaries. It keeps nothing over a restart.
import { randomBytes } from "node:crypto";
import { createClient } from "redis";
import { findBinaries } from "./find-binaries.ts";
import { makeInstanceFolder } from "./instance-folder.ts";
import type { ServerInstance } from "./server-process.ts";
import { startServer } from "./server-process.ts";
import { writeCertificate } from "./tls-certificate.ts";

/** Settings over our own: `settings` by Redis's directive names; with `tls` the port speaks TLS only. */
export interface RedisOptions {
  settings?: Readonly<Record<string, string | number>>;
  tls?: "required";
}

/** Starts a private Redis (or Valkey); throws when this machine has none (ask `skipReason('redis', 'own')` first). */
export async function startRedis(options: RedisOptions = {}): Promise<ServerInstance> {
  const binaries = findBinaries("redis");
  if (binaries === undefined) throw new Error("Redis is not installed here");
  const folder = makeInstanceFolder("redis");
  const password = randomBytes(12).toString("hex");
  const tls = options.tls === undefined ? undefined : writeCertificate(folder);
  const portSettings = (port: number): Record<string, string | number> =>
    tls === undefined
      ? { port }
      : {
          port: 0,
          "tls-port": port,
          "tls-cert-file": tls.certFile,
          "tls-key-file": tls.keyFile,
          "tls-ca-cert-file": tls.caFile,
          "tls-auth-clients": "no",
        };
  return await startServer({
    name: "Redis",
    folder,
    program: binaries.server,
    programArguments: (port) =>
      Object.entries({
        bind: "127.0.0.1",
        save: "",
        appendonly: "no",
        dir: folder,
        requirepass: password,
        ...portSettings(port),
        ...options.settings,
      }).flatMap(([name, value]) => [`--${name}`, String(value)]),
    url: (port) =>
      `${tls === undefined ? "redis" : "rediss"}://default:${password}@127.0.0.1:${port}`,
    ping: (url) => ping(url, tls?.ca),
    signals: { clean: "SIGTERM", crash: "SIGKILL" },
    ...(tls && { tls: { ca: tls.ca, caFile: tls.caFile } }),
  });
}

async function ping(url: string, ca: string | undefined): Promise<void> {
  const socket = { reconnectStrategy: false as const, connectTimeout: 1000 };
  const client = createClient({
    url,
    socket: ca === undefined ? socket : { ...socket, tls: true, ca },
  });
  client.on("error", () => {});
  try {
    await client.connect();
    await client.ping();
  } finally {
    client.destroy();
  }
}
