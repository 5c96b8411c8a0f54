/** What `doctor` asks the machine. Probes report facts; doctor.ts judges them, so that each judgement can be tested. */
import type { Ineffective } from "../config/ineffective.ts";
import type { ConfigFault } from "../config/read-config.ts";

/** A probe's answer: facts, or why there are none and what mends it (where `problem` does not say). Neither holds a secret. */
export type Probed<T> =
  | { readonly reached: true; readonly facts: T }
  | { readonly reached: false; readonly problem: string; readonly mend?: string };

export interface ConfigFacts {
  /** Every fault of the environment at once; empty: the configuration is usable. */
  readonly faults: readonly ConfigFault[];
  /** Variables that are set and do nothing here, with the reason. */
  readonly ineffective: readonly Ineffective[];
}

export interface DatabaseFacts {
  readonly engine: "sqlite" | "postgres" | "mysql";
  /** Host and database, or the file; no user, no password. */
  readonly address: string;
  readonly version: string;
  /** Lowest version that works, where this one is older. */
  readonly minimumVersion?: string;
  /** Database's clock minus ours. */
  readonly clockSkewMs: number;
  readonly roundTripMs: number;
  /** `none` for embedded and unix sockets; `plain`: over the network in clear; `unverified`: encrypted, certificate unchecked. */
  readonly tls: "none" | "plain" | "unverified" | "verified";
  /**
   * `empty`: made at the first start; `newer`: of a later release that this one can still read; `unsupported`: of one
   * that it cannot; `foreign`: tables of another product.
   */
  readonly schema: "current" | "older" | "newer" | "unsupported" | "empty" | "foreign";
  /** For `foreign`: which, where it can be told. */
  readonly foreignProduct?: string;
  /** Whether SECRET_KEY opens what is stored; `unset`: nothing stored yet. */
  readonly secret: "matches" | "differs" | "unset";
}

export interface RedisFacts {
  readonly address: string;
  readonly version: string;
  readonly tls: boolean;
  readonly roundTripMs: number;
}

export interface LogStoreFacts {
  readonly address: string;
  readonly version: string;
  readonly tls: boolean;
  readonly roundTripMs: number;
}

export interface PortFacts {
  readonly host: string;
  readonly port: number;
  /** `ours`: a Switchyard answers there; `taken`: another program does; `refused`: this user may not listen there. */
  readonly state: "free" | "ours" | "taken" | "refused";
  /** Version of the node that answers, or the system's reason. */
  readonly detail?: string;
}

export interface DiskFacts {
  readonly folder: string;
  /** The system's reason, where nothing can be written. */
  readonly notWritable?: string;
  readonly freeBytes: number;
  /** The folder lies in memory or in a container's own layer: it is gone with the container. */
  readonly ephemeral: boolean;
  /** Whether the database itself lies there. */
  readonly holdsDatabase: boolean;
}

export interface MemoryFacts {
  /** What this process may use: the container's limit, else the machine's memory. */
  readonly limitBytes: number;
  /** Most that held request bodies may take (MAX_HELD_SIZE). */
  readonly heldBytes: number;
}

export interface MachineProbes {
  readonly database: () => Promise<Probed<DatabaseFacts>>;
  /** undefined: not configured. */
  readonly redis: () => Promise<Probed<RedisFacts> | undefined>;
  /** undefined: not configured. */
  readonly logStore: () => Promise<Probed<LogStoreFacts> | undefined>;
  readonly port: () => Promise<PortFacts>;
  readonly disk: () => Promise<DiskFacts>;
  readonly memory: () => MemoryFacts;
}

export interface DoctorProbes {
  readonly config: ConfigFacts;
  /** undefined where the configuration is too faulty to ask anything. */
  readonly machine: MachineProbes | undefined;
}
