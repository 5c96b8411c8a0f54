/** A node in this process whose model is asked of a scripted vendor by one of the APIs that upstreams speak. */
import type { TestContext } from "node:test";
import { type ChannelSpec, type Yard, type YardSpec, openYard } from "../e2e/call-harness.ts";
import { write } from "../e2e/cluster.ts";
import { rootKey, startNode } from "../e2e/nodes.ts";
import type { Script } from "../fakes/scripted/turn.ts";
import { type Vendor, startVendor } from "../fakes/scripted/vendor.ts";

/** APIs of upstreams, and where they begin at a vendor. */
const bases = {
  "openai-chat": "/v1",
  "openai-responses": "/v1",
  "anthropic-messages": "",
  "gemini-content": "/v1beta",
  "bedrock-converse": "",
  "cohere-v2": "",
  "ollama-chat": "",
} as const;

export type UpstreamId = keyof typeof bases;
export const upstreamIds = Object.keys(bases) as readonly UpstreamId[];
/** Those whose vendors have an official client that can be a caller of ours too. */
export const frontIds = upstreamIds.slice(0, 4);

export interface ScriptedYard {
  readonly yard: Yard;
  readonly vendor: Vendor;
}

export const model = "own-model";

export function channelTo(
  vendor: Pick<Vendor, "origin">,
  upstream: UpstreamId,
  more: Partial<ChannelSpec> = {},
): ChannelSpec {
  const options = { dialects: [upstream], ...more.options };
  return { baseUrl: vendor.origin + bases[upstream], models: [model], ...more, options };
}

/** Opens both, and closes them with the test. */
export async function openScriptedYard(
  t: TestContext,
  upstream: UpstreamId,
  script: Script,
  more: Partial<YardSpec> = {},
): Promise<ScriptedYard> {
  const vendor = await startVendor(script);
  t.after(() => vendor.close());
  const yard = await openYard(t, { channels: [channelTo(vendor, upstream)], ...more });
  return { yard, vendor };
}

export interface ScriptedNode {
  readonly url: string;
  readonly key: string;
  readonly vendor: Vendor;
  close(): Promise<void>;
}

/** A node as a process, with all that it keeps: the model of each upstream has that upstream's name. */
export async function openScriptedNode(script: Script): Promise<ScriptedNode> {
  const vendor = await startVendor(script);
  const node = await startNode();
  for (const upstream of upstreamIds)
    await write(node, "POST", "/api/channels", {
      name: upstream,
      provider: "custom",
      baseUrl: vendor.origin + bases[upstream],
      models: [upstream],
      credentials: ["sk-upstream"],
      dialects: [upstream],
    });
  return {
    url: node.url,
    key: rootKey,
    vendor,
    close: async () => {
      await node[Symbol.asyncDispose]();
      await vendor.close();
    },
  };
}
