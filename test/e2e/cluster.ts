/** A cluster as the founding bug report had it: one master, two slaves, one database, and a vendor to call. */
import type { FakeUpstream } from "../fakes/upstream.ts";
import { openVendor } from "./vendor.ts";
import { type GatewayNode, startNode, waitFor } from "./nodes.ts";

export interface ClusterOptions {
  readonly dsn: string;
  readonly slaves?: number;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Cluster extends AsyncDisposable {
  readonly master: GatewayNode;
  readonly slaves: readonly GatewayNode[];
  readonly nodes: readonly GatewayNode[];
  readonly upstream: FakeUpstream;
}

/** Starts master first, then the slaves; all are ready when it answers. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const upstream = await openVendor();
  const nodes: GatewayNode[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
    await upstream.close();
  };
  try {
    const env = options.env ?? {};
    nodes.push(await startNode({ dsn: options.dsn, type: "master", env }));
    const slaves = Array.from({ length: options.slaves ?? 2 }, () =>
      startNode({ dsn: options.dsn, type: "slave", env }),
    );
    nodes.push(...(await Promise.all(slaves)));
  } catch (error) {
    await close();
    throw error;
  }
  const [master, ...slaves] = nodes as [GatewayNode, ...GatewayNode[]];
  return { master, slaves, nodes, upstream, [Symbol.asyncDispose]: close };
}

/** The deadline that the product promises for a change to be everywhere. */
export const everywhereMs = 1000;

/** Waits until the node serves at least this revision; the promise is one second. */
export async function applied(node: GatewayNode, revision: number): Promise<void> {
  await waitFor(`revision ${revision} on ${node.url}`, everywhereMs, async () => {
    const reply = await node.api("GET", "/api/sync");
    return reply.json<{ data: { appliedRevision: number } }>().data.appliedRevision >= revision;
  });
}

/** A write through the management API that must succeed; answers its data and revision. */
export async function write<T = { id: number }>(
  node: GatewayNode,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ data: T; revision: number }> {
  const reply = await node.api(method, path, body);
  if (reply.status >= 300) throw new Error(`${method} ${path}: ${reply.status} ${reply.text}`);
  return reply.json<{ data: T; revision: number }>();
}

/** The fields of a channel to the cluster's upstream that serves these models. */
export function channelTo(
  upstream: FakeUpstream,
  models: readonly string[],
  more: object = {},
): object {
  return {
    name: `to ${models.join(" ")}`,
    provider: "custom",
    baseUrl: upstream.baseUrl,
    models,
    credentials: ["sk-upstream"],
    ...more,
  };
}
