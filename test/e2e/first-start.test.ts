/** The first start as scripts see it: whoever waits for readiness finds the accounts, and nobody is told 401 for our delay. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { freshDatabase, skipReason, SQL_ENGINES } from "../engines/engines.ts";
import { startNode, waitFor } from "./nodes.ts";

for (const engine of SQL_ENGINES)
  test(
    `accounts of the environment exist before a node is ready: ${engine}`,
    { skip: skipReason(engine) },
    async () => {
      await using database = await freshDatabase(engine);
      await using node = await startNode({
        dsn: engine === "sqlite" ? undefined : database.dsn,
        waitReady: false,
      });
      const seen = new Set<number>();
      const ask = async (): Promise<readonly [boolean, readonly number[]]> => {
        const ready = (await node.call("/readyz")).status === 200;
        const replies = await Promise.all([
          node.api("GET", "/api/channels"),
          node.call("/v1/models"),
        ]);
        return [ready, replies.map((reply) => reply.status)];
      };
      await waitFor("a ready node", 60_000, async () => {
        const [ready, statuses] = await ask();
        for (const status of statuses) seen.add(status);
        if (ready) assert.deepEqual(statuses, [200, 200]);
        return ready;
      });
      assert.deepEqual(
        [...seen].filter((status) => status !== 200 && status !== 503),
        [],
      );
      await waitFor("its line", 2000, () => node.output().includes("is ready: "));
    },
  );

test("a sealed gateway is ready and says to everybody that it has to be set up", async () => {
  await using node = await startNode({
    env: { INITIAL_ROOT_ACCESS_TOKEN: "", INITIAL_ROOT_TOKEN: "" },
  });
  const management = await node.api("GET", "/api/channels");
  assert.deepEqual(
    [management.status, management.json<{ code: string }>().code],
    [503, "setup_required"],
  );
  assert.equal(management.headers.get("retry-after"), "2");
  const call = await node.chat("any");
  assert.deepEqual(
    [call.status, call.json<{ error: { code: string } }>().error.code],
    [503, "setup_required"],
  );
  await waitFor("the setup link", 5000, () => /\/setup#\S+/.test(node.output()));
});
