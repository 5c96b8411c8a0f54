/** Every provider's cases, played over a real node: what the vendor receives, what the caller gets, what is counted. */
import assert from "node:assert/strict";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { after, before, test } from "node:test";
import { openYard } from "../e2e/call-harness.ts";
import { openFakeUpstream, reply } from "../fakes/upstream.ts";
import { parseCase, renderCase } from "./case-file.ts";
import { type Stage, caseClock, playCase, withPlayed } from "./play-case.ts";
import { redirectTo } from "./redirect.ts";

const root = new URL("../..", import.meta.url).pathname;
const paths = globSync("src/providers/*/cases/*.case", { cwd: root }).toSorted();
const closes: (() => Promise<void>)[] = [];
let stage: Stage;

before(async () => {
  const upstream = await openFakeUpstream(reply("{}"));
  const origin = `http://127.0.0.1:${upstream.port}`;
  const yard = await openYard(
    { after: (close) => void closes.push(close) },
    { channels: [], clock: caseClock, upstream: redirectTo(() => origin) },
  );
  closes.push(() => upstream.close());
  stage = { yard, upstream };
});

after(async () => {
  for (const close of closes) await close();
});

test("there are cases", () => {
  assert.ok(paths.length > 10, `${paths.length}`);
});

for (const path of paths)
  test(path.replace("src/providers/", ""), async () => {
    const text = readFileSync(root + path, "utf8");
    const file = parseCase(text);
    assert.match(basename(path), /^[a-z0-9]+(?:-[a-z0-9]+)+\.case$/);
    assert.match(file.head, /^\p{L}[^\n]+\.(?:\n# [^\n]+)*$/u, "a sentence, then comments");
    const first = await playCase(file, path, stage);
    const second = await playCase(file, path, stage);
    assert.deepEqual(second, first, "the same each time");
    const seen = renderCase(withPlayed(file, first));
    if (process.env["UPDATE_CASES"] === "1") return writeFileSync(root + path, seen);
    return assert.equal(text, seen, "UPDATE_CASES=1 writes what was seen, for review");
  });
