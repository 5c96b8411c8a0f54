/** Accounts as operators and members use them: by command, and over several real nodes at once. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { freshDatabase, skipReason } from "../engines/engines.ts";
import { startCluster } from "./cluster.ts";
import { type GatewayNode, rootToken, startNode } from "./nodes.ts";
import { type Ran, runCommand } from "./run-command.ts";

async function run(line: readonly string[], url: string, token = rootToken): Promise<Ran> {
  return await runCommand(line, { SWITCHYARD_URL: url, SWITCHYARD_TOKEN: token });
}

async function made(node: GatewayNode, path: string, body: object): Promise<Record<string, never>> {
  const reply = await node.api("POST", path, body);
  assert.equal(reply.status, 201, reply.text);
  return reply.json<{ data: Record<string, never> }>().data;
}

/** A prepaid member's management token. */
async function member(node: GatewayNode, username: string): Promise<string> {
  const { id } = await made(node, "/api/users", { username, billing: "prepaid" });
  return String((await made(node, `/api/users/${id}/tokens`, {}))["token"]);
}

async function redeem(node: GatewayNode, token: string, code: string): Promise<number> {
  const reply = await fetch(`${node.url}/api/codes/redeem`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify({ code }),
  });
  await reply.text();
  return reply.status;
}

for (const engine of ["postgres", "mysql"] as const)
  test(
    `100 redemptions of one code at the same time over three nodes: one succeeds: ${engine}`,
    { skip: skipReason(engine) },
    async () => {
      await using fresh = await freshDatabase(engine);
      await using cluster = await startCluster({ dsn: fresh.dsn });
      const [first] = cluster.nodes;
      assert.ok(first !== undefined);
      // As many as that each stays below what it may guess in a minute.
      const tokens: string[] = [];
      for (let index = 0; index < 20; index += 1) tokens.push(await member(first, `m${index}`));
      const { codes } = (await made(first, "/api/codes", {
        name: "one",
        amount: "3",
        count: 2,
      })) as unknown as { codes: { id: number; code: string }[] };
      const statuses: number[] = [];
      // Two halves, since an address too may guess only so often: 50 at a time, 49 in vain.
      for (const { code } of codes) {
        const half = await Promise.all(
          Array.from({ length: 50 }, (_, index) =>
            redeem(cluster.nodes[index % 3]!, tokens[index % 20]!, code),
          ),
        );
        statuses.push(...half);
        assert.equal(half.filter((status) => status === 201).length, 1, half.join());
      }
      assert.ok(
        statuses.every((status) => [201, 409, 429].includes(status)),
        statuses.join(),
      );
      const users = await first.api("GET", "/api/users?limit=100");
      const balances = users.json<{ data: { balance: string | null }[] }>().data;
      const sum = balances.reduce((total, { balance }) => total + Number(balance), 0);
      assert.equal(sum, 6);
    },
  );

describe("by command", () => {
  test("credits, entries, codes, groups that promote, invitations", async () => {
    await using node = await startNode();
    const told = async (...line: string[]): Promise<Ran> => {
      const ran = await run(line, node.url);
      assert.equal(ran.code, 0, `${line.join(" ")}: ${ran.error}`);
      return ran;
    };
    await told("groups", "add", "--symbol", "gold", "--promote-at", "20", "--ratio", "0.9");
    const user = ["users", "add", "--username", "ann", "--billing", "prepaid"];
    const bounds = ["--budget", "5", "--budget-period", "day", "--limit", "requests=600/minute"];
    const added = JSON.parse((await told(...user, ...bounds, "-o", "json")).out).data;
    assert.deepEqual(
      [added.balance, added.budget.amount, added.budget.period, added.limits[0].amount],
      ["0", "5", "day", 600],
    );
    const id = String(added.id);
    await told("users", "edit", id, "--budget", "7.5", "--limit", "concurrency=3");
    const edited = JSON.parse((await told("users", "get", id, "-o", "json")).out).data;
    assert.deepEqual(
      [edited.budget.amount, edited.budget.period, edited.limits[0].of],
      ["7.5", "day", "concurrency"],
    );
    const wrong = await run(["users", "edit", id, "--limit", "many"], node.url);
    assert.deepEqual([wrong.code, /requests=600\/minute/.test(wrong.error)], [2, true]);
    await told("users", "edit", id, "--clear", "budget", "--clear", "limits");

    const credit = ["users", "credit", id, "--remark", "paid by bank", "--reference", "invoice-1"];
    assert.match((await told(...credit, "--amount", "25.5")).out, /25\.5/);
    assert.match((await told(...credit, "--amount", "25.5")).out, /25\.5/);
    await told("users", "credit", id, "--amount", "-0.5", "--remark", "fee");
    const entries = (await told("users", "entries", id)).out;
    assert.match(entries, /-0\.5 +fee[^]*25\.5 +paid by bank/);
    assert.match((await told("users", "list")).out, /ann +member +gold +prepaid +25 +enabled/);
    const poor = await run(["users", "credit", id, "--amount", "-26", "--remark", "x"], node.url);
    assert.deepEqual([poor.code, /more than is left: 25 dollars/.test(poor.error)], [1, true]);

    const codes = await told("codes", "add", "--name", "spring", "--amount", "2", "--count", "3");
    const [one = "", ...others] = codes.out.split("\n");
    assert.deepEqual([others.length, /^(\w{5}-){4}\w{5}$/.test(one)], [2, true]);
    const batch = /batch (\w+)/.exec(codes.error)?.[1] ?? "";
    const token = await member(node, "bob");
    const redeemed = await run(["codes", "redeem", one], node.url, token);
    assert.deepEqual([redeemed.code, /balance +2$/m.test(redeemed.out)], [0, true], redeemed.out);
    const account = await run(["account", "-o", "json"], node.url, token);
    assert.deepEqual(JSON.parse(account.out).data.balance, "2");
    assert.equal(
      (await told("codes", "list", "--unused", "--batch", batch)).out.split("\n").length,
      3,
    );
    assert.match((await told("codes", "disable", "--batch", batch)).out, /^2 /);
    assert.equal((await run(["codes", "redeem", others[0] ?? ""], node.url, token)).code, 1);
    assert.equal((await run(["codes", "disable"], node.url)).code, 2);

    const { inviteCode } = edited;
    const invited = await told(
      "users",
      "add",
      "--username",
      "cat",
      "--invited-by",
      inviteCode,
      "-o",
      "json",
    );
    assert.equal(JSON.parse(invited.out).data.invitedBy, added.id);
  });
});
