// Several nodes of a cluster over the modelled counters, in virtual time.
import type { LimitRule } from "../../src/core/limit-rule.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { LimitSubject, Limits } from "../../src/limit/limits.ts";
import { openLimits } from "../../src/limit/open-limits.ts";
import { makeChance, VirtualClock } from "../simulation/virtual-clock.ts";
import type { Line, ModelWorld } from "./counters-model.ts";
import { CountersModel, openLine } from "./counters-model.ts";

export const noUse = { inputTokens: 0, outputTokens: 0, dollars: 0n };

export function rule(
  of: LimitRule["of"],
  amount: bigint,
  over: Partial<LimitRule> = {},
): LimitRule {
  return { of, amount, per: "minute", models: null, exact: false, ...over };
}

export function key(...rules: readonly LimitRule[]): LimitSubject {
  return { kind: "key", id: "1", rules };
}

export interface SimulatedNode {
  readonly limits: Limits;
  readonly line: Line;
}

export interface SimulatedCluster extends ModelWorld {
  readonly model: CountersModel;
  readonly nodes: readonly SimulatedNode[];
  /** Starts one more; `liveNodes` is counted anew. */
  start(): SimulatedNode;
}

export function openCluster(count: number, seed = 1): SimulatedCluster {
  const world = { clock: new VirtualClock(), chance: makeChance(seed) };
  const model = new CountersModel(world);
  const nodes: SimulatedNode[] = [];
  const start = (): SimulatedNode => {
    const line = { latencyMs: () => 0.4 + world.chance.next(), cut: false, loss: 0 };
    const limits = openLimits({
      shared: openLine(model, line, world),
      clock: world.clock,
      businessNowMs: () => world.clock.now(),
      nodeId: `node-${nodes.length + 1}`,
      liveNodes: () => nodes.length,
      logger: silentLogger,
    });
    nodes.push({ limits, line });
    return nodes.at(-1)!;
  };
  for (let index = 0; index < count; index += 1) start();
  return { ...world, model, nodes, start };
}

/** Largest number of instants in any span of that length. */
export function mostWithin(instants: readonly number[], spanMs: number): number {
  const sorted = [...instants].sort((left, right) => left - right);
  let most = 0;
  let first = 0;
  for (const [index, at] of sorted.entries()) {
    while (at - sorted[first]! >= spanMs) first += 1;
    most = Math.max(most, index - first + 1);
  }
  return most;
}
