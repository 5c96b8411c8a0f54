// Nodes of one cluster inside the test's process: each its own sync over its own database handles, cut off at will.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "../../src/core/logger.ts";
import { openCluster } from "../../src/store/cluster.ts";
import { makeSyncStore } from "../../src/store/sync-sql.ts";
import type { RawRow, SyncStore } from "../../src/store/sync-store.ts";
import { openSync } from "../../src/sync/open-sync.ts";
import type { Author } from "../../src/sync/sync.ts";
import type { OpenedSync, SyncParts } from "../../src/sync/sync-parts.ts";
import { noMeters } from "../simulation/node.ts";
import { openDsn, testSecret } from "../store/open-fresh.ts";
import type { SqlEngine } from "../engines/engines.ts";

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: object;
}

export interface TestNode extends AsyncDisposable {
  readonly sync: OpenedSync;
  readonly log: readonly LogLine[];
  /** While true every question to the database fails. */
  down: boolean;
  /** How often the store was asked so, and answered. */
  answered(method: keyof SyncStore): number;
  /** Graceful. */
  close(): Promise<void>;
}

export interface TestNodeOptions {
  readonly dataDir: string;
  readonly secretKey?: string;
  readonly config?: Partial<SyncParts["config"]>;
  /** Begins cut off. */
  readonly down?: boolean;
  readonly onRefused?: (error: Error) => void;
  readonly parts?: Partial<SyncParts>;
}

export async function openNode(
  engine: SqlEngine,
  dsn: string,
  options: TestNodeOptions,
): Promise<TestNode> {
  const database = await openDsn(engine, dsn);
  const log: LogLine[] = [];
  const say =
    (level: string) =>
    (fields: object, message: string): void =>
      void log.push({ level, message, fields });
  const logger: Logger = {
    debug: say("debug"),
    info: say("info"),
    warn: say("warn"),
    error: say("error"),
  };
  const state: StoreState = { down: options.down ?? false, answered: new Map() };
  const secretKey = options.secretKey ?? testSecret;
  const sync = await openSync({
    config: {
      nodeType: "unset",
      syncFrequencyMs: 60_000,
      memoryCacheEnabled: true,
      dataDir: options.dataDir,
      snapshotDir: undefined,
      syncBell: "auto",
      authMaxStaleMs: undefined,
      lkgMaxAgeMs: undefined,
      ...options.config,
    },
    secretKey,
    store: cuttable(makeSyncStore(database), state),
    openCluster: async () => {
      if (state.down) throw new Error("cut off");
      return openCluster(database.sync, secretKey);
    },
    onRefused: options.onRefused ?? (() => undefined),
    openBells: () => [],
    validateConfig: () => [],
    logger,
    meters: noMeters,
    version: "test",
    ...options.parts,
  });
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= sync.close().then(() => database.close());
    return closing;
  };
  return {
    sync,
    log,
    get down() {
      return state.down;
    },
    set down(down) {
      state.down = down;
    },
    answered: (method) => state.answered.get(method) ?? 0,
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface StoreState {
  down: boolean;
  readonly answered: Map<string, number>;
}

/** The same store, refusing everything while `state.down`. */
function cuttable(store: SyncStore, state: StoreState): SyncStore {
  return new Proxy(store, {
    get: (target, name) => {
      const method = Reflect.get(target, name) as (...values: unknown[]) => unknown;
      return async (...values: unknown[]) => {
        if (state.down) throw new Error("cut off");
        const answer = await method.apply(target, values);
        state.answered.set(String(name), (state.answered.get(String(name)) ?? 0) + 1);
        return answer;
      };
    },
  });
}

/** A folder that is gone afterwards. */
export async function makeFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "switchyard-sync-"));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

export const testAuthor: Author = { name: "user:test", userId: 1, address: "", requestId: "" };

/** Adds a channel and answers its id and revision. */
export async function addChannel(
  sync: OpenedSync,
  name: string,
): Promise<{ id: number; revision: number }> {
  const { value, revision } = await sync.write(testAuthor, (tx) =>
    tx.insert("channel", {
      name,
      provider: "openai",
      base_url: null,
      models: JSON.stringify(["m"]),
      groups: JSON.stringify(["default"]),
      priority: 0,
      weight: 1,
      status: "enabled",
      model_mapping: null,
      headers: null,
      parameters: null,
      proxy: null,
      tag: null,
      timeouts: null,
      options: null,
      created_at: BigInt(tx.nowMs),
      updated_at: BigInt(tx.nowMs),
    }),
  );
  return { id: value, revision };
}

export async function addUser(sync: OpenedSync, username: string): Promise<number> {
  const { value } = await sync.write(testAuthor, (tx) =>
    tx.insert("user", {
      username,
      role: "member",
      group: "default",
      billing: "postpaid",
      status: "enabled",
      created_at: BigInt(tx.nowMs),
      updated_at: BigInt(tx.nowMs),
    }),
  );
  return value;
}

/** Adds a key for its owner and answers its id. */
export async function addKey(sync: OpenedSync, ownerId: number, key: string): Promise<number> {
  const hash = sync.hashKey(key);
  if (hash === undefined) throw new Error("the cluster's secrets are not known yet");
  const { value } = await sync.write(testAuthor, (tx) =>
    tx.insert("key", {
      hash,
      name: key,
      owner_id: BigInt(ownerId),
      group: null,
      fallback_group: null,
      models: null,
      ip_ranges: null,
      expires_at: null,
      status: "enabled",
      hint: key.slice(-4),
      created_at: BigInt(tx.nowMs),
      updated_at: BigInt(tx.nowMs),
    }),
  );
  return value;
}

export type { RawRow };
