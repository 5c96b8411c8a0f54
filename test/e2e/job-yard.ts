/** Real nodes before a vendor of jobs, and what tells what a key has been charged. */
import assert from "node:assert/strict";
import type { SqlEngine } from "../engines/engines.ts";
import { freshDatabase } from "../engines/engines.ts";
import { type BatchVendor, openBatchVendor } from "../fakes/batch-vendor.ts";
import { applied, write } from "./cluster.ts";
import { type GatewayNode, startNode, waitFor } from "./nodes.ts";
import { type Tenant, fileForm, get } from "./tenants.ts";

export interface JobKey extends Tenant {
  readonly id: number;
}

/** A call as the management API tells it. */
export interface JobCall {
  readonly id: string;
  readonly operation: string;
  readonly outcome: string;
  readonly cost: string;
  readonly channelCost: string | null;
  readonly modelBilled: string;
  readonly serviceTier: string | null;
  readonly usage: { readonly output: number };
}

export interface ShownBudget {
  readonly spent: string;
  readonly held: string;
  readonly left: string;
}

export interface JobYard extends AsyncDisposable {
  readonly nodes: readonly GatewayNode[];
  readonly node: GatewayNode;
  readonly vendor: BatchVendor;
  readonly dsn: string;
  key(fields?: object): Promise<JobKey>;
  /** A price, a setting, … that all nodes know of when it resolves. */
  make<T = { id: number }>(path: string, body: object, method?: string): Promise<T>;
  /** Calls of a key that cost or could have cost something, oldest first. */
  charged(key: JobKey, node?: GatewayNode): Promise<readonly JobCall[]>;
  /** How many calls that began a batch, or are its end, are in SQL. */
  batches(key: JobKey): Promise<number>;
  budget(key: JobKey, node?: GatewayNode): Promise<ShownBudget>;
  /** Another node of the same cluster. */
  join(): Promise<GatewayNode>;
}

/** A dollar for a million tokens of output, half of it in batches; nothing for input. */
export const model = "batched";

export async function openJobYard(
  engine: SqlEngine,
  count: number,
  env: Readonly<Record<string, string>> = {},
  through: (dsn: string) => string = (dsn) => dsn,
): Promise<JobYard> {
  const database = await freshDatabase(engine);
  const vendor = await openBatchVendor();
  const nodes: GatewayNode[] = [];
  const own = engine === "sqlite" ? { env } : { env, dsn: through(database.dsn) };
  const join = async (): Promise<GatewayNode> => {
    const node = await startNode(own);
    nodes.push(node);
    return node;
  };
  for (let index = 0; index < count; index += 1) await join();
  const node = nodes[0]!;
  const make: JobYard["make"] = async <T>(path: string, body: object, method = "POST") => {
    const { data, revision } = await write<T>(node, method, path, body);
    await Promise.all(nodes.map((one) => applied(one, revision)));
    return data;
  };
  const serviceTiers = { batch: { factor: "0.5" } };
  const price = { mode: "tokens", input: "0", output: "1", serviceTiers };
  for (const name of [model, "claude-batched"])
    await make("/api/prices", { model: name, ...price });
  const at = { baseUrl: vendor.baseUrl, credentials: ["sk-vendor"], costRatio: "0.5" };
  await make("/api/channels", { name: "o", provider: "openai", models: [model, "free"], ...at });
  const claude = { name: "a", provider: "anthropic", models: ["claude-batched"], ...at };
  await make("/api/channels", { ...claude, baseUrl: vendor.upstream.baseUrl.replace("/v1", "") });
  return {
    nodes,
    node,
    vendor,
    dsn: database.dsn,
    make,
    join,
    key: async (fields = {}) => {
      const made = await make<{ id: number; key: string }>("/api/keys", { name: "k", ...fields });
      return { name: "k", ...made };
    },
    batches: async (key) => {
      const calls = await callsOf(node, key);
      return calls.filter(({ operation }) => operation === "batches").length;
    },
    charged: async (key, asked = node) => {
      const data = await callsOf(asked, key);
      return data.filter(({ usage }) => usage.output > 0).toReversed();
    },
    budget: async (key, asked = nodes.at(-1)!) => {
      const reply = await asked.api("GET", "/api/budgets?kind=key&limit=100");
      const { data } = reply.json<{ data: (ShownBudget & { readonly id: number })[] }>();
      return data.find(({ id }) => id === key.id)!;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(nodes.map((one) => one[Symbol.asyncDispose]()));
      await vendor.close();
      await database[Symbol.asyncDispose]();
    },
  };
}

async function callsOf(node: GatewayNode, key: JobKey): Promise<readonly JobCall[]> {
  const reply = await node.api("GET", `/api/calls?key=${key.id}&limit=100`);
  return reply.json<{ data: JobCall[] }>().data;
}

/** Lines of a batch's file that ask for so many tokens each. */
export function linesOf(tokens: readonly number[], name = model): string {
  return tokens
    .map((wished, index) => {
      const messages = [{ role: "user", content: String(wished) }];
      const body = { model: name, messages, max_tokens: wished };
      return `${JSON.stringify({ custom_id: `r${index}`, method: "POST", url: "/v1/chat/completions", body })}\n`;
    })
    .join("");
}

/** Puts the file up; answers what begins its batch. */
export async function batchOf(
  node: GatewayNode,
  key: Tenant,
  lines: string,
): Promise<{ readonly json: object }> {
  const file = await get(node, key, "/v1/files", { form: fileForm(lines) });
  const endpoint = "/v1/chat/completions";
  const json = { input_file_id: file.body["id"], endpoint, completion_window: "24h" };
  return { json };
}

/** Waits for what the leader does of itself. */
export async function chargedOf(
  yard: JobYard,
  key: JobKey,
  costs: readonly string[],
  node = yard.node,
): Promise<readonly JobCall[]> {
  return await waitFor(`charges of ${costs.join(", ")}`, 60_000, async () => {
    const calls = await yard.charged(key, node);
    assert.deepEqual(
      calls.map(({ cost }) => cost),
      costs,
    );
    return calls;
  });
}
