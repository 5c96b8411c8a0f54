/** What the command line is handed: everything that touches the machine, so that tests can hand in their own. */
import type { DoctorProbes } from "./doctor-probes.ts";
import type { Translate } from "./messages.ts";

/** Flags of `serve`; they win over the variables of the same meaning (PORT, HOST, DATA_DIR). */
export interface ServeOptions {
  /** Also start the recorded upstream, a channel to it, a price and a key. */
  readonly demo: boolean;
  readonly port?: number;
  readonly host?: string;
  readonly dataDir?: string;
}

export interface ProgramParts {
  readonly version: string;
  /** Reads one variable of the environment (config/ does it: nothing else may). */
  readonly environment: (name: string) => string | undefined;
  /** Writes one line to standard output. */
  readonly print: (line: string) => void;
  /** Writes one line to standard error. */
  readonly printError: (line: string) => void;
  /** All of standard input as text. */
  readonly readStdin: () => Promise<string>;
  /** Runs a node; resolves with the exit code when it has stopped. */
  readonly serve: (options: ServeOptions) => Promise<number>;
  /** Renews the one-time setup link in the database; resolves with the whole link. Rejects when an account exists. */
  readonly renewSetupLink: () => Promise<string>;
  /** Probes of this machine and its configuration; made only when `doctor` runs. */
  readonly doctorProbes: () => DoctorProbes | Promise<DoctorProbes>;
}

/** The parts as commands use them. */
export interface CommandParts extends ProgramParts {
  readonly translate: Translate;
}
