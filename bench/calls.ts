/** Chat calls and streams through the gateway, full path on, against a bare node:http + undici proxy in the same run. */
import type { GatewayNode } from "../test/e2e/nodes.ts";
import { rootKey, startNode } from "../test/e2e/nodes.ts";
import { openCannedUpstream } from "./canned-upstream.ts";
import { closedLoop, type LoadResult, type LoadTarget, openLoop, percentile } from "./load.ts";
import { cpuSeconds, pin, startBareProxy } from "./pinned.ts";

/** One line of the printed table. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly aim?: string;
}

export interface CallOptions {
  readonly rounds: number;
  readonly seconds: number;
}

interface Subject {
  readonly name: "bare" | "gateway";
  readonly port: number;
  readonly pid: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** Until the compiler has seen enough: figures go on falling for several seconds. */
const warmSeconds = 6;

const chatBody = JSON.stringify({
  model: "bench-model",
  messages: [
    { role: "system", content: "You are a helpful assistant. ".repeat(10) },
    { role: "user", content: "Tell me about the quick brown fox. ".repeat(20) },
  ],
});
const streamBody = `${chatBody.slice(0, -1)},"stream":true,"stream_options":{"include_usage":true}}`;

function target(subject: Subject, body: string): LoadTarget {
  return { port: subject.port, path: "/v1/chat/completions", headers: subject.headers, body };
}

const median = (values: readonly number[]): number =>
  percentile(
    [...values].sort((a, b) => a - b),
    0.5,
  );

interface Round {
  readonly result: LoadResult;
  readonly cpu: number;
}

async function measured(subject: Subject, work: () => Promise<LoadResult>): Promise<Round> {
  const before = cpuSeconds(subject.pid);
  const result = await work();
  if (result.faults > 0) throw new Error(`${subject.name}: ${result.faults} calls failed`);
  return { result, cpu: cpuSeconds(subject.pid) - before };
}

/** Rounds alternate between the subjects, so that a noisy minute hits both. */
async function alternate(
  subjects: readonly Subject[],
  rounds: number,
  work: (subject: Subject) => Promise<LoadResult>,
): Promise<Map<string, Round[]>> {
  const kept = new Map<string, Round[]>(subjects.map((subject) => [subject.name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const subject of subjects) {
      const outcome = await measured(subject, () => work(subject));
      // The first round warms the compiler and the connections.
      if (round > 0) kept.get(subject.name)?.push(outcome);
    }
  }
  return kept;
}

interface Measure {
  readonly name: string;
  readonly unit: string;
  readonly aim: string;
}

function compare(
  { name, unit, aim }: Measure,
  kept: Map<string, Round[]>,
  count: (result: LoadResult) => number,
): Figure[] {
  const rate = (subject: string): number =>
    median((kept.get(subject) ?? []).map((round) => count(round.result) / round.result.seconds));
  const cost = (subject: string): number =>
    median((kept.get(subject) ?? []).map((round) => (round.cpu * 1e6) / count(round.result)));
  return [
    { name: `${name}, bare proxy`, value: rate("bare"), unit: `${unit}/s` },
    { name: `${name}, gateway`, value: rate("gateway"), unit: `${unit}/s` },
    {
      name: `${name}, gateway / bare`,
      value: (rate("gateway") / rate("bare")) * 100,
      unit: "%",
      aim,
    },
    { name: `${name}, CPU, bare proxy`, value: cost("bare"), unit: `µs/${unit.replace(/s$/, "")}` },
    { name: `${name}, CPU, gateway`, value: cost("gateway"), unit: `µs/${unit.replace(/s$/, "")}` },
  ];
}

function added(
  name: string,
  aim: string,
  kept: Map<string, Round[]>,
  sorted: (result: LoadResult) => readonly number[],
): Figure[] {
  const at = (subject: string, share: number): number =>
    median((kept.get(subject) ?? []).map((round) => percentile(sorted(round.result), share)));
  return [
    { name: `${name}, p50 bare`, value: at("bare", 0.5), unit: "ms" },
    { name: `${name}, p50 added`, value: at("gateway", 0.5) - at("bare", 0.5), unit: "ms" },
    { name: `${name}, p99 bare`, value: at("bare", 0.99), unit: "ms" },
    { name: `${name}, p99 added`, value: at("gateway", 0.99) - at("bare", 0.99), unit: "ms", aim },
  ];
}

/** Registers one channel to the canned upstream and a price, so that calls are routed, metered and charged. */
export async function prepareGateway(node: GatewayNode, upstreamPort: number): Promise<void> {
  const channel = await node.api("POST", "/api/channels", {
    name: "bench",
    provider: "custom",
    baseUrl: `http://127.0.0.1:${upstreamPort}/v1`,
    models: ["bench-model"],
    credentials: ["sk-bench"],
  });
  if (channel.status >= 300) throw new Error(channel.text);
  const price = await node.api("POST", "/api/prices", {
    model: "bench-model",
    mode: "tokens",
    input: "2.5",
    output: "10",
  });
  if (price.status >= 300) throw new Error(price.text);
}

/** All figures of the call path. */
export async function benchCalls(options: CallOptions): Promise<Figure[]> {
  const upstream = await openCannedUpstream();
  await using node = await startNode({ env: { LOG_LEVEL: "warn" } });
  const bare = await startBareProxy(upstream.port);
  try {
    await prepareGateway(node, upstream.port);
    const pinned = pin(process.pid, 0) && pin(node.pid, 1) && pin(bare.pid, 1);
    const subjects: readonly Subject[] = [
      { name: "bare", port: bare.port, pid: bare.pid, headers: {} },
      {
        name: "gateway",
        port: node.port,
        pid: node.pid,
        headers: { authorization: `Bearer ${rootKey}` },
      },
    ];
    // Many short turns: a burst of somebody else's work then spoils a turn or two, and the median of turns is without it.
    const turns = options.rounds * options.seconds;
    for (const body of [chatBody, streamBody])
      for (const subject of subjects) await closedLoop(target(subject, body), 64, warmSeconds);
    const chat = await alternate(subjects, turns, (subject) =>
      closedLoop(target(subject, chatBody), 64, 1),
    );
    const chatLatency = await alternate(subjects, Math.ceil(turns / 2), (subject) =>
      openLoop(target(subject, chatBody), 200, 2),
    );
    const sse = await alternate(subjects, turns, (subject) =>
      closedLoop(target(subject, streamBody), 64, 1),
    );
    const sseLatency = await alternate(subjects, Math.ceil(turns / 4), (subject) =>
      openLoop(target(subject, streamBody), 20, 5),
    );
    return [
      { name: "load and gateway on cores of their own", value: pinned ? 1 : 0, unit: "yes=1" },
      ...compare(
        { name: "chat, 64 connections", unit: "calls", aim: "≥ 60" },
        chat,
        (result) => result.calls,
      ),
      ...added("chat at 200 calls/s", "≤ 1", chatLatency, (result) => result.wholeMs),
      ...compare(
        { name: "SSE, 64 streams of 100 chunks", unit: "chunks", aim: "≥ 70" },
        sse,
        (result) => result.events,
      ),
      ...added("SSE first byte at 20 streams/s", "≤ 1", sseLatency, (result) => result.firstByteMs),
    ];
  } finally {
    bare.close();
    upstream.server.close();
    pin(process.pid, 0);
  }
}
