// A management API over a real database, a real sync and a real HTTP server, inside the test's process.
import { makeAdmin } from "../../src/admin/registry.ts";
import type { AdminParts, ProbeChannel } from "../../src/admin/admin-parts.ts";
import { bootstrapAccounts } from "../../src/admin/bootstrap.ts";
import { renderProblem } from "../../src/admin/problem.ts";
import { validateConfig } from "../../src/admin/validate-config.ts";
import { makeManagerAuthenticator } from "../../src/auth/authenticate-manager.ts";
import type { Config } from "../../src/config/config.ts";
import { readConfig } from "../../src/config/read-config.ts";
import { systemClock } from "../../src/core/clock.ts";
import { systemRandom } from "../../src/core/ids.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { getDialect } from "../../src/dialects/registry.ts";
import { makeModelLister } from "../../src/gateway/models/list-upstream-models.ts";
import { openServer } from "../../src/http/server.ts";
import type { Database } from "../../src/store/database.ts";
import { findTokenByHash } from "../../src/store/tokens.ts";
import { hasUsers } from "../../src/store/users.ts";
import type { OpenedSync } from "../../src/sync/sync-parts.ts";
import { makeAuthorizer } from "../../src/upstream/authorizer.ts";
import { makeUpstream } from "../../src/upstream/upstream.ts";
import type { SqlEngine } from "../engines/engines.ts";
import { openFresh } from "../store/open-fresh.ts";
import { makeFolder, openNode } from "../sync/open-node.ts";

export const rootToken = "root-token-0123456789abcdef0123456789";
export const rootKey = "sk-root-key-0123456789abcdef0123456789";

/** A reply read whole; `data` and `code` for the common looks. */
export interface AdminAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into bodies of every shape
  readonly body: any;
}

export interface AskOptions {
  /** null: none is sent. */
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TestAdmin extends AsyncDisposable {
  readonly url: string;
  readonly parts: AdminParts;
  readonly sync: OpenedSync;
  readonly database: Database;
  ask(method: string, path: string, body?: unknown, options?: AskOptions): Promise<AdminAnswer>;
  /** As `ask`, and fails unless it went well; answers `data`. */
  // oxlint-disable-next-line typescript/no-explicit-any -- as above
  must(method: string, path: string, body?: unknown, options?: AskOptions): Promise<any>;
  /** While true, reads of the management API fail as with a dead database. */
  down: boolean;
}

export interface TestAdminOptions {
  readonly engine?: SqlEngine;
  /** Whether the root account exists from the start (default true). */
  readonly bootstrapped?: boolean;
  readonly probeChannel?: ProbeChannel;
  readonly config?: Partial<Config>;
}

export async function openAdmin(options: TestAdminOptions = {}): Promise<TestAdmin> {
  const engine = options.engine ?? "sqlite";
  const store = await openFresh(engine);
  const folder = await makeFolder();
  const node = await openNode(engine, store.fresh.dsn, {
    dataDir: folder.path,
    parts: { validateConfig },
  });
  const { sync } = node;
  if (!(await sync.whenServing(10_000))) throw new Error("the node does not serve");
  const config = {
    ...readConfig({ PORT: "0", INITIAL_ROOT_ACCESS_TOKEN: rootToken, INITIAL_ROOT_TOKEN: rootKey }),
    ...options.config,
  };
  const state = { down: false };
  const { database } = store;
  const upstream = makeUpstream({ clock: systemClock });
  const parts: AdminParts = {
    sync,
    database: {
      get reads() {
        if (state.down) throw new Error("the database is down");
        return database.reads;
      },
      writes: database.writes,
    },
    authenticateManager: makeManagerAuthenticator({
      hashToken: (token) => sync.hashToken("management", token),
      findTokenOwner: async (hash) => {
        const found = await findTokenByHash(database.lookups, hash);
        if (found === undefined) return undefined;
        const { id, username, role, status } = found.user;
        return {
          expiresAtMs: found.expiresAt === null ? null : Number(found.expiresAt),
          user: {
            userId: Number(id),
            username,
            role: role as "root" | "admin" | "member",
            enabled: status === "enabled",
          },
        };
      },
      sealed: async () => !(await hasUsers(database.reads)),
      businessNowMs: sync.businessNowMs,
    }),
    probeChannel:
      options.probeChannel ??
      (() => Promise.resolve({ ok: true, status: 200, durationMs: 1, message: null })),
    listUpstreamModels: makeModelLister({
      upstream,
      authorizer: makeAuthorizer({ upstream, clock: systemClock }),
    }),
    dataKey: () => sync.secrets()?.dataKey,
    hashKey: sync.hashKey,
    hashToken: sync.hashToken,
    random: systemRandom,
    logger: silentLogger,
    version: "test",
  };
  if (options.bootstrapped !== false) await bootstrapAccounts({ ...parts, config });
  const server = await openServer({
    config,
    clock: systemClock,
    logger: silentLogger,
    version: "test",
    sync,
    calls: { serve: () => Promise.reject(new Error("no calls here")) },
    admin: makeAdmin(parts),
    metricsPage: () => Promise.resolve({ contentType: "text/plain", text: "" }),
    renderCallError: (dialect, error, requestId) =>
      getDialect(dialect).renderError(error, { locale: "en", requestId }),
    renderAdminError: renderProblem,
  });
  const { port } = await server.listen();
  const url = `http://127.0.0.1:${port}`;
  const ask: TestAdmin["ask"] = async (method, path, body, asked = {}) => {
    const token = asked.token === undefined ? rootToken : asked.token;
    const reply = await fetch(url + path, {
      method,
      headers: { ...(token !== null && { authorization: `Bearer ${token}` }), ...asked.headers },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await reply.text();
    const json = (reply.headers.get("content-type") ?? "").includes("json");
    return {
      status: reply.status,
      headers: reply.headers,
      text,
      body: json ? JSON.parse(text) : undefined,
    };
  };
  return {
    url,
    parts,
    sync,
    database,
    ask,
    must: async (method, path, body, asked) => {
      const answer = await ask(method, path, body, asked);
      if (answer.status >= 300)
        throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
      return answer.body.data;
    },
    get down() {
      return state.down;
    },
    set down(down) {
      state.down = down;
    },
    [Symbol.asyncDispose]: async () => {
      await server.close();
      await upstream.close();
      await node.close();
      await store[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
