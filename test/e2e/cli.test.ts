/**
 * The command line against real nodes, as an operator uses it: exit codes and words. What speaks only to the management
 * API runs in this process (the same program with the same parts); the rest runs as the process that it is.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type DemoUpstream, openDemoUpstream } from "../../src/cli/demo-upstream.ts";
import { systemClock } from "../../src/core/clock.ts";
import { freshDatabase, skipReason } from "../engines/engines.ts";
import { freePort } from "../engines/free-port.ts";
import { type GatewayNode, rootToken, startNode, waitFor } from "./nodes.ts";
import { type Environment, type Ran, runCommand as run } from "./run-command.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "switchyard-cli-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A caller of the demo's gateway. */
async function call(
  port: number,
  key: string,
  path: string,
  body?: object,
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/${path}`, {
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}

async function runProcess(line: readonly string[], env: Environment, input = ""): Promise<Ran> {
  const child = spawn(process.execPath, [main, ...line], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", DATA_DIR: join(folder, "data"), ...env },
  });
  let out = "";
  let error = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (error += chunk.toString()));
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const code = await new Promise<number | null>((done) => child.once("close", done));
  return { code, out, error };
}

const words = (line: string): string[] => line.split(" ");

describe("one node", () => {
  let node: GatewayNode;
  let upstream: DemoUpstream;
  let env: Environment;
  before(async () => {
    node = await startNode();
    upstream = await openDemoUpstream({ clock: systemClock, pieceMs: 0 });
    env = { SWITCHYARD_URL: node.url, SWITCHYARD_TOKEN: rootToken };
  });
  after(async () => {
    await upstream?.close();
    await node?.[Symbol.asyncDispose]();
  });

  test("from nothing to a call: channel, price, key, all by commands, secrets by standard input and file", async () => {
    const tokenFile = join(folder, "token");
    writeFileSync(tokenFile, `${rootToken}\n`, { mode: 0o600 });
    const add = [
      ...words(
        "channels add --name first --provider custom --model cli-model --map cli-model=demo-chat --credential-stdin --wait",
      ),
      "--base-url",
      upstream.baseUrl,
      "--token-file",
      tokenFile,
    ];
    const channel = await run(add, { SWITCHYARD_URL: node.url }, "sk-upstream\n");
    assert.deepEqual(
      [channel.code, channel.error.trim().endsWith("every live node has it.")],
      [0, true],
      channel.error,
    );
    assert.doesNotMatch(channel.out + channel.error, /sk-upstream/);

    const price = await run(
      words("prices add --model cli-model --mode tokens --input 0.15 --output 0.6 -o json"),
      env,
    );
    assert.equal(JSON.parse(price.out).data.input, "0.15");

    const key = await run(words("keys add --name mine -o json"), env);
    assert.equal(key.code, 0, key.error);
    const { data } = JSON.parse(key.out);
    assert.match(data.key, /^sk-/);
    assert.equal((await node.chat("cli-model", data.key)).status, 200);

    const listed = await run(words("channels list"), env);
    assert.match(listed.out, /^ID {2}NAME[^]*first +custom +cli-model +default/);
    const tested = await run(words("channels test 1"), env);
    assert.equal(tested.code, 0, tested.error + tested.out);
  });

  test("what the node refuses is told field by field, and lost updates are prevented", async () => {
    const bad = words(
      "channels add --name bad --provider nobody --model m --without-credential --weight 0",
    );
    const refused = await run(bad, env);
    assert.equal(refused.code, 1);
    assert.match(refused.error, /validation_failed, 422\)\n {2}weight: .*\n {2}request id: /);

    const group = await run(words("groups add --symbol vip --ratio 0.5 -o json"), env);
    const { id, rev } = JSON.parse(group.out).data;
    const edit = ["groups", "edit", String(id), "--if-match", String(rev), "--name"];
    assert.equal((await run([...edit, "one"], env)).code, 0);
    const stale = await run([...edit, "two"], env);
    assert.deepEqual([stale.code, /precondition_failed, 412/.test(stale.error)], [1, true]);

    assert.equal((await run(["groups", "remove", String(id)], env)).code, 0);
    const gone = await run(["groups", "get", String(id)], env);
    assert.match(gone.error, /not_found, 404/);
  });

  test("accounts, models and every noun's list work; a wrong token and a lost node are told apart", async () => {
    assert.equal((await run(words("users add --username ann --role member"), env)).code, 0);
    assert.equal((await run(words("keys add --name hers --owner ann"), env)).code, 0);
    assert.equal(
      (await run(words("models add --model cli-model --owner acme --context 128000"), env)).code,
      0,
    );
    const nouns = ["channels", "keys", "groups", "prices", "users", "models"];
    const lists = await Promise.all(nouns.map((noun) => run([noun, "list", "-o", "json"], env)));
    for (const listed of lists) assert.ok(JSON.parse(listed.out).data.length > 0, listed.error);
    const wrong = await run(["nodes"], { ...env, SWITCHYARD_TOKEN: "not-the-token" });
    assert.deepEqual([wrong.code, /management token/.test(wrong.error)], [1, true]);
    const lost = { ...env, SWITCHYARD_URL: `http://127.0.0.1:${await freePort()}` };
    assert.equal((await runProcess(["nodes"], lost)).code, 3);
  });

  test("sync verify and nodes see the one node; setup-link is refused once an account exists", async () => {
    const verified = await run(["sync", "verify"], env);
    assert.deepEqual([verified.code, /All 1 live nodes/.test(verified.out)], [0, true]);
    assert.match(
      (await runProcess(["nodes", "--token-file", "-"], { SWITCHYARD_URL: node.url }, rootToken))
        .out,
      /live/,
    );
    assert.match((await run(["sync", "status"], env)).out, /state +live/);
    const link = await runProcess(["setup-link"], { DATA_DIR: node.dataDir });
    assert.deepEqual([link.code, /account exists/.test(link.error)], [1, true]);
    const elsewhere = join(folder, "never-started");
    const early = await runProcess(["setup-link"], { DATA_DIR: elsewhere });
    assert.deepEqual([early.code, /still empty/.test(early.error)], [1, true]);
    assert.equal(existsSync(elsewhere), false);
  });

  test("doctor beside a running node finds nothing wrong; a faulty environment ends it with 1", async () => {
    const healthy = await runProcess(["doctor"], {
      DATA_DIR: node.dataDir,
      PORT: String(node.port),
    });
    assert.equal(healthy.code, 0, healthy.out + healthy.error);
    assert.match(healthy.out, /ok +port +127\.0\.0\.1:\d+ is served by Switchyard \d/);
    assert.match(healthy.out, /ok +secret/);
    const faulty = await runProcess(["doctor"], { SYNC_FREQUENCY: "0", NODE_TYPE: "slave" });
    assert.equal(faulty.code, 1);
    assert.match(faulty.out, /WRONG +config +SYNC_FREQUENCY[^]*WRONG +config +SQL_DSN/);
    const refused = `postgres://u:hidden@127.0.0.1:${await freePort()}/d`;
    const unreachable = await runProcess(["doctor"], {
      SQL_DSN: refused,
      SECRET_KEY: "x".repeat(32),
    });
    assert.equal(unreachable.code, 1);
    assert.match(unreachable.out, /WRONG +database +.*refused the connection/);
    assert.doesNotMatch(unreachable.out + unreachable.error, /hidden/);
  });
});

describe("a master and a slave", { skip: skipReason("postgres") }, () => {
  test("a change written with --wait on one is served by the other, and verify proves it", async () => {
    await using database = await freshDatabase("postgres");
    await using master = await startNode({ dsn: database.dsn, type: "master" });
    await using slave = await startNode({ dsn: database.dsn, type: "slave" });
    const onSlave = { SWITCHYARD_URL: slave.url, SWITCHYARD_TOKEN: rootToken };
    const line =
      "channels add --name c --provider custom --model m --without-credential --wait -o json";
    const added = await run([...words(line), "--base-url", "http://127.0.0.1:9/v1"], onSlave);
    assert.equal(added.code, 0, added.error);
    const { revision, converged } = JSON.parse(added.out);
    assert.equal(converged, true);
    const { data } = (await master.api("GET", "/api/sync")).json<{
      data: { appliedRevision: number };
    }>();
    assert.ok(data.appliedRevision >= revision);
    const verified = await run(["sync", "verify"], onSlave);
    assert.deepEqual(
      [verified.code, /All 2 live nodes/.test(verified.out)],
      [0, true],
      verified.error,
    );
  });
});

describe("the demo", () => {
  interface Demo {
    readonly port: number;
    readonly printed: () => string;
    readonly stop: () => Promise<number | null>;
  }
  const data = join(folder, "with-demo");

  async function startDemo(): Promise<Demo> {
    const port = await freePort();
    const line = [main, "--demo", "--port", String(port), "--data", data];
    const env = { PATH: process.env["PATH"] ?? "", DRAIN_GRACE: "0" };
    const child = spawn(process.execPath, line, { cwd: folder, env });
    let printed = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (printed += chunk.toString()));
    const exited = new Promise<number | null>((done) => child.once("exit", done));
    // A test that fails before its clean-up must leave no demo behind.
    const killAtExit = (): void => void child.kill("SIGKILL");
    process.once("exit", killAtExit);
    child.once("exit", () => process.removeListener("exit", killAtExit));
    const stop = (): Promise<number | null> => {
      child.kill("SIGTERM");
      return exited;
    };
    await waitFor("the demo's curl line", 60_000, () => {
      if (child.exitCode !== null) throw new Error(printed);
      return /curl -N/.test(printed);
    });
    return { port, printed: () => printed, stop };
  }
  const keyIn = (printed: string): string => /Bearer (sk-[^']+)'/.exec(printed)?.[1] ?? "";

  test("the printed line works in a shell, the SDK streams, and a second start keeps the key", async () => {
    const first = await startDemo();
    const line = /^ {2}(curl .*)$/m.exec(first.printed())?.[1] ?? "";
    const shell = spawn("sh", ["-c", `${line} --silent --max-time 10`]);
    let streamed = "";
    shell.stdout.on("data", (chunk: Buffer) => (streamed += chunk.toString()));
    await new Promise((done) => shell.once("close", done));
    assert.match(streamed, /"content":" Switchyard"[^]*data: \[DONE\]/);

    const asking = /^ {2}(curl -s .*)$/m.exec(first.printed())?.[1] ?? "";
    const cost = await waitFor("the call's cost", 60_000, () => {
      const { stdout } = spawnSync("sh", ["-c", asking], { encoding: "utf8" });
      return (JSON.parse(stdout) as { data: { cost: string }[] }).data[0]?.cost;
    });
    assert.match(cost, /^0\.0000\d*[1-9]$/);

    const key = keyIn(first.printed());
    const listed = await call(first.port, key, "models");
    const names = (listed.body as { data: { id: string }[] }).data.map(({ id }) => id);
    assert.ok(names.includes("demo-chat"));
    const messages = [{ role: "user", content: "Hello" }];
    const refused = { model: "demo-refused", messages };
    assert.equal((await call(first.port, key, "chat/completions", refused)).status, 400);
    assert.equal(await first.stop(), 0);

    const [secrets] = globSync("**/demo.json", { cwd: data });
    assert.equal(statSync(join(data, secrets ?? "")).mode & 0o777, 0o600);
    assert.equal(JSON.parse(readFileSync(join(data, secrets ?? ""), "utf8")).key, key);

    const second = await startDemo();
    assert.equal(keyIn(second.printed()), key);
    const asked = { model: "demo-chat", messages };
    const { body } = await call(second.port, key, "chat/completions", asked);
    assert.equal((body as { usage: { total_tokens: number } }).usage.total_tokens, 52);
    assert.equal(await second.stop(), 0);
  });
});
