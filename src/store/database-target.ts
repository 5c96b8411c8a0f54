/** A server database as SQL_DSN names it, whatever the form it was written in. */

/** What to do about encryption, for both kinds of server. */
export interface TlsPlan {
  /** `allow` tries without first, `prefer` with; `require` never goes without. */
  readonly mode: "off" | "allow" | "prefer" | "require";
  /** `ca`: signed by a trusted root; `full`: and made out to this host. */
  readonly verify: "none" | "ca" | "full";
  /** Paths of PEM files. */
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly keyPassword?: string;
  /** PostgreSQL's direct negotiation. */
  readonly direct?: boolean;
}

interface Server {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Secret. */
  readonly password: string;
  readonly database: string;
  readonly tls: TlsPlan;
  readonly connectTimeoutMs: number;
  readonly applicationName: string;
}

export interface PostgresTarget extends Server {
  readonly engine: "postgres";
  /** libpq's `options`: server command-line options. */
  readonly options?: string;
  readonly searchPath?: string;
  readonly channelBinding: boolean;
}

export interface MysqlTarget extends Server {
  readonly engine: "mysql";
  readonly socketPath?: string;
}

export type ServerTarget = PostgresTarget | MysqlTarget;

/** A setting that cannot be meant: the message names it, the parameter and the mend, never the password. */
export class DsnError extends Error {
  constructor(message: string, setting: "SQL_DSN" | "SQLITE_PATH" = "SQL_DSN") {
    super(`${setting}: ${message}`);
    this.name = "DsnError";
  }
}

/** Time that a connection attempt may take unless the setting says otherwise. */
export const defaultConnectTimeoutMs = 2000;
