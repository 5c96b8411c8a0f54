/** kill -9 of nodes in the midst of writes and calls: nothing half-applied, the leader replaced in time; and a drain that keeps its word. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { freshDatabase, skipReason } from "../engines/engines.ts";
import { openVendor, slowStream } from "./vendor.ts";
import { channelTo, startCluster, write } from "./cluster.ts";
import { type GatewayNode, rootKey, startNode, waitFor } from "./nodes.ts";

const takeoverMs = 14_000;

interface NodeEntry {
  id: string;
  state: string;
  leader: boolean;
  appliedRevision: number;
  digest: string;
}

async function nodes(node: GatewayNode): Promise<NodeEntry[]> {
  return (await node.api("GET", "/api/nodes")).json<{ data: NodeEntry[] }>().data;
}

async function leader(node: GatewayNode): Promise<NodeEntry | undefined> {
  return (await nodes(node)).find((entry) => entry.leader);
}

async function ownId(node: GatewayNode): Promise<string> {
  return (await node.api("GET", "/api/sync")).json<{ data: { nodeId: string } }>().data.nodeId;
}

/** Writes pairs of channels that must always be seen together, as fast as one client can, until stopped. */
function writePairs(
  node: GatewayNode,
  upstreamUrl: string,
): { readonly answered: readonly string[]; stop(): Promise<string[]> } {
  const stopping = new AbortController();
  const answered: string[] = [];
  const work = (async () => {
    for (let index = 0; !stopping.signal.aborted; index += 1) {
      const name = `pair-${index}`;
      const reply = await node
        .api("POST", "/api/channels", {
          name,
          provider: "custom",
          baseUrl: upstreamUrl,
          models: [name],
          credentials: ["a", "b"],
        })
        .catch(() => undefined);
      if (reply === undefined) return;
      if (reply.status < 300) answered.push(name);
    }
  })();
  return {
    answered,
    stop: async () => {
      stopping.abort();
      await work;
      return answered;
    },
  };
}

for (const engine of ["sqlite", "postgres", "mysql"] as const) {
  test(
    `kill -9 during writes and calls: ${engine}`,
    { skip: skipReason(engine), timeout: 180_000 },
    async () => {
      await using database = await freshDatabase(engine);
      const upstream = await openVendor();
      const folder = mkdtempSync(join(tmpdir(), "switchyard-crash-"));
      // No balancer has to be waited for here.
      const env = { DRAIN_GRACE: "0" };
      const options = { dataDir: folder, env, ...(engine !== "sqlite" && { dsn: database.dsn }) };
      try {
        for (let round = 0; round < 3; round += 1) {
          await using node = await startNode(options);
          const writes = writePairs(node, upstream.baseUrl);
          const calls = Promise.all(
            Array.from({ length: 20 }, () => node.chat("pair-0").catch(() => undefined)),
          );
          await waitFor("a write is answered", 30_000, () => writes.answered.length > 0);
          await new Promise((wake) => setTimeout(wake, 300 + round * 137));
          await node.kill();
          const answered = await writes.stop();
          await calls;

          await using again = await startNode(options);
          const channels: { name: string; credentials: number }[] = [];
          for (let after = ""; ;) {
            const page = (await again.api("GET", `/api/channels?limit=200${after}`)).json<{
              data: typeof channels;
              nextCursor: string | null;
            }>();
            channels.push(...page.data);
            if (page.nextCursor === null) break;
            after = `&after=${encodeURIComponent(page.nextCursor)}`;
          }
          const names = new Set(channels.map((channel) => channel.name));
          assert.deepEqual(
            answered.filter((name) => !names.has(name)),
            [],
            "what was answered is there",
          );
          await waitFor("the restarted node is live at the head", 3000, async () => {
            const { data } = (await again.api("GET", "/api/sync")).json<{
              data: { state: string; appliedRevision: number; headRevision: number };
            }>();
            return data.state === "live" && data.appliedRevision === data.headRevision;
          });
          for (const name of answered.slice(-3)) assert.equal((await again.chat(name)).status, 200);
          await write(again, "POST", "/api/channels", channelTo(upstream, [`after-${round}`]));
          for (const channel of channels)
            await again.api("DELETE", `/api/channels/${(channel as unknown as { id: number }).id}`);
          assert.equal(await again.stop(), 0);
        }
      } finally {
        rmSync(folder, { recursive: true, force: true });
        await upstream.close();
      }
    },
  );
}

test(
  "a killed leader is replaced within 14 s by another that may lead, never by a slave",
  { skip: skipReason("postgres"), timeout: 90_000 },
  async () => {
    await using database = await freshDatabase("postgres");
    await using cluster = await startCluster({ dsn: database.dsn, slaves: 1 });
    await using standby = await startNode({ dsn: database.dsn });
    const masterId = await ownId(cluster.master);
    await waitFor(
      "the master leads",
      takeoverMs,
      async () => (await leader(standby))?.id === masterId,
    );
    await cluster.master.kill();
    const killed = performance.now();
    const standbyId = await ownId(standby);
    await waitFor(
      "the standby leads",
      takeoverMs,
      async () => (await leader(standby))?.id === standbyId,
    );
    assert.ok(performance.now() - killed <= takeoverMs);
  },
);

/** Reads a stream to its end, with the events seen. */
async function readStream(node: GatewayNode, model: string): Promise<string> {
  const reply = await fetch(`${node.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${rootKey}`, "content-type": "application/json" },
    body: JSON.stringify({ model, stream: true, messages: [{ role: "user", content: "hi" }] }),
  });
  assert.equal(reply.status, 200);
  return await reply.text();
}

test(
  "a stream that ends within the drain is whole; one that outlasts it is told that it was cut",
  { timeout: 90_000 },
  async () => {
    const upstream = await openVendor();
    try {
      let runs = 0;
      for (const [seconds, whole] of [
        [4, true],
        [60, false],
      ] as const) {
        await using node = await startNode({ env: { DRAIN_TIMEOUT: "3" } });
        await write(node, "POST", "/api/channels", channelTo(upstream, ["slow"]));
        upstream.behave(slowStream(seconds * 4, 250));
        const text = readStream(node, "slow");
        await upstream.received((runs += 1));
        await new Promise((wake) => setTimeout(wake, 500));
        const started = performance.now();
        node.signal("SIGTERM");
        await waitFor(
          "unready at once",
          1000,
          async () => (await fetch(`${node.url}/readyz`)).status === 503,
        );
        assert.equal(
          (await node.call("/v1/models")).status,
          200,
          "calls are still accepted while balancers lag",
        );
        const seen = await text;
        assert.equal(seen.includes("[DONE]"), whole);
        assert.equal(seen.includes('"error"'), !whole);
        assert.equal(await node.exited, 0);
        assert.ok(performance.now() - started < 30_000, "inside ECS's stop timeout");
      }
    } finally {
      await upstream.close();
    }
  },
);
