// A ClickHouse server of a test's own, on loopback TCP, from the machine's binaries; it speaks HTTP.
import { randomBytes } from "node:crypto";
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findBinaries } from "./find-binaries.ts";
import { makeInstanceFolder, serverAccount } from "./instance-folder.ts";
import type { ServerInstance } from "./server-process.ts";
import { startServer } from "./server-process.ts";

/** A private ClickHouse; its URL is one for LOG_STORE_URL, and its database may be replaced in it. */
export interface ClickhouseInstance extends ServerInstance {
  /** Runs one statement and answers the text of its reply; throws with what the server says. */
  query(statement: string, database?: string): Promise<string>;
}

/** Starts one; throws when this machine has none (ask `skipReason('clickhouse')` first). */
export async function startClickhouse(): Promise<ClickhouseInstance> {
  const binaries = findBinaries("clickhouse");
  if (binaries === undefined) throw new Error("ClickHouse is not installed here");
  const folder = makeInstanceFolder("clickhouse");
  const data = join(folder, "data");
  mkdirSync(data);
  const account = serverAccount();
  if (account !== undefined) chownSync(data, account.uid, account.gid);
  const password = randomBytes(12).toString("hex");
  const usersFile = join(folder, "users.xml");
  writeFileSync(usersFile, usersText(password));
  const url = (port: number): string => `http://switchyard:${password}@127.0.0.1:${port}/default`;
  const instance = await startServer({
    name: "ClickHouse",
    folder,
    program: binaries.server,
    programArguments: (port) => {
      const configFile = join(folder, "config.xml");
      writeFileSync(configFile, configText({ port, data, usersFile }));
      return [`--config-file=${configFile}`];
    },
    url,
    ping: async (at) => void (await run(at, "select 1")),
    signals: { clean: "SIGTERM", crash: "SIGKILL" },
  });
  // The instance is closed as it is, with its own symbol.
  return Object.assign(instance, {
    query: (statement: string, database = "default") => run(instance.url, statement, database),
  });
}

/** The old root element, which all releases read. */
function configText(options: {
  readonly port: number;
  readonly data: string;
  readonly usersFile: string;
}): string {
  return `<yandex>
  <logger><level>warning</level><console>1</console></logger>
  <http_port>${options.port}</http_port>
  <listen_host>127.0.0.1</listen_host>
  <path>${options.data}/</path>
  <tmp_path>${options.data}/tmp/</tmp_path>
  <users_config>${options.usersFile}</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
  <mark_cache_size>16777216</mark_cache_size>
</yandex>
`;
}

function usersText(password: string): string {
  return `<yandex>
  <profiles><default/></profiles>
  <quotas><default/></quotas>
  <users>
    <switchyard>
      <password>${password}</password>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
    </switchyard>
  </users>
</yandex>
`;
}

async function run(url: string, statement: string, database = "default"): Promise<string> {
  const { origin, username, password } = new URL(url);
  const response = await fetch(`${origin}/?${new URLSearchParams({ database })}`, {
    method: "POST",
    headers: {
      authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`,
      connection: "close",
    },
    body: statement,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text.trimEnd();
}
