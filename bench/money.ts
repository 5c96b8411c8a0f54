/**
 * What budgets and limits cost: the same gateway, the same calls, from a key that nothing bounds and from one whose key,
 * account and group have budgets and limits, in turns; ratios are those of neighbouring turns, since machines grow slower
 * and faster. How often the database was asked about budgets meanwhile is counted.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { GatewayNode } from "../test/e2e/nodes.ts";
import { startNode } from "../test/e2e/nodes.ts";
import { type Figure, prepareGateway } from "./calls.ts";
import { openCannedUpstream } from "./canned-upstream.ts";
import { closedLoop, type LoadResult, openLoop, percentile } from "./load.ts";
import { cpuSeconds, pin } from "./pinned.ts";

export interface MoneyBenchOptions {
  /** Turns of a second each, for each subject. */
  readonly turns: number;
}

interface Subject {
  readonly name: "off" | "on";
  readonly key: string;
}

/** Until the compiler has seen enough of each, twice: figures go on falling for several seconds. */
const warmSeconds = 4;
/** What a turn's calls leave to be settled is its own cost. */
const settleMs = 600;

const body = JSON.stringify({
  model: "bench-model",
  max_tokens: 1000,
  messages: [{ role: "user", content: "Tell me about the quick brown fox. ".repeat(20) }],
});

async function made<T>(node: GatewayNode, path: string, fields: object): Promise<T> {
  const reply = await node.api("POST", path, fields);
  if (reply.status >= 300) throw new Error(reply.text);
  return reply.json<{ data: T }>().data;
}

/** Two members, each with a group and a key of its own: one without bounds, one with all of them. */
async function makeSubjects(node: GatewayNode): Promise<readonly Subject[]> {
  const budget = { amount: "1000000", period: "day" };
  const limits = [
    { of: "requests", amount: 100_000_000, per: "minute" },
    { of: "tokens", amount: 1_000_000_000_000, per: "minute" },
    { of: "concurrency", amount: 10_000 },
  ];
  const make = async (name: Subject["name"], bounds: object): Promise<Subject> => {
    await made(node, "/api/groups", { symbol: name, name, ...bounds });
    const user = { username: name, group: name, ...bounds };
    const { id: owner } = await made<{ id: number }>(node, "/api/users", user);
    const { key } = await made<{ key: string }>(node, "/api/keys", { name, owner, ...bounds });
    return { name, key };
  };
  const subjects = [await make("off", {}), await make("on", { budget, limits })];
  const channels = (await node.api("GET", "/api/channels")).json<{ data: { id: number }[] }>();
  const groups = ["default", ...subjects.map(({ name }) => name)];
  await node.api("PATCH", `/api/channels/${channels.data[0]?.id}`, { groups });
  return subjects;
}

/** Transactions about budgets so far. */
async function budgetTransactions(node: GatewayNode): Promise<number> {
  const page = await (await fetch(`${node.url}/metrics`)).text();
  const counts = page.matchAll(/^switchyard_budget_transaction_seconds_count\{[^}]*\} (\d+)/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

interface Turn {
  readonly rate: number;
  readonly cpu: number;
  readonly p99Ms: number;
}

const median = (values: readonly number[]): number =>
  percentile(
    [...values].sort((left, right) => left - right),
    0.5,
  );

/** All figures of money. */
export async function benchMoney({ turns }: MoneyBenchOptions): Promise<Figure[]> {
  const upstream = await openCannedUpstream();
  await using node = await startNode({ env: { LOG_LEVEL: "warn" } });
  try {
    await prepareGateway(node, upstream.port);
    const subjects = await makeSubjects(node);
    const pinned = pin(process.pid, 0) && pin(node.pid, 1);
    const target = ({ key }: Subject) => ({
      port: node.port,
      path: "/v1/chat/completions",
      headers: { authorization: `Bearer ${key}` },
      body,
    });
    const kept = new Map<string, Turn[]>([
      ["off", []],
      ["on", []],
    ]);
    for (const subject of [...subjects, ...subjects])
      await closedLoop(target(subject), 64, warmSeconds);
    const asked = await budgetTransactions(node);
    let calls = 0;
    for (let turn = 0; turn < turns; turn += 1)
      // What one leaves behind would else fall upon the same other each time.
      for (const subject of turn % 2 === 0 ? subjects : subjects.toReversed()) {
        const before = cpuSeconds(node.pid);
        const result = await closedLoop(target(subject), 64, 1);
        await sleep(settleMs);
        const cpu = cpuSeconds(node.pid) - before;
        const latency = await openLoop(target(subject), 100, 0.5);
        checkNone(result.faults + latency.faults);
        if (subject.name === "on") calls += result.calls + latency.calls;
        kept.get(subject.name)?.push(turnOf(result, latency, cpu));
      }
    const transactions = (await budgetTransactions(node)) - asked;
    const ratio = (pick: (turn: Turn) => number): number => {
      const without = (kept.get("off") ?? []).map(pick);
      return median((kept.get("on") ?? []).map((turn, at) => pick(turn) / (without[at] ?? 0)));
    };
    const of = (name: string, pick: (turn: Turn) => number): number =>
      median((kept.get(name) ?? []).map(pick));
    return [
      { name: "load and gateway on cores of their own", value: pinned ? 1 : 0, unit: "yes=1" },
      { name: "chat without bounds", value: of("off", ({ rate }) => rate), unit: "calls/s" },
      {
        name: "chat with budgets and limits",
        value: of("on", ({ rate }) => rate),
        unit: "calls/s",
      },
      {
        name: "throughput with / without",
        value: ratio(({ rate }) => rate) * 100,
        unit: "%",
        aim: "≥ 90",
      },
      { name: "CPU without bounds", value: of("off", ({ cpu }) => cpu), unit: "µs/call" },
      { name: "CPU with budgets and limits", value: of("on", ({ cpu }) => cpu), unit: "µs/call" },
      { name: "CPU with / without", value: ratio(({ cpu }) => cpu) * 100, unit: "%" },
      { name: "p99 at 100 calls/s without", value: of("off", ({ p99Ms }) => p99Ms), unit: "ms" },
      { name: "p99 at 100 calls/s with", value: of("on", ({ p99Ms }) => p99Ms), unit: "ms" },
      {
        name: "transactions about budgets per 1,000 calls",
        value: (transactions * 1000) / calls,
        unit: "",
        aim: "< 10",
      },
    ];
  } finally {
    upstream.server.close();
    pin(process.pid, 0);
  }
}

function turnOf(result: LoadResult, latency: LoadResult, cpu: number): Turn {
  return {
    rate: result.calls / result.seconds,
    cpu: (cpu * 1e6) / result.calls,
    p99Ms: percentile(latency.wholeMs, 0.99),
  };
}

function checkNone(faults: number): void {
  if (faults > 0) throw new Error(`${faults} calls failed`);
}
