/** Reads the environment once. Every fault is told at once, by name, and no secret is printed. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "./config.ts";
import { fieldlessVariables, variables } from "./env.ts";
import type { Variable } from "./variable.ts";
import { messageOf } from "../core/errors.ts";

/** The process's variables, or a test's. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface ConfigFault {
  /** The variable to mend. */
  readonly name: string;
  readonly message: string;
}

/** All that is wrong with the environment; the caller prints it and ends with exit code 2. */
export class ConfigFaults extends Error {
  readonly faults: readonly ConfigFault[];
  constructor(faults: readonly ConfigFault[]) {
    super(faults.map((fault) => `${fault.name}: ${fault.message}`).join("\n"));
    this.name = "ConfigFaults";
    this.faults = faults;
  }
}

/** The environment of this process. */
export function processEnvironment(): Environment {
  return process.env;
}

/** Reads and freezes the settings. Throws {@link ConfigFaults} with every fault found. */
export function readConfig(environment: Environment = processEnvironment()): Config {
  const faults: ConfigFault[] = [];
  const values: Record<string, unknown> = {};
  for (const [field, variable] of Object.entries<Variable<unknown>>(variables))
    values[field] = readVariable(environment, variable, faults);
  for (const variable of fieldlessVariables) readVariable(environment, variable, faults);
  // Every field of the table was filled by a parser of that field's type, or by its default.
  const config = values as unknown as Config;
  faults.push(...crossFaults(config, faults));
  if (faults.length > 0) throw new ConfigFaults(faults);
  return Object.freeze({
    ...config,
    sqlitePath:
      config.sqlitePath === "" ? join(config.dataDir, "switchyard.db") : config.sqlitePath,
    trustedProxies: Object.freeze([...config.trustedProxies]),
    mediaAllowedRanges: Object.freeze([...config.mediaAllowedRanges]),
    redis: config.redis === undefined ? undefined : Object.freeze(config.redis),
    logStore: config.logStore === undefined ? undefined : Object.freeze(config.logStore),
  });
}

function readVariable(
  environment: Environment,
  variable: Variable<unknown>,
  faults: ConfigFault[],
): unknown {
  for (const name of [variable.name, ...(variable.otherNames ?? [])]) {
    const text = readText(environment, name, variable.secret === true, faults);
    if (text === undefined) continue;
    const parsed = variable.parse(text);
    if ("value" in parsed) return parsed.value;
    faults.push({ name, message: parsed.fault });
    return variable.fallback;
  }
  return variable.fallback;
}

/** The variable's text, or its file's; empty is unset. */
function readText(
  environment: Environment,
  name: string,
  secret: boolean,
  faults: ConfigFault[],
): string | undefined {
  const text = environment[name]?.trim() ?? "";
  const path = secret ? (environment[`${name}_FILE`]?.trim() ?? "") : "";
  if (path === "") return text === "" ? undefined : text;
  if (text !== "") {
    faults.push({
      name: `${name}_FILE`,
      message: `is set together with ${name}; set only one of them`,
    });
    return undefined;
  }
  try {
    const content = readFileSync(path, "utf8").trim();
    return content === "" ? undefined : content;
  } catch (error) {
    faults.push({ name: `${name}_FILE`, message: `cannot be read: ${messageOf(error)}` });
    return undefined;
  }
}

function crossFaults(config: Config, known: readonly ConfigFault[]): ConfigFault[] {
  const faults: ConfigFault[] = [];
  const told = (prefix: string): boolean => known.some((fault) => fault.name.startsWith(prefix));
  if (config.nodeType === "slave" && config.sqlDsn === undefined && !told("SQL_DSN"))
    faults.push({
      name: "SQL_DSN",
      message:
        "must be set when NODE_TYPE is slave: such a node follows a shared database and must not run on an empty one of its own",
    });
  if (
    config.sqlDsn !== undefined &&
    config.secretKey === undefined &&
    !told("SECRET_KEY") &&
    !told("SESSION_SECRET")
  )
    faults.push({
      name: "SECRET_KEY",
      message:
        "must be set (at least 16 characters, the same on every node) when SQL_DSN is set; make one with: openssl rand -hex 32",
    });
  return faults;
}
