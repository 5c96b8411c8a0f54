/**
 * What must hold at every moment, checked from outside at each swap of each node: prefix, monotone, no loss, nothing
 * served that no revision tells of, deletions and revocations, exactly one commit for each write.
 */
import assert from "node:assert/strict";
import type { Change, RawRow } from "../../src/store/sync-store.ts";
import { snapshotKinds } from "../../src/store/sync-store.ts";
import type { Edition, HeldRow } from "../../src/sync/edition.ts";
import type { AppliedEvent } from "../../src/sync/follower.ts";
import type { MemoryDatabase, State } from "./memory-store.ts";
import { canonicalRow } from "./memory-store.ts";
import type { SimNode } from "./node.ts";

export class Oracles {
  readonly #database: MemoryDatabase;
  readonly failures: string[] = [];
  /** Rows that a hand ever touched: what a node that starts cold serves of them cannot be held against it. */
  readonly touchedByHand = new Set<string>();
  swaps = 0;

  constructor(database: MemoryDatabase) {
    this.#database = database;
  }

  watch(node: SimNode): void {
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
    const { edition, previous } = event;
    const { position } = edition.rowSet;
    const state = this.#database.committed.get(position.commitId);
    assert.ok(
      state,
      `${node.name} serves revision ${position.revision}, which was never committed`,
    );
    assert.equal(position.revision, state.revision);
    assert.equal(position.epoch, state.epoch);
    if (previous !== undefined) this.#checkOrder(node, event, previous);
    this.#checkPrefix(node, edition, state);
    this.#checkCallers(node, state);
  }

  /** Forward along one timeline; off it only when the database itself has left it. */
  #checkOrder(node: SimNode, event: AppliedEvent, previous: Edition): void {
    const before = previous.rowSet.position;
    const after = event.edition.rowSet.position;
    const changes = this.#database.path(before.commitId, after.commitId);
    if (changes !== undefined) return this.#checkLogged(node, event.edition, previous, changes);
    if (event.source !== "database") return assert.ok(after.committedAtMs > before.committedAtMs);
    assert.equal(
      this.#database.path(before.commitId, this.#database.state.commitId),
      undefined,
      `${node.name} left revision ${before.revision} for ${after.revision} on an unbroken timeline`,
    );
  }

  /** What serves changes only where a revision says so. */
  #checkLogged(
    node: SimNode,
    edition: Edition,
    previous: Edition,
    changes: readonly Change[],
  ): void {
    const from = previous.rowSet.position.revision;
    const to = edition.rowSet.position.revision;
    const isGap = this.#database.state.minRetained > from;
    const logged = new Set(changes.map((change) => `${change.kind}:${change.entityId}`));
    for (const kind of snapshotKinds) {
      const before = previous.rowSet.rows[kind] as ReadonlyMap<bigint, HeldRow>;
      const after = edition.rowSet.rows[kind] as ReadonlyMap<bigint, HeldRow>;
      for (const id of new Set([...before.keys(), ...after.keys()])) {
        if (before.get(id) === after.get(id) || logged.has(`${kind}:${id}`)) continue;
        // Where the log was compacted away nobody can tell a hand's change from a logged one.
        if (isGap && this.touchedByHand.has(`${kind}:${id}`)) continue;
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

  /** No write was made twice on the timeline that stands. */
  checkCommits(): void {
    const seen = new Set<string>();
    let step = this.#database.lineage.get(this.#database.state.commitId);
    while (step !== undefined) {
      assert.ok(!seen.has(step.txnId), `transaction ${step.txnId} was committed twice`);
      seen.add(step.txnId);
      step = this.#database.lineage.get(step.parent);
    }
  }
}

function text(row: RawRow | undefined): string {
  return row === undefined ? "nothing" : canonicalRow(row);
}
