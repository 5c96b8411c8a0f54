/** Real coding agents whose key has run out of money: each gives up, says why, and does not hammer. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { applied, channelTo, write } from "../e2e/cluster.ts";
import { startNode, waitFor } from "../e2e/nodes.ts";
import { openVendor } from "../e2e/vendor.ts";
import { agents, isInstalled, runAgent } from "./agents.ts";

/** An agent may ask for a title, a token count and a look at the model beside its turn. */
const mostCalls = 8;
const model = "claude-sonnet-4-6";

for (const agent of Object.values(agents)) {
  const skip = isInstalled(agent) ? false : `${agent.id} is not installed (npm ci in test/agents)`;
  test(`${agent.id} gives up when the money is used up`, { skip, timeout: 180_000 }, async (t) => {
    const upstream = await openVendor();
    try {
      await using node = await startNode();
      await write(node, "POST", "/api/channels", channelTo(upstream, ["*"]));
      await write(node, "POST", "/api/prices", { model: "*", mode: "call", perCall: "0.01" });
      const made = await write<{ key: string }>(node, "POST", "/api/keys", {
        name: "poor",
        budget: { amount: "0.001" },
      });
      await applied(node, made.revision);
      const run = await runAgent(
        agent,
        { url: node.url, key: made.data.key, model },
        { prompt: "Say hello.", files: {} },
      );
      const told = `${run.stdout}\n${run.stderr}`;
      t.diagnostic(told.slice(0, 600));
      const calls = await waitFor("calls are recorded", 10_000, async () => {
        const { data } = (await node.api("GET", "/api/calls?limit=100")).json<{
          data: { error: string | null; operation: string }[];
        }>();
        return data.length > 0 ? data : undefined;
      });
      const refused = calls.filter(({ error }) => error === "insufficient_quota");
      t.diagnostic(`${calls.length} calls, ${refused.length} refused`);
      assert.ok(refused.length > 0, told);
      assert.ok(refused.length <= mostCalls, `${refused.length} calls were refused: it hammers`);
      assert.equal(upstream.requests.length, 0, "nothing reached the vendor");
    } finally {
      await upstream.close();
    }
  });
}
