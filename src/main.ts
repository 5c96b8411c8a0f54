/** The program: makes everything and joins it. `switchyard` without arguments runs a node. */
import { text } from "node:stream/consumers";
import pino from "pino";
import manifest from "../package.json" with { type: "json" };
import { prepareDemo, startDemo } from "./cli/demo.ts";
import { makeProgram } from "./cli/program.ts";
import type { ServeOptions } from "./cli/program.ts";
import type { Config } from "./config/config.ts";
import { ineffectiveVariables } from "./config/ineffective.ts";
import { ConfigFaults, processEnvironment, readConfig } from "./config/read-config.ts";
import { systemClock } from "./core/clock.ts";
import { messageOf } from "./core/errors.ts";
import type { Logger } from "./core/logger.ts";
import { DsnError } from "./store/database-target.ts";

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const printError = (line: string): void => void process.stderr.write(`${line}\n`);

function makeLogger(config: Config): Logger {
  return pino({
    level: config.logLevel,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: ["authorization", "*.authorization", "*.secret", "*.password", "*.credentials"],
  });
}

/** The environment with the flags of `serve` over it. */
function environmentFor(options: ServeOptions): Readonly<Record<string, string | undefined>> {
  return {
    ...processEnvironment(),
    ...(options.port !== undefined && { PORT: String(options.port) }),
    ...(options.host !== undefined && { HOST: options.host }),
    ...(options.dataDir !== undefined && { DATA_DIR: options.dataDir }),
  };
}

/** Aborts at the first SIGTERM or SIGINT; repeats (a signal to the group comes twice) are ignored. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => stop.abort(name));
  return stop.signal;
}

async function serve(options: ServeOptions): Promise<number> {
  const stop = stopSignal();
  const environment = environmentFor(options);
  try {
    const given = readConfig(environment);
    const demo = options.demo ? await prepareDemo(given) : undefined;
    const config = demo?.config ?? given;
    const logger = makeLogger(config);
    for (const { name, reason } of ineffectiveVariables(environment))
      logger.warn({ name, reason }, "this variable has no effect here");
    // A node needs every room; other commands should not wait for all of them to load.
    const { runNode } = await import("./run-node.ts");
    return await runNode({
      config,
      logger,
      print,
      stop,
      version: manifest.version,
      ...(demo !== undefined && {
        onReady: (baseUrl: string) =>
          startDemo({
            baseUrl,
            secrets: demo.secrets,
            dataDir: config.dataDir,
            print,
            clock: systemClock,
          }),
      }),
    });
  } catch (error) {
    if (error instanceof ConfigFaults) {
      for (const fault of error.faults) printError(`${fault.name}: ${fault.message}`);
      return 2;
    }
    if (!(error instanceof DsnError)) throw error;
    printError(error.message);
    return 2;
  }
}

async function main(args: readonly string[]): Promise<number> {
  const environment = processEnvironment();
  const program = makeProgram({
    version: manifest.version,
    environment: (name) => environment[name],
    print,
    printError,
    readStdin: () => text(process.stdin),
    serve,
    renewSetupLink: async () => (await import("./probe-machine.ts")).renewSetupLink(),
    doctorProbes: async () => (await import("./probe-machine.ts")).makeDoctorProbes(),
  });
  return await program.run(args);
}

// What nobody caught is a fault of ours: say it, and let the service manager start a clean process.
process.on("uncaughtException", (error) => {
  printError(`fatal: ${messageOf(error)}\n${error.stack ?? ""}`);
  process.exit(1);
});
// The rooms' own timers keep no process alive; the program ends when `main` says so and not before.
setInterval(() => undefined, 2 ** 30);
process.exit(await main(process.argv.slice(2)));
