/** An error is never an empty table: nodes serve through a database outage, start within one, and come back by themselves. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { freshDatabaseOn, skipReason } from "../engines/engines.ts";
import type { ServerInstance } from "../engines/server-process.ts";
import { startMariadb } from "../engines/start-mariadb.ts";
import { startPostgres } from "../engines/start-postgres.ts";
import { channelTo, write } from "./cluster.ts";
import { openVendor } from "./vendor.ts";
import { type GatewayNode, startNode, waitFor } from "./nodes.ts";

const backWithinMs = 3000;
const unknownKey = "sk-unknown-0123456789abcdef0123456789abcdef0123";

const engines = ["postgres", "mysql"] as const;
type Engine = (typeof engines)[number];

async function startServer(engine: Engine): Promise<ServerInstance> {
  return engine === "postgres" ? await startPostgres() : await startMariadb();
}

async function ready(node: GatewayNode): Promise<{ status: number; text: string }> {
  const reply = await fetch(`${node.url}/readyz`);
  return { status: reply.status, text: await reply.text() };
}

async function live(node: GatewayNode): Promise<boolean> {
  const reply = await node.api("GET", "/api/sync");
  return reply.status === 200 && reply.json<{ data: { state: string } }>().data.state === "live";
}

/** Calls a node again and again until stopped; every answer's status is kept. */
function callSteadily(node: GatewayNode): { stop(): Promise<number[]> } {
  const statuses: number[] = [];
  const stopping = new AbortController();
  const work = (async () => {
    while (!stopping.signal.aborted) {
      statuses.push((await node.chat("steady")).status);
      await new Promise((wake) => setTimeout(wake, 10));
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await work;
      return statuses;
    },
  };
}

for (const engine of engines) {
  test(
    `the database stops under load: ${engine}`,
    { skip: skipReason(engine, "own"), timeout: 120_000 },
    async () => {
      await using server = await startServer(engine);
      // Gone with its server: while that is down it could not be dropped.
      const database = await freshDatabaseOn(engine, server.url);
      const upstream = await openVendor();
      const slaveFolder = mkdtempSync(join(tmpdir(), "switchyard-slave-"));
      const slaveOptions = { dsn: database.dsn, type: "slave", dataDir: slaveFolder } as const;
      try {
        await using master = await startNode({ dsn: database.dsn, type: "master" });
        await using uncached = await startNode({
          dsn: database.dsn,
          type: "slave",
          env: { MEMORY_CACHE_ENABLED: "false" },
        });
        await using before = await startNode(slaveOptions);
        const { revision } = await write(
          master,
          "POST",
          "/api/channels?wait=converged&timeout=5s",
          channelTo(upstream, ["steady"]),
        );
        for (const node of [master, uncached, before])
          assert.equal((await node.chat("steady")).status, 200);
        // The copy on disk is written soon after a change; a crash before that would find the one before.
        await waitFor("the slave's copy", 10_000, async () => {
          const metrics = await fetch(`${before.url}/metrics`);
          return (
            Number(/^sync_lkg_revision(?:\{[^}]*\})? (\d+)/m.exec(await metrics.text())?.[1]) >=
            revision
          );
        });

        const load = [callSteadily(master), callSteadily(before)];
        await server.stop("crash");
        await new Promise((wake) => setTimeout(wake, 1500));
        for (const node of [master, before]) {
          assert.equal(
            (await node.chat("steady", unknownKey)).status,
            503,
            "an unknown key cannot be judged now",
          );
          assert.equal((await ready(node)).status, 200);
        }
        assert.equal(
          (await uncached.chat("steady")).status,
          503,
          "without a cache no key can be judged now",
        );
        for (const one of load) {
          const statuses = await one.stop();
          assert.ok(statuses.length > 20);
          assert.deepEqual(new Set(statuses), new Set([200]));
        }

        await before.kill();
        await using slave = await startNode(slaveOptions);
        assert.equal(
          (await slave.chat("steady")).status,
          200,
          "a node restarted in the outage serves from its copy",
        );
        await using bare = await startNode({ dsn: database.dsn, type: "slave", waitReady: false });
        const unready = await waitFor("the bare node answers", 5000, async () => await ready(bare));
        assert.equal(unready.status, 503);
        assert.match(unready.text, /database/i);
        assert.equal((await bare.chat("steady")).status, 503);

        await server.restart();
        const back = performance.now();
        await Promise.all(
          [master, uncached, slave, bare].map((node) =>
            waitFor(`${node.url} live`, backWithinMs, () => live(node)),
          ),
        );
        assert.ok(performance.now() - back < backWithinMs + 500);
        assert.equal((await bare.chat("steady")).status, 200);
        assert.equal((await slave.chat("steady", unknownKey)).status, 401);
        await slave.kill();
      } finally {
        rmSync(slaveFolder, { recursive: true, force: true });
        await upstream.close();
      }
    },
  );

  test(
    `a slave started before the master ever migrated waits and comes up: ${engine}`,
    { skip: skipReason(engine, "own"), timeout: 60_000 },
    async () => {
      await using server = await startServer(engine);
      // Gone with its server: while that is down it could not be dropped.
      const database = await freshDatabaseOn(engine, server.url);
      await using slave = await startNode({ dsn: database.dsn, type: "slave", waitReady: false });
      const unready = await waitFor("the slave answers", 5000, async () => await ready(slave));
      assert.equal(unready.status, 503);
      assert.ok(unready.text.length > 20, `the reason is told: ${unready.text}`);
      await using master = await startNode({ dsn: database.dsn, type: "master" });
      assert.equal((await ready(master)).status, 200);
      await waitFor("the slave is live", backWithinMs, () => live(slave));
    },
  );
}
