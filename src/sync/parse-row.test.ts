/** Every kind of row: what parses, what is refused, and that the reason names column and field. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ColumnValue, RawRow, SnapshotKind } from "../store/sync-store.ts";
import { snapshotKinds } from "../store/sync-store.ts";
import { noChannelOptions } from "./entities.ts";
import { sealCredential } from "./credential-row.ts";
import { parseCallerRows } from "./key-row.ts";
import { callerRowChecks, rowParsers } from "./parse-row.ts";
import { noConditions } from "./price-rates.ts";
import { RowFault } from "./row-columns.ts";
import { fillSettings, settingRules } from "./settings.ts";

const dataKey = Buffer.alloc(32, 1);

const good: Readonly<Record<SnapshotKind, Readonly<Record<string, ColumnValue>>>> = {
  channel: {
    name: "main",
    provider: "openai",
    base_url: "https://api.openai.com/v1/",
    models: '["gpt-4o","gpt-*","gpt-4o"]',
    groups: '["default","vip"]',
    priority: -3,
    weight: 7n,
    status: "enabled",
    model_mapping: '{"gpt-4o":"gpt-4o-2024"}',
    headers: '{"x-team":"a"}',
    parameters: '{"temperature":0,"nested":{"a":[1,null]}}',
    proxy: "socks5://user:pw@proxy:1080",
    tag: "eu",
    timeouts: '{"connectMs":1000,"idleMs":60000}',
    options: '{"replyModel":"upstream","later":1}',
    created_at: 0n,
    updated_at: 0n,
  },
  credential: {
    channel_id: 4n,
    position: 0,
    sealed: sealCredential(dataKey, 4, "sk-secret"),
    status: "enabled",
  },
  group: { symbol: "vip", name: "VIP", ratio: 1_500_000n, public: 1, enabled: 0n },
  price: {
    model: "gpt-*",
    mode: "tokens",
    input: 2_500_000_000n,
    output: 10,
    cache_read: null,
    cache_write_5m: null,
    cache_write_1h: null,
    per_call: null,
  },
  model: {
    model: "gpt-4o",
    owner: "openai",
    context: 128_000n,
    modalities: '["text","image"]',
    description: null,
  },
  setting: { name: "retryTimes", value: "5" },
};

function row(kind: SnapshotKind, more: Readonly<Record<string, ColumnValue>> = {}): RawRow {
  return { id: 4n, rev: 9n, ...good[kind], ...more } as RawRow;
}

function faultOf(kind: SnapshotKind, more: Readonly<Record<string, ColumnValue>>): RowFault {
  try {
    rowParsers[kind](row(kind, more), dataKey);
  } catch (error) {
    assert.ok(error instanceof RowFault, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: `${kind} ${JSON.stringify(more)} was accepted` });
}

test("a channel's columns become a channel", () => {
  assert.deepEqual(rowParsers.channel(row("channel"), dataKey), {
    id: 4,
    rev: 9,
    name: "main",
    provider: "openai",
    baseUrl: "https://api.openai.com/v1",
    models: ["gpt-4o", "gpt-*"],
    groups: ["default", "vip"],
    priority: -3,
    weight: 7,
    enabled: true,
    modelMapping: { "gpt-4o": "gpt-4o-2024" },
    headers: { "x-team": "a" },
    parameters: { temperature: 0, nested: { a: [1, null] } },
    proxy: "socks5://user:pw@proxy:1080",
    tag: "eu",
    timeouts: { connectMs: 1000, idleMs: 60_000 },
    replyModel: "upstream",
    options: noChannelOptions,
    credentials: [],
    budget: null,
    limits: [],
    credentialLimits: [],
    costRatio: 1_000_000n,
  });
});

test("a channel's options lie in one column, beside those of newer versions", () => {
  const own = {
    settings: { region: "us-east-1" },
    dialects: ["anthropic-messages"],
    billAs: "sent",
    extraBody: { a: [1] },
    modelParameters: { "o*": { temperature: 1 } },
    systemPrompt: { text: "Be brief.", place: "after" },
    disabledStream: ["gpt-*"],
    onlyChat: true,
    testModel: "gpt-4o",
    unsealedIds: true,
  };
  const options = JSON.stringify({ ...own, replyModel: "asked", fromTomorrow: 1 });
  const channel = rowParsers.channel(row("channel", { options }), dataKey);
  assert.deepEqual(channel.options, own);
  assert.equal(channel.replyModel, "asked");
  const some = rowParsers.channel(row("channel", { options: '{"onlyChat":true}' }), dataKey);
  assert.deepEqual(some.options, { ...noChannelOptions, onlyChat: true });
});

test("what may be absent in a channel is", () => {
  const names = ["base_url", "model_mapping", "headers", "parameters", "proxy", "tag", "timeouts"];
  const nulls = Object.fromEntries([...names, "options"].map((name) => [name, null]));
  const channel = rowParsers.channel(row("channel", nulls), dataKey);
  assert.deepEqual(
    [channel.baseUrl, channel.headers, channel.timeouts, channel.proxy, channel.replyModel],
    [null, {}, {}, null, "asked"],
  );
});

test("a channel's faults name column and field", () => {
  const cases: readonly [Record<string, ColumnValue>, string, string][] = [
    [{ weight: null }, "weight", "weight"],
    [{ weight: 0 }, "weight", "weight"],
    [{ weight: 1_000_001n }, "weight", "weight"],
    [{ priority: null }, "priority", "priority"],
    [{ priority: 2n ** 60n }, "priority", "priority"],
    [{ name: "" }, "name", "name"],
    [{ provider: "Open AI" }, "provider", "provider"],
    [{ base_url: "ftp://x" }, "base_url", "baseUrl"],
    [{ base_url: "https://user:pw@host" }, "base_url", "baseUrl"],
    [{ base_url: "nonsense" }, "base_url", "baseUrl"],
    [{ models: "[" }, "models", "models"],
    [{ models: "[]" }, "models", "models"],
    [{ models: '["a",""]' }, "models", "models[1]"],
    [{ models: '["a*b"]' }, "models", "models[0]"],
    [{ models: null }, "models", "models"],
    [{ groups: '["two words"]' }, "groups", "groups[0]"],
    [{ status: "on" }, "status", "status"],
    [{ model_mapping: '{"a":1}' }, "model_mapping", "modelMapping.a"],
    [{ headers: '{"Authorization":"Bearer x"}' }, "headers", "headers.Authorization"],
    [{ headers: '{"Transfer-Encoding":"chunked"}' }, "headers", "headers.Transfer-Encoding"],
    [{ headers: '{"x-a":"b\\r\\nx-c: d"}' }, "headers", "headers.x-a"],
    [{ parameters: "[1]" }, "parameters", "parameters"],
    [{ parameters: '{"__proto__":{"a":1}}' }, "parameters", "parameters"],
    [{ proxy: "ftp://x" }, "proxy", "proxy"],
    [{ timeouts: '{"idleMs":5}' }, "timeouts", "timeouts.idleMs"],
    [{ options: '{"replyModel":"other"}' }, "options", "options.replyModel"],
    [{ options: '{"settings":{"a b":"x"}}' }, "options", "options.settings.a b"],
    [{ options: '{"settings":{"region":7}}' }, "options", "options.settings.region"],
    [{ options: '{"dialects":["a","a"]}' }, "options", "options.dialects"],
    [{ options: '{"billAs":"neither"}' }, "options", "options.billAs"],
    [{ options: '{"systemPrompt":{"text":"x"}}' }, "options", "options.systemPrompt.place"],
    [{ options: '{"onlyChat":"yes"}' }, "options", "options.onlyChat"],
    [{ options: '{"testModel":"a*"}' }, "options", "options.testModel"],
    [{ options: '{"disabledStream":["a*b"]}' }, "options", "options.disabledStream[0]"],
    [{ model_mapping: '{"a":"+"}' }, "model_mapping", "modelMapping.a"],
    [{ model_mapping: '{"a":"#high"}' }, "model_mapping", "modelMapping.a"],
    [{ headers: '{"X-Amz-Security-Token":"x"}' }, "headers", "headers.X-Amz-Security-Token"],
    [{ id: 2n ** 60n }, "id", "id"],
  ];
  for (const [columns, column, field] of cases) {
    const fault = faultOf("channel", columns);
    assert.ok(
      fault.message.startsWith(`${column}: `),
      `${JSON.stringify(Object.keys(columns))}: ${fault.message}`,
    );
    assert.equal(fault.fields[0]?.field, field);
  }
});

test("a credential opens with the cluster's key and for its own channel only", () => {
  assert.equal(rowParsers.credential(row("credential"), dataKey).secret, "sk-secret");
  const fault = faultOf("credential", { channel_id: 5n });
  assert.match(fault.message, /^sealed: does not open/);
  assert.ok(!fault.message.includes("sk-secret"));
  assert.throws(() => rowParsers.credential(row("credential"), Buffer.alloc(32, 2)), RowFault);
  assert.throws(() => rowParsers.credential(row("credential", { sealed: "x" }), dataKey), RowFault);
});

test("groups, prices, models and settings", () => {
  const group = rowParsers.group(row("group"), dataKey);
  assert.deepEqual([group.ratio, group.public, group.enabled], [1_500_000n, true, false]);
  assert.deepEqual(rowParsers.price(row("price"), dataKey), {
    id: 4,
    rev: 9,
    model: "gpt-*",
    mode: "tokens",
    channelId: 0,
    side: "charge",
    effectiveFromMs: 0,
    locked: false,
    source: null,
    input: 2_500_000_000n,
    output: 10n,
    ...noConditions,
  });
  assert.deepEqual(rowParsers.model(row("model"), dataKey).modalities, ["text", "image"]);
  assert.equal(rowParsers.setting(row("setting"), dataKey).value, 5);
  assert.match(faultOf("price", { input: -1n }).message, /^input: must not be negative/);
  assert.match(faultOf("price", { mode: "x" }).message, /^mode: /);
  assert.match(faultOf("group", { ratio: null }).message, /^ratio: /);
  assert.match(faultOf("group", { public: 2 }).message, /^public: must be 0 or 1/);
  assert.match(faultOf("model", { model: "a*" }).message, /^model: must not be a wildcard/);
  assert.equal(faultOf("setting", { value: '"many"' }).fields[0]?.field, "retryTimes");
  assert.match(faultOf("setting", { name: "nonsense" }).message, /there is no setting "nonsense"/);
});

test("settings have defaults that their own rules allow", () => {
  for (const [name, rule] of Object.entries(settingRules)) {
    assert.ok(rule.schema.safeParse(rule.default).success, name);
    assert.ok(rule.doc.endsWith("."), name);
  }
  assert.equal(fillSettings({ retryTimes: 0 }).retryTimes, 0);
  assert.equal(fillSettings({}).systemName, "Switchyard");
});

test("a key with its owner", () => {
  const key = {
    id: 3n,
    rev: 2n,
    hash: "h",
    name: "k",
    owner_id: 8n,
    group: null,
    fallback_group: "vip",
    models: '["gpt-*"]',
    ip_ranges: '["10.0.0.0/8","::1"]',
    expires_at: 1_900_000_000_000n,
    status: "enabled",
  } as RawRow;
  const owner = {
    id: 8n,
    rev: 1n,
    username: "ann",
    role: "member",
    group: "default",
    billing: "prepaid",
    status: "disabled",
  } as RawRow;
  const record = parseCallerRows({ key, owner });
  assert.deepEqual(
    [
      record.id,
      record.fallbackGroup,
      record.models,
      record.expiresAtMs,
      record.enabled,
      record.owner.enabled,
    ],
    [3, "vip", ["gpt-*"], 1_900_000_000_000, true, false],
  );
  const refused: readonly Record<string, ColumnValue>[] = [
    { ip_ranges: '["10.0.0.0/33"]' },
    { ip_ranges: '["host"]' },
    { ip_ranges: '["10.0.0.0/8/8"]' },
    { models: '[""]' },
    { status: null },
  ];
  for (const columns of refused)
    assert.throws(() => callerRowChecks.key({ ...key, ...columns } as RawRow), RowFault);
  assert.throws(() => callerRowChecks.user({ ...owner, role: "king" } as RawRow), RowFault);
});

test("no column value makes a parser throw anything but a RowFault", () => {
  const value = fc.oneof(
    fc.constant(null),
    fc.string(),
    fc.integer(),
    fc.double(),
    fc.bigInt(),
    fc.json(),
    fc.constantFrom("{}", "[]", '{"__proto__":1}', "null", "1e999", "\u0000"),
  );
  const any = fc.constantFrom(...snapshotKinds).chain((kind) =>
    fc.record({
      kind: fc.constant(kind),
      columns: fc.dictionary(fc.constantFrom(...Object.keys(good[kind])), value),
    }),
  );
  fc.assert(
    fc.property(any, ({ kind, columns }) => {
      try {
        rowParsers[kind](row(kind, columns), dataKey);
      } catch (error) {
        assert.ok(error instanceof RowFault, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});
