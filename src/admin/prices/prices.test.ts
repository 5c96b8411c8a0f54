/** Prices over the management API: every field, what is refused and by which name, and what calls find afterwards. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openAdmin } from "../../../test/admin/open-admin.ts";
import { skipReason, SQL_ENGINES } from "../../../test/engines/engines.ts";
import { listPrices } from "../../store/prices.ts";

const full = {
  model: "own-*",
  mode: "tokens",
  channelId: null,
  side: "charge",
  effectiveFrom: "2026-02-01T00:00:00.000Z",
  locked: true,
  input: "2.5",
  output: "10",
  cacheRead: "0.000000001",
  cacheWrite5m: "0",
  cacheWrite1h: "9000000000",
  inputAudio: "40",
  inputImage: "1",
  inputVideo: "2",
  cacheReadAudio: "3",
  cacheReadImage: "4",
  cacheReadVideo: "5",
  outputAudio: "80",
  outputImage: "30",
  outputVideo: "31",
  reasoning: "12",
  citations: "2",
  imageToolInput: "5",
  imageToolOutput: "40",
  characters: "15",
  perCall: "0.005",
  perSecond: null,
  perMinute: "0.006",
  perHour: null,
  perPage: "0.001",
  perSearchUnit: "0.002",
  perWebSearch: "0.01",
  perWebFetch: "0",
  perFileSearch: "0.0025",
  perCodeSession: "0.03",
  perMapSearch: "0.025",
  perToolCall: "0.001",
  perSearchSource: "0.025",
  perImage: { "*": "0.04", "1024x1024/high": "0.167", "*/low": "0.011", "512x512/*": "0.02" },
  tiers: [
    { above: 200_000, input: "5" },
    { above: 500_000, factor: "2", output: "20" },
  ],
  times: [
    { zone: "UTC", from: "16:30", to: "00:30", weekdays: null, factor: "0.5" },
    { zone: "Asia/Kathmandu", from: "00:00", to: "24:00", weekdays: [6, 7], output: "9" },
  ],
  serviceTiers: { batch: { factor: "0.5" }, priority: { input: "3.5" } },
};

for (const engine of SQL_ENGINES)
  test(
    `every field of a price comes back as written, survives edits, and is what calls find: ${engine}`,
    { skip: skipReason(engine) },
    async () => {
      await using admin = await openAdmin({ engine });
      const made = await admin.must("POST", "/api/prices", full);
      const { id, rev, createdAt: _made, updatedAt: _edited, ...shown } = made;
      assert.deepEqual(shown, { ...full, source: null });
      const found = admin.sync.current()?.findPrice("own-model");
      assert.deepEqual(
        [found?.rev, found?.cacheWrite1h, found?.perMinute, found?.perImage?.["*"]],
        [rev, 9_000_000_000_000_000_000n, 6_000_000n, 40_000_000n],
      );
      assert.deepEqual(
        found?.tiers.map((tier) => [tier.above, tier.factor, tier.rates]),
        [
          [200_000, 1_000_000n, { input: 5_000_000_000n }],
          [500_000, 2_000_000n, { output: 20_000_000_000n }],
        ],
      );
      // A merge patch: members of objects merge, lists are replaced, null restores the default.
      const edited = await admin.must("PATCH", `/api/prices/${id}`, {
        perImage: { "*/low": null, "*": 0.05 },
        tiers: [{ above: 1, input: 6 }],
        times: null,
        serviceTiers: { batch: { factor: 0.25 }, flex: { factor: 0.5 } },
        perMinute: null,
        perSecond: 1e-7,
        effectiveFrom: null,
      });
      assert.deepEqual(edited.perImage, {
        "*": "0.05",
        "1024x1024/high": "0.167",
        "512x512/*": "0.02",
      });
      assert.deepEqual(edited.tiers, [{ above: 1, input: "6" }]);
      assert.deepEqual([edited.times, edited.perSecond, edited.perMinute], [[], "0.0000001", null]);
      assert.equal(edited.effectiveFrom, null);
      assert.deepEqual(edited.serviceTiers, {
        batch: { factor: "0.25" },
        flex: { factor: "0.5" },
        priority: { input: "3.5" },
      });
      assert.deepEqual(edited.inputAudio, "40");
      await admin.must("DELETE", `/api/prices/${id}`);
      assert.equal(admin.sync.current()?.findPrice("own-model"), undefined);
    },
  );

test("rows of one model stand side by side by channel, side and date; the same one twice is a conflict", async () => {
  await using admin = await openAdmin();
  const channel = await admin.must("POST", "/api/channels", {
    name: "one",
    provider: "openai",
    models: ["m"],
    credentials: ["sk-x"],
  });
  const channelId: number = channel.id;
  const price = { model: "m", mode: "tokens", input: 1 };
  const from = "2026-05-01T02:00:00+02:00";
  const rows = [
    price,
    { ...price, channelId, input: 2 },
    { ...price, side: "cost", input: 3 },
    { ...price, side: "cost", channelId, input: 4 },
    { ...price, effectiveFrom: from, input: 5 },
  ];
  for (const row of rows) {
    await admin.must("POST", "/api/prices", row);
    const again = await admin.ask("POST", "/api/prices", row);
    assert.deepEqual(
      [again.status, again.body.errors?.[0]?.field],
      [409, "model"],
      JSON.stringify(row),
    );
  }
  const snapshot = admin.sync.current();
  const at = Date.parse(from);
  const inputAt = (side: "charge" | "cost", id: number, atMs: number): number =>
    Number(snapshot?.findPrice("m", { channelId: id, atMs, side })?.input) / 1e9;
  const inputs = (["charge", "cost"] as const).flatMap((side) =>
    [channelId, 999].map((id) => [inputAt(side, id, at - 1), inputAt(side, id, at)]),
  );
  assert.deepEqual(inputs, [
    [2, 2],
    [1, 5],
    [4, 4],
    [3, 3],
  ]);
  const list = async (query: string): Promise<number[]> =>
    (await admin.ask("GET", `/api/prices?${query}`)).body.data.map((row: { input: string }) =>
      Number(row.input),
    );
  assert.deepEqual(await list("side=cost"), [3, 4]);
  assert.deepEqual(await list(`channelId=${channelId}`), [2, 4]);
  assert.deepEqual(await list("channelId=0&side=charge"), [1, 5]);
  assert.equal((await admin.ask("GET", "/api/prices?side=both")).status, 422);
});

test("what is locked can be edited by hand, and what a hand changed no longer names a source", async () => {
  await using admin = await openAdmin();
  const { id } = await admin.must("POST", "/api/prices", {
    model: "m",
    mode: "tokens",
    input: 1,
    tiers: [{ above: 10, input: 2 }],
  });
  const author = { name: "job:book", userId: null, address: "", requestId: "" };
  await admin.sync.write(author, async (tx) => {
    await tx.update("price", id, { source: "a-book" });
  });
  const locked = await admin.must("PATCH", `/api/prices/${id}`, { locked: true });
  assert.deepEqual([locked.locked, locked.source], [true, "a-book"]);
  const dearer = await admin.must("PATCH", `/api/prices/${id}`, { input: "1.5" });
  assert.deepEqual([dearer.input, dearer.locked, dearer.source], ["1.5", true, null]);
});

test("prices that would be free by oversight, or say what has no effect, are refused by field", async () => {
  await using admin = await openAdmin();
  const tokens = { model: "m", mode: "tokens", input: 1 };
  const call = { model: "m", mode: "call", perCall: 1 };
  const cases: readonly (readonly [Record<string, unknown>, string, RegExp])[] = [
    [{ model: "m", mode: "tokens" }, "input", /or another amount is required/],
    [{ model: "m", mode: "tokens", tiers: [{ above: 1, input: 1 }] }, "input", /required/],
    [{ model: "m", mode: "call" }, "perCall", /required/],
    [{ ...call, output: 0 }, "output", /no effect in mode call/],
    [{ ...call, perHour: 1 }, "perHour", /no effect/],
    [{ ...call, perImage: { "*": 1 } }, "perImage", /no effect/],
    [{ ...call, tiers: [{ above: 1, factor: 2 }] }, "tiers", /no effect/],
    [{ ...call, serviceTiers: { batch: { input: 1 } } }, "serviceTiers.batch.input", /no effect/],
    [{ ...tokens, perMinute: 1, perHour: 60 }, "perHour", /beside another price of time/],
    [{ ...tokens, tiers: [{ above: 5 }] }, "tiers[0]", /a factor or a rate/],
    [{ ...tokens, serviceTiers: { flex: {} } }, "serviceTiers.flex", /a factor or a rate/],
    [{ ...tokens, tiers: [{ above: 0, input: 1 }] }, "tiers[0].above", /./],
    [
      {
        ...tokens,
        tiers: [
          { above: 9, input: 1 },
          { above: 9, input: 2 },
        ],
      },
      "tiers",
      /ascending/,
    ],
    [{ ...tokens, tiers: [{ above: 9, perCall: 1 }] }, "tiers[0].perCall", /not a known field/],
    [{ ...tokens, times: [{ from: "9:00", to: "10:00", input: 1 }] }, "times[0].from", /time of/],
    [{ ...tokens, times: [{ from: "09:00", to: "09:00", input: 1 }] }, "times[0].to", /differ/],
    [{ ...tokens, times: [{ from: "24:00", to: "09:00", input: 1 }] }, "times[0].from", /before/],
    [
      { ...tokens, times: [{ zone: "Mars/Base", from: "01:00", to: "02:00", input: 1 }] },
      "times[0].zone",
      /time zone/,
    ],
    [
      { ...tokens, times: [{ from: "01:00", to: "02:00", weekdays: [0], input: 1 }] },
      "times[0].weekdays[0]",
      /./,
    ],
    [{ ...tokens, perImage: { "1024x1024/high": 1 } }, "perImage", /must name `\*`/],
    [{ ...tokens, perImage: { "*": 1, "a b": 1 } }, "perImage.a b", /must be such as/],
    [{ ...tokens, perImage: { "*": -1 } }, "perImage.*", /negative/],
    [{ ...tokens, serviceTiers: { "Big Deal": { factor: 1 } } }, "serviceTiers.Big Deal", /name/],
    [{ ...tokens, serviceTiers: { batch: { factor: -1 } } }, "serviceTiers.batch.factor", /neg/],
    [{ ...tokens, inputAudio: "1e3" }, "inputAudio", /decimal amount/],
    [{ ...tokens, reasoning: "9000000000.000000001" }, "reasoning", /at most/],
    [{ ...tokens, side: "both" }, "side", /./],
    [{ ...tokens, channelId: 77 }, "channelId", /names no channel/],
    [{ ...tokens, channelId: 0 }, "channelId", /./],
    [{ ...tokens, effectiveFrom: "tomorrow" }, "effectiveFrom", /must be a time such as/],
    [{ ...tokens, source: "me" }, "source", /read-only/],
    [{ ...tokens, inputSmell: 1 }, "inputSmell", /not a known field/],
  ];
  for (const [body, field, message] of cases) {
    const answer = await admin.ask("POST", "/api/prices", body);
    const what = `${JSON.stringify(body)}: ${answer.text}`;
    assert.equal(answer.status, 422, what);
    const fault = answer.body.errors.find((one: { field: string }) => one.field === field);
    assert.match(fault?.message ?? "", message, what);
  }
  const { rows } = await listPrices(admin.database.reads, { limit: 10 });
  assert.deepEqual(rows, []);
});
