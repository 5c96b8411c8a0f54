/**
 * How long a change takes from being sent to being served by the last of five nodes on PostgreSQL:
 * with NOTIFY, with Redis as well, with polling alone. Each node is asked beforehand to tell when it has the revision.
 */
import { freshDatabaseOn } from "../test/engines/engines.ts";
import { startPostgres } from "../test/engines/start-postgres.ts";
import { startRedis } from "../test/engines/start-redis.ts";
import { type GatewayNode, startNode } from "../test/e2e/nodes.ts";
import type { Figure } from "./calls.ts";
import { percentile } from "./load.ts";

const nodeCount = 5;

interface Way {
  readonly name: string;
  readonly aim: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Ms from sending an edit until every node has applied it. */
async function timeEdit(
  nodes: readonly GatewayNode[],
  edit: { writer: number; channel: number; revision: number },
): Promise<number> {
  const start = performance.now();
  const applied = nodes.map(async (node) => {
    const reply = await node.api("GET", `/api/sync?reached=${edit.revision}&timeout=10s`);
    if (reply.status !== 200)
      throw new Error(`a node never applied revision ${edit.revision}: ${reply.text}`);
    return performance.now() - start;
  });
  const writer = nodes[edit.writer] as GatewayNode;
  const reply = await writer.api("PATCH", `/api/channels/${edit.channel}`, {
    weight: 1 + Math.floor(Math.random() * 1000),
    tag: String(edit.revision),
  });
  if (reply.status !== 200) throw new Error(reply.text);
  const { revision } = reply.json<{ revision: number }>();
  if (revision !== edit.revision)
    throw new Error(`expected revision ${edit.revision}, the write made ${revision}`);
  return Math.max(...(await Promise.all(applied)));
}

async function runWay(way: Way, dsn: string, edits: number): Promise<Figure[]> {
  const nodes: GatewayNode[] = [];
  try {
    for (let index = 0; index < nodeCount; index += 1) {
      const type = index === 0 ? ("master" as const) : ("slave" as const);
      nodes.push(
        await startNode({
          dsn,
          type,
          env: { LOG_LEVEL: "error", SYNC_FREQUENCY: "86400", ...way.env },
        }),
      );
    }
    const [first] = nodes as [GatewayNode];
    const made = await first.api("POST", "/api/channels", {
      name: "bench",
      provider: "custom",
      baseUrl: "http://127.0.0.1:9/v1",
      models: ["m"],
      credentials: ["sk-x"],
    });
    const { data, revision } = made.json<{ data: { id: number }; revision: number }>();
    const times: number[] = [];
    for (let index = 0; index < edits; index += 1) {
      const edit = {
        writer: Math.floor(Math.random() * nodeCount),
        channel: data.id,
        revision: revision + 1 + index,
      };
      times.push(await timeEdit(nodes, edit));
      // Operators pause between edits; back to back they would measure how nodes coalesce a churn (10 loads a second).
      await new Promise((wake) => setTimeout(wake, Math.random() * 250));
    }
    times.sort((a, b) => a - b);
    return [
      {
        name: `propagation to the last of ${nodeCount} nodes, ${way.name}, p50`,
        value: percentile(times, 0.5),
        unit: "ms",
      },
      {
        name: `propagation to the last of ${nodeCount} nodes, ${way.name}, p99`,
        value: percentile(times, 0.99),
        unit: "ms",
        aim: way.aim,
      },
      {
        name: `propagation to the last of ${nodeCount} nodes, ${way.name}, max`,
        value: times.at(-1) ?? Number.NaN,
        unit: "ms",
      },
    ];
  } finally {
    for (const node of nodes) await node[Symbol.asyncDispose]();
  }
}

/** Figures of the three ways, `edits` random edits each. */
export async function benchPropagation(edits: number): Promise<Figure[]> {
  await using postgres = await startPostgres();
  await using redis = await startRedis();
  const ways: readonly Way[] = [
    { name: "NOTIFY", aim: "≤ 250", env: {} },
    { name: "NOTIFY and Redis", aim: "≤ 250", env: { REDIS_CONN_STRING: redis.url } },
    { name: "polling alone", aim: "≤ 800", env: { SYNC_BELL: "none" } },
  ];
  const figures: Figure[] = [];
  for (const way of ways) {
    await using database = await freshDatabaseOn("postgres", postgres.url);
    figures.push(...(await runWay(way, database.dsn, edits)));
  }
  return figures;
}
