/** What `doctor` and `setup-link` ask of the database and Redis themselves, joined for the command line. */
import { existsSync } from "node:fs";
import { setupTokenMs } from "./admin/bootstrap.ts";
import { makeSecret } from "./admin/make-secret.ts";
import type {
  DatabaseFacts,
  DoctorProbes,
  LogStoreFacts,
  MachineProbes,
  Probed,
  RedisFacts,
} from "./cli/doctor-probes.ts";
import { probeDisk, probeMemory, probePort } from "./cli/machine-probes.ts";
import type { Config } from "./config/config.ts";
import { ineffectiveVariables } from "./config/ineffective.ts";
import { ConfigFaults, processEnvironment, readConfig } from "./config/read-config.ts";
import type { ConfigFault } from "./config/read-config.ts";
import { loadSecretKey, secretKeyFile } from "./config/secret-key.ts";
import { systemClock } from "./core/clock.ts";
import { messageOf } from "./core/errors.ts";
import { systemRandom } from "./core/ids.ts";
import { hashToken } from "./core/seal.ts";
import { openCluster, replaceSetupToken, WrongSecret } from "./store/cluster.ts";
import type { Database } from "./store/database.ts";
import { parseDsn } from "./store/dsn.ts";
import { explainConnectError } from "./store/explain-connect-error.ts";
import { openLogStore } from "./store/log-store.ts";
import { openDatabase } from "./store/open-database.ts";
import { readServer } from "./store/read-server.ts";
import { ForeignDatabase, readSchema, SchemaTooNew } from "./store/read-schema.ts";
import { openRedis } from "./store/redis.ts";
import { hasUsers } from "./store/users.ts";

/** Opens the configured database for one piece of work and closes it. */
async function withDatabase<T>(
  config: Config,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const database = await openDatabase({ dsn: config.sqlDsn, sqlitePath: config.sqlitePath });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/** Makes a new setup link and ends the old one. Throws when an account exists or the database cannot be asked. */
export async function renewSetupLink(): Promise<string> {
  const config = readConfig();
  // Looking must make neither the file nor its secret.
  if (config.sqlDsn === undefined && !existsSync(config.sqlitePath)) throw neverStarted();
  return await withDatabase(config, async (database) => {
    const { state } = await readSchema(database.reads);
    if (state === "empty") throw neverStarted();
    const { secretKey } = loadSecretKey(config);
    const { pepper } = await openCluster(database.writes, secretKey);
    if (await hasUsers(database.writes))
      throw new Error("an account exists already: this gateway needs no setup link");
    const token = makeSecret(24, systemRandom);
    await replaceSetupToken(database.writes, hashToken(pepper, "setup", token), setupTokenMs);
    return `http://${config.host === "0.0.0.0" ? "localhost" : config.host}:${config.port}/setup#${token}`;
  });
}

function neverStarted(): Error {
  return new Error(
    "the database is still empty: start the gateway, which prints a setup link (and check that SQL_DSN, DATA_DIR and SQLITE_PATH are those of the gateway)",
  );
}

/** The probes of this machine, with what the environment says. */
export function makeDoctorProbes(): DoctorProbes {
  const environment = processEnvironment();
  const ineffective = ineffectiveVariables(environment);
  const read = readOrFaults();
  if ("faults" in read) return { config: { faults: read.faults, ineffective }, machine: undefined };
  return { config: { faults: [], ineffective }, machine: machineProbes(read.config) };
}

function readOrFaults(): { readonly config: Config } | { readonly faults: readonly ConfigFault[] } {
  try {
    return { config: readConfig() };
  } catch (error) {
    if (error instanceof ConfigFaults) return { faults: error.faults };
    throw error;
  }
}

function machineProbes(config: Config): MachineProbes {
  return {
    database: () => probeDatabase(config),
    redis: () => probeRedis(config),
    logStore: () => probeLogStore(config),
    port: () => probePort(config.host, config.port),
    disk: () => probeDisk(config.dataDir, config.sqlDsn === undefined),
    memory: () => probeMemory(config.maxHeldBytes),
  };
}

/** An embedded install before its first start: nothing to ask, and looking must not make the file. */
const nothingYet = {
  engine: "sqlite",
  version: process.versions["sqlite"] ?? "",
  clockSkewMs: 0,
  roundTripMs: 0,
  tls: "none",
  schema: "empty",
  secret: "unset",
} as const;

async function probeDatabase(config: Config): Promise<Probed<DatabaseFacts>> {
  if (config.sqlDsn === undefined && !existsSync(config.sqlitePath))
    return { reached: true, facts: { ...nothingYet, address: config.sqlitePath } };
  try {
    return await withDatabase(config, async (database) => ({
      reached: true,
      facts: await databaseFacts(config, database),
    }));
  } catch (error) {
    return { reached: false, problem: explainConnectError(error) };
  }
}

async function databaseFacts(config: Config, database: Database): Promise<DatabaseFacts> {
  // The first statement pays for the connection; the second is the round trip.
  await readServer(database);
  const startedAtMs = systemClock.monotonic();
  const server = await readServer(database);
  const roundTripMs = systemClock.monotonic() - startedAtMs;
  const schema = await schemaFacts(database);
  return {
    engine: database.engine,
    address: addressOf(config),
    version: server.version,
    ...(server.minimumVersion !== undefined && { minimumVersion: server.minimumVersion }),
    clockSkewMs: Math.round(server.nowMs - systemClock.now() + roundTripMs / 2),
    roundTripMs: Math.round(roundTripMs),
    tls: tlsOf(config, server.encrypted),
    ...schema,
    secret: ["current", "older", "newer"].includes(schema.schema)
      ? await secretState(config, database)
      : "unset",
  };
}

async function schemaFacts(
  database: Database,
): Promise<Pick<DatabaseFacts, "schema" | "foreignProduct">> {
  try {
    return { schema: (await readSchema(database.reads)).state };
  } catch (error) {
    if (error instanceof SchemaTooNew) return { schema: "unsupported" };
    if (!(error instanceof ForeignDatabase)) throw error;
    return {
      schema: "foreign",
      ...(error.product !== undefined && { foreignProduct: error.product }),
    };
  }
}

async function secretState(config: Config, database: Database): Promise<DatabaseFacts["secret"]> {
  // Looking must not make the file of a key that was lost.
  if (config.secretKey === undefined && !existsSync(secretKeyFile(config))) return "differs";
  try {
    await openCluster(database.reads, loadSecretKey(config).secretKey);
    return "matches";
  } catch (error) {
    return error instanceof WrongSecret ? "differs" : "unset";
  }
}

/** Host and database, or the file; no user, no password. */
function addressOf(config: Config): string {
  if (config.sqlDsn === undefined) return config.sqlitePath;
  const target = parseDsn(config.sqlDsn);
  return `${target.host}:${target.port}/${target.database}`;
}

function tlsOf(config: Config, encrypted: boolean): DatabaseFacts["tls"] {
  if (config.sqlDsn === undefined) return "none";
  const target = parseDsn(config.sqlDsn);
  if (target.host.startsWith("/")) return "none";
  if (!encrypted) return "plain";
  return target.tls.verify === "none" ? "unverified" : "verified";
}

async function probeRedis(config: Config): Promise<Probed<RedisFacts> | undefined> {
  if (config.redis === undefined) return undefined;
  const { hostname, port, protocol } = new URL(config.redis.url);
  const address = `${hostname}:${port === "" ? "6379" : port}`;
  const redis = openRedis({ url: config.redis.url });
  try {
    if (!(await redis.whenUp(3000)))
      return {
        reached: false,
        problem: `Redis at ${address} does not answer`,
        mend: "check REDIS_CONN_STRING, or unset it: everything works without Redis",
      };
    const startedAtMs = systemClock.monotonic();
    const version = String(
      await redis.evaluate(
        "return redis.call('INFO','server'):match('redis_version:([^%s]+)') or ''",
        [],
        [],
      ),
    );
    return {
      reached: true,
      facts: {
        address,
        version,
        tls: protocol === "rediss:",
        roundTripMs: Math.round(systemClock.monotonic() - startedAtMs),
      },
    };
  } catch (error) {
    return { reached: false, problem: messageOf(error) };
  } finally {
    await redis.close();
  }
}

async function probeLogStore(config: Config): Promise<Probed<LogStoreFacts> | undefined> {
  if (config.logStore === undefined) return undefined;
  const { host, protocol } = new URL(config.logStore.origin);
  const logStore = openLogStore(config.logStore);
  try {
    // The first statement pays for the connection.
    await logStore.version();
    const startedAtMs = systemClock.monotonic();
    const version = await logStore.version();
    const roundTripMs = Math.round(systemClock.monotonic() - startedAtMs);
    const facts = { address: host, version, tls: protocol === "https:", roundTripMs };
    return { reached: true, facts };
  } catch (error) {
    return { reached: false, problem: messageOf(error) };
  } finally {
    await logStore.close();
  }
}
