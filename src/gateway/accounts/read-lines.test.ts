import assert from "node:assert/strict";
import { test } from "node:test";
import { LineCutter } from "./read-lines.ts";

test("a piece of tens of thousands of lines lets others have their turn", async () => {
  let lines = 0;
  const cutter = new LineCutter(() => void (lines += 1));
  const pushed = cutter.push(Buffer.from("x\n".repeat(30_000)));
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(lines < 1000, `${lines} lines at a stretch`);
  await pushed;
  assert.equal(lines, 30_000);
});

test("lines are whole across pieces, blank ones are none, and the last may lack its end", async () => {
  const lines: string[] = [];
  const cutter = new LineCutter((line) => void lines.push(line.toString()));
  for (const piece of ["a", "b\n\n \r\nc", "", "d\ne"]) await cutter.push(Buffer.from(piece));
  cutter.end();
  assert.deepEqual(lines, ["ab", "cd", "e"]);
});
