/**
 * Which channels serve a model in a group, ready to be asked once per call. A new index shares everything with the one
 * before it but the lists that a changed channel stands in. Disabled channels are in no list.
 */
import type { Channel, RouteIndex } from "./entities.ts";
import { findByPattern, isPrefixPattern, prefixLengths } from "./pattern-index.ts";
import type { PatternIndex } from "./pattern-index.ts";
import type { Slices } from "./time-slice.ts";

/** Channels of equal priority, by id. */
interface Tier {
  readonly priority: number;
  readonly channels: readonly Channel[];
}

/** The tiers of one pattern in one group, highest priority first. */
interface Bucket {
  readonly tiers: readonly Tier[];
  /** What `candidates` answers. */
  readonly lists: readonly (readonly Channel[])[];
}

interface GroupRoutes extends PatternIndex<Bucket> {
  /** Sorted names, made when first asked for. */
  names: readonly string[] | undefined;
}

export interface RouteTable {
  readonly groups: ReadonlyMap<string, GroupRoutes>;
}

export const emptyRoutes: RouteTable = { groups: new Map<string, GroupRoutes>() };

const none: readonly (readonly Channel[])[] = Object.freeze([]);
const noNames: readonly string[] = Object.freeze([]);

export function makeRouteIndex(table: RouteTable): RouteIndex {
  return {
    candidates: (group, model) => {
      const routes = table.groups.get(group);
      return routes === undefined ? none : (findByPattern(routes, model)?.lists ?? none);
    },
    models: (group) => {
      const routes = table.groups.get(group);
      if (routes === undefined) return noNames;
      routes.names ??= [...routes.exact.keys()].sort();
      return routes.names;
    },
  };
}

/** A channel before and after; undefined where it did not or does not exist. */
export interface ChannelChange {
  readonly before: Channel | undefined;
  readonly after: Channel | undefined;
}

/** What happens to one bucket. */
interface BucketChange {
  readonly removed: Set<number>;
  readonly added: Channel[];
}

type Plan = Map<string, Map<string, BucketChange>>;

/** The table with the changes applied, breathing between lists. */
export async function changeRoutes(
  table: RouteTable,
  changes: Iterable<ChannelChange>,
  slices: Slices,
): Promise<RouteTable> {
  const plan = await planChanges(changes, slices);
  if (plan.size === 0) return table;
  const groups = new Map(table.groups);
  for (const [group, buckets] of plan) {
    const routes = await changeGroup(groups.get(group), buckets, slices);
    if (routes === undefined) groups.delete(group);
    else groups.set(group, routes);
  }
  return { groups };
}

async function planChanges(changes: Iterable<ChannelChange>, slices: Slices): Promise<Plan> {
  const plan: Plan = new Map();
  for (const { before, after } of changes) {
    if (before?.enabled === true)
      for (const change of placesOf(plan, before)) change.removed.add(before.id);
    if (after?.enabled === true)
      for (const change of placesOf(plan, after)) change.added.push(after);
    const pause = slices.breathe();
    if (pause !== undefined) await pause;
  }
  return plan;
}

function* placesOf(plan: Plan, channel: Channel): Iterable<BucketChange> {
  for (const group of channel.groups) {
    let buckets = plan.get(group);
    if (buckets === undefined) plan.set(group, (buckets = new Map()));
    for (const pattern of channel.models) {
      let change = buckets.get(pattern);
      if (change === undefined) buckets.set(pattern, (change = { removed: new Set(), added: [] }));
      yield change;
    }
  }
}

async function changeGroup(
  routes: GroupRoutes | undefined,
  changes: ReadonlyMap<string, BucketChange>,
  slices: Slices,
): Promise<GroupRoutes | undefined> {
  const exact = new Map(routes?.exact);
  const prefixes = new Map(routes?.prefixes);
  let namesChanged = false;
  for (const [pattern, change] of changes) {
    const isPrefix = isPrefixPattern(pattern);
    const target = isPrefix ? prefixes : exact;
    const key = isPrefix ? pattern.slice(0, -1) : pattern;
    const before = target.get(key);
    const after = changeBucket(before, change);
    if (after === undefined) target.delete(key);
    else target.set(key, after);
    if (!isPrefix && (before === undefined) !== (after === undefined)) namesChanged = true;
    const pause = slices.breathe();
    if (pause !== undefined) await pause;
  }
  if (exact.size === 0 && prefixes.size === 0) return undefined;
  const names = namesChanged ? undefined : routes?.names;
  return { exact, prefixes, lengths: prefixLengths(prefixes), names };
}

function changeBucket(bucket: Bucket | undefined, change: BucketChange): Bucket | undefined {
  const addedByPriority = new Map<number, Channel[]>();
  for (const channel of change.added) {
    const list = addedByPriority.get(channel.priority);
    if (list === undefined) addedByPriority.set(channel.priority, [channel]);
    else list.push(channel);
  }
  const tiers: Tier[] = [];
  for (const tier of bucket?.tiers ?? []) {
    const added = addedByPriority.get(tier.priority);
    addedByPriority.delete(tier.priority);
    const channels = changeTier(tier.channels, change.removed, added);
    if (channels === tier.channels) tiers.push(tier);
    else if (channels.length > 0) tiers.push({ priority: tier.priority, channels });
  }
  for (const [priority, channels] of addedByPriority)
    tiers.push({ priority, channels: channels.sort(byId) });
  if (tiers.length === 0) return undefined;
  tiers.sort((a, b) => b.priority - a.priority);
  return { tiers, lists: tiers.map((tier) => tier.channels) };
}

function changeTier(
  channels: readonly Channel[],
  removed: ReadonlySet<number>,
  added: readonly Channel[] | undefined,
): readonly Channel[] {
  const touched = added !== undefined || channels.some((channel) => removed.has(channel.id));
  if (!touched) return channels;
  const kept = channels.filter((channel) => !removed.has(channel.id));
  return added === undefined ? kept : [...kept, ...added].sort(byId);
}

function byId(a: Channel, b: Channel): number {
  return a.id - b.id;
}
