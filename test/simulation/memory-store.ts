/**
 * The database of the simulation: snapshot-isolated reads, one head lock, transactions that can fail, hang, be killed
 * or commit without telling. Every state that was ever committed is kept, as the oracle's truth.
 */
import type {
  CallerRows,
  Change,
  CommitEntry,
  ConfigKind,
  Head,
  RawRow,
  RowValues,
  SyncReads,
  SyncStore,
  SyncWrites,
} from "../../src/store/sync-store.ts";
import {
  callerKinds,
  DuplicateRow,
  snapshotKinds,
  UncertainCommit,
} from "../../src/store/sync-store.ts";
import type { Chance, VirtualClock } from "./virtual-clock.ts";

const kinds: readonly ConfigKind[] = [...snapshotKinds, ...callerKinds];
const uniqueColumns: Partial<Record<ConfigKind, string>> = {
  group: "symbol",
  setting: "name",
  model: "model",
  price: "model",
  key: "hash",
  user: "username",
};

type Rows = ReadonlyMap<bigint, RawRow>;

/** One state of the whole database; never changed, only replaced. */
export interface State {
  readonly epoch: string;
  readonly revision: number;
  readonly commitId: string;
  readonly minRetained: number;
  readonly minReader: number;
  readonly committedAtMs: number;
  readonly commits: ReadonlyMap<number, { readonly commitId: string; readonly txnId: string }>;
  readonly changes: readonly Change[];
  readonly rows: Readonly<Record<ConfigKind, Rows>>;
  readonly nextId: bigint;
}

/** How one node reaches the database; the simulation turns its knobs. */
export interface Link {
  up: boolean;
  /** Probability that one call fails. */
  faultRate: number;
  /** Probability that one call takes seconds. */
  slowRate: number;
  /** Probability that the outcome of a COMMIT is lost. */
  uncertainRate: number;
  /** The process behind it is gone: nothing it awaits comes back. */
  dead: boolean;
}

export function makeLink(): Link {
  return { up: true, faultRate: 0, slowRate: 0, uncertainRate: 0, dead: false };
}

export class ConnectionLost extends Error {
  constructor() {
    super("the connection to the database was lost");
    this.name = "ConnectionLost";
  }
}

class Deadlock extends Error {}

export class MemoryDatabase {
  readonly #clock: VirtualClock;
  readonly #chance: Chance;
  readonly #held = new Map<Link, Set<() => void>>();
  #state: State;
  #lockTail: Promise<void> = Promise.resolve();
  /** Every committed state of configuration, by commit id. */
  readonly committed = new Map<string, State>();
  /** Rows changed by hand since a revision last wrote them, as `kind:id`. */
  readonly tainted = new Set<string>();
  /** The commit before each commit, and what it changed, also on timelines that were lost. */
  readonly lineage = new Map<
    string,
    { readonly parent: string; readonly txnId: string; readonly changes: readonly Change[] }
  >();
  /** Hashes of all keys that were ever made. */
  readonly hashes = new Set<string>();

  /** Counts the servers that were the primary: a transaction does not outlive its own. */
  generation = 0;

  constructor(clock: VirtualClock, chance: Chance) {
    this.#clock = clock;
    this.#chance = chance;
    const now = clock.now();
    const empty = Object.fromEntries(
      kinds.map((kind) => [kind, new Map<bigint, RawRow>()]),
    ) as unknown as State["rows"];
    const group: RawRow = {
      id: 1n,
      rev: 1n,
      symbol: "default",
      name: "default",
      ratio: 1_000_000n,
      public: 1,
      enabled: 1,
      created_at: BigInt(now),
      updated_at: BigInt(now),
    };
    this.#state = {
      epoch: this.#id(),
      revision: 1,
      commitId: this.#id(),
      minRetained: 1,
      minReader: 1,
      committedAtMs: now,
      commits: new Map(),
      changes: [],
      rows: { ...empty, group: new Map([[1n, group]]) },
      nextId: 2n,
    };
    this.#state = {
      ...this.#state,
      commits: new Map([[1, { commitId: this.#state.commitId, txnId: this.#id() }]]),
    };
    this.committed.set(this.#state.commitId, this.#state);
  }

  get state(): State {
    return this.#state;
  }

  head(state = this.#state): Head {
    const { epoch, revision, commitId, minRetained, minReader, committedAtMs } = state;
    return {
      epoch,
      revision,
      commitId,
      minRetained,
      minReader,
      committedAtMs,
      nowMs: this.#clock.now(),
    };
  }

  /** The process behind a link is killed: sooner or later its connections end, and with them its transactions. */
  kill(link: Link): void {
    link.dead = true;
    this.#clock.after(this.#chance.between(1, 300), () => {
      for (const release of this.#held.get(link) ?? []) release();
    });
  }

  /** A change by hand: no lock, no revision, no log. `row` undefined deletes. */
  handEdit(kind: ConfigKind, id: bigint, row: RawRow | undefined): void {
    const rows = new Map(this.#state.rows[kind]);
    if (row === undefined) rows.delete(id);
    else rows.set(id, row);
    this.tainted.add(`${kind}:${id}`);
    this.#state = { ...this.#state, rows: { ...this.#state.rows, [kind]: rows } };
  }

  freshId(): bigint {
    const { nextId } = this.#state;
    this.#state = { ...this.#state, nextId: nextId + 1n };
    return nextId;
  }

  compact(keep: number): void {
    const minRetained = Math.max(this.#state.minRetained, this.#state.revision - keep);
    const kept = [...this.#state.commits].filter(([revision]) => revision >= minRetained);
    this.#state = {
      ...this.#state,
      minRetained,
      commits: new Map(kept),
      changes: this.#state.changes.filter((change) => change.revision > minRetained),
    };
  }

  /** A standby without the newest commits takes over. Its sequence of ids has gone on. */
  loseTail(count: number): void {
    const target = this.#state.revision - count;
    const found = [...this.committed.values()].findLast(
      (state) =>
        state.revision <= Math.max(1, target) &&
        this.#state.commits.get(state.revision)?.commitId === state.commitId,
    );
    if (found === undefined) return;
    this.#replace(found);
  }

  /** An old backup is restored; with `reEpoch` the operator did as the manual says. */
  restore(reEpoch: boolean): void {
    const states = [...this.committed.values()];
    const old = states[Math.floor(this.#chance.next() * states.length)];
    if (old === undefined) return;
    // Above every revision that any node may have seen, or rows of the old backup would seem to come from the future.
    const revision = Math.max(...states.map((state) => state.revision)) + 1;
    this.#replace(old);
    if (reEpoch) this.#makeEpoch(revision);
  }

  #makeEpoch(revision: number): void {
    const commitId = this.#id();
    this.#state = {
      ...this.#state,
      epoch: this.#id(),
      revision,
      commitId,
      minRetained: revision,
      commits: new Map([[revision, { commitId, txnId: this.#id() }]]),
      changes: [],
    };
    this.committed.set(commitId, this.#state);
  }

  #replace(state: State): void {
    this.generation += 1;
    this.#state = { ...state, nextId: this.#state.nextId };
  }

  /** The changes from one commit to a later one of the same timeline; undefined when it does not descend from it. */
  path(from: string, to: string): readonly Change[] | undefined {
    const changes: Change[] = [];
    for (let at = to; at !== from;) {
      const step = this.lineage.get(at);
      if (step === undefined) return undefined;
      changes.push(...step.changes);
      at = step.parent;
    }
    return changes;
  }

  demandReader(minReader: number): void {
    this.#state = { ...this.#state, minReader };
  }

  connect(link: Link): SyncStore {
    const notHere = (): never => {
      throw new Error("the simulation has no registry");
    };
    return {
      readHead: async (timeoutMs) => {
        await this.#travel(link, timeoutMs);
        const head = this.head();
        await this.#travel(link, timeoutMs);
        return head;
      },
      read: (work) => this.#read(link, work),
      write: (work) => this.#write(link, work),
      findCommit: async (txnId) => {
        await this.#travel(link);
        // As the real store: under the head's lock, so that a commit still under way is waited for.
        const release = await this.#lock();
        const found = [...this.#state.commits].find(([, commit]) => commit.txnId === txnId);
        release();
        await this.#travel(link);
        return found && { revision: found[0], commitId: found[1].commitId };
      },
      findCaller: async (hash) => {
        await this.#travel(link);
        const answer = { revision: this.#state.revision, caller: findCaller(this.#state, hash) };
        await this.#travel(link);
        return answer;
      },
      writeReport: notHere,
      readReports: notHere,
      purgeReports: notHere,
      takeLease: notHere,
      renewLease: notHere,
      releaseLease: notHere,
      readLease: notHere,
      compact: notHere,
    };
  }

  #id(): string {
    let id = "";
    for (let part = 0; part < 4; part += 1)
      id += Math.floor(this.#chance.next() * 0x1_0000_0000)
        .toString(16)
        .padStart(8, "0");
    return id;
  }

  /** One way between node and database. */
  async #travel(link: Link, timeoutMs = Number.POSITIVE_INFINITY): Promise<void> {
    if (link.dead) return new Promise(() => undefined);
    const slow = this.#chance.happens(link.slowRate);
    const delay = slow ? this.#chance.between(100, 4000) : this.#chance.next() * 3;
    await this.#clock.sleep(Math.min(delay, timeoutMs));
    if (link.dead) return new Promise(() => undefined);
    if (delay > timeoutMs) throw new Error("timeout");
    if (!link.up || this.#chance.happens(link.faultRate)) throw new ConnectionLost();
  }

  async #lock(): Promise<() => void> {
    const before = this.#lockTail;
    let release: () => void = () => undefined;
    this.#lockTail = new Promise((resolve) => (release = resolve));
    await before;
    return release;
  }

  async #read<T>(link: Link, work: (tx: SyncReads) => Promise<T>): Promise<T> {
    await this.#travel(link);
    // Taken at the first statement, as REPEATABLE READ does.
    let instant: State | undefined;
    const at = (): State => (instant ??= this.#state);
    const answer = await work(this.#reads(at, () => this.#travel(link)));
    await this.#travel(link);
    return answer;
  }

  #reads(at: () => State, travel: () => Promise<void>): SyncReads {
    const ask = async <T>(answer: () => T): Promise<T> => {
      await travel();
      return answer();
    };
    return {
      head: () => ask(() => this.head(at())),
      commitId: (revision) => ask(() => at().commits.get(revision)?.commitId),
      changesAfter: (after, limit) =>
        ask(() =>
          at()
            .changes.filter((change) => change.revision > after)
            .slice(0, limit),
        ),
      rows: (kind, ids) =>
        ask(() => {
          const rows = at().rows[kind];
          if (ids === undefined) return [...rows.values()];
          return ids.flatMap((id) => rows.get(id) ?? []);
        }),
      count: (kind) => ask(() => at().rows[kind].size),
      callers: (hashes) => ask(() => hashes.flatMap((hash) => findCaller(at(), hash) ?? [])),
    };
  }

  async #write<T>(link: Link, work: (tx: SyncWrites, head: Head) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#writeOnce(link, work, attempt);
      } catch (error) {
        if (!(error instanceof Deadlock)) throw error;
      }
    }
  }

  async #writeOnce<T>(
    link: Link,
    work: (tx: SyncWrites, head: Head) => Promise<T>,
    attempt: number,
  ): Promise<T> {
    await this.#travel(link);
    const release = await this.#lock();
    if (link.dead) {
      release();
      return new Promise(() => undefined);
    }
    const draft = new Draft(this);
    const travel = (): Promise<void> => this.#travel(link);
    const held = this.#held.get(link) ?? new Set();
    this.#held.set(link, held.add(release));
    try {
      await travel();
      const value = await work(this.#writes(draft, travel), this.head());
      if (attempt < 3 && this.#chance.happens(link.uncertainRate / 2)) throw new Deadlock();
      await travel();
      if (draft.generation !== this.generation) throw new ConnectionLost();
      if (!this.#chance.happens(link.uncertainRate)) {
        this.#commit(draft);
        return value;
      }
      await this.#loseOutcome(draft);
      throw new UncertainCommit(new ConnectionLost());
    } finally {
      held.delete(release);
      if (!draft.late) release();
      else
        this.#clock.after(this.#chance.between(1, 800), () => {
          this.#commit(draft);
          release();
        });
    }
  }

  /** The connection broke at COMMIT: it happened, it did not, or it is still on its way with the lock held. */
  async #loseOutcome(draft: Draft): Promise<void> {
    const outcome = this.#chance.between(0, 2);
    if (outcome === 0) this.#commit(draft);
    if (outcome === 1) draft.late = true;
  }

  #writes(draft: Draft, travel: () => Promise<void>): SyncWrites {
    const ask = async <T>(answer: () => T): Promise<T> => {
      await travel();
      return answer();
    };
    return {
      ...this.#reads(() => draft.view(), travel),
      find: (kind, id) => ask(() => draft.view().rows[kind].get(id)),
      insert: (kind, rev, values) =>
        ask(() => {
          const id = this.freshId();
          draft.put(kind, { ...values, id, rev: BigInt(rev) } as RawRow);
          return id;
        }),
      update: (kind, rev, id, values) =>
        ask(() => {
          const before = draft.view().rows[kind].get(id);
          if (before === undefined) throw new Error(`there is no ${kind} with id ${id} to update`);
          draft.put(kind, { ...before, ...values, rev: BigInt(rev) } as RawRow);
        }),
      remove: (kind, id) =>
        ask(() => draft.writes.push({ kind, id, row: undefined })).then(() => undefined),
      nowMs: () => ask(() => this.#clock.now()),
      audit: () => ask(() => undefined),
      commit: (entry) =>
        ask(() => {
          if (draft.generation !== this.generation) throw new ConnectionLost();
          if (entry.revision !== this.#state.revision + 1)
            throw new Error("the head was not locked");
          draft.entry = entry;
        }),
    };
  }

  #commit(draft: Draft): void {
    const { entry } = draft;
    if (draft.generation !== this.generation) return;
    const view = draft.view();
    this.#state = view;
    if (entry === undefined) return;
    const { revision, commitId, txnId } = entry;
    if (revision !== view.revision + 1) throw new Error("the head was not locked");
    const changes = entry.changes.map((change) => ({ ...change, revision }));
    this.#state = {
      ...view,
      revision,
      commitId,
      committedAtMs: this.#clock.now(),
      commits: new Map(view.commits).set(revision, { commitId, txnId }),
      changes: [...view.changes, ...changes],
    };
    this.lineage.set(commitId, { parent: view.commitId, txnId, changes });
    for (const { kind, entityId } of entry.changes) this.tainted.delete(`${kind}:${entityId}`);
    this.committed.set(commitId, this.#state);
  }
}

/** A write transaction under READ COMMITTED: its own writes over whatever is committed now. */
class Draft {
  readonly #database: MemoryDatabase;
  readonly generation: number;
  readonly writes: { kind: ConfigKind; id: bigint; row: RawRow | undefined }[] = [];
  entry: CommitEntry | undefined;
  late = false;

  constructor(database: MemoryDatabase) {
    this.#database = database;
    this.generation = database.generation;
  }

  put(kind: ConfigKind, row: RawRow): void {
    const column = uniqueColumns[kind];
    if (column !== undefined)
      for (const other of this.view().rows[kind].values())
        if (other.id !== row.id && other[column] === row[column])
          throw new DuplicateRow(kind, column, undefined);
    this.writes.push({ kind, id: row.id, row });
  }

  view(): State {
    const { state } = this.#database;
    if (this.writes.length === 0) return state;
    const rows: Record<ConfigKind, Rows> = { ...state.rows };
    for (const kind of new Set(this.writes.map((write) => write.kind))) {
      const table = new Map(rows[kind]);
      for (const write of this.writes) {
        if (write.kind !== kind) continue;
        if (write.row === undefined) table.delete(write.id);
        else table.set(write.id, write.row);
      }
      rows[kind] = table;
    }
    return { ...state, rows };
  }
}

function findCaller(state: State, hash: string): CallerRows | undefined {
  for (const key of state.rows.key.values()) {
    if (key["hash"] !== hash) continue;
    const owner = state.rows.user.get(key["owner_id"] as bigint);
    return owner && { key, owner };
  }
  return undefined;
}

const texts = new WeakMap<RawRow, string>();

/** A row as text that is equal for equal rows. */
export function canonicalRow(row: RawRow): string {
  let text = texts.get(row);
  if (text === undefined) {
    const entries = Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1));
    text = JSON.stringify(entries, (_name, value: unknown) =>
      typeof value === "bigint" ? `${value}n` : value,
    );
    texts.set(row, text);
  }
  return text;
}

/** Column values of a channel that parses. */
export function channelValues(name: string, more: RowValues = {}): RowValues {
  return {
    name,
    provider: "openai",
    base_url: null,
    models: '["gpt-4o"]',
    groups: '["default"]',
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
    created_at: 0n,
    updated_at: 0n,
    ...more,
  };
}
