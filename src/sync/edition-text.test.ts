// An edition through its text and back: the same snapshot, the same digest, whatever state its rows were in.
import { test } from "node:test";
import assert from "node:assert/strict";
import {
  channelRow,
  credentialRow,
  makeTestEdition,
  noSlices,
  snapshotText,
  testDataKey,
} from "../../test/sync/make-edition.ts";
import type { Edition } from "./edition.ts";
import { parseEdition, renderEdition } from "./edition-text.ts";

async function throughText(edition: Edition): Promise<Edition> {
  return parseEdition(renderEdition(edition), { dataKey: testDataKey, slices: noSlices });
}

/** Good, quarantined new, quarantined with previous content, changed by hand, added by hand, deleted by hand. */
async function makeMixedEdition(): Promise<Edition> {
  const base = await makeTestEdition(1, [
    { kind: "channel", id: 1n, row: channelRow(1, 1) },
    { kind: "credential", id: 1n, row: credentialRow(1, 1, 1) },
    { kind: "channel", id: 2n, row: channelRow(2, 1) },
    { kind: "channel", id: 3n, row: channelRow(3, 1) },
    { kind: "channel", id: 4n, row: channelRow(4, 1) },
  ]);
  return makeTestEdition(
    2,
    [
      { kind: "channel", id: 2n, row: channelRow(2, 2, { models: "no json" }) },
      { kind: "channel", id: 3n, row: channelRow(3, 1, { name: "by hand" }) },
      { kind: "channel", id: 4n, row: undefined },
      { kind: "channel", id: 5n, row: channelRow(5, 2, { weight: "heavy" }) },
      { kind: "channel", id: 6n, row: channelRow(6, 0) },
    ],
    { base, byHand: ["channel:3", "channel:4", "channel:6"] },
  );
}

test("a mixed edition comes back as it was", async () => {
  const edition = await makeMixedEdition();
  assert.deepEqual(
    [...edition.rowSet.odd.values()].map(({ id, status }) => `${id} ${status}`).sort(),
    ["2 quarantined", "3 unlogged", "4 unlogged", "5 quarantined", "6 unlogged"],
  );
  const restored = await throughText(edition);
  assert.equal(snapshotText(restored), snapshotText(edition));
  assert.equal(restored.rowSet.digest, edition.rowSet.digest);
  assert.deepEqual(restored.rowSet.seenCounts, edition.rowSet.seenCounts);
  for (const [name, held] of edition.rowSet.odd) {
    const { id, status, seen, served, term } = held;
    const other = restored.rowSet.odd.get(name);
    assert.deepEqual(
      { id, status, seen, served, term },
      other && {
        id: other.id,
        status: other.status,
        seen: other.seen,
        served: other.served,
        term: other.term,
      },
    );
  }
  assert.equal(snapshotText(await throughText(restored)), snapshotText(edition));
  assert.deepEqual(
    restored.snapshot.routes
      .candidates("default", "gpt-4o")
      .flat()
      .map(({ id }) => id),
    edition.snapshot.routes
      .candidates("default", "gpt-4o")
      .flat()
      .map(({ id }) => id),
  );
});

test("text that misses a line, or has one twice, is refused", async () => {
  const lines = [...renderEdition(await makeMixedEdition())];
  await assert.rejects(
    parseEdition(lines.slice(0, -1).values(), { dataKey: testDataKey, slices: noSlices }),
  );
  await assert.rejects(parseEdition([].values(), { dataKey: testDataKey, slices: noSlices }));
  await assert.rejects(
    parseEdition([lines[0]!].values(), { dataKey: testDataKey, slices: noSlices }),
  );
});
