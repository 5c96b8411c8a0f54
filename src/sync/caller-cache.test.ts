// The caller cache under every order of look-ups, changes and loads: no revoked key comes back, no error is `unknown`.
import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Clock } from "../core/clock.ts";
import { silentLogger } from "../core/logger.ts";
import type { CallerRows, Change, RawRow } from "../store/sync-store.ts";
import type { CallerCache } from "./caller-cache.ts";
import { makeCallerCache } from "./caller-cache.ts";
import { noSpendingRules } from "./entities.ts";
import type { KeyRecord } from "./entities.ts";
import type { CallerChanges, CallerUpdate } from "./follower.ts";
import type { CallerLookup } from "./sync.ts";

interface FakeKey {
  owner: number;
  enabled: boolean;
}

/** A database of keys with its log of changes. */
function makeDatabase() {
  const keys = new Map<string, FakeKey>();
  const users = new Map<number, boolean>([
    [1, true],
    [2, true],
  ]);
  const log: Change[] = [];
  let revision = 0;
  const change = (kind: "key" | "user", entityId: string, op: "u" | "d"): void => {
    revision += 1;
    log.push({ revision, kind, entityId, op });
  };
  const rows = (hash: string): CallerRows | undefined => {
    const key = keys.get(hash);
    if (key === undefined) return undefined;
    return {
      key: { id: 1n, rev: 0n, hash, enabled: key.enabled ? 1 : 0 } as RawRow,
      owner: { id: BigInt(key.owner), rev: 0n, enabled: users.get(key.owner) ? 1 : 0 } as RawRow,
    };
  };
  return {
    log,
    rows,
    revision: () => revision,
    setKey: (hash: string, key: FakeKey) => {
      keys.set(hash, key);
      change("key", hash, "u");
    },
    deleteKey: (hash: string) => {
      if (keys.delete(hash)) change("key", hash, "d");
    },
    setUser: (id: number, enabled: boolean) => {
      users.set(id, enabled);
      change("user", String(id), "u");
    },
  };
}

type FakeDatabase = ReturnType<typeof makeDatabase>;

function parse(rows: CallerRows): KeyRecord {
  if (rows.key["enabled"] === 7) throw new Error("bad row");
  return {
    id: Number(rows.key.id),
    rev: 0,
    hash: String(rows.key["hash"]),
    name: "",
    group: null,
    fallbackGroup: null,
    models: null,
    ipRanges: null,
    expiresAtMs: null,
    enabled: rows.key["enabled"] === 1,
    ratio: 1_000_000n,
    ...noSpendingRules,
    owner: {
      id: Number(rows.owner.id),
      rev: 0,
      username: "u",
      role: "member",
      group: "default",
      enabled: rows.owner["enabled"] === 1,
      billing: "postpaid",
      ratio: 1_000_000n,
      ...noSpendingRules,
    },
  };
}

function truth(database: FakeDatabase, hash: string): string {
  const rows = database.rows(hash);
  if (rows === undefined) return "unknown";
  const key = parse(rows);
  return `${key.enabled}/${key.owner.id}/${key.owner.enabled}`;
}

function shown(lookup: CallerLookup): string {
  if (!lookup.found) return lookup.reason;
  return `${lookup.key.enabled}/${lookup.key.owner.id}/${lookup.key.owner.enabled}`;
}

function makeFakeClock(): Clock & { pass(ms: number): void } {
  let now = 0;
  return {
    now: () => now,
    monotonic: () => now,
    after: () => () => undefined,
    pass: (ms) => {
      now += ms;
    },
  };
}

function callerChanges(database: FakeDatabase, from: number, full = false): CallerChanges {
  const log = database.log.filter((change) => change.revision > from);
  const ids = (kind: string): ReadonlySet<string> =>
    new Set(log.filter((change) => change.kind === kind).map((change) => change.entityId));
  return { all: full, keyHashes: ids("key"), userIds: ids("user"), tokenIds: new Set() };
}

/** A load's reading, as the follower makes it: what it asked for and what it found, at one instant. */
function read(
  cache: CallerCache,
  database: FakeDatabase,
  from: number,
  full = false,
): CallerUpdate {
  const changes = callerChanges(database, from, full);
  const asked = cache.affected(changes);
  const fresh = asked.flatMap((hash) => database.rows(hash) ?? []);
  return { revision: database.revision(), changes, asked, fresh };
}

function load(cache: CallerCache, database: FakeDatabase, from: number, full = false): number {
  const update = read(cache, database, from, full);
  cache.apply(update);
  return update.revision;
}

const hashes = ["a", "b"] as const;
const step = fc.oneof(
  fc.record({
    kind: fc.constant("setKey" as const),
    hash: fc.constantFrom(...hashes),
    owner: fc.constantFrom(1, 2),
    enabled: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("deleteKey" as const), hash: fc.constantFrom(...hashes) }),
  fc.record({
    kind: fc.constant("setUser" as const),
    owner: fc.constantFrom(1, 2),
    enabled: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("find" as const), hash: fc.constantFrom(...hashes) }),
  fc.record({ kind: fc.constant("readStore" as const), index: fc.nat(5) }),
  fc.record({
    kind: fc.constant("answerStore" as const),
    index: fc.nat(5),
    fail: fc.nat(9).map((n) => n === 0),
  }),
  fc.record({ kind: fc.constant("beginLoad" as const), full: fc.nat(5).map((n) => n === 0) }),
  fc.record({ kind: fc.constant("applyLoad" as const) }),
  fc.record({ kind: fc.constant("pass" as const), ms: fc.constantFrom(1_000, 70_000) }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** One call to the store: asked, then reads the database at some instant, then its answer arrives at another. */
interface StoreCall {
  hash: string;
  answer?: { revision: number; caller: CallerRows | undefined };
  resolve(answer: { revision: number; caller: CallerRows | undefined }): void;
  reject(error: Error): void;
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function runSchedule(steps: readonly Step[]): Promise<void> {
  const database = makeDatabase();
  for (const hash of hashes) database.setKey(hash, { owner: 1, enabled: true });
  const clock = makeFakeClock();
  const calls: StoreCall[] = [];
  const cache = makeCallerCache({
    clock,
    logger: silentLogger,
    parse,
    enabled: true,
    store: {
      findCaller: (hash) =>
        new Promise((resolve, reject) => void calls.push({ hash, resolve, reject })),
    },
  });
  let applied = database.revision();
  /** Truth of every hash after each revision. */
  const history = new Map<number, Record<string, string>>();
  const remember = (): void => {
    history.set(
      database.revision(),
      Object.fromEntries(hashes.map((h) => [h, truth(database, h)])),
    );
  };
  remember();
  let loading: CallerUpdate | undefined;
  const check = (hash: string, lookup: CallerLookup, since: number): void => {
    const seen = shown(lookup);
    if (seen === "unavailable") return;
    const allowed = [...history].filter(([rev]) => rev >= since).map(([, state]) => state[hash]);
    assert.ok(
      allowed.includes(seen),
      `${hash}: ${seen}, but since revision ${since} only ${allowed.join(" ")}`,
    );
  };
  const pending: Promise<unknown>[] = [];
  for (const current of steps) {
    if (current.kind === "setKey")
      database.setKey(current.hash, { owner: current.owner, enabled: current.enabled });
    else if (current.kind === "deleteKey") database.deleteKey(current.hash);
    else if (current.kind === "setUser") database.setUser(current.owner, current.enabled);
    else if (current.kind === "find") {
      const since = applied;
      const lookup = cache.find(current.hash);
      if (lookup instanceof Promise) {
        const checked = lookup.then((l) => check(current.hash, l, since));
        // Told at the end: until then nobody waits for it.
        checked.catch(() => undefined);
        pending.push(checked);
      } else check(current.hash, lookup, since);
    } else if (current.kind === "readStore") {
      const unread = calls.filter((c) => c.answer === undefined);
      const call = unread[current.index % unread.length];
      if (call !== undefined)
        call.answer = { revision: database.revision(), caller: database.rows(call.hash) };
    } else if (current.kind === "answerStore") {
      const [call] = calls.splice(current.index % calls.length, 1);
      if (call === undefined) continue;
      if (current.fail) call.reject(new Error("down"));
      else
        call.resolve(
          call.answer ?? { revision: database.revision(), caller: database.rows(call.hash) },
        );
      await settle();
    } else if (current.kind === "beginLoad") {
      loading = read(cache, database, applied, current.full);
    } else if (current.kind === "applyLoad" && loading !== undefined) {
      cache.apply(loading);
      applied = loading.revision;
      loading = undefined;
    } else if (current.kind === "pass") clock.pass(current.ms);
    remember();
  }
  for (const call of calls.splice(0)) call.reject(new Error("end"));
  await settle();
  for (const call of calls.splice(0)) call.reject(new Error("end"));
  await Promise.all(pending);
  // A cached answer of a key whose last change is applied is the truth, with the database dead.
  const final = load(cache, database, applied);
  for (const hash of hashes) {
    const lookup = cache.find(hash);
    if (!(lookup instanceof Promise)) check(hash, lookup, final);
    for (const call of calls.splice(0)) call.reject(new Error("end"));
    if (lookup instanceof Promise) assert.equal(shown(await lookup), "unavailable");
  }
}

test("whatever the order, an answer is never older than what the node has applied", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: "max" }), (steps) => runSchedule(steps)),
    { numRuns: 4_000 },
  );
});

function makeSimple(database: FakeDatabase, enabled = true, limit?: number) {
  const clock = makeFakeClock();
  const state: {
    down: boolean;
    calls: number;
    stale: boolean;
    answer?: { revision: number; caller: CallerRows | undefined } | undefined;
  } = { down: false, calls: 0, stale: false };
  const cache = makeCallerCache({
    clock,
    logger: silentLogger,
    parse,
    enabled,
    tooStale: () => state.stale,
    ...(limit === undefined ? {} : { limit }),
    store: {
      findCaller: async (hash) => {
        state.calls += 1;
        if (state.down) throw new Error("down");
        return state.answer ?? { revision: database.revision(), caller: database.rows(hash) };
      },
    },
  });
  const find = async (hash: string): Promise<string> => shown(await cache.find(hash));
  return { cache, clock, state, find };
}

test("after the swap the new truth is served although the database died right then", async () => {
  const database = makeDatabase();
  database.setKey("a", { owner: 1, enabled: true });
  database.setKey("b", { owner: 2, enabled: true });
  database.setKey("c", { owner: 2, enabled: true });
  const { cache, state, find } = makeSimple(database);
  for (const hash of ["a", "b", "c"]) await find(hash);
  const from = database.revision();
  database.setKey("a", { owner: 1, enabled: false });
  database.setUser(2, false);
  database.deleteKey("c");
  load(cache, database, from);
  state.down = true;
  assert.equal(await find("a"), "false/1/true");
  assert.equal(await find("b"), "true/2/false");
  assert.equal(await find("c"), "unknown");
  assert.equal(await find("never seen"), "unavailable");
});

test("a deleted key is known as deleted on a node that never served it", async () => {
  const database = makeDatabase();
  database.setKey("a", { owner: 1, enabled: true });
  const { cache, state, find } = makeSimple(database);
  const from = database.revision();
  database.deleteKey("a");
  load(cache, database, from);
  state.down = true;
  assert.equal(await find("a"), "unknown");
  assert.deepEqual(cache.export(10).denied, ["a"]);
});

test("an answer that came between a load's question and its swap does not outlive the swap", async () => {
  const database = makeDatabase();
  database.setKey("a", { owner: 1, enabled: true });
  const { cache, state, find } = makeSimple(database);
  const from = database.revision();
  const early = { revision: from, caller: database.rows("a") };
  database.setUser(1, false);
  const update = read(cache, database, from);
  assert.deepEqual(update.asked, []);
  state.answer = early;
  await find("a");
  cache.apply(update);
  state.answer = undefined;
  assert.equal(await find("a"), "true/1/false");
});

test("a full load reads everything again and drops nothing that still exists", async () => {
  const database = makeDatabase();
  database.setKey("a", { owner: 1, enabled: true });
  database.setKey("b", { owner: 1, enabled: true });
  const { cache, state, find } = makeSimple(database);
  await find("a");
  await find("b");
  database.setKey("a", { owner: 1, enabled: false });
  database.deleteKey("b");
  load(cache, database, 0, true);
  state.down = true;
  assert.equal(await find("a"), "false/1/true");
  assert.equal(await find("b"), "unknown");
});

test("the backstop refresh serves meanwhile, survives an outage, and finds what was changed by hand", async () => {
  const database = makeDatabase();
  database.setKey("a", { owner: 1, enabled: true });
  const { cache, clock, state, find } = makeSimple(database);
  await find("a");
  clock.pass(61_000);
  state.down = true;
  assert.equal(await find("a"), "true/1/true");
  await settle();
  assert.equal(state.calls, 2);
  assert.equal(await find("a"), "true/1/true");
  await settle();
  assert.equal(state.calls, 2, "a failed refresh is not repeated at once");
  state.down = false;
  database.setKey("a", { owner: 1, enabled: false });
  clock.pass(6_000);
  assert.equal(await find("a"), "true/1/true");
  await settle();
  assert.equal(await find("a"), "false/1/true");
  assert.ok(!(cache.find("a") instanceof Promise));
});

test("an absent key is remembered for a minute and forgotten when it is made", async () => {
  const database = makeDatabase();
  const { cache, clock, state, find } = makeSimple(database);
  assert.equal(await find("a"), "unknown");
  assert.equal(await find("a"), "unknown");
  assert.equal(state.calls, 1);
  const from = database.revision();
  database.setKey("a", { owner: 1, enabled: true });
  load(cache, database, from);
  assert.equal(await find("a"), "true/1/true");
  assert.equal(await find("b"), "unknown");
  clock.pass(61_000);
  state.down = true;
  assert.equal(await find("b"), "unavailable");
});

test("with the cache off every call asks, and a failure is unavailable", async () => {
  const database = makeDatabase();
  database.setKey("a", { owner: 1, enabled: true });
  const { cache, state, find } = makeSimple(database, false);
  assert.equal(await find("a"), "true/1/true");
  assert.equal(await find("a"), "true/1/true");
  assert.equal(state.calls, 2);
  state.down = true;
  assert.equal(await find("a"), "unavailable");
  assert.deepEqual(read(cache, database, 0).asked, []);
});

test("past AUTH_MAX_STALE a cached key is asked for, and unavailable when that fails", async () => {
  const database = makeDatabase();
  database.setKey("a", { owner: 1, enabled: true });
  const { state, find } = makeSimple(database);
  await find("a");
  state.stale = true;
  assert.equal(await find("a"), "true/1/true");
  state.down = true;
  assert.equal(await find("a"), "unavailable");
  state.stale = false;
  assert.equal(await find("a"), "true/1/true");
});

test("a row that cannot be read refuses that key alone", async () => {
  const database = makeDatabase();
  database.setKey("a", { owner: 1, enabled: true });
  const { cache, find } = makeSimple(database);
  const rows = database.rows("a");
  assert.ok(rows !== undefined);
  const bad = { ...rows, key: { ...rows.key, enabled: 7 } as RawRow };
  cache.apply({ ...read(cache, database, 0), fresh: [bad] });
  assert.equal(await find("a"), "unavailable");
});

test("one look-up serves all who wait, and the least recently used leaves first", async () => {
  const database = makeDatabase();
  for (const hash of ["a", "b", "c"]) database.setKey(hash, { owner: 1, enabled: true });
  const { cache, state, find } = makeSimple(database, true, 2);
  await Promise.all([find("a"), find("a"), find("a")]);
  assert.equal(state.calls, 1);
  await find("b");
  await find("a");
  await find("c");
  assert.deepEqual(
    cache.export(10).callers.map((rows) => rows.key["hash"]),
    ["c", "a"],
  );
  assert.equal(state.calls, 3);
});

test("what was exported is served after an import without a database", async () => {
  const database = makeDatabase();
  for (const hash of ["a", "b", "c"]) database.setKey(hash, { owner: 1, enabled: hash !== "b" });
  const first = makeSimple(database);
  for (const hash of ["a", "b", "c"]) await first.find(hash);
  const from = database.revision();
  database.deleteKey("c");
  load(first.cache, database, from);
  const second = makeSimple(database);
  second.state.down = true;
  second.cache.import(first.cache.export(100), database.revision());
  assert.equal(await second.find("a"), "true/1/true");
  assert.equal(await second.find("b"), "false/1/true");
  assert.equal(await second.find("c"), "unknown");
});
