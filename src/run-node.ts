/**
 * The life of one node: from its settings to its last byte. Promises kept here: nothing waits for a database that is
 * away; what can never work is said in one sentence and ends with 2; a stop loses nothing.
 */
import { join } from "node:path";
import { keepAccounts } from "./admin/keep-accounts.ts";
import { validateConfig } from "./admin/validate-config.ts";
import type { Config } from "./config/config.ts";
import { loadSecretKey } from "./config/secret-key.ts";
import { sleep, systemClock } from "./core/clock.ts";
import { messageOf } from "./core/errors.ts";
import type { Logger } from "./core/logger.ts";
import { expireResponses } from "./gateway/state/state-parts.ts";
import type { HttpServer } from "./http/server.ts";
import { openMoney } from "./join-money.ts";
import { joinServer } from "./join-parts.ts";
import type { JoinedParts } from "./join-parts.ts";
import { openCallLog } from "./log/call-log.ts";
import type { CallLog } from "./log/call-record.ts";
import { ledgerJobs } from "./log/ledger-jobs.ts";
import { sendCallsJobs } from "./log/send-calls.ts";
import { makeMetrics } from "./metrics/metrics.ts";
import type { Metrics } from "./metrics/metrics.ts";
import type { Bell } from "./store/bell.ts";
import { openCluster } from "./store/cluster.ts";
import type { Database } from "./store/database.ts";
import { explainConnectError } from "./store/explain-connect-error.ts";
import { openLogStore } from "./store/log-store.ts";
import { migrate } from "./store/migrate.ts";
import { makeNotifyBell } from "./store/notify-bell.ts";
import { openDatabase } from "./store/open-database.ts";
import { ForeignDatabase, SchemaTooNew } from "./store/read-schema.ts";
import { makeRedisBell } from "./store/redis-bell.ts";
import { getSnapshotBlob, putSnapshotBlob } from "./store/redis-blob.ts";
import { openRedis } from "./store/redis.ts";
import type { Redis } from "./store/redis.ts";
import { makeSettlementStore } from "./store/settlement.ts";
import { makeSyncStore } from "./store/sync-sql.ts";
import type { Settings } from "./sync/entities.ts";
import { openSync } from "./sync/open-sync.ts";
import type { OpenedSync } from "./sync/sync-parts.ts";
import { makeUpstream } from "./upstream/upstream.ts";
import { watchCluster, watchCopies } from "./watch-cluster.ts";
import type { CopyWatch } from "./watch-cluster.ts";
import { makeFirstAccountGate, welcomeWhenReady } from "./welcome.ts";
import type { FirstAccountGate } from "./welcome.ts";

export interface NodeOptions {
  readonly config: Config;
  readonly version: string;
  readonly logger: Logger;
  /** Tells a person something, beside the log. */
  readonly print: (line: string) => void;
  /** Aborts when the node shall stop; `reason` is the signal's name. */
  readonly stop: AbortSignal;
  /** Runs once the node is ready, with its URL; its answer is closed with the node. */
  readonly onReady?: (url: string) => Promise<{ close(): Promise<void> }>;
}

/** Exit codes of a node. */
const ended = { well: 0, failed: 1, refused: 2 } as const;

/** Runs a node until it is stopped; resolves with the exit code. Throws DsnError for a DSN that cannot be meant. */
export async function runNode(options: NodeOptions): Promise<number> {
  const { config, logger, print } = options;
  const secret = loadSecretKey(config);
  if (secret.made)
    print(
      `A new secret key was made: ${secret.path} (keep a copy of it; without it the database cannot be opened)`,
    );
  const database = await openDatabase({ dsn: config.sqlDsn, sqlitePath: config.sqlitePath });
  const redis = config.redis && openRedis({ url: config.redis.url });
  const refusal = new AbortController();
  const refuse = (error: Error): void => refusal.abort(error);
  const metrics = makeMetrics({ version: options.version, processMetrics: true });
  const copies = watchCopies(metrics.sync, systemClock);
  const { secretKey } = secret;
  const core: Core = { ...options, secretKey, database, redis, metrics, copies, refuse };
  const stopping = AbortSignal.any([options.stop, refusal.signal]);
  const migrating = config.nodeType === "slave" ? Promise.resolve() : keepMigrating(core, stopping);
  // The embedded file is always there: its tables are made before anything asks for them.
  if (database.engine === "sqlite") await migrating;
  if (refusal.signal.aborted) {
    print(messageOf(refusal.signal.reason));
    await Promise.all([database.close(), redis?.close()]);
    return ended.refused;
  }
  const joined = await openParts(core);
  const stopWatching = watchCluster({ ...joined, copies });
  const gate = makeFirstAccountGate(joined);
  const server = await joinServer(joined, gate.awaited);
  const code = await serveUntilStopped(options, {
    joined,
    gate,
    server,
    stopping,
    refusal: refusal.signal,
  });
  stopWatching();
  // Orchestrators kill after 30 s. What a dead database keeps from closing in time loses nothing: calls lie in the
  // journal, and a lease and a registry row that are not given back run out.
  await Promise.race([closeAll(joined, redis, migrating), sleep(systemClock, closeMs)]);
  logger.info({ code }, "stopped");
  return code;
}

/** What a node is made of, opened in the order that each needs the others. */
async function openParts(core: Core): Promise<JoinedParts> {
  const { config, database, redis, logger, metrics, version } = core;
  const clock = systemClock;
  const sync = await openNodeSync(core);
  sync.lead(expireResponses({ database, logger }));
  sync.lead(keepAccounts({ sync, database, logger }));
  const settings = (): Settings | undefined => sync.current()?.settings;
  const logStore = config.logStore && openLogStore(config.logStore);
  for (const job of ledgerJobs({ database, logger, settings, logStore })) sync.lead(job);
  if (logStore !== undefined) {
    const { sent: onSent, failed: onFailed } = metrics.logStore;
    for (const job of sendCallsJobs({ database, logger, logStore, onSent, onFailed }))
      sync.lead(job);
  }
  const callLog = openNodeLog(core, sync.nodeId);
  const base = { config, clock, logger, database, sync, callLog, metrics };
  const money = openMoney({ ...base, redis });
  return { ...base, money, upstream: makeUpstream({ clock }), version };
}

function openNodeLog(core: Core, nodeId: string): CallLog {
  const { config, database, logger, metrics } = core;
  return openCallLog({
    folder: join(config.dataDir, "nodes", nodeId, "calls"),
    nodeId,
    store: makeSettlementStore(database.writes),
    capBytes: config.journalMaxBytes,
    forceEach: config.journalSync === "group",
    clock: systemClock,
    logger,
    onDropped: (count) => metrics.calls.recordsDropped(count),
  });
}

/** Longest time for closing what lies under the server, after the drain. */
const closeMs = 2500;

async function closeAll(
  parts: JoinedParts,
  redis: Redis | undefined,
  migrating: Promise<void>,
): Promise<void> {
  // Slices go back once what they paid for is settled, which the call log does.
  await parts.money.close();
  await parts.callLog.close();
  await parts.sync.close();
  await migrating;
  await parts.upstream.close();
  await redis?.close();
  await parts.database.close();
}

interface Core extends NodeOptions {
  readonly secretKey: string;
  readonly database: Database;
  readonly redis: Redis | undefined;
  readonly metrics: Metrics;
  readonly copies: CopyWatch;
  readonly refuse: (error: Error) => void;
}

/** Brings the tables up to date, for as long as it takes the database to be there. */
async function keepMigrating(core: Core, stopping: AbortSignal): Promise<void> {
  const { logger } = core;
  let said = "";
  while (!stopping.aborted) {
    try {
      const done = await migrate(core.database, { secretKey: core.secretKey });
      if (done.length > 0) logger.info({ steps: done }, "database migrated");
      return;
    } catch (error) {
      if (error instanceof ForeignDatabase || error instanceof SchemaTooNew)
        return core.refuse(error);
      const reason = explainConnectError(error);
      if (reason !== said)
        logger.error({ reason }, "the database cannot be prepared yet; trying on");
      said = reason;
    }
    await sleep(systemClock, 500, stopping);
  }
}

async function openNodeSync(core: Core): Promise<OpenedSync> {
  const { config, database, redis, secretKey } = core;
  return await openSync({
    config,
    secretKey,
    store: makeSyncStore(database),
    openCluster: () => openCluster(database.lookups, secretKey),
    onRefused: core.refuse,
    openBells: (cluster) => openBells(core, cluster.clusterId),
    // The cluster's id is not known while its database is down; the key's name is, and is the cluster's own as well.
    ...(redis !== undefined && {
      openPlaces: (keyId: string) => [
        {
          name: "redis",
          load: () => getSnapshotBlob(redis, keyId),
          save: (bytes: Buffer) => putSnapshotBlob(redis, keyId, bytes),
        },
      ],
    }),
    validateConfig,
    logger: core.logger,
    meters: core.copies.meters,
    version: core.version,
  });
}

function openBells({ config, database, redis }: Core, clusterId: string): readonly Bell[] {
  const bells: Bell[] = [];
  if (database.engine === "postgres" && config.sqlDsn !== undefined)
    bells.push(makeNotifyBell({ dsn: config.sqlDsn, sql: database.sync }));
  if (redis !== undefined) bells.push(makeRedisBell({ redis, clusterId }));
  return bells;
}

interface Serving {
  readonly joined: JoinedParts;
  readonly gate: FirstAccountGate;
  readonly server: HttpServer;
  readonly stopping: AbortSignal;
  readonly refusal: AbortSignal;
}

async function serveUntilStopped(options: NodeOptions, serving: Serving): Promise<number> {
  const { joined, server, stopping, refusal } = serving;
  const extras: { close(): Promise<void> }[] = [];
  try {
    const { host, port } = await server.listen();
    const url = `http://${shownHost(host)}:${port}`;
    joined.logger.info({ url, version: options.version }, "listening");
    const welcome = welcomeWhenReady(options, serving, url).then(
      (extra) => extra && extras.push(extra),
    );
    await aborted(stopping);
    await welcome;
  } catch (error) {
    options.print(`The gateway cannot start: ${messageOf(error)}`);
    return ended.failed;
  }
  const closeExtras = async (): Promise<void> =>
    void (await Promise.all(extras.map((extra) => extra.close())));
  if (refusal.aborted) {
    options.print(messageOf(refusal.reason));
    await server.close();
    await closeExtras();
    return ended.refused;
  }
  joined.logger.info({ signal: String(options.stop.reason) }, "draining");
  await server.drain();
  // Only now: calls that ran into the drain may still have been talking to it.
  await closeExtras();
  return ended.well;
}

function shownHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve());
  });
}
