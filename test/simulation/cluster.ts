/** A small cluster in virtual time for tests that tell one story each. */
import type { Logger } from "../../src/core/logger.ts";
import type { RawRow, SyncStore } from "../../src/store/sync-store.ts";
import type { SyncMeters } from "../../src/metrics/meters.ts";
import type { Author, ConfigWrites, Written } from "../../src/sync/sync.ts";
import { channelValues, MemoryDatabase } from "./memory-store.ts";
import type { NodeParts, SimNode } from "./node.ts";
import { makeNode } from "./node.ts";
import { makeChance, VirtualClock } from "./virtual-clock.ts";

export const author: Author = { name: "user:root", userId: 1, address: "::1", requestId: "r1" };

export interface Line {
  readonly level: string;
  readonly fields: object;
  readonly message: string;
}

/** A logger that remembers. */
export function rememberingLogger(): { logger: Logger; lines: Line[] } {
  const lines: Line[] = [];
  const at =
    (level: string) =>
    (fields: object, message: string): void =>
      void lines.push({ level, fields, message });
  const logger = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  return { logger, lines };
}

export class Cluster {
  readonly clock = new VirtualClock();
  readonly #chance = makeChance(1);
  readonly database = new MemoryDatabase(this.clock, this.#chance);
  readonly nodes: SimNode[] = [];

  /** Starts a node; it has had no time yet to do anything. */
  start(name: string, more: Partial<NodeParts> = {}): SimNode {
    const { clock, database } = this;
    const node = makeNode({ name, clock, chance: this.#chance, database, ...more });
    this.nodes.push(node);
    node.start();
    return node;
  }

  /** Nodes that serve revision 1. */
  async settled(...names: string[]): Promise<SimNode[]> {
    const nodes = names.map((name) => this.start(name));
    await this.clock.pass(100);
    return nodes;
  }

  write<T>(node: SimNode, work: (tx: ConfigWrites) => Promise<T>): Promise<Written<T>> {
    return this.clock.until(node.door.write(author, work), 30_000);
  }

  addChannel(node: SimNode, name: string): Promise<Written<number>> {
    return this.write(node, (tx) => tx.insert("channel", channelValues(name)));
  }

  /** Changes columns of a row by hand. */
  edit(kind: "channel" | "key" | "price" | "group", id: number, columns: object): void {
    const row = this.database.state.rows[kind].get(BigInt(id));
    if (row === undefined) throw new Error(`there is no ${kind} ${id}`);
    this.database.handEdit(kind, BigInt(id), { ...row, ...columns } as RawRow);
  }

  /** Virtual ms until the condition holds; throws after `limitMs`. */
  async msUntil(condition: () => boolean, limitMs: number): Promise<number> {
    const startedAt = this.clock.monotonic();
    while (!condition()) {
      const passed = this.clock.monotonic() - startedAt;
      if (passed > limitMs) throw new Error(`not so after ${passed} virtual ms`);
      await this.clock.pass(1);
    }
    return this.clock.monotonic() - startedAt;
  }
}

/** A store with single calls replaced. */
export function replacing(
  change: (store: SyncStore) => Partial<SyncStore>,
): (store: SyncStore) => SyncStore {
  return (store) => ({ ...store, ...change(store) });
}

export function countingMeters(): {
  meters: Partial<SyncMeters>;
  full: string[];
  adopted: number[];
} {
  const full: string[] = [];
  const adopted: number[] = [];
  const meters: Partial<SyncMeters> = {
    fullResync: (reason) => void full.push(reason),
    unloggedChanges: (count) => void adopted.push(count),
  };
  return { meters, full, adopted };
}
