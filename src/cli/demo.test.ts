import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readConfig } from "../config/read-config.ts";
import { loadDemoSecrets, prepareDemo, renderDemoLines } from "./demo.ts";
import { CommandFailure } from "./exit-codes.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "demo-"));
});
after(() => rm(folder, { recursive: true }));

test("secrets are random, long enough, kept, and readable by their owner only", async () => {
  const made = await loadDemoSecrets(join(folder, "a"));
  assert.deepEqual(await loadDemoSecrets(join(folder, "a")), made);
  assert.notEqual((await loadDemoSecrets(join(folder, "b"))).managementToken, made.managementToken);
  assert.equal(made.key, undefined);
  const environment = { INITIAL_ROOT_ACCESS_TOKEN: made.managementToken };
  assert.equal(readConfig(environment).initialRootAccessToken, made.managementToken);
  assert.equal((await stat(join(folder, "a", "demo.json"))).mode & 0o777, 0o600);
});

test("a demo lives in a folder of its own and takes nothing of the installation", async () => {
  const given = readConfig({
    DATA_DIR: folder,
    SQLITE_PATH: join(folder, "real.db"),
    REDIS_CONN_STRING: "redis://redis:6379",
    SNAPSHOT_DIR: folder,
    INITIAL_ROOT_ACCESS_TOKEN: "x".repeat(32),
    INITIAL_ROOT_TOKEN: "y".repeat(32),
    PORT: "4000",
  });
  const { config, secrets } = await prepareDemo(given);
  assert.equal(config.dataDir, join(folder, "demo"));
  assert.equal(config.sqlitePath, join(folder, "demo", "switchyard.db"));
  assert.equal(config.initialRootAccessToken, secrets.managementToken);
  const { redis, snapshotDir, initialRootToken, port } = config;
  assert.deepEqual(
    [redis, snapshotDir, initialRootToken, port],
    [undefined, undefined, undefined, 4000],
  );
});

test("a demo never touches a database that SQL_DSN names", async () => {
  const given = readConfig({ SQL_DSN: "postgres://u:p@h/d", SECRET_KEY: "x".repeat(32) });
  await assert.rejects(prepareDemo(given), (error) => {
    assert.ok(error instanceof CommandFailure);
    assert.equal(error.exitCode, 2);
    return /SQL_DSN/.test(error.message);
  });
});

test("a file that is not a demo's is refused and left alone", async () => {
  const path = join(folder, "demo.json");
  await writeFile(path, '{"other":1}');
  await assert.rejects(loadDemoSecrets(folder), CommandFailure);
  assert.equal(await readFile(path, "utf8"), '{"other":1}');
});

test("the printed curl line is one line that a shell takes as it is", () => {
  const lines = renderDemoLines("http://127.0.0.1:3000", { key: "sk-a", token: "demo-t" });
  const curl = lines.find((line) => line.includes("curl"));
  const body = /-d '([^']*)'/.exec(curl ?? "")?.[1] ?? "";
  assert.equal(JSON.parse(body).model, "demo-chat");
  assert.match(
    curl ?? "",
    /http:\/\/127\.0\.0\.1:3000\/v1\/chat\/completions -H 'Authorization: Bearer sk-a'/,
  );
});
