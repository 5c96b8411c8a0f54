/**
 * `switchyard --demo`: a real call in a minute without any vendor account. Starts the recorded upstream and, over the
 * node's own management API, registers a channel to it, prices and a key; a second start finds them and only mends them.
 * Promise kept here: no built-in password or key. Token and key are random and kept in the demo's own data folder.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../config/config.ts";
import type { Clock } from "../core/clock.ts";
import { makeId } from "../core/ids.ts";
import { isObject, type JsonObject } from "../core/json-value.ts";
import { ApiProblem, makeApiClient } from "./api-client.ts";
import type { ApiClient } from "./api-client.ts";
import { listAll } from "./connection.ts";
import { demoModelNames } from "./demo-answers.ts";
import { openDemoUpstream } from "./demo-upstream.ts";
import { CommandFailure, exitCodes } from "./exit-codes.ts";

/** Kept in `<data folder>/demo.json`, readable by its owner only. */
export interface DemoSecrets {
  /** The root account's management token: hand it to the node as INITIAL_ROOT_ACCESS_TOKEN. */
  readonly managementToken: string;
  /** The demo's API key, once made. */
  readonly key?: string;
}

export interface DemoOptions {
  /** The running node: `http://127.0.0.1:3000`. */
  readonly baseUrl: string;
  readonly secrets: DemoSecrets;
  /** Where {@link loadDemoSecrets} read them. */
  readonly dataDir: string;
  readonly print: (line: string) => void;
  readonly clock: Clock;
}

export interface Demo {
  readonly key: string;
  /** Ends the recorded upstream. */
  close(): Promise<void>;
}

/** A node's settings for a demo, and the demo's secrets. */
export interface PreparedDemo {
  readonly config: Config;
  readonly secrets: DemoSecrets;
}

/**
 * What a node with a demo is started with: a folder of its own (`<DATA_DIR>/demo`), so that it never mixes with an
 * installation, and the demo's own root token. Throws {@link CommandFailure} where SQL_DSN names a real database.
 */
export async function prepareDemo(given: Config): Promise<PreparedDemo> {
  if (given.sqlDsn !== undefined)
    throw new CommandFailure(
      exitCodes.usage,
      "--demo runs on an embedded database of its own: start it without SQL_DSN",
    );
  const dataDir = join(given.dataDir, demoName);
  const secrets = await loadDemoSecrets(dataDir);
  const config: Config = {
    ...given,
    dataDir,
    sqlitePath: join(dataDir, "switchyard.db"),
    snapshotDir: undefined,
    redis: undefined,
    initialRootAccessToken: secrets.managementToken,
    initialRootToken: undefined,
  };
  return { config, secrets };
}

const demoName = "demo";
const answerMs = 15_000;

/** Reads the demo's secrets, or makes them and the folder; call it before the node starts. */
export async function loadDemoSecrets(dataDir: string): Promise<DemoSecrets> {
  const text = await readFile(secretsFile(dataDir), "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    const secrets = { managementToken: `demo-${makeId(24)}` };
    await saveDemoSecrets(dataDir, secrets);
    return secrets;
  }
  const value: unknown = JSON.parse(text);
  if (!isObject(value) || typeof value["managementToken"] !== "string")
    throw new CommandFailure(exitCodes.usage, `${secretsFile(dataDir)} is not a demo's file`);
  const { managementToken, key } = value;
  return typeof key === "string" ? { managementToken, key } : { managementToken };
}

/** Starts the upstream, registers what the demo needs, and prints how to call it. The node must be ready. */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const { baseUrl, secrets, clock } = options;
  const token = secrets.managementToken;
  const client = makeApiClient({ url: baseUrl, token, timeoutMs: answerMs });
  const upstream = await openDemoUpstream({ clock });
  try {
    await registerChannel(client, upstream.baseUrl);
    await registerPrice(client);
    const key = await registerKey(client, options);
    for (const line of renderDemoLines(baseUrl, { key, token })) options.print(line);
    return { key, close: () => upstream.close() };
  } catch (error) {
    await upstream.close();
    if (error instanceof ApiProblem && error.status === 401) throw foreignAccounts(options.dataDir);
    throw error;
  }
}

/** What to paste: shell lines for a call and its cost, and the two lines that the SDKs need. */
export function renderDemoLines(
  baseUrl: string,
  { key, token }: { readonly key: string; readonly token: string },
): readonly string[] {
  const body = '{"model":"demo-chat","stream":true,"messages":[{"role":"user","content":"Hello"}]}';
  return [
    "The demo is ready. A real call through the gateway, to a recorded upstream:",
    "",
    `  curl -N ${baseUrl}/v1/chat/completions -H 'Authorization: Bearer ${key}' -H 'Content-Type: application/json' -d '${body}'`,
    "",
    "What it cost, a second later:",
    "",
    `  curl -s '${baseUrl}/api/calls?limit=1' -H 'Authorization: Bearer ${token}'`,
    "",
    "  Python:      from openai import OpenAI",
    `               client = OpenAI(base_url="${baseUrl}/v1", api_key="${key}")`,
    '  JavaScript:  import OpenAI from "openai";',
    `               const client = new OpenAI({ baseURL: "${baseUrl}/v1", apiKey: "${key}" });`,
    "",
    `  Models: ${demoModelNames.join(", ")}`,
    "",
  ];
}

async function registerChannel(client: ApiClient, upstreamUrl: string): Promise<void> {
  const path = "/api/channels";
  const fields: JsonObject = {
    name: demoName,
    provider: "custom",
    baseUrl: upstreamUrl,
    models: [...demoModelNames],
    credentials: ["demo"],
  };
  const before = await findNamed(client, path, "name", demoName);
  if (before === undefined) await client.call({ method: "POST", path, body: fields });
  // The upstream's port is another one after each start.
  else
    await client.call({ method: "PATCH", path: `${path}/${String(before["id"])}`, body: fields });
}

async function registerPrice(client: ApiClient): Promise<void> {
  const path = "/api/prices";
  const model = "demo-*";
  if ((await findNamed(client, path, "model", model)) !== undefined) return;
  const body = { model, mode: "tokens", input: "0.15", output: "0.60" };
  await client.call({ method: "POST", path, body });
}

async function registerKey(client: ApiClient, options: DemoOptions): Promise<string> {
  const path = "/api/keys";
  const before = await findNamed(client, path, "name", demoName);
  const { secrets, dataDir } = options;
  if (before !== undefined && secrets.key !== undefined) return secrets.key;
  // A key without its text is of no use to anyone: it is shown only once.
  if (before !== undefined)
    await client.call({ method: "DELETE", path: `${path}/${String(before["id"])}` });
  const reply = await client.call({ method: "POST", path, body: { name: demoName } });
  const data = reply.body["data"];
  const key = isObject(data) ? data["key"] : undefined;
  if (typeof key !== "string") throw new Error("the node answered without the new key");
  await saveDemoSecrets(dataDir, { ...secrets, key });
  return key;
}

async function findNamed(
  client: ApiClient,
  path: string,
  field: string,
  name: string,
): Promise<JsonObject | undefined> {
  const rows = await listAll(client, path);
  return rows.find((row) => row[field] === name);
}

function foreignAccounts(dataDir: string): CommandFailure {
  return new CommandFailure(
    exitCodes.usage,
    `${dataDir} holds an installation of its own; run the demo on another folder (--data)`,
  );
}

async function saveDemoSecrets(dataDir: string, secrets: DemoSecrets): Promise<void> {
  await writeFile(secretsFile(dataDir), `${JSON.stringify(secrets)}\n`, { mode: 0o600 });
}

function secretsFile(dataDir: string): string {
  return join(dataDir, "demo.json");
}
