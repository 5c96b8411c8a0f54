/** A prepaid account from nothing to nothing: refused without money, served with it, stopped when it is taken back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { freshDatabase, skipReason, SQL_ENGINES } from "../engines/engines.ts";
import { type GatewayNode, startNode, waitFor } from "./nodes.ts";
import { channelTo } from "./cluster.ts";
import { openVendor } from "./vendor.ts";

interface Account {
  readonly balance: string;
  readonly reserved: string;
}

async function must<T>(node: GatewayNode, method: string, path: string, body?: object): Promise<T> {
  const reply = await node.api(method, path, body);
  assert.ok(reply.status < 300, `${method} ${path}: ${reply.text}`);
  return reply.json<{ data: T }>().data;
}

for (const engine of SQL_ENGINES)
  test(`money in, money out: ${engine}`, { skip: skipReason(engine) }, async () => {
    await using fresh = await freshDatabase(engine);
    await using node = await startNode(
      engine === "sqlite" ? { env: fresh.env } : { dsn: fresh.dsn },
    );
    const upstream = await openVendor();
    try {
      await must(node, "POST", "/api/channels", channelTo(upstream, ["m"]));
      await must(node, "POST", "/api/prices", { model: "m", mode: "call", perCall: "0.25" });
      const { id } = await must<{ id: number }>(node, "POST", "/api/users", {
        username: "ann",
        billing: "prepaid",
      });
      const { key } = await must<{ key: string }>(node, "POST", "/api/keys", {
        name: "k",
        owner: id,
      });
      const credit = (amount: string): Promise<unknown> =>
        must(node, "POST", `/api/users/${id}/credits`, { amount, remark: "test" });
      const account = (): Promise<Account> => must<Account>(node, "GET", `/api/users/${id}`);
      const call = async (): Promise<number> => (await node.chat("m", key)).status;

      const poor = await node.chat("m", key);
      assert.deepEqual(
        [poor.status, poor.json<{ error: { code: string } }>().error.code],
        [429, "insufficient_quota"],
        poor.text,
      );
      assert.equal(upstream.requests.length, 0);

      await credit("1");
      await waitFor("the credit can be spent", 5000, async () => (await call()) === 200);
      for (let count = 1; count < 4; count += 1) assert.equal(await call(), 200);
      assert.equal(await call(), 429);
      await waitFor("all is settled", 60_000, async () => {
        const { balance, reserved } = await account();
        return balance === "0" && reserved === "0";
      });
      const none = await node.api("POST", `/api/users/${id}/credits`, { amount: -1, remark: "x" });
      assert.equal(none.status, 409, none.text);

      await credit("100");
      await waitFor("it is served again", 5000, async () => (await call()) === 200);
      await waitFor(
        "that call is settled",
        60_000,
        async () => (await account()).balance === "99.75",
      );
      await credit("-99.75");
      const begun = upstream.requests.length;
      await waitFor("nothing is left to be spent", 60_000, async () => (await call()) === 429);
      // What the node held when it was taken back may have been spent before it heard of that, and nothing else.
      const late = upstream.requests.length - begun;
      await waitFor("what was spent late is owed", 60_000, async () => {
        const { balance, reserved } = await account();
        return Number(balance) === -0.25 * late && reserved === "0";
      });
      assert.ok(late * 0.25 <= 25, String(late));
      await must(node, "PATCH", `/api/users/${id}`, { billing: "postpaid" });
      await waitFor("who is postpaid needs no balance", 5000, async () => (await call()) === 200);
    } finally {
      await upstream.close();
    }
  });
