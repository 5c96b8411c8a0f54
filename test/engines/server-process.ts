// One database server as a child process: started, watched until it answers, stopped in either way, and never left behind.
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./free-port.ts";
import { serverAccount } from "./instance-folder.ts";

/** `clean`: the server says goodbye and writes everything. `crash`: it is gone at once, as after a power cut of its process. */
export type StopMode = "clean" | "crash";

/** A database server of a test's own. */
export interface ServerInstance extends AsyncDisposable {
  /** Connection URL with the superuser's name and password. It stays the same over restarts. */
  readonly url: string;
  readonly port: number;
  /** With TLS: PEM of the authority that signed its certificate, and the same as a file. */
  readonly ca?: string;
  readonly caFile?: string;
  /** Ends when the process is gone; its data stays. */
  stop(mode: StopMode): Promise<void>;
  /** Stops cleanly if it runs, then starts on the same port and data; ends when it answers. */
  restart(): Promise<void>;
  /** Stops and deletes everything. May be called twice. */
  close(): Promise<void>;
  /** What the server wrote to its log so far. */
  log(): string;
}

/** What differs from server to server. */
export interface ServerRecipe {
  name: string;
  folder: string;
  program: string;
  programArguments(port: number): readonly string[];
  url(port: number): string;
  /** Throws while the server does not answer yet. */
  ping(url: string): Promise<void>;
  signals: Record<StopMode, NodeJS.Signals>;
  tls?: { ca: string; caFile: string };
}

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 60_000;

/** Starts a server on a free loopback port and waits until it answers. */
export async function startServer(recipe: ServerRecipe): Promise<ServerInstance> {
  // Somebody else may take the port between our look and the server's bind: then the next one.
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const process = new ServerProcess(recipe, port);
    try {
      await process.start();
      return instanceOf(recipe, port, process);
    } catch (error) {
      await process.stop("crash");
      if (attempt === 4) {
        rmSync(recipe.folder, { recursive: true, force: true });
        throw error;
      }
    }
  }
}

function instanceOf(recipe: ServerRecipe, port: number, process: ServerProcess): ServerInstance {
  const close = async (): Promise<void> => {
    await process.stop("crash");
    rmSync(recipe.folder, { recursive: true, force: true, maxRetries: 5 });
  };
  return {
    url: recipe.url(port),
    port,
    ...recipe.tls,
    stop: (mode) => process.stop(mode),
    async restart() {
      await process.stop("clean");
      await process.start();
    },
    close,
    log: () => process.log(),
    [Symbol.asyncDispose]: close,
  };
}

class ServerProcess {
  readonly #recipe: ServerRecipe;
  readonly #port: number;
  #running: { child: ChildProcess; exited: Promise<void> } | undefined;

  constructor(recipe: ServerRecipe, port: number) {
    this.#recipe = recipe;
    this.#port = port;
  }

  async start(): Promise<void> {
    const { name, folder, program, programArguments, ping, url } = this.#recipe;
    const log = openSync(join(folder, "server.log"), "a");
    const child = spawn(program, [...programArguments(this.#port)], {
      ...serverAccount(),
      cwd: folder,
      env: { PATH: process.env["PATH"], TMPDIR: folder, HOME: folder, LC_ALL: "C", TZ: "UTC" },
      stdio: ["ignore", log, log],
      // Its own group: ^C on the test run reaches the tests, which then stop it in order.
      detached: true,
    });
    closeSync(log);
    const exited = endOf(child);
    this.#running = { child, exited };
    child.unref();
    const watchdog =
      child.pid === undefined ? undefined : watch(child.pid, folder, this.#recipe.signals.crash);
    void exited.then(() => watchdog?.kill("SIGKILL"));

    let last: unknown;
    for (const end = Date.now() + START_TIMEOUT_MS; Date.now() < end; await sleep(25)) {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) break;
      try {
        await ping(url(this.#port));
        return;
      } catch (error) {
        last = error;
      }
    }
    throw new Error(`${name} did not start: ${this.log().slice(-2000)}`, { cause: last });
  }

  async stop(mode: StopMode): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    running.child.ref();
    running.child.kill(this.#recipe.signals[mode]);
    const timer = setTimeout(() => running.child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await running.exited;
    clearTimeout(timer);
  }

  log(): string {
    try {
      return readFileSync(join(this.#recipe.folder, "server.log"), "utf8");
    } catch {
      return "";
    }
  }
}

function endOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
}

// However this process ends, SIGKILL included, its end of the pipe closes; then `cat` returns and the server is put down.
const WATCHDOG =
  'cat >/dev/null; kill -s "$3" "$1"; sleep 1; kill -s KILL "$1" 2>/dev/null; rm -rf -- "$2"';

function watch(pid: number, folder: string, signal: NodeJS.Signals): ChildProcess {
  const watchdog = spawn(
    "/bin/sh",
    ["-c", WATCHDOG, "watchdog", String(pid), folder, signal.slice(3)],
    {
      stdio: ["pipe", "ignore", "ignore"],
      detached: true,
    },
  );
  watchdog.unref();
  // At run time the pipe is a socket; a forgotten close() must not keep a finished test file alive.
  (watchdog.stdin as Socket | null)?.unref();
  return watchdog;
}
