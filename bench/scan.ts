/**
 * Whether a long read stands in the way of calls: the event-loop delay of a serving gateway on SQLite while the
 * management API reads through a day of many calls. The delay is the gateway's own, as its /metrics tells it. Its
 * process is not kept on one core: the thread that reads would stand in the way of the loop by the scheduler alone.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { callColumns, dayOf } from "../src/store/calls.ts";
import { rollupSpan } from "../src/store/rollups.ts";
import type { GatewayNode } from "../test/e2e/nodes.ts";
import { rootKey, startNode, waitFor } from "../test/e2e/nodes.ts";
import { type Figure, prepareGateway } from "./calls.ts";
import { openCannedUpstream } from "./canned-upstream.ts";
import { openLoop, percentile } from "./load.ts";

export interface ScanOptions {
  /** Rows of calls that are read through. */
  readonly rows: number;
  /** Of calls and reads together, for each kind of read. */
  readonly seconds: number;
}

const callsPerSecond = 300;
/** Between two reads. */
const pauseMs = 100;
/** The delay is measured by a timer of so many ms, which stand in what is told. */
const resolutionMs = 10;
const body = JSON.stringify({
  model: "bench-model",
  messages: [{ role: "user", content: "Tell me about the quick brown fox. ".repeat(20) }],
});

/** As many rows as wanted, like one real call but for id, instant, key and model, with their roll-ups; no node runs. */
function fillCalls(dataDir: string, rows: number): void {
  const database = new DatabaseSync(join(dataDir, "switchyard.db"));
  const today = dayOf(Date.now()) * 86_400_000;
  const changed: Readonly<Record<string, string>> = {
    call_id: "substr(call_id, 1, 10) || printf('%016d', i)",
    admitted_at: `${today} + (i * 83) % 86400000`,
    key_id: "1000 + i % 50",
    model_asked: "'model-' || (i % 7)",
    model_billed: "'model-' || (i % 7)",
  };
  const columns = callColumns.map((name) => `"${name}"`).join(", ");
  const values = callColumns.map((name) => changed[name] ?? `"${name}"`).join(", ");
  database.exec(
    `insert into calls (${columns})
     with recursive numbers (i) as (select 1 union all select i + 1 from numbers where i < ${rows})
     select ${values} from numbers, (select * from calls limit 1)`,
  );
  const sums = { calls: "count(*)", failed: "0", ...sumOf(summedColumns) };
  const kept = ["key_id", "user_id", "group", "node_id"].map((name) => `"${name}"`).join(", ");
  const bucket = "admitted_at - admitted_at % 900000";
  database.exec(
    `insert into usage_rollups (span, bucket, model, channel_id, ${kept}, ${Object.keys(sums).join(", ")})
     select ${rollupSpan}, ${bucket}, model_billed, coalesce(channel_id, 0), ${kept},
       ${Object.values(sums).join(", ")}
     from calls where key_id >= 1000
     group by ${bucket}, model_billed, channel_id, ${kept}`,
  );
  database.close();
}

const summedColumns = [
  "input_tokens",
  "cache_read_tokens",
  "cache_write_tokens",
  "output_tokens",
  "reasoning_tokens",
  "cost",
  "channel_cost",
] as const;

function sumOf(columns: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(columns.map((name) => [name, `sum(${name})`]));
}

async function callOnce(node: GatewayNode): Promise<void> {
  const reply = await node.chat("bench-model");
  if (reply.status !== 200) throw new Error(reply.text);
  await waitFor("the call has its row", 10_000, async () => {
    const page = await node.api("GET", "/api/calls");
    return page.json<{ data: unknown[] }>().data.length > 0;
  });
}

/** Ms of delay since this was asked last. */
async function loopDelay(
  node: GatewayNode,
): Promise<{ readonly p99: number; readonly max: number }> {
  const page = await (await fetch(`${node.url}/metrics`)).text();
  const read = (name: string): number => {
    const found = new RegExp(`^nodejs_eventloop_lag_${name}_seconds ([\\d.e+-]+)`, "m").exec(page);
    return Math.max(0, Number(found?.[1]) * 1000 - resolutionMs);
  };
  return { p99: read("p99"), max: read("max") };
}

interface Read {
  readonly name: string;
  readonly path: string;
}

/** Calls at a steady rate, and one read behind another until they are over, of lists page after page. */
async function measure(
  node: GatewayNode,
  { name, path }: Read,
  seconds: number,
): Promise<readonly Figure[]> {
  const target = {
    port: node.port,
    path: "/v1/chat/completions",
    headers: { authorization: `Bearer ${rootKey}` },
    body,
  };
  const ending = new AbortController();
  const took: number[] = [];
  const reading = async (): Promise<void> => {
    for (let next = ""; !ending.signal.aborted;) {
      const began = performance.now();
      const reply = await node.api("GET", path + next);
      if (reply.status !== 200) throw new Error(`${path}: ${reply.text}`);
      took.push(performance.now() - began);
      const { nextCursor } = reply.json<{ nextCursor?: string | null }>();
      next = nextCursor == null ? "" : `&cursor=${nextCursor}`;
      await sleep(pauseMs);
    }
  };
  await loopDelay(node);
  const reads = path === "" ? undefined : reading();
  const calls = await openLoop(target, callsPerSecond, seconds);
  ending.abort();
  const { p99, max } = await loopDelay(node);
  await reads;
  if (calls.faults > 0) throw new Error(`${calls.faults} calls failed`);
  const figures = [
    { name: `${name}: event-loop delay p99`, value: p99, unit: "ms", aim: "≤ 8" },
    { name: "  longest", value: max, unit: "ms" },
    { name: "  a call, p99", value: percentile(calls.wholeMs, 0.99), unit: "ms" },
  ];
  if (took.length === 0) return figures;
  const mean = took.reduce((sum, ms) => sum + ms, 0) / took.length;
  return [...figures, { name: "  one read", value: mean, unit: "ms" }];
}

/** All figures of reads over `rows` rows. */
export async function benchScan({ rows, seconds }: ScanOptions): Promise<Figure[]> {
  const dataDir = mkdtempSync(join(tmpdir(), "switchyard-scan-"));
  const upstream = await openCannedUpstream();
  const env = { LOG_LEVEL: "warn" };
  try {
    const first = await startNode({ dataDir, env });
    await prepareGateway(first, upstream.port);
    await callOnce(first);
    await first.stop();
    fillCalls(dataDir, rows);
    await using node = await startNode({ dataDir, env });
    const today = new Date().toISOString().slice(0, 10);
    const kinds: readonly Read[] = [
      { name: "no read, to warm up", path: "" },
      { name: "no read", path: "" },
      { name: `/api/calls that finds none of ${rows}`, path: "/api/calls?model=no-such-model" },
      {
        name: "/api/usage, 8,400 sums in pages of 1,000",
        path: "/api/usage?every=hour&by=key,model&limit=1000",
      },
      { name: `ledger verify of ${rows}`, path: `/api/ledger/verify?day=${today}` },
    ];
    const figures: Figure[] = [];
    for (const read of kinds) figures.push(...(await measure(node, read, seconds)));
    return figures.slice(3);
  } finally {
    upstream.server.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}
