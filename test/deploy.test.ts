/** The deployment files say what the program does: variables, health paths, stop times, secrets. No engine needed. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parse } from "yaml";
import { clientVariables } from "../src/cli/connection.ts";
import { fieldlessVariables, variables } from "../src/config/env.ts";
import type { Variable } from "../src/config/variable.ts";
import { ineffectiveVariables } from "../src/config/ineffective.ts";
import { readConfig } from "../src/config/read-config.ts";
import { lastWordsMs } from "../src/http/drain.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");

// oxlint-disable-next-line typescript/no-explicit-any -- two foreign formats, and each wrong guess of their shape fails here at once
type Tree = { readonly [name: string]: any };

const functions = ["Ref", "GetAtt", "Sub"].map((name) => ({
  tag: `!${name}`,
  resolve: (text: string) => ({ [name]: text }),
}));
const template: Tree = parse(read("deploy/cloudformation/switchyard.yaml"), {
  customTags: functions,
});
const compose: Tree = parse(read("deploy/compose.yaml"), { merge: true });
const dockerfile = read("deploy/Dockerfile").replace(/\\\n/g, "");
const instructions = dockerfile.split("\n").filter((line) => /^\s*[A-Z]+ /.test(line));
const lastStage = dockerfile.slice(dockerfile.lastIndexOf("\nFROM "));

let folder = "";
let secrets: Readonly<Record<string, string>> = {};
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "deploy-"));
  await run("sh", [join(root, "deploy/make-env.sh"), join(folder, ".env")]);
  const lines = readFileSync(join(folder, ".env"), "utf8").matchAll(/^(\w+)=(.+)$/gm);
  secrets = Object.fromEntries([...lines].map(([, name = "", value = ""]) => [name, value]));
});
after(() => rmSync(folder, { recursive: true }));

const nodeServices = (): [string, Tree][] =>
  Object.entries<Tree>(compose["services"]).filter(
    ([, service]) => service["image"] === "switchyard",
  );

/** As Compose fills it in. */
const substitute = (text: string): string =>
  text.replace(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, kind: string, rest: string) => {
    const value = secrets[name] ?? (kind === "-" ? rest : undefined);
    assert.ok(value !== undefined, `${name} is made by nobody`);
    return value;
  });

interface NodeSetup {
  readonly name: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly stopMs: number;
  readonly health: readonly string[];
}

function setups(): NodeSetup[] {
  const image = [...lastStage.matchAll(/(\w+)=(\S+)/g)]
    .filter(([, name = ""]) => /^[A-Z_]+$/.test(name))
    .map(([, name = "", value = ""]): [string, string] => [name, value]);
  const fromCompose = nodeServices().map(([name, service]): NodeSetup => {
    const own = Object.entries<string>(service["environment"]);
    const filled = own.map(([key, value]): [string, string] => [key, substitute(value)]);
    return {
      name: `compose ${name}`,
      environment: Object.fromEntries([...image, ...filled]),
      stopMs: Number.parseInt(service["stop_grace_period"], 10) * 1000,
      health: service["healthcheck"]["test"],
    };
  });
  const samples: Readonly<Record<string, string>> = {
    SQL_DSN: "postgres://u:p@db:5432/switchyard?sslmode=require",
    SECRET_KEY: "x".repeat(64),
    INITIAL_ROOT_ACCESS_TOKEN: "x".repeat(48),
    SyncFrequency: String(template["Parameters"]["SyncFrequency"]["Default"]),
  };
  const fromTemplate = ["MasterTaskDefinition", "SlaveTaskDefinition"].map((name): NodeSetup => {
    const container = template["Resources"][name]["Properties"]["ContainerDefinitions"][0];
    const plain = container["Environment"].map((entry: Tree) => [
      entry["Name"],
      typeof entry["Value"] === "string" ? entry["Value"] : samples[entry["Value"]["Ref"]],
    ]);
    const secret = container["Secrets"].map((entry: Tree) => [
      entry["Name"],
      samples[entry["Name"]],
    ]);
    return {
      name: `template ${name}`,
      environment: Object.fromEntries([...image, ...plain, ...secret]),
      stopMs: container["StopTimeout"] * 1000,
      health: container["HealthCheck"]["Command"],
    };
  });
  return [...fromCompose, ...fromTemplate];
}

test("every variable that a deployment sets is in the table and has an effect", () => {
  const table = [...Object.values<Variable<unknown>>(variables), ...fieldlessVariables];
  const known = new Set<string>(["NODE_ENV", ...clientVariables]);
  for (const { name, otherNames = [], secret } of table) {
    for (const each of [name, ...otherNames]) known.add(each);
    if (secret) known.add(`${name}_FILE`);
  }
  assert.equal(setups().length, 5);
  for (const { name, environment } of setups()) {
    for (const variable of Object.keys(environment))
      assert.ok(known.has(variable), `${name} sets ${variable}, which the table does not have`);
    assert.deepEqual(ineffectiveVariables(environment), []);
  }
});

test("every node starts with what it is given, and there is one master", () => {
  for (const { name, environment } of setups()) {
    const config = readConfig(environment);
    assert.equal(config.host, "0.0.0.0", name);
    assert.equal(config.dataDir, "/data", name);
    assert.ok(config.sqlDsn?.startsWith("postgres://"), name);
    assert.equal(config.syncFrequencyMs, 60_000, name);
    assert.equal(config.memoryCacheEnabled, true, name);
  }
  const types = setups().map(({ environment }) => environment["NODE_TYPE"]);
  assert.deepEqual(types, ["master", "slave", "slave", "master", "slave"]);
});

test("no node is killed before its drain can have ended", () => {
  for (const { name, environment, stopMs } of setups()) {
    const { drainGraceMs, drainTimeoutMs } = readConfig(environment);
    assert.ok(stopMs >= drainGraceMs + drainTimeoutMs + lastWordsMs, name);
  }
  const [delay] = template["Resources"]["TargetGroup"]["Properties"]["TargetGroupAttributes"];
  assert.equal(delay["Key"], "deregistration_delay.timeout_seconds");
  assert.ok(Number(delay["Value"]) >= 25);
});

const healthCommands = (): (readonly string[])[] => {
  const image = /HEALTHCHECK.*?CMD (\[.*\])/.exec(lastStage)?.[1];
  assert.ok(image !== undefined);
  return [JSON.parse(image), ...setups().map(({ health }) => health.slice(1))];
};

test("health checks run, pass on a ready node, fail on an unready one and on none", async () => {
  const answers = { status: 200, body: '{"success":true}' };
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(answers.status).end(answers.body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const port = String((server.address() as AddressInfo).port);
  const check = async ([program, ...line]: readonly string[]): Promise<number> => {
    assert.equal(program, "node");
    const here = line.map((part) => part.replace("127.0.0.1:3000", `127.0.0.1:${port}`));
    const env = { ...process.env, PORT: port };
    const ended = await run(process.execPath, here, { env }).catch(
      (error: { code: number }) => error,
    );
    return "code" in ended ? ended.code : 0;
  };
  const all = [
    ...new Map(healthCommands().map((command) => [command.join(" "), command])).values(),
  ];
  for (const command of all) assert.equal(await check(command), 0);
  answers.status = 503;
  answers.body = '{"success":false}';
  for (const command of all) assert.equal(await check(command), 1);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  for (const command of all) assert.equal(await check(command), 1);
  assert.deepEqual([...new Set(asked)].sort(), ["/api/status", "/livez"]);
});

test("every health path is served", () => {
  const routes = read("src/http/health.ts");
  const caddy = /health_uri (\S+)/.exec(read("deploy/Caddyfile"))?.[1];
  const balancer = template["Resources"]["TargetGroup"]["Properties"]["HealthCheckPath"];
  assert.deepEqual([caddy, balancer], ["/readyz", "/readyz"]);
  for (const path of [caddy, "/livez", "/api/status"])
    assert.ok(routes.includes(`answer("${path}"`));
});

test("the balancer of the cluster knows every node, and nothing else is published", () => {
  const upstreams = /reverse_proxy (.*) \{/.exec(read("deploy/Caddyfile"))?.[1]?.split(" ");
  assert.deepEqual(
    upstreams,
    nodeServices().map(([name]) => `${name}:3000`),
  );
  const published = Object.entries<Tree>(compose["services"]).filter(
    ([, service]) => service["ports"],
  );
  assert.deepEqual(
    published.map(([name, service]) => [name, service["ports"].map(substitute)]),
    [["balancer", ["127.0.0.1:3000:8080"]]],
  );
  const { MasterService, SlaveService } = template["Resources"];
  assert.deepEqual(
    SlaveService["Properties"]["LoadBalancers"],
    MasterService["Properties"]["LoadBalancers"],
  );
});

test("secrets are random, kept from others, and never made anew over old ones", async () => {
  assert.equal(statSync(join(folder, ".env")).mode & 0o777, 0o600);
  assert.equal(new Set(Object.values(secrets)).size, 3);
  for (const value of Object.values(secrets)) assert.match(value, /^[0-9a-f]{64}$/);
  const again = run("sh", [join(root, "deploy/make-env.sh"), join(folder, ".env")]);
  await assert.rejects(again, /exists already/);
  const literals = read("deploy/compose.yaml").match(
    /(PASSWORD|SECRET|TOKEN)\w*: (?!\$\{\w+:\?).*/g,
  );
  assert.equal(literals, null);
});

test("the image: node is process 1 and not root, and only run-time dependencies without their scripts", () => {
  assert.match(lastStage, /\nUSER node\n/);
  assert.match(
    lastStage,
    /\nENTRYPOINT \["node", "\/app\/bin\/switchyard\.js"\]\nCMD \["serve"\]\n?$/,
  );
  assert.match(lastStage, /\nVOLUME \/data\n/);
  assert.match(dockerfile, /npm ci --omit=dev --ignore-scripts/);
  assert.ok(
    instructions
      .filter((line) => line.includes("npm ci"))
      .every((line) => line.includes("--ignore-scripts")),
  );
  const copied = instructions
    .filter((line) => line.startsWith("COPY ") && !line.includes("--from"))
    .flatMap((line) => line.split(" ").slice(1, -1));
  const allowed = read(".dockerignore")
    .match(/^!.*$/gm)
    ?.map((line) => line.slice(1));
  for (const source of copied) {
    assert.ok(existsSync(join(root, source)), `${source} is copied but not there`);
    assert.ok(allowed?.includes(source.replace("./", "")), `${source} is kept from the builder`);
  }
});

test("the log group is the one that the verification steps read", () => {
  assert.equal(template["Resources"]["LogGroup"]["Properties"]["LogGroupName"], "/ecs/switchyard");
  for (const page of ["docs/deploy/ecs.md", "docs/zh-CN/deploy/ecs.md"])
    assert.match(read(page), /aws logs tail \/ecs\/switchyard .*"syncing channels from database"/);
});
