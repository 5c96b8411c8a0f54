/** A channel whose provider lacks what a call wants leaves it to one that has it; without one the caller is told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openYard } from "../e2e/call-harness.ts";
import { ask, callers } from "./callers.ts";
import { redirectTo } from "./redirect.ts";
import { type Target, targets } from "./sample-channel.ts";
import { startScriptedVendor } from "./scripted-vendor.ts";

const toolless = targets.find(({ lacks }) => lacks.includes("tools"))!;
const capable = targets.find(
  ({ provider, lacks }) => provider.id !== "custom" && lacks.length === 0,
)!;
const model = "asked-model";

/** The channel of a target for the same model. */
const channel = ({ channel: own, model: sent }: Target, priority: number) => ({
  ...own,
  models: [model],
  modelMapping: { [model]: sent },
  priority,
});

test("calls with tools go past a provider that has none, all others to it", async (t) => {
  const vendor = await startScriptedVendor(() => ({ text: "fine" }));
  t.after(() => vendor.close());
  const upstream = redirectTo(() => vendor.origin);
  const both = { channels: [channel(toolless, 9), channel(capable, 1)], upstream };
  const yard = await openYard(t, both);
  const turns = [{ role: "user", text: "hi" }] as const;
  for (const caller of callers) {
    vendor.clear();
    const question = { model, stream: false, turns };
    const plain = await ask(yard.url, caller, question);
    const tooled = await ask(yard.url, caller, { ...question, tools: true });
    assert.deepEqual([plain.status, tooled.status], [200, 200], plain.raw + tooled.raw);
    const hosts = vendor.asked.map(({ url }) => new URL(url).host);
    const [first, second] = [toolless, capable].map((one) => new URL(one.url(false)).host);
    assert.deepEqual(hosts, [first, second], caller.id);
  }
  await yard.use({ channels: [channel(toolless, 9)] });
  vendor.clear();
  for (const caller of callers) {
    const told = await ask(yard.url, caller, { model, stream: true, turns, tools: true });
    assert.equal(told.status, 400, told.raw);
    assert.match(told.raw, /`tools`: no upstream of this model calls tools/);
  }
  assert.deepEqual(vendor.asked, []);
});
