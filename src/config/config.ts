/** The frozen result of reading the environment: what a process was started with. */

export interface RedisSettings {
  /** Secret: may hold a password. */
  readonly url: string;
}

/** Where rows of calls stream on to. */
export interface LogStoreSettings {
  /** `http://host:8123`, without user and password. */
  readonly origin: string;
  readonly database: string;
  readonly user: string;
  /** Secret. */
  readonly password: string;
}

export interface Config {
  readonly nodeType: "master" | "slave" | "unset";
  /** Ms between full reconciliations. */
  readonly syncFrequencyMs: number;
  /** Caches of keys and users. Has no influence on sync. */
  readonly memoryCacheEnabled: boolean;
  /** undefined: embedded SQLite. */
  readonly sqlDsn: string | undefined;
  readonly sqlitePath: string;
  readonly redis: RedisSettings | undefined;
  /** undefined only on an embedded install before its file was made. */
  readonly secretKey: string | undefined;
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  /** Folder of the cluster-wide snapshot copy, shared by all nodes. */
  readonly snapshotDir: string | undefined;
  /** Address ranges whose forwarding headers are believed. */
  readonly trustedProxies: readonly string[];
  readonly trustedHeader: string | undefined;
  readonly drainTimeoutMs: number;
  /** Time that listening goes on after SIGTERM, since balancers lag. */
  readonly drainGraceMs: number;
  readonly metricsToken: string | undefined;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  readonly locale: "en" | "zh_CN";
  readonly initialRootAccessToken: string | undefined;
  readonly initialRootToken: string | undefined;
  /** Whether the first account finds the built-in prices; undefined: when it is made by the setup link. */
  readonly seedPrices: boolean | undefined;
  readonly syncBell: "auto" | "none";
  /** undefined: no limit. */
  readonly authMaxStaleMs: number | undefined;
  readonly lkgMaxAgeMs: number | undefined;
  /** Largest JSON body. */
  readonly maxBodyBytes: number;
  /** Largest total of held bodies. */
  readonly maxHeldBytes: number;
  /** How long slices of budgets are spent without a word from the database. */
  readonly budgetMaxStaleMs: number;
  /** Whether a call's record waits until the disk itself was forced. */
  readonly journalSync: "interval" | "group";
  /** Largest total of what is journalled and not settled. */
  readonly journalMaxBytes: number;
  /** undefined: rows of calls lie in SQL alone. */
  readonly logStore: LogStoreSettings | undefined;
  /** Inner address ranges from which callers may have media fetched. */
  readonly mediaAllowedRanges: readonly string[];
}
