/** `switchyard prices import` against a real node: shown first, written when it was confirmed, in table and JSON, with its exit codes. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type GatewayNode, rootToken, startNode } from "./nodes.ts";
import { type Ran, runCommand } from "./run-command.ts";

const folder = mkdtempSync(join(tmpdir(), "switchyard-prices-"));
let node: GatewayNode;
before(async () => {
  node = await startNode();
});
after(async () => {
  await node[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function run(line: readonly string[], input = "", locale = "en"): Promise<Ran> {
  const env = { SWITCHYARD_URL: node.url, SWITCHYARD_TOKEN: rootToken, LOCALE: locale };
  return await runCommand(["prices", "import", ...line], env, input);
}

const litellm = (input: number): string =>
  JSON.stringify({
    "my-model": {
      litellm_provider: "openai",
      input_cost_per_token: input,
      output_cost_per_token: 2e-6,
      moon_cost: 1,
    },
    "azure/my-model": { litellm_provider: "azure", input_cost_per_token: 1e-6 },
  });

test("shown, then confirmed, then changed by digest", async () => {
  const file = join(folder, "prices.json");
  writeFileSync(file, litellm(1.5e-6));
  const seen = await run(["litellm", file]);
  assert.equal(seen.code, 0, seen.error);
  assert.match(seen.out, /^1 to add, 0 to change, 0 to remove, 0 left alone, 0 as they are/);
  assert.match(seen.out, /my-model +tokens +1\.5 +2/);
  assert.match(seen.out, /openai my-model: moon_cost: field-left-out/);
  assert.match(seen.out, /^1 entries of vendors/m);
  assert.match(seen.error, /Nothing is written yet/);
  const none = await node.api("GET", "/api/prices");
  assert.deepEqual(none.json<{ data: unknown[] }>().data, []);

  const applied = await run(["litellm", file, "--yes", "--wait"]);
  assert.deepEqual(
    [applied.code, applied.out.split("\n").at(-1)],
    [0, "1 added, 0 changed, 0 removed."],
  );
  assert.match(applied.error, /every live node has it/);
  assert.match((await run(["litellm", file, "--yes"])).error, /Nothing to change/);

  const changed = await run(["litellm", "-", "-o", "json"], litellm(3e-6));
  const { data } = JSON.parse(changed.out) as { data: { digest: string; changed: object[] } };
  assert.equal(data.changed.length, 1);
  const stale = await run(["litellm", "-", "--digest", "0".repeat(64)], litellm(3e-6));
  assert.deepEqual([stale.code, /look at it again/.test(stale.error)], [1, true]);
  const exact = await run(["litellm", "-", "--digest", data.digest], litellm(3e-6));
  assert.equal(exact.code, 0, exact.error);
  assert.match(exact.out, /my-model: input: 1\.5 → 3/);
  const [row] = (await node.api("GET", "/api/prices")).json<{
    data: { input: string; source: string }[];
  }>().data;
  assert.deepEqual([row?.input, row?.source], ["3", "litellm"]);
});

test("the built-in book without a file, filtered, in the reader's language", async () => {
  const chinese = await run(["builtin", "--model", "gpt-4o*", "--yes"], "", "zh_CN");
  assert.equal(chinese.code, 0, chinese.error);
  assert.match(chinese.out, /^新增 \d+，修改 0/);
  const rows = (await node.api("GET", "/api/prices?source=builtin")).json<{
    data: { model: string }[];
  }>().data;
  assert.ok(rows.length > 2);
  assert.ok(rows.every(({ model }) => model.startsWith("gpt-4o")));
});

test("One Hub's prices with that installation's quota", async () => {
  const rows = [{ model: "hub-model", type: "tokens", channel_type: 1, input: 1, output: 2 }];
  const line = ["one-hub", "-", "--quota-per-unit", "1000000", "--yes"];
  assert.equal((await run(line, JSON.stringify({ data: rows }))).code, 0);
  const [row] = (await node.api("GET", "/api/prices?model=hub-model")).json<{
    data: { input: string }[];
  }>().data;
  assert.equal(row?.input, "1");
});

test("wrong usage ends with 2, what the node refuses with 1", async () => {
  const usage: readonly (readonly string[])[] = [
    [],
    ["elsewhere"],
    ["litellm"],
    ["litellm", join(folder, "none.json")],
    ["builtin", "--channel", "x"],
    ["builtin", "--side", "x"],
  ];
  for (const line of usage) assert.equal((await run(line)).code, 2, line.join(" "));
  const refused = await run(["litellm", "-"], "no json");
  assert.deepEqual(
    [refused.code, /document: must be the text of a JSON file/.test(refused.error)],
    [1, true],
  );
});
