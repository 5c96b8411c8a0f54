/**
 * What must hold at every moment, checked from outside at each swap of each node: prefix, monotone, no loss, nothing
 * served that no revision tells of, deletions and revocations, exactly one commit for each write.
 */
import assert from "node:assert/strict";
import type { RawRow } from "../../src/store/sync-store.ts";
import { snapshotKinds } from "../../src/store/sync-store.ts";
import type { Edition, HeldRow } from "../../src/sync/edition.ts";
import type { AppliedEvent } from "../../src/sync/follower.ts";
import type { MemoryDatabase, State } from "./memory-store.ts";
import { canonicalRow } from "./memory-store.ts";
import type { SimNode } from "./node.ts";

export class Oracles {
  readonly #database: MemoryDatabase;
  /** Breaks of the timeline that each node may already know of. */
  readonly #breaksKnown = new Map<SimNode, number>();
  readonly failures: string[] = [];
  /** Rows that a hand ever touched: what a node that starts cold serves of them cannot be held against it. */
  readonly touchedByHand = new Set<string>();
  swaps = 0;

  constructor(database: MemoryDatabase) {
    this.#database = database;
  }

  watch(node: SimNode): void {
    this.#breaksKnown.set(node, this.#database.breaks);
    node.follower.onApplied((event) => this.#guard(() => this.#onSwap(node, event)));
  }

  /** Notes a failure instead of throwing into the code under test. */
  #guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
  }

  #onSwap(node: SimNode, event: AppliedEvent): void {
    this.swaps += 1;
    const { edition, previous, source } = event;
    const { position } = edition.rowSet;
    const state = this.#database.committed.get(position.commitId);
    assert.ok(
      state,
      `${node.name} serves revision ${position.revision}, which was never committed`,
    );
    assert.equal(position.revision, state.revision);
    assert.equal(position.epoch, state.epoch);
    const broken = this.#database.breaks > (this.#breaksKnown.get(node) ?? 0);
    if (previous !== undefined) this.#checkOrder(node, event, previous, broken);
    if (previous !== undefined && !broken) this.#checkLogged(node, edition, previous);
    this.#checkPrefix(node, edition, state);
    this.#checkCallers(node, state);
    if (source === "database" && !this.#isStillBehindBreak(edition))
      this.#breaksKnown.set(node, this.#database.breaks);
  }

  /** The edition belongs to a timeline that the database has left meanwhile: the node is yet to find out. */
  #isStillBehindBreak(edition: Edition): boolean {
    const { epoch, revision, commitId } = edition.rowSet.position;
    const { state } = this.#database;
    return state.epoch !== epoch || state.commits.get(revision)?.commitId !== commitId;
  }

  #checkOrder(node: SimNode, event: AppliedEvent, previous: Edition, broken: boolean): void {
    const before = previous.rowSet.position;
    const after = event.edition.rowSet.position;
    if (broken) return;
    assert.equal(after.epoch, before.epoch, `${node.name} changed epoch on an unbroken timeline`);
    assert.ok(
      after.revision >= before.revision,
      `${node.name} went back from ${before.revision} to ${after.revision}`,
    );
    if (after.revision === before.revision) assert.equal(after.commitId, before.commitId);
  }

  /** What serves changes only where a revision says so. */
  #checkLogged(node: SimNode, edition: Edition, previous: Edition): void {
    const from = previous.rowSet.position.revision;
    const to = edition.rowSet.position.revision;
    const logged = new Set(
      [...this.#database.log]
        .filter((change) => change.revision > from && change.revision <= to)
        .map((change) => `${change.kind}:${change.entityId}`),
    );
    for (const kind of snapshotKinds) {
      const before = previous.rowSet.rows[kind] as ReadonlyMap<bigint, HeldRow>;
      const after = edition.rowSet.rows[kind] as ReadonlyMap<bigint, HeldRow>;
      for (const id of new Set([...before.keys(), ...after.keys()])) {
        if (before.get(id) === after.get(id) || logged.has(`${kind}:${id}`)) continue;
        assert.equal(
          text(after.get(id)?.served),
          text(before.get(id)?.served),
          `${node.name} serves ${kind} ${id} changed between ${from} and ${to} without a revision`,
        );
      }
    }
  }

  #checkPrefix(node: SimNode, edition: Edition, state: State): void {
    for (const kind of snapshotKinds) {
      const held = edition.rowSet.rows[kind] as ReadonlyMap<bigint, HeldRow>;
      const rows = state.rows[kind];
      for (const id of new Set([...held.keys(), ...rows.keys()])) {
        if (this.touchedByHand.has(`${kind}:${id}`)) continue;
        const where = `${node.name} at ${state.revision}: ${kind} ${id}`;
        assert.equal(text(held.get(id)?.served), text(rows.get(id)), where);
        assert.equal(held.get(id)?.status, "good", where);
      }
    }
    const served = [...edition.rowSet.rows.channel.values()].filter(
      (row) => row.parsed !== undefined,
    );
    assert.equal(edition.snapshot.channels.size, served.length);
  }

  /** No cached caller is older than the snapshot beside it. */
  #checkCallers(node: SimNode, state: State): void {
    for (const hash of this.#database.hashes) {
      if (this.touchedByHand.has(`key:${hash}`)) continue;
      const cached = node.callers.find(hash);
      if (cached instanceof Promise) continue;
      const key = [...state.rows.key.values()].find((row) => row["hash"] === hash);
      if (key === undefined) {
        const isNewer = cached.found && cached.key.rev > state.revision;
        assert.ok(
          !cached.found || isNewer,
          `${node.name} at ${state.revision}: key ${hash} is deleted`,
        );
      } else if (cached.found)
        assert.ok(
          cached.key.rev >= Number(key.rev),
          `${node.name} at ${state.revision}: key ${hash} is of revision ${cached.key.rev}`,
        );
    }
  }

  /** After all faults are over: every node serves exactly what the database has. */
  checkConverged(nodes: readonly SimNode[]): void {
    const { state } = this.#database;
    for (const node of nodes) {
      const edition = node.follower.edition();
      assert.ok(edition, `${node.name} serves nothing`);
      const { position, rows, odd } = edition.rowSet;
      assert.equal(position.revision, state.revision, `${node.name} is not at the head`);
      assert.equal(position.commitId, state.commitId, `${node.name} has another timeline`);
      assert.equal(node.follower.status().state, "live", node.name);
      for (const kind of snapshotKinds) {
        const held = rows[kind] as ReadonlyMap<bigint, HeldRow>;
        for (const id of new Set([...held.keys(), ...state.rows[kind].keys()])) {
          const name = `${kind}:${id}`;
          const row = state.rows[kind].get(id);
          if (odd.get(name)?.fault !== undefined) continue;
          assert.equal(text(held.get(id)?.served), text(row), `${node.name}: ${name}`);
        }
      }
    }
    const clean = nodes.filter((node) => node.follower.edition()?.rowSet.odd.size === 0);
    const digests = new Set(clean.map((node) => node.follower.current()?.digest));
    assert.ok(digests.size <= 1, "nodes at one revision differ in their digest");
  }

  checkCommits(): void {
    for (const [txnId, count] of this.#database.commitsByTxn)
      assert.equal(count, 1, `transaction ${txnId} was committed ${count} times`);
  }
}

function text(row: RawRow | undefined): string {
  return row === undefined ? "nothing" : canonicalRow(row);
}
