/** Two tenants of one gateway that share one vendor account, on any number of nodes over one database. */
import assert from "node:assert/strict";
import { type KeepingVendor, openKeepingVendor } from "../fakes/keeping-vendor.ts";
import { write } from "./cluster.ts";
import { type GatewayNode, waitFor } from "./nodes.ts";

export interface Tenant {
  readonly name: string;
  readonly key: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Record<string, unknown>;
}

export type Ask = (
  node: GatewayNode,
  tenant: Tenant,
  path: string,
  more?: {
    readonly method?: string;
    readonly json?: unknown;
    readonly form?: FormData;
    readonly headers?: Record<string, string>;
  },
) => Promise<Answer>;

/** Asks as a tenant's client would. */
export const ask: Ask = async (node, tenant, path, more = {}) => {
  const { json, form, headers } = more;
  const body = form ?? (json === undefined ? undefined : JSON.stringify(json));
  const response = await fetch(node.url + path, {
    method: more.method ?? (body === undefined ? "GET" : "POST"),
    headers: {
      authorization: `Bearer ${tenant.key}`,
      ...(json === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
    signal: AbortSignal.timeout(20_000),
  });
  const text = await response.text();
  let parsed: Record<string, unknown> = {};
  const isJson = response.headers.get("content-type")?.includes("json") === true;
  if (isJson && text.startsWith("{")) parsed = JSON.parse(text) as Record<string, unknown>;
  return { status: response.status, headers: response.headers, text, body: parsed };
};

/** The same, which must go well. */
export const get: Ask = async (node, tenant, path, more) => {
  const answer = await ask(node, tenant, path, more);
  assert.equal(answer.status, 200, `${path}: ${answer.status} ${answer.text}`);
  return answer;
};

export function fileForm(content: string, purpose = "batch"): FormData {
  const form = new FormData();
  form.set("purpose", purpose);
  form.set("file", new Blob([content]), "input.jsonl");
  return form;
}

async function makeTenant(node: GatewayNode, name: string): Promise<Tenant> {
  const { data: user } = await write(node, "POST", "/api/users", { username: name });
  const { data } = await write<{ key: string }>(node, "POST", "/api/keys", {
    name: `${name}'s`,
    owner: user.id,
  });
  return { name, key: data.key };
}

export interface Tenants {
  readonly ann: Tenant;
  readonly bob: Tenant;
}

/** Two tenants whose keys every node knows. */
export async function makeTenants(nodes: readonly GatewayNode[]): Promise<Tenants> {
  const [first] = nodes as [GatewayNode];
  const ann = await makeTenant(first, "ann");
  const bob = await makeTenant(first, "bob");
  for (const node of nodes)
    for (const tenant of [ann, bob])
      await waitFor(`${tenant.name}'s key`, 5000, async () => {
        const { status } = await ask(node, tenant, "/v1/models");
        return status === 200;
      });
  return { ann, bob };
}

/** A channel of a provider at the vendor that keeps things. */
export async function makeChannel(
  node: GatewayNode,
  fields: Readonly<Record<string, unknown>>,
): Promise<number> {
  const path = "/api/channels?wait=converged&timeout=5s";
  const { data } = await write(node, "POST", path, {
    name: "shared account",
    credentials: ["sk-shared-account"],
    ...fields,
  });
  return data.id;
}

export interface Keeping extends AsyncDisposable {
  readonly vendor: KeepingVendor;
}

export async function openVendorAccount(): Promise<Keeping> {
  const vendor = await openKeepingVendor();
  return { vendor, [Symbol.asyncDispose]: () => vendor.close() };
}
