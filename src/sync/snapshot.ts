/**
 * Builds the snapshot that calls read from a set of rows, sharing with the one before it whatever did not change.
 * Promise: the same rows give the same snapshot, whether reached by one full load or by many deltas.
 */
import type { Json } from "../core/json-value.ts";
import type { RawRow, SnapshotKind } from "../store/sync-store.ts";
import { renderDigest } from "./digest.ts";
import type { Edition, HeldRow, RowSet } from "./edition.ts";
import type {
  Channel,
  Credential,
  Group,
  ModelInfo,
  Price,
  Rejected,
  Snapshot,
} from "./entities.ts";
import { makeFindPrice } from "./price-index.ts";
import type { ChannelChange, RouteTable } from "./route-index.ts";
import { changeRoutes, emptyRoutes, makeRouteIndex } from "./route-index.ts";
import type { Touched } from "./row-set.ts";
import { fillSettings } from "./settings.ts";
import type { Slices } from "./time-slice.ts";

/** The edition of `rowSet`; `touched` are the ids in which it differs from `previous`. */
export async function buildEdition(
  previous: Edition | undefined,
  rowSet: RowSet,
  touched: Touched,
  slices: Slices,
): Promise<Edition> {
  const credentialIds = await changeCredentialIds(previous, rowSet, touched.credential, slices);
  const joined = await joinChannels(previous, { rowSet, touched, credentialIds }, slices);
  const noted = new Map<string, Rejected>();
  for (const [name, held] of rowSet.odd)
    if (held.fault !== undefined) noted.set(name, rejectedRow(held, held.fault));
  const before = previous?.snapshot;
  const groups = byName(
    "group",
    (group) => group.symbol,
    { rowSet, touched, noted },
    before?.groups,
  );
  const models = byName(
    "model",
    (model) => model.model,
    { rowSet, touched, noted },
    before?.models,
  );
  const prices = pricesOf(rowSet, touched, before);
  const settings = settingsOf(rowSet, touched, before);
  const { position } = rowSet;
  const snapshot: Snapshot = Object.freeze({
    ...position,
    channels: joined.channels,
    groups,
    models,
    ...prices,
    ...settings,
    routes: makeRouteIndex(joined.routeTable),
    rejected: [...noted.values()].sort(byKindAndId),
    digest: renderDigest(rowSet.digest),
  });
  return { rowSet, snapshot, credentialIds, routeTable: joined.routeTable };
}

/** The order in which rows went bad is each node's own; what is told of them is not. */
function byKindAndId(a: Rejected, b: Rejected): number {
  return a.kind === b.kind ? a.id - b.id : a.kind < b.kind ? -1 : 1;
}

function rejectedRow(held: HeldRow, reason: string): Rejected {
  const row = held.seen ?? (held.served as RawRow);
  return {
    kind: held.kind,
    id: Number(held.id),
    rev: Number(row.rev),
    reason,
    servingPrevious: held.served !== undefined,
  };
}

async function changeCredentialIds(
  previous: Edition | undefined,
  rowSet: RowSet,
  touched: ReadonlySet<bigint>,
  slices: Slices,
): Promise<ReadonlyMap<bigint, readonly bigint[]>> {
  if (previous !== undefined && touched.size === 0) return previous.credentialIds;
  const next = new Map(previous?.credentialIds);
  for (const id of touched) {
    const before = channelOf(previous?.rowSet.rows.credential.get(id));
    const after = channelOf(rowSet.rows.credential.get(id));
    if (before !== after && before !== undefined) {
      const rest = (next.get(before) ?? []).filter((other) => other !== id);
      if (rest.length === 0) next.delete(before);
      else next.set(before, rest);
    }
    if (before !== after && after !== undefined) next.set(after, [...(next.get(after) ?? []), id]);
    const pause = slices.breathe();
    if (pause !== undefined) await pause;
  }
  return next;
}

/** The channel that a credential row belongs to, also one that is quarantined: its channel must not look as if it needed none. */
function channelOf(held: HeldRow<"credential"> | undefined): bigint | undefined {
  if (held === undefined || (held.status === "unlogged" && held.served === undefined))
    return undefined;
  if (held.parsed !== undefined) return BigInt(held.parsed.channelId);
  const column = held.seen?.["channel_id"];
  if (typeof column === "bigint") return column;
  return typeof column === "number" && Number.isInteger(column) ? BigInt(column) : undefined;
}

interface JoinInput {
  readonly rowSet: RowSet;
  readonly touched: Touched;
  readonly credentialIds: Edition["credentialIds"];
}

async function joinChannels(
  previous: Edition | undefined,
  input: JoinInput,
  slices: Slices,
): Promise<{ channels: ReadonlyMap<number, Channel>; routeTable: RouteTable }> {
  const { rowSet, touched, credentialIds } = input;
  const ids = new Set(touched.channel);
  for (const id of touched.credential)
    for (const held of [previous?.rowSet.rows.credential.get(id), rowSet.rows.credential.get(id)]) {
      const channelId = channelOf(held);
      if (channelId !== undefined) ids.add(channelId);
    }
  const routeTable = previous?.routeTable ?? emptyRoutes;
  const channels = previous?.snapshot.channels ?? new Map<number, Channel>();
  if (ids.size === 0) return { channels, routeTable };
  const next = new Map(channels);
  const changes: ChannelChange[] = [];
  for (const id of ids) {
    const before = channels.get(Number(id));
    const after = joinChannel(rowSet, id, credentialIds.get(id) ?? []);
    if (after === undefined) next.delete(Number(id));
    else next.set(Number(id), after);
    changes.push({ before, after });
    const pause = slices.breathe();
    if (pause !== undefined) await pause;
  }
  return { channels: next, routeTable: await changeRoutes(routeTable, changes, slices) };
}

function joinChannel(
  rowSet: RowSet,
  id: bigint,
  credentialIds: readonly bigint[],
): Channel | undefined {
  const body = rowSet.rows.channel.get(id)?.parsed;
  if (body === undefined || credentialIds.length === 0) return body;
  const credentials: Credential[] = [];
  for (const credentialId of credentialIds) {
    const credential = rowSet.rows.credential.get(credentialId)?.parsed;
    if (credential?.enabled === true) credentials.push(credential);
  }
  credentials.sort((a, b) => a.position - b.position || a.id - b.id);
  // A channel that has credentials, none of them usable, must not be called without any.
  return Object.freeze({ ...body, credentials, enabled: body.enabled && credentials.length > 0 });
}

interface NamedInput {
  readonly rowSet: RowSet;
  readonly touched: Touched;
  readonly noted: Map<string, Rejected>;
}

/** By a unique name. Where the table lost its constraint the lowest id wins, so that all nodes agree, and the others are told. */
function byName<K extends "group" | "model", T extends Group | ModelInfo>(
  kind: K,
  nameOf: (entity: T) => string,
  input: NamedInput,
  before: ReadonlyMap<string, T> | undefined,
): ReadonlyMap<string, T> {
  const held = input.rowSet.rows[kind] as unknown as ReadonlyMap<bigint, HeldRow>;
  if (before !== undefined && input.touched[kind].size === 0 && before.size === held.size)
    return before;
  const next = new Map<string, T>();
  for (const entity of sorted<T>(held)) {
    const name = nameOf(entity);
    if (!next.has(name)) next.set(name, entity);
    else input.noted.set(`${kind}:${entity.id}`, doubled(kind, entity, name));
  }
  return next;
}

function doubled(kind: SnapshotKind, entity: Group | ModelInfo, name: string): Rejected {
  const reason = `another ${kind} with a lower id is named "${name}" too`;
  return { kind, id: entity.id, rev: entity.rev, reason, servingPrevious: false };
}

function sorted<T extends { readonly id: number }>(
  held: ReadonlyMap<bigint, HeldRow>,
): readonly T[] {
  const entities: T[] = [];
  for (const row of held.values())
    if (row.parsed !== undefined) entities.push(row.parsed as unknown as T);
  return entities.sort((a, b) => a.id - b.id);
}

function pricesOf(
  rowSet: RowSet,
  touched: Touched,
  before: Snapshot | undefined,
): Pick<Snapshot, "prices" | "findPrice"> {
  if (before !== undefined && touched.price.size === 0)
    return { prices: before.prices, findPrice: before.findPrice };
  const prices = sorted<Price>(rowSet.rows.price);
  return {
    prices: new Map(prices.map((price) => [price.id, price])),
    findPrice: makeFindPrice(prices),
  };
}

function settingsOf(
  rowSet: RowSet,
  touched: Touched,
  before: Snapshot | undefined,
): Pick<Snapshot, "settings" | "settingValues"> {
  if (before !== undefined && touched.setting.size === 0)
    return { settings: before.settings, settingValues: before.settingValues };
  const settingValues: Record<string, Json> = {};
  for (const { name, value } of sorted<{ id: number; name: string; value: Json }>(
    rowSet.rows.setting,
  ))
    settingValues[name] ??= value;
  return { settings: fillSettings(settingValues), settingValues: Object.freeze(settingValues) };
}
