import assert from "node:assert/strict";
import { test } from "node:test";
import { renderCell, renderObject, renderTable } from "./render-table.ts";

test("columns align, wide characters counted as two", () => {
  const lines = renderTable(
    ["name", "id"],
    [
      { name: "渠道", id: 1 },
      { name: "abcdef", id: 22 },
    ],
  );
  assert.deepEqual(lines, ["NAME    ID", "渠道    1", "abcdef  22"]);
});

test("absent, empty and nested values have a cell", () => {
  assert.equal(renderCell(undefined), "-");
  assert.equal(renderCell([]), "-");
  assert.equal(renderCell(false), "false");
  assert.equal(renderCell(0), "0");
  assert.equal(renderCell(["a", "b*"]), "a,b*");
  assert.equal(renderCell({ a: 1 }), '{"a":1}');
  assert.equal(renderCell("two\nlines"), "two lines");
  assert.equal(renderCell("x".repeat(100)).length, 60);
});

test("one object is shown whole, never shortened", () => {
  assert.deepEqual(renderObject({ id: 1, models: ["x".repeat(80)] }), [
    "id      1",
    `models  ${"x".repeat(80)}`,
  ]);
});
