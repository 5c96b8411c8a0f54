/** Real gateway processes for end-to-end tests: started as a user would, asked over HTTP, ended by their own id. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../engines/free-port.ts";

const repository = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** Management token of the root account that every test cluster begins with. */
export const rootToken = "test-root-access-token-0123456789abcdef";
/** First API key of that account. */
export const rootKey = "sk-test-root-api-key-0123456789abcdef0123456789";

export interface NodeOptions {
  /** undefined: embedded SQLite in the node's own data folder. */
  readonly dsn?: string | undefined;
  readonly type?: "master" | "slave" | undefined;
  readonly env?: Readonly<Record<string, string>>;
  /** Kept across restarts when given; otherwise made and removed with the node. */
  readonly dataDir?: string;
  readonly port?: number;
  /** Whether to wait for /readyz 200 (default true). */
  readonly waitReady?: boolean;
}

/** A reply read whole. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; throws when it is none. */
  json<T = Record<string, never>>(): T;
}

export interface GatewayNode extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly dataDir: string;
  /** Everything the process printed so far. */
  output(): string;
  /** Messages of its structured log. */
  messages(): string[];
  /** The management API with the root token. */
  api(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Reply>;
  /** A caller's request. */
  call(path: string, body?: unknown, options?: CallOptions): Promise<Reply>;
  /** A chat call for a model with the root key. */
  chat(model: string, key?: string): Promise<Reply>;
  signal(name: NodeJS.Signals): void;
  /** Resolves with the exit code (null when killed by a signal). */
  readonly exited: Promise<number | null>;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
  /** SIGTERM, and waits for the end. */
  stop(): Promise<number | null>;
}

export interface CallOptions {
  readonly key?: string;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

/** Waits until `check` answers something other than undefined, false or a throw; rejects after `withinMs` with the last fault. */
export async function waitFor<T>(
  what: string,
  withinMs: number,
  check: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const end = performance.now() + withinMs;
  let last: unknown = "never true";
  for (;;) {
    try {
      const value = await check();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end)
      throw new Error(`${what}: not within ${withinMs} ms`, { cause: last });
    await new Promise((wake) => setTimeout(wake, 10));
  }
}

interface RequestParts {
  readonly body: unknown;
  readonly headers: Record<string, string>;
  readonly signal?: AbortSignal | undefined;
}

async function read(response: Response): Promise<Reply> {
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: <T>() => JSON.parse(text) as T,
  };
}

function environment(options: NodeOptions, dataDir: string, port: number): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "",
    HOME: dataDir,
    PORT: String(port),
    DATA_DIR: dataDir,
    INITIAL_ROOT_ACCESS_TOKEN: rootToken,
    INITIAL_ROOT_TOKEN: rootKey,
    LOG_LEVEL: "info",
    // A node starts in a third of the time when it need not compile its packages anew.
    NODE_COMPILE_CACHE: join(tmpdir(), "switchyard-compile-cache"),
    ...(options.type !== undefined && { NODE_TYPE: options.type }),
    ...(options.dsn !== undefined && {
      SQL_DSN: options.dsn,
      SECRET_KEY: "test-secret-key-0123456789abcdef0123456789",
    }),
    ...options.env,
  };
}

function stopped(child: ChildProcess): Promise<number | null> {
  return new Promise((done) => child.once("exit", (code) => done(code)));
}

/** Starts one gateway process. The process ends with the test when used with `await using`. */
export async function startNode(options: NodeOptions = {}): Promise<GatewayNode> {
  const own = options.dataDir === undefined;
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "switchyard-node-"));
  const port = options.port ?? (await freePort());
  const child = spawn(process.execPath, [join(repository, "src/main.ts"), "serve"], {
    cwd: dataDir,
    env: environment(options, dataDir, port),
    stdio: ["ignore", "pipe", "pipe"],
  });
  // A test that fails before its clean-up must leave no gateway behind.
  const killAtExit = (): void => void child.kill("SIGKILL");
  process.once("exit", killAtExit);
  child.once("exit", () => process.removeListener("exit", killAtExit));
  let printed = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  const exited = stopped(child);
  const url = `http://127.0.0.1:${port}`;

  const request = async (method: string, path: string, parts: RequestParts): Promise<Reply> => {
    const { body } = parts;
    const raw = typeof body === "string" || body instanceof Uint8Array;
    return await read(
      await fetch(url + path, {
        method,
        headers: {
          ...(body !== undefined && { "content-type": "application/json" }),
          ...parts.headers,
        },
        ...(body !== undefined && { body: raw ? (body as string) : JSON.stringify(body) }),
        signal: parts.signal ?? AbortSignal.timeout(60_000),
      }),
    );
  };
  const end = async (name: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(name);
    return await exited;
  };
  const node: GatewayNode = {
    url,
    port,
    pid: child.pid ?? -1,
    dataDir,
    output: () => printed,
    messages: () => printed.split("\n").flatMap(messageOf),
    api: (method, path, body, headers) =>
      request(method, path, {
        body,
        headers: { authorization: `Bearer ${rootToken}`, ...headers },
      }),
    call: (path, body, call = {}) =>
      request(body === undefined ? "GET" : "POST", path, {
        body,
        headers: { authorization: `Bearer ${call.key ?? rootKey}`, ...call.headers },
        signal: call.signal,
      }),
    chat: (model, key) =>
      node.call(
        "/v1/chat/completions",
        { model, messages: [{ role: "user", content: "hi" }] },
        key === undefined ? {} : { key },
      ),
    signal: (name) => void child.kill(name),
    exited,
    kill: async () => void (await end("SIGKILL")),
    stop: () => end("SIGTERM"),
    [Symbol.asyncDispose]: async () => {
      await end("SIGKILL");
      if (own) rmSync(dataDir, { recursive: true, force: true });
    },
  };
  if (options.waitReady !== false) await ready(node, child);
  return node;
}

async function ready(node: GatewayNode, child: ChildProcess): Promise<void> {
  try {
    await waitFor("node is ready", 60_000, async () => {
      if (child.exitCode !== null) throw new Error("the process ended");
      return (
        (await fetch(`${node.url}/readyz`, { signal: AbortSignal.timeout(2000) })).status === 200
      );
    });
  } catch (error) {
    await node.kill();
    throw new Error(`the gateway did not become ready:\n${node.output().slice(-4000)}`, {
      cause: error,
    });
  }
}

function messageOf(line: string): string[] {
  if (!line.startsWith("{")) return [];
  try {
    const entry = JSON.parse(line) as { msg?: string };
    return entry.msg === undefined ? [] : [entry.msg];
  } catch {
    return [];
  }
}
