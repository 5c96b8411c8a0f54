/**
 * One node without its database: real HTTP server, authentication, gateway and upstream client over a snapshot that
 * sync's own code builds from rows. Only the table of keys is a plain list.
 */
import type { TestContext } from "node:test";
import { readConfig } from "../../src/config/read-config.ts";
import { makeAuthenticator } from "../../src/auth/authenticate.ts";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { deriveKey } from "../../src/core/seal.ts";
import { getDialect } from "../../src/dialects/registry.ts";
import { makeMediaFetcher } from "../../src/gateway/requests/fetch-media.ts";
import { type GatewayParts, makeGateway } from "../../src/gateway/serve-call.ts";
import { makeSocketServer } from "../../src/gateway/sockets/serve-socket.ts";
import { openServer } from "../../src/http/server.ts";
import type { CallRecord } from "../../src/log/call-record.ts";
import { RouteHealth } from "../../src/route/health.ts";
import type { RawRow, SnapshotKind } from "../../src/store/sync-store.ts";
import { sealCredential } from "../../src/sync/credential-row.ts";
import { noSpendingRules } from "../../src/sync/entities.ts";
import type { KeyRecord, Snapshot } from "../../src/sync/entities.ts";
import { changeRowSet, emptyRowSet } from "../../src/sync/row-set.ts";
import { buildEdition } from "../../src/sync/snapshot.ts";
import type { SyncStatus } from "../../src/sync/sync.ts";
import { makeAuthorizer } from "../../src/upstream/authorizer.ts";
import { makeFetchPublic } from "../../src/upstream/fetch-public.ts";
import type { Resolve } from "../../src/upstream/resolve-name.ts";
import { type Upstream, makeUpstream } from "../../src/upstream/upstream.ts";
import { makeUpstreamSockets } from "../../src/upstream/websocket.ts";
import { priceRowOf, type WrittenPrice } from "../fakes/prices.ts";
import type { FakeUpstream } from "../fakes/upstream.ts";

export interface ChannelSpec {
  readonly baseUrl: string | null;
  readonly provider?: string;
  readonly models?: readonly string[];
  readonly groups?: readonly string[];
  readonly priority?: number;
  readonly weight?: number;
  readonly status?: "enabled" | "disabled";
  readonly modelMapping?: Record<string, string>;
  readonly headers?: Record<string, string>;
  readonly parameters?: Record<string, unknown>;
  readonly proxy?: string;
  readonly timeouts?: Record<string, number>;
  readonly options?: Record<string, unknown>;
  readonly credentials?: readonly string[];
}

export interface YardSpec {
  readonly channels: readonly ChannelSpec[];
  readonly groups?: readonly { symbol: string; ratio?: bigint; enabled?: boolean }[];
  readonly prices?: readonly {
    model: string;
    mode?: string;
    input?: bigint;
    output?: bigint;
    perCall?: bigint;
  }[];
  /** Prices as an operator writes them, behind the plain ones. */
  readonly priceBook?: readonly WrittenPrice[];
  readonly models?: readonly { model: string; owner: string }[];
  readonly settings?: Record<string, unknown>;
  readonly key?: Partial<KeyRecord>;
  readonly role?: "root" | "admin" | "member";
  readonly locale?: "en" | "zh_CN";
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly env?: Record<string, string>;
  /** Resolves the names in callers' URLs. */
  readonly resolve?: Resolve;
  /** What outlives calls; left out: nothing does. */
  readonly state?: GatewayParts["state"];
  /** What bounds calls, by which time, and who takes their records beside the yard; left out: nothing, now, nobody. */
  readonly money?: GatewayParts["money"];
  readonly businessNowMs?: () => number;
  readonly callLog?: GatewayParts["callLog"];
  /** Put around the real one: where requests go instead of where they are addressed, or who listens. */
  readonly upstream?: (real: Upstream) => Upstream;
}

export interface Yard {
  readonly url: string;
  readonly records: readonly CallRecord[];
  readonly attempts: readonly { channelId: number; result: string }[];
  readonly health: RouteHealth;
  /** Resolves with the last record once so many calls are recorded; rejects after 5 s. */
  recorded(count: number): Promise<CallRecord>;
  use(spec: YardSpec): Promise<void>;
  drain(): Promise<void>;
}

export const testKey = "sk-yard-0123456789abcdef0123456789abcdef";
/** Seals credentials and ids. */
export const dataKey = deriveKey("a root secret for tests only", "data");
const now = 1_750_000_000_000n;

function channelRow(spec: ChannelSpec, id: number): RawRow {
  return {
    id: BigInt(id),
    rev: 1n,
    name: `channel ${id}`,
    provider: spec.provider ?? "custom",
    base_url: spec.baseUrl,
    models: JSON.stringify(spec.models ?? ["own-model"]),
    groups: JSON.stringify(spec.groups ?? ["default"]),
    priority: spec.priority ?? 0,
    weight: spec.weight ?? 1,
    status: spec.status ?? "enabled",
    model_mapping: JSON.stringify(spec.modelMapping ?? {}),
    headers: JSON.stringify(spec.headers ?? {}),
    parameters: JSON.stringify(spec.parameters ?? {}),
    proxy: spec.proxy ?? null,
    tag: null,
    timeouts: JSON.stringify(spec.timeouts ?? {}),
    options: JSON.stringify(spec.options ?? {}),
    created_at: now,
    updated_at: now,
  };
}

function rowsOf(spec: YardSpec): { kind: SnapshotKind; id: bigint; row: RawRow }[] {
  const rows: { kind: SnapshotKind; id: bigint; row: RawRow }[] = [];
  const add = (kind: SnapshotKind, row: RawRow): void => void rows.push({ kind, id: row.id, row });
  const times = { created_at: now, updated_at: now };
  const groups = [
    ...(spec.groups ?? []),
    ...(spec.groups?.some((one) => one.symbol === "default") ? [] : [{ symbol: "default" }]),
  ];
  for (const [index, group] of groups.entries()) {
    const {
      symbol,
      ratio = 1_000_000n,
      enabled = true,
    } = { ratio: undefined, enabled: undefined, ...group };
    add("group", {
      id: BigInt(index + 1),
      rev: 1n,
      symbol,
      name: symbol,
      ratio,
      public: 1,
      enabled: enabled ? 1 : 0,
      ...times,
    });
  }
  let credentialId = 0;
  for (const [index, channel] of spec.channels.entries()) {
    add("channel", channelRow(channel, index + 1));
    for (const [position, secret] of (
      channel.credentials ?? [`sk-upstream-${index + 1}`]
    ).entries()) {
      credentialId += 1;
      const sealed = sealCredential(dataKey, index + 1, secret);
      add("credential", {
        id: BigInt(credentialId),
        rev: 1n,
        channel_id: BigInt(index + 1),
        position,
        sealed,
        status: "enabled",
      });
    }
  }
  for (const [index, price] of (spec.prices ?? []).entries())
    add("price", {
      id: BigInt(index + 1),
      rev: 1n,
      model: price.model,
      mode: price.mode ?? "tokens",
      input: price.input ?? null,
      output: price.output ?? null,
      cache_read: null,
      cache_write_5m: null,
      cache_write_1h: null,
      per_call: price.perCall ?? null,
      ...times,
    });
  for (const [index, written] of (spec.priceBook ?? []).entries())
    add("price", priceRowOf(written, (spec.prices?.length ?? 0) + index + 1));
  for (const [index, model] of (spec.models ?? []).entries())
    add("model", {
      id: BigInt(index + 1),
      rev: 1n,
      model: model.model,
      owner: model.owner,
      context: null,
      modalities: null,
      description: null,
      ...times,
    });
  for (const [index, [name, value]] of Object.entries(spec.settings ?? {}).entries())
    add("setting", {
      id: BigInt(index + 1),
      rev: 1n,
      name,
      value: JSON.stringify(value),
      updated_at: now,
    });
  return rows;
}

/** The snapshot that sync would build from these rows; fails when one of them is refused. */
export async function buildSnapshot(spec: YardSpec): Promise<Snapshot> {
  const position = { epoch: "e", revision: 7, commitId: "c", committedAtMs: Number(now) };
  const slices = { breathe: () => undefined };
  const { rowSet, touched } = await changeRowSet(
    emptyRowSet(position),
    position,
    { read: rowsOf(spec), isLogged: () => true, sameTimeline: true },
    { dataKey, slices },
  );
  const { snapshot } = await buildEdition(undefined, rowSet, touched, slices);
  if (snapshot.rejected.length > 0) throw new Error(JSON.stringify(snapshot.rejected));
  return snapshot;
}

function keyRecord(spec: YardSpec): KeyRecord {
  return {
    id: 11,
    rev: 1,
    hash: testKey,
    name: "test",
    group: null,
    fallbackGroup: null,
    models: null,
    ipRanges: null,
    expiresAtMs: null,
    enabled: true,
    ratio: 1_000_000n,
    ...noSpendingRules,
    owner: {
      id: 22,
      rev: 1,
      username: "tester",
      role: spec.role ?? "member",
      group: "default",
      enabled: true,
      billing: "postpaid",
      ratio: 1_000_000n,
      ...noSpendingRules,
    },
    ...spec.key,
  };
}

async function until(claim: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!claim()) {
    if (performance.now() > deadline) throw new Error(`not within 5 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Opens a node for a test and closes it with the test. */
export async function openYard(
  t: { after(close: () => Promise<void>): void },
  first: YardSpec,
): Promise<Yard> {
  const clock = first.clock ?? systemClock;
  let spec = first;
  let snapshot = await buildSnapshot(spec);
  const records: CallRecord[] = [];
  const attempts: { channelId: number; result: string }[] = [];
  const health = new RouteHealth();
  const upstream = (first.upstream ?? ((real) => real))(makeUpstream({ clock: systemClock }));
  const sync = {
    current: () => snapshot,
    businessNowMs: first.businessNowMs ?? ((): number => systemClock.now()),
    status: () => ({ state: "live" }) as SyncStatus,
    findCaller: (hash: string) =>
      hash === testKey
        ? ({ found: true, key: keyRecord(spec) } as const)
        : ({ found: false, reason: "unknown" } as const),
  };
  const config = readConfig({ PORT: "0", ...spec.env });
  const hashKey = (key: string): string => (key.startsWith("sk-") ? key : `sk-${key}`);
  const locale = spec.locale ?? "en";
  const parts: GatewayParts = {
    sync,
    authenticate: makeAuthenticator({ sync, hashKey, sealed: () => false }),
    upstream,
    authorizer: makeAuthorizer({ upstream, clock }),
    media: makeMediaFetcher({
      fetchPublic: makeFetchPublic({
        clock: systemClock,
        allowedRanges: config.mediaAllowedRanges,
        ...(first.resolve === undefined ? {} : { resolve: first.resolve }),
      }),
      maxHeldBytes: config.maxHeldBytes / 4,
    }),
    ...(first.state === undefined ? {} : { state: first.state }),
    ...(first.money === undefined ? {} : { money: first.money }),
    health,
    clock,
    locale,
    logger: silentLogger,
    random: spec.random ?? Math.random,
    callLog: {
      open: (call) => first.callLog?.open(call),
      writable: true,
      record: async (call) => {
        records.push(call);
        await first.callLog?.record(call);
      },
    },
    meters: {
      finished: () => undefined,
      running: () => undefined,
      attempted: (labels) => void attempts.push(labels),
    },
  };
  const gateway = makeGateway(parts);
  const sockets = makeUpstreamSockets({ clock: systemClock });
  const server = await openServer({
    config,
    clock: systemClock,
    logger: silentLogger,
    version: "0.0.0",
    sync,
    calls: gateway,
    sockets: makeSocketServer({ ...parts, sockets }, gateway),
    admin: [],
    metricsPage: () => Promise.resolve({ contentType: "text/plain", text: "" }),
    renderCallError: (dialect, error) =>
      getDialect(dialect).renderError(error, { locale, requestId: "" }),
    renderAdminError: (error) => ({ status: error.status, headers: {}, body: error.kind }),
  });
  const { port } = await server.listen();
  let drained: Promise<void> | undefined;
  t.after(async () => {
    await (drained ?? server.close());
    await upstream.close();
  });
  return {
    url: `http://127.0.0.1:${port}`,
    records,
    attempts,
    health,
    recorded: async (count) => {
      await until(() => records.length >= count, `${count} records`);
      return records[count - 1]!;
    },
    use: async (next) => {
      spec = next;
      snapshot = await buildSnapshot(next);
    },
    drain: () => (drained ??= server.drain()),
  };
}

/** Closes vendors with the test. */
export function closing(t: TestContext, vendor: FakeUpstream): FakeUpstream {
  t.after(() => vendor.close());
  return vendor;
}
