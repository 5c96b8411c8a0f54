/** Joins the rooms of a running node: who is handed what. No decision is made here. */
import type { AdminRoute } from "./admin/admin-route.ts";
import type { BootstrapParts } from "./admin/bootstrap.ts";
import { renderProblem } from "./admin/problem.ts";
import { makeAdmin } from "./admin/registry.ts";
import { makeManagerAuthenticator } from "./auth/authenticate-manager.ts";
import type { TokenOwner } from "./auth/authenticate-manager.ts";
import { makeAuthenticator } from "./auth/authenticate.ts";
import type { Config } from "./config/config.ts";
import type { Clock } from "./core/clock.ts";
import { GatewayError } from "./core/errors.ts";
import { systemRandom } from "./core/ids.ts";
import type { Logger } from "./core/logger.ts";
import { getDialect } from "./dialects/registry.ts";
import { makeBillingDoor } from "./gateway/billing-page.ts";
import { makeMediaFetcher } from "./gateway/requests/fetch-media.ts";
import { type JobDesk, openJobDesk } from "./gateway/jobs/job-desk.ts";
import { makeModelLister } from "./gateway/models/list-upstream-models.ts";
import { makeChannelProbe } from "./gateway/probe-channel.ts";
import { makeGateway } from "./gateway/serve-call.ts";
import type { GatewayParts } from "./gateway/serve-call.ts";
import { makeSocketServer } from "./gateway/sockets/serve-socket.ts";
import { makeStateParts } from "./gateway/state/state-parts.ts";
import { openServer } from "./http/server.ts";
import type { HttpServer } from "./http/server.ts";
import type { CallLog } from "./log/call-record.ts";
import type { Money } from "./join-money.ts";
import type { Metrics } from "./metrics/metrics.ts";
import { RouteHealth } from "./route/health.ts";
import { makeLeaseStore } from "./store/budget-leases.ts";
import type { Database } from "./store/database.ts";
import { makeJobStore } from "./store/jobs.ts";
import { makeSettlementStore } from "./store/settlement.ts";
import { findTokenByHash } from "./store/tokens.ts";
import { hasUsers } from "./store/users.ts";
import type { UserRecord } from "./sync/entities.ts";
import type { OpenedSync } from "./sync/sync-parts.ts";
import type { Authorizer } from "./upstream/authorizer.ts";
import { makeAuthorizer } from "./upstream/authorizer.ts";
import { makeFetchPublic } from "./upstream/fetch-public.ts";
import type { Upstream } from "./upstream/upstream.ts";
import { makeUpstreamSockets } from "./upstream/websocket.ts";

/** What a node is made of once its sync is open. */
export interface JoinedParts {
  readonly config: Config;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly database: Database;
  readonly sync: OpenedSync;
  readonly upstream: Upstream;
  readonly callLog: CallLog;
  readonly money: Money;
  readonly metrics: Metrics;
}

/** What only the database (or a copy) tells: until then nobody can be judged, which is 503 and never 401. */
function known<T>(value: T | undefined): T {
  if (value !== undefined) return value;
  throw new GatewayError("temporarily_unavailable", "The gateway is still starting", {
    retryAfterS: 2,
  });
}

type SealedCheck = () => Promise<boolean>;

/** What decides who may do what: callers and managers here, the gateway itself at vendors. */
interface Access {
  readonly sealed: SealedCheck;
  /** What is awaited before the node is ready; undefined: nothing. */
  readonly awaited: () => string | undefined;
  /** Puts channels' credentials on requests; tokens are kept here for calls and trials alike. */
  readonly authorizer: Authorizer;
}

/** Whether no account exists. Once one was seen it is never asked again: accounts do not all vanish. */
function makeSealedCheck(database: Database): SealedCheck {
  let seenAccount = false;
  return async () => {
    if (seenAccount) return false;
    try {
      seenAccount = await hasUsers(database.reads);
    } catch (error) {
      throw new GatewayError(
        "temporarily_unavailable",
        "The key cannot be looked up at the moment",
        { cause: error, retryAfterS: 2 },
      );
    }
    return !seenAccount;
  };
}

/** Where jobs wait for their end; the leader follows them. */
function joinJobs(parts: JoinedParts, { authorizer }: Access): JobDesk {
  const { sync, database, upstream, clock, logger, money } = parts;
  const desk = openJobDesk({
    jobs: makeJobStore(database.writes),
    settlement: makeSettlementStore(database.writes),
    leases: makeLeaseStore(database.writes),
    snapshot: () => sync.current(),
    budgets: money.budgets,
    upstream,
    authorizer,
    clock,
    logger,
    random: systemRandom,
  });
  sync.lead(desk.poll);
  return desk;
}

/** What calls and sockets are served with. */
function joinCallParts(parts: JoinedParts, access: Access): GatewayParts {
  const { config, sync, clock } = parts;
  return {
    sync,
    clock,
    logger: parts.logger,
    state: makeStateParts({
      database: parts.database,
      dataKey: () => sync.secrets()?.dataKey,
      logger: parts.logger,
    }),
    upstream: parts.upstream,
    authorizer: access.authorizer,
    callLog: parts.callLog,
    money: parts.money,
    jobs: joinJobs(parts, access),
    meters: parts.metrics.calls,
    health: new RouteHealth(),
    random: Math.random,
    media: makeMediaFetcher({
      fetchPublic: makeFetchPublic({ clock, allowedRanges: config.mediaAllowedRanges }),
      // Each file is held several times over while it is encoded and sent.
      maxHeldBytes: config.maxHeldBytes / 4,
    }),
    locale: config.locale,
    authenticate: makeAuthenticator({
      sync: {
        // Before the first accounts are there no key is looked up: what is not found would be remembered as unknown.
        current: () => (access.awaited() === undefined ? sync.current() : undefined),
        findCaller: (hash) => sync.findCaller(hash),
        businessNowMs: () => sync.businessNowMs(),
      },
      hashKey: (key) => known(sync.hashKey(key)),
      sealed: access.sealed,
    }),
  };
}

async function findOwner(database: Database, hash: string): Promise<TokenOwner | undefined> {
  const found = await findTokenByHash(database.lookups, hash);
  if (found === undefined) return undefined;
  const { user } = found;
  return {
    expiresAtMs: found.expiresAt === null ? null : Number(found.expiresAt),
    user: {
      userId: Number(user.id),
      username: user.username,
      role: user.role as UserRecord["role"],
      enabled: user.status === "enabled",
    },
  };
}

/** The management API, joined. */
function joinAdmin(parts: JoinedParts, access: Access): readonly AdminRoute[] {
  const { sync, database, upstream, clock, config } = parts;
  return makeAdmin({
    sync,
    database,
    logger: parts.logger,
    version: parts.version,
    random: systemRandom,
    seedPrices: config.seedPrices,
    probeChannel: makeChannelProbe({
      upstream,
      clock,
      authorizer: access.authorizer,
      locale: config.locale,
    }),
    listUpstreamModels: makeModelLister({ upstream, authorizer: access.authorizer }),
    dataKey: () => sync.secrets()?.dataKey,
    hashKey: (key) => sync.hashKey(key),
    hashToken: (purpose, token) => sync.hashToken(purpose, token),
    authenticateManager: makeManagerAuthenticator({
      // Nor is a token: it may be the one that is being made.
      hashToken: (token) =>
        known(access.awaited() === undefined ? sync.hashToken("management", token) : undefined),
      findTokenOwner: (hash) => findOwner(database, hash),
      sealed: access.sealed,
      businessNowMs: () => sync.businessNowMs(),
    }),
  });
}

/** Calls that cost something must not be sent to a node that cannot keep what they cost. */
function unwritableReason(callLog: CallLog): string | undefined {
  return callLog.writable ? undefined : "the journal of calls is full or cannot be written";
}

/** What the first start needs. */
export function joinBootstrap(parts: JoinedParts): BootstrapParts {
  const { sync, database, config, logger } = parts;
  return {
    sync,
    database,
    config,
    logger,
    random: systemRandom,
    hashKey: (key) => sync.hashKey(key),
    hashToken: (purpose, token) => sync.hashToken(purpose, token),
  };
}

/**
 * The HTTP server, joined; it listens when told. `awaited`: what beside the snapshot has to be there before the node is
 * ready; undefined: nothing.
 */
export async function joinServer(
  parts: JoinedParts,
  awaited: () => string | undefined,
): Promise<HttpServer> {
  const { config, sync, metrics } = parts;
  const { upstream, clock } = parts;
  const authorizer = makeAuthorizer({ upstream, clock });
  const sockets = makeUpstreamSockets({ clock });
  const access = { sealed: makeSealedCheck(parts.database), awaited, authorizer };
  metrics.beforePage(() => {
    const { state, lagMs, stalenessMs } = sync.status();
    metrics.sync.state(state, lagMs / 1000, stalenessMs / 1000);
  });
  const callParts = joinCallParts(parts, access);
  const gateway = makeGateway(callParts);
  return await openServer({
    config,
    sync,
    clock: parts.clock,
    logger: parts.logger,
    version: parts.version,
    calls: makeBillingDoor({ ...callParts, database: parts.database }, gateway),
    sockets: makeSocketServer({ ...callParts, sockets }, gateway),
    admin: joinAdmin(parts, access),
    awaited: () => awaited() ?? unwritableReason(parts.callLog),
    metricsPage: () => metrics.page(),
    renderCallError: (dialect, error, requestId) =>
      getDialect(dialect).renderError(error, { locale: config.locale, requestId }),
    renderAdminError: renderProblem,
  });
}
