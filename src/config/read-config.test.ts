/** What operators rely on when they set variables: names, defaults, and all faults told at once. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ineffectiveVariables } from "./ineffective.ts";
import { ConfigFaults, readConfig } from "./read-config.ts";
import type { Environment } from "./read-config.ts";
import { loadSecretKey } from "./secret-key.ts";

function faultsOf(environment: Environment): Record<string, string> {
  try {
    readConfig(environment);
  } catch (error) {
    assert.ok(error instanceof ConfigFaults);
    return Object.fromEntries(error.faults.map((fault) => [fault.name, fault.message]));
  }
  return {};
}

function folder(t: { after: (action: () => void) => void }): string {
  const path = mkdtempSync(join(tmpdir(), "switchyard-config-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("an empty environment gives the documented defaults, deep-frozen", () => {
  const config = readConfig({});
  assert.equal(config.port, 3000);
  assert.equal(config.host, "127.0.0.1");
  assert.equal(config.nodeType, "unset");
  assert.equal(config.syncFrequencyMs, 60_000);
  assert.equal(config.memoryCacheEnabled, true);
  assert.equal(config.sqlDsn, undefined);
  assert.equal(config.sqlitePath, join("data", "switchyard.db"));
  assert.equal(config.drainTimeoutMs, 20_000);
  assert.equal(config.maxBodyBytes, 33_554_432);
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.trustedProxies));
});

test("LOG_STORE_URL is taken apart, and no fault shows any of it", () => {
  const read = (url: string): unknown => readConfig({ LOG_STORE_URL: url }).logStore;
  const whole = {
    origin: "https://logs.test:8443",
    database: "calls",
    user: "sw",
    password: "p@ss",
  };
  assert.deepEqual(read("https://sw:p%40ss@logs.test:8443/calls"), whole);
  const least = {
    origin: "http://10.0.0.7:8123",
    database: "default",
    user: "default",
    password: "",
  };
  assert.deepEqual(read("http://10.0.0.7:8123/"), least);
  assert.equal(readConfig({}).logStore, undefined);
  for (const wrong of [
    "tcp://sw:hunter2@logs.test:9000/calls",
    "https://sw:hunter2@logs.test/calls?readonly=1",
    "https://sw:hunter2@logs.test/calls/more",
    "https://sw:hunter2%zz@logs.test/calls",
    "sw:hunter2",
  ]) {
    const { LOG_STORE_URL: fault = "" } = faultsOf({ LOG_STORE_URL: wrong });
    assert.match(fault, /^(must be a URL|has a %)/, wrong);
    assert.doesNotMatch(fault, /hunter2/);
  }
});

test("a set but empty variable is unset", () => {
  const config = readConfig({ SQL_DSN: "", SYNC_FREQUENCY: " ", NODE_TYPE: "" });
  assert.equal(config.sqlDsn, undefined);
  assert.equal(config.syncFrequencyMs, 60_000);
});

test("SYNC_FREQUENCY takes 1 to 86400 and nothing else", () => {
  assert.equal(readConfig({ SYNC_FREQUENCY: "1" }).syncFrequencyMs, 1000);
  assert.equal(readConfig({ SYNC_FREQUENCY: "86400" }).syncFrequencyMs, 86_400_000);
  for (const wrong of ["0", "-5", "86401", "abc", "1.5", "1e3", "60s"])
    assert.match(
      faultsOf({ SYNC_FREQUENCY: wrong })["SYNC_FREQUENCY"] ?? "",
      /from 1 to 86400/,
      wrong,
    );
});

test("a slave without SQL_DSN is refused, naming SQL_DSN", () => {
  assert.match(
    faultsOf({ NODE_TYPE: "slave" })["SQL_DSN"] ?? "",
    /must be set when NODE_TYPE is slave/,
  );
  assert.match(faultsOf({ NODE_TYPE: "replica" })["NODE_TYPE"] ?? "", /master, slave/);
});

test("SECRET_KEY is required with SQL_DSN; One Hub's SESSION_SECRET stands in, and the first wins", () => {
  const shared = { SQL_DSN: "postgres://u:p@db/x" };
  assert.match(faultsOf(shared)["SECRET_KEY"] ?? "", /must be set/);
  assert.equal(readConfig({ ...shared, SESSION_SECRET: "s".repeat(16) }).secretKey, "s".repeat(16));
  assert.equal(
    readConfig({ ...shared, SESSION_SECRET: "s".repeat(16), SECRET_KEY: "k".repeat(16) }).secretKey,
    "k".repeat(16),
  );
  assert.deepEqual(Object.keys(faultsOf({ ...shared, SESSION_SECRET: "short" })), [
    "SESSION_SECRET",
  ]);
});

test("all faults are told at once, and none shows a secret", () => {
  const faults = faultsOf({
    PORT: "http",
    SYNC_FREQUENCY: "0",
    SECRET_KEY: "hunter2",
    WORKERS: "4",
    TRUSTED_PROXIES: "10.0.0.0/8, nonsense/3",
    INITIAL_ROOT_TOKEN: "sk-short",
    LOCALE: "fr",
    DRAIN_TIMEOUT: "soon",
    MEMORY_CACHE_ENABLED: "maybe",
    REDIS_CONN_STRING: "redis.local",
  });
  assert.deepEqual(Object.keys(faults).sort(), [
    "DRAIN_TIMEOUT",
    "INITIAL_ROOT_TOKEN",
    "LOCALE",
    "MEMORY_CACHE_ENABLED",
    "PORT",
    "REDIS_CONN_STRING",
    "SECRET_KEY",
    "SYNC_FREQUENCY",
    "TRUSTED_PROXIES",
    "WORKERS",
  ]);
  const told = JSON.stringify(faults);
  assert.ok(!told.includes("hunter2") && !told.includes("sk-short"), told);
  assert.match(faults["TRUSTED_PROXIES"] ?? "", /nonsense\/3/);
});

test("every secret may come from a file, but not from both places", (t) => {
  const path = join(folder(t), "dsn");
  writeFileSync(path, "postgres://u:p@db/x\n");
  assert.equal(
    readConfig({ SQL_DSN_FILE: path, SECRET_KEY: "k".repeat(16) }).sqlDsn,
    "postgres://u:p@db/x",
  );
  assert.match(faultsOf({ SQL_DSN_FILE: path, SQL_DSN: "x" })["SQL_DSN_FILE"] ?? "", /only one/);
  assert.match(
    faultsOf({ METRICS_TOKEN_FILE: `${path}-gone` })["METRICS_TOKEN_FILE"] ?? "",
    /cannot be read/,
  );
});

test("durations and sizes carry units", () => {
  const config = readConfig({
    DRAIN_TIMEOUT: "25",
    DRAIN_GRACE: "500ms",
    AUTH_MAX_STALE: "15m",
    MAX_BODY_SIZE: "2MB",
  });
  assert.deepEqual(
    [config.drainTimeoutMs, config.drainGraceMs, config.authMaxStaleMs, config.maxBodyBytes],
    [25_000, 500, 900_000, 2_097_152],
  );
});

test("One Hub's variables without effect are listed with a reason; ours and foreign ones are not", () => {
  const listed = ineffectiveVariables({
    FRONTEND_BASE_URL: "https://x",
    BATCH_UPDATE_ENABLED: "true",
    USER_TOKEN_SECRET: "x",
    GIN_MODE: "release",
    POLLING_INTERVAL: "",
    SYNC_FREQUENCY: "60",
    PATH: "/bin",
    NOTIFY_SOCKET: "/run/systemd/notify",
  });
  assert.deepEqual(
    listed.map((entry) => entry.name),
    ["BATCH_UPDATE_ENABLED", "FRONTEND_BASE_URL", "GIN_MODE", "USER_TOKEN_SECRET"],
  );
  for (const entry of listed) assert.ok(entry.reason.length > 10);
});

test("an embedded install makes its secret once, readable by its owner alone", (t) => {
  const dataDir = join(folder(t), "fresh");
  const first = loadSecretKey({ secretKey: undefined, dataDir });
  assert.equal(first.made, true);
  assert.match(first.secretKey, /^[0-9a-f]{64}$/);
  assert.equal(statSync(join(dataDir, "secret-key")).mode & 0o777, 0o600);
  const second = loadSecretKey({ secretKey: undefined, dataDir });
  assert.deepEqual([second.made, second.secretKey], [false, first.secretKey]);
  assert.equal(readFileSync(join(dataDir, "secret-key"), "utf8").trim(), first.secretKey);
  writeFileSync(join(dataDir, "secret-key"), "");
  assert.throws(() => loadSecretKey({ secretKey: undefined, dataDir }), /fewer than 16/);
});
