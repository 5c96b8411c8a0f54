/** One random schedule: nodes, writes, faults of every kind, kills, changes by hand; then peace, and all must agree. */
import assert from "node:assert/strict";
import { GatewayError } from "../../src/core/errors.ts";
import type { ConfigKind, RawRow } from "../../src/store/sync-store.ts";
import { sealCredential } from "../../src/sync/credential-row.ts";
import type { ConfigWrites } from "../../src/sync/sync.ts";
import type { State } from "./memory-store.ts";
import { channelValues, MemoryDatabase } from "./memory-store.ts";
import type { SimNode } from "./node.ts";
import { dataKey, loadCopy, makeNode, saveCopy } from "./node.ts";
import { Oracles } from "./oracles.ts";
import type { Chance } from "./virtual-clock.ts";
import { makeChance, VirtualClock } from "./virtual-clock.ts";

export interface ScheduleOptions {
  readonly seed: number;
  /** Hands that change rows without a revision. */
  readonly hands: boolean;
  /** Failovers that lose commits, and restored backups. */
  readonly breaks: boolean;
  readonly steps: number;
}

const author = { name: "user:sim", userId: 1, address: "", requestId: "" };

class RolledBack extends Error {}

interface Slot {
  node: SimNode;
  disk:
    | {
        lines: readonly string[];
        callers: ReturnType<SimNode["callers"]["export"]>;
        revision: number;
      }
    | undefined;
}

/** Runs one schedule; throws with what was violated. */
export async function runSchedule(options: ScheduleOptions): Promise<{ swaps: number }> {
  const world = new World(options);
  await world.run();
  return { swaps: world.oracles.swaps };
}

class World {
  readonly oracles: Oracles;
  readonly #options: ScheduleOptions;
  readonly #chance: Chance;
  readonly #clock = new VirtualClock();
  readonly #database: MemoryDatabase;
  readonly #slots: Slot[] = [];
  readonly #writes: Promise<void>[] = [];
  #counter = 0;

  constructor(options: ScheduleOptions) {
    this.#options = options;
    this.#chance = makeChance(options.seed);
    this.#database = new MemoryDatabase(this.#clock, makeChance(options.seed ^ 0x5bd1e995));
    this.oracles = new Oracles(this.#database);
  }

  async run(): Promise<void> {
    const chance = this.#chance;
    for (let index = chance.between(2, 4); index > 0; index -= 1)
      this.#slots.push({ node: this.#boot(`n${index}`), disk: undefined });
    await this.#clock.pass(chance.between(0, 400));
    for (let step = 0; step < this.#options.steps; step += 1) {
      this.#act();
      await this.#clock.pass(
        chance.happens(0.2) ? chance.between(500, 5000) : chance.between(0, 250),
      );
    }
    await this.#makePeace();
    for (const failure of this.oracles.failures) throw new Error(failure);
    this.oracles.checkConverged(this.#slots.map((slot) => slot.node));
    this.oracles.checkCommits();
    await this.#checkRebuilt();
    await this.#checkCallers();
    for (const slot of this.#slots) slot.node.kill();
  }

  #boot(name: string): SimNode {
    const { chance, clock, database } = {
      chance: this.#chance,
      clock: this.#clock,
      database: this.#database,
    };
    const node = makeNode({
      name,
      clock,
      chance,
      database,
      ringOthers: (from, revision) => this.#ring(from, revision),
    });
    this.oracles.watch(node);
    node.follower.onApplied(({ edition }) => {
      const callers = node.callers.export(100);
      const { revision } = edition.rowSet.position;
      node.clock.after(chance.between(20, 1500), () => {
        const slot = this.#slots.find((other) => other.node === node);
        if (slot !== undefined && node.follower.edition() === edition)
          slot.disk = { lines: saveCopy(edition), callers, revision };
      });
    });
    node.start();
    return node;
  }

  /** Bells are lost, doubled and late. */
  #ring(from: string, revision: number): void {
    for (const { node } of this.#slots) {
      if (node.name === from || this.#chance.happens(0.3)) continue;
      for (let count = this.#chance.happens(0.1) ? 2 : 1; count > 0; count -= 1) {
        const late = this.#chance.happens(0.1) ? this.#chance.between(10, 3000) : 1;
        node.clock.after(late, () =>
          node.follower.ring(this.#chance.happens(0.5) ? revision : undefined),
        );
      }
    }
  }

  #act(): void {
    const { hands, breaks } = this.#options;
    const actions: readonly [number, () => void][] = [
      [40, () => this.#write()],
      [4, () => this.#writeBadly()],
      [6, () => this.#disturb()],
      [3, () => this.#outage()],
      [5, () => this.#restart()],
      [4, () => this.#database.compact(this.#chance.between(0, 3))],
      [3, () => (this.#slot().node.wallOffset = this.#chance.between(-3_600_000, 3_600_000))],
      [8, () => this.#call()],
      [2, () => this.#lendCopy()],
      [hands ? 10 : 0, () => this.#changeByHand()],
      [breaks ? 3 : 0, () => this.#database.loseTail(this.#chance.between(1, 3))],
      [breaks ? 1 : 0, () => this.#database.restore(this.#chance.happens(0.5))],
    ];
    let at = this.#chance.next() * actions.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, action] of actions) {
      at -= weight;
      if (at < 0) return action();
    }
  }

  #slot(): Slot {
    return this.#chance.pick(this.#slots);
  }

  #someId(kind: ConfigKind): number | undefined {
    const ids = [...this.#database.state.rows[kind].keys()];
    return ids.length === 0 ? undefined : Number(this.#chance.pick(ids));
  }

  #write(): void {
    const { node } = this.#slot();
    this.#counter += 1;
    const marker = `write-${this.#counter}`;
    const changes = Array.from(
      { length: this.#chance.happens(0.1) ? 20 : this.#chance.between(1, 2) },
      () => this.#planChange(),
    );
    const gives = this.#chance.happens(0.08);
    const written = node.door.write(author, async (tx) => {
      await tx.insert("price", priceValues(marker));
      for (const change of changes) await change(tx);
      if (gives) throw new RolledBack();
    });
    this.#writes.push(
      written.then(
        ({ revision }) => this.#note(() => this.#wasCommitted(marker, revision)),
        (error: unknown) => this.#note(() => this.#wasRefused(marker, error)),
      ),
    );
  }

  #note(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.oracles.failures.push(error instanceof Error ? (error.stack ?? "") : String(error));
    }
  }

  #wasCommitted(marker: string, revision: number): void {
    const found = this.#statesWith(marker).some((state) => state.revision === revision);
    assert.ok(found, `${marker} was answered as revision ${revision} but not committed`);
  }

  #wasRefused(marker: string, error: unknown): void {
    const isKnown =
      error instanceof RolledBack ||
      (error instanceof GatewayError &&
        ["temporarily_unavailable", "not_found", "conflict"].includes(error.kind));
    assert.ok(isKnown, `${marker}: ${String(error)} ${error instanceof Error ? error.stack : ""}`);
    const isUncertain = error instanceof GatewayError && error.message.includes("may or may not");
    if (!isUncertain) assert.ok(!this.#stands(marker), `${marker} was refused but committed`);
  }

  /** Committed states that hold the write, also those of timelines that were lost since. */
  #statesWith(marker: string): readonly State[] {
    return [...this.#database.committed.values()].filter((state) =>
      [...state.rows.price.values()].some((row) => row["model"] === marker),
    );
  }

  #stands(marker: string): boolean {
    const { commitId } = this.#database.state;
    return this.#statesWith(marker).some(
      (state) => this.#database.path(state.commitId, commitId) !== undefined,
    );
  }

  /** A change decided now and made when the transaction runs, as an admin's click is. */
  #planChange(): (tx: ConfigWrites) => Promise<unknown> {
    const chance = this.#chance;
    const kind = chance.pick([
      "channel",
      "channel",
      "channel",
      "credential",
      "price",
      "key",
      "user",
      "setting",
    ] as const);
    const id = chance.happens(0.4) ? undefined : this.#someId(kind);
    this.#counter += 1;
    const name = `${kind}-${this.#counter}`;
    const weight = chance.between(1, 100);
    const model = chance.pick(["gpt-4o", "gpt-*", "claude*", "o3"]);
    if (id !== undefined && chance.happens(0.35)) return (tx) => tx.remove(kind, id);
    if (kind === "channel") {
      const values = channelValues(name, {
        weight,
        models: JSON.stringify([model]),
        priority: weight % 3,
      });
      if (id === undefined) return (tx) => tx.insert("channel", values);
      return (tx) => tx.update("channel", id, { name, weight, models: JSON.stringify([model]) });
    }
    if (kind === "credential") {
      const channel = this.#someId("channel") ?? 1;
      const sealed = sealCredential(dataKey, channel, name);
      if (id === undefined)
        return (tx) =>
          tx.insert("credential", {
            channel_id: BigInt(channel),
            position: 0,
            sealed,
            status: "enabled",
          });
      return (tx) => tx.update("credential", id, { status: chance.pick(["enabled", "disabled"]) });
    }
    if (kind === "price") return (tx) => tx.insert("price", priceValues(name));
    if (kind === "user")
      return id === undefined
        ? (tx) => tx.insert("user", userValues(name))
        : (tx) => tx.update("user", id, { status: chance.pick(["enabled", "disabled"]) });
    if (kind === "key") {
      const owner = this.#someId("user");
      if (owner === undefined) return (tx) => tx.insert("user", userValues(name));
      if (id !== undefined) return (tx) => tx.update("key", id, { name });
      this.#database.hashes.add(name);
      return (tx) => tx.insert("key", keyValues(name, owner));
    }
    if (id !== undefined) return (tx) => tx.update("setting", id, { value: String(weight % 20) });
    return (tx) =>
      tx.insert("setting", {
        name: chance.pick(["retryTimes", "cooldownSeconds"]),
        value: "3",
        updated_at: 0n,
      });
  }

  /** Must be refused, whatever else goes wrong, and nothing may be written. */
  #writeBadly(): void {
    const { node } = this.#slot();
    this.#counter += 1;
    const marker = `bad-${this.#counter}`;
    const bad = this.#chance.pick([
      { weight: null },
      { models: "[" },
      { groups: "[]" },
      { proxy: "ftp://x" },
      { headers: '{"Authorization":"Bearer x"}' },
    ]);
    const written = node.door.write(author, async (tx) => {
      await tx.insert("price", priceValues(marker));
      await tx.insert("channel", channelValues(marker, bad));
    });
    this.#writes.push(
      written.then(
        () => this.#note(() => assert.fail(`${marker} was accepted`)),
        (error: unknown) =>
          this.#note(() => {
            assert.ok(error instanceof GatewayError, String(error));
            assert.ok(
              ["validation_failed", "temporarily_unavailable"].includes(error.kind),
              error.kind,
            );
            assert.equal(this.#statesWith(marker).length, 0);
          }),
      ),
    );
  }

  #disturb(): void {
    const { link, clock } = this.#slot().node;
    const knob = this.#chance.pick(["faultRate", "slowRate", "uncertainRate"] as const);
    link[knob] = this.#chance.next() * (knob === "uncertainRate" ? 0.9 : 0.5);
    clock.after(this.#chance.between(100, 6000), () => (link[knob] = 0));
  }

  #outage(): void {
    const hit = this.#chance.happens(0.4) ? this.#slots : [this.#slot()];
    for (const { node } of hit) node.link.up = false;
    this.#clock.after(this.#chance.between(100, 8000), () => {
      for (const { node } of hit) node.link.up = true;
    });
  }

  /** kill -9, and a new process that finds what lies on the disk. */
  #restart(): void {
    const slot = this.#slot();
    slot.node.kill();
    slot.node = this.#boot(slot.node.name);
    slot.node.link.up = this.#chance.happens(0.7);
    const { node, disk } = slot;
    if (!node.link.up)
      this.#clock.after(this.#chance.between(500, 5000), () => (node.link.up = true));
    if (disk === undefined) return;
    this.#clock.after(this.#chance.between(0, 30), () => void this.#offer(node, disk, "disk"));
  }

  /** Another node's copy, from the shared place. */
  #lendCopy(): void {
    const { disk } = this.#slot();
    const { node } = this.#slot();
    if (disk !== undefined) void this.#offer(node, disk, "shared-copy");
  }

  async #offer(
    node: SimNode,
    disk: NonNullable<Slot["disk"]>,
    source: "disk" | "shared-copy",
  ): Promise<void> {
    const edition = await loadCopy(disk.lines, node.clock);
    if (node.link.dead || node.follower.status().source === "database") return;
    node.callers.import(disk.callers, disk.revision);
    node.follower.offer(edition, source);
  }

  #call(): void {
    if (this.#database.hashes.size === 0) return;
    const { node } = this.#slot();
    void node.callers.find(this.#chance.pick([...this.#database.hashes]));
  }

  #changeByHand(): void {
    const kind = this.#chance.pick(["channel", "channel", "price", "key"] as const);
    const id = this.#someId(kind);
    if (id === undefined || this.#chance.happens(0.2)) return this.#insertByHand();
    const row = this.#database.state.rows[kind].get(BigInt(id)) as RawRow;
    const name = kind === "key" ? String(row["hash"]) : String(id);
    this.oracles.touchedByHand.add(`${kind}:${name}`);
    const edits: Record<typeof kind, readonly object[]> = {
      channel: [{ name: `hand-${this.#counter++}` }, { weight: null }, { models: '["by-hand"]' }],
      price: [{ input: 5n }, { mode: "nonsense" }],
      key: [{ name: `hand-${this.#counter++}` }],
    };
    const next = this.#chance.happens(0.3)
      ? undefined
      : ({ ...row, ...this.#chance.pick(edits[kind]) } as RawRow);
    this.#database.handEdit(kind, BigInt(id), next);
  }

  #insertByHand(): void {
    const id = this.#database.freshId();
    this.oracles.touchedByHand.add(`channel:${id}`);
    const rev = this.#chance.happens(0.7) ? 0n : BigInt(this.#chance.between(0, 60));
    const weight = this.#chance.happens(0.3) ? null : 1;
    const values = channelValues(`hand-${id}`, { weight });
    this.#database.handEdit("channel", id, { ...values, id, rev } as RawRow);
  }

  /** All faults end; then every write must settle and every node must agree, soon. */
  async #makePeace(): Promise<void> {
    for (const { node } of this.#slots)
      Object.assign(node.link, { up: true, faultRate: 0, slowRate: 0, uncertainRate: 0 });
    await this.#clock.pass(9000);
    const nodes = this.#slots.map((slot) => slot.node);
    // Twice: what one node adopts in its round can be what another refused before.
    for (let round = 0; round < 2; round += 1)
      for (const node of nodes) await this.#clock.until(node.reconciler.runNow(), 20_000);
    await this.#clock.pass(3000);
  }

  /** What deltas made step by step is what one build from nothing makes. */
  async #checkRebuilt(): Promise<void> {
    for (const { node } of this.#slots) {
      const edition = node.follower.edition();
      assert.ok(edition);
      const whole = await loadCopy(saveCopy(edition), node.clock);
      const view = (snapshot: typeof edition.snapshot): unknown => ({
        channels: [...snapshot.channels].sort(([a], [b]) => a - b),
        prices: [...snapshot.prices].sort(([a], [b]) => a - b),
        groups: [...snapshot.groups].sort(),
        settings: snapshot.settings,
        digest: snapshot.digest,
        models: snapshot.routes.models("default"),
        routes: ["gpt-4o", "gpt-5", "claude4", "o3", "by-hand"].map((model) =>
          snapshot.routes.candidates("default", model),
        ),
      });
      assert.deepEqual(view(edition.snapshot), view(whole.snapshot), node.name);
    }
  }

  async #checkCallers(): Promise<void> {
    for (const { node } of this.#slots)
      for (const hash of this.#database.hashes) {
        const answer = await this.#clock.until(Promise.resolve(node.callers.find(hash)), 20_000);
        const { key, user } = this.#database.state.rows;
        const row = [...key.values()].find((other) => other["hash"] === hash);
        const owner = row && user.get(row["owner_id"] as bigint);
        assert.equal(answer.found, owner !== undefined, `${node.name}: key ${hash}`);
        if (answer.found && row !== undefined)
          assert.equal(answer.key.name, row["name"], `${node.name}: key ${hash}`);
      }
  }
}

function priceValues(model: string): Record<string, string | bigint | null> {
  return {
    model,
    mode: "tokens",
    input: 1n,
    output: null,
    cache_read: null,
    cache_write_5m: null,
    cache_write_1h: null,
    per_call: null,
    created_at: 0n,
    updated_at: 0n,
  };
}

function userValues(username: string): Record<string, string | bigint> {
  return {
    username,
    role: "member",
    group: "default",
    billing: "postpaid",
    status: "enabled",
    created_at: 0n,
    updated_at: 0n,
  };
}

function keyValues(hash: string, owner: number): Record<string, string | bigint | null> {
  return {
    hash,
    name: hash,
    owner_id: BigInt(owner),
    group: null,
    fallback_group: null,
    models: null,
    ip_ranges: null,
    expires_at: null,
    status: "enabled",
    hint: "xxxx",
    created_at: 0n,
    updated_at: 0n,
  };
}
