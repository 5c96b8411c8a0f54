/** Vendors' exports are read exactly, whatever they call their columns, and what cannot be read is named. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compareExport } from "./reconcile.ts";
import { ExportFault, parseUsageExport } from "./usage-export.ts";

test("columns by the names that vendors use; quotes, dollars, seconds and times without a zone", () => {
  const text = [
    '\u{feff}start_time,"Model Name",input_tokens,output_tokens,Amount Value',
    '1795392000,"gpt ""x"", new",1000,5,$0.0000000015',
    '2026-11-23 23:59:59,m,,,"1,234.5"',
    "2026-11-24T01:00:00+02:00,m,3,4,-2",
    "",
  ].join("\r\n");
  assert.deepEqual(parseUsageExport(text, {}), [
    { day: "2026-11-23", model: 'gpt "x", new', cost: 2n, inputTokens: 1000n, outputTokens: 5n },
    { day: "2026-11-23", model: "m", cost: 1_234_500_000_000n, inputTokens: 0n, outputTokens: 0n },
    { day: "2026-11-23", model: "m", cost: -2_000_000_000n, inputTokens: 3n, outputTokens: 4n },
  ]);
});

test("what is missing or cannot be read is named with its line", () => {
  const fault = (text: string): ExportFault => {
    try {
      parseUsageExport(text, {});
    } catch (error) {
      assert.ok(error instanceof ExportFault);
      return error;
    }
    return assert.fail("it was read");
  };
  assert.deepEqual(fault("a,b\n1,2").missing, ["day", "model", "cost"]);
  assert.equal(fault('date,model,cost\n2026-11-23,"a\nb",1\n2026-11-23,m,x').line, 4);
  assert.equal(fault("date,model,cost\nyesterday,m,1").line, 2);
  assert.equal(fault("date,model,tokens,output_tokens\n2026-11-23,m,1,-4").line, 2);
});

test("columns that are named count, and nothing of either side is left out", () => {
  const lines = parseUsageExport("When,What,Cents\n2026-11-23,snapshot-1,3", {
    date: "When",
    model: "What",
    cost: "Cents",
  });
  const booked = { day: "2026-11-23", inputTokens: 1n, outputTokens: 1n };
  const rows = compareExport(
    lines,
    [
      { ...booked, model: "sent", modelReported: "snapshot-1", cost: 2_000_000_000n },
      { ...booked, model: "sent", modelReported: "snapshot-1", cost: 999_999_999n },
      { ...booked, model: "other", modelReported: "unknown", cost: 1n },
    ],
    1n,
  );
  assert.deepEqual(
    rows.map(({ agrees, shown }) => [shown["model"], shown["difference"], agrees]),
    [
      ["other", "0.000000001", true],
      ["snapshot-1", "-0.000000001", true],
    ],
  );
});

test("without dollars, tokens decide", () => {
  const lines = parseUsageExport("date,model,input_tokens\n2026-11-23,m,10", {});
  const row = { day: "2026-11-23", model: "m", modelReported: null, cost: 5n, outputTokens: 7n };
  assert.equal(compareExport(lines, [{ ...row, inputTokens: 10n }], 0n)[0]?.agrees, true);
  assert.equal(compareExport(lines, [{ ...row, inputTokens: 11n }], 0n)[0]?.agrees, false);
});
