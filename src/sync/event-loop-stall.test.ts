/** 10,000 channels: neither a full load nor a change holds up the calls that the same process serves. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../core/clock.ts";
import type { RawRow, SyncReads, SyncStore } from "../store/sync-store.ts";
import type { Edition } from "./edition.ts";
import { parseEdition, renderEdition } from "./edition-text.ts";
import { load } from "./load.ts";
import { makeSlices } from "./time-slice.ts";

const channels = 10_000;
/**
 * A guard, not a measurement: work that is not cut into slices stands still for 70 ms and more. How near the aim of
 * 8 ms we are is told by `npm run bench -- channels`; shared machines are too noisy to assert it here.
 */
const allowedMs = 32;

function row(index: number, rev: number): RawRow {
  const models = Array.from({ length: 6 }, (_, offset) => `model-${(index + offset * 7) % 60}`);
  return {
    id: BigInt(index + 1),
    rev: BigInt(rev),
    name: `channel ${index} of revision ${rev}`,
    provider: "openai",
    base_url: "https://api.example.com/v1",
    models: JSON.stringify(models),
    groups: '["default","vip"]',
    priority: index % 3,
    weight: 1,
    status: "enabled",
    model_mapping: '{"a":"b"}',
    headers: '{"x-team":"a"}',
    parameters: null,
    proxy: null,
    tag: null,
    timeouts: '{"connectMs":1000}',
    options: null,
    created_at: 0n,
    updated_at: 0n,
  } as RawRow;
}

/** A store whose answers are ready: what is measured is our own work. */
function storeOf(
  rows: readonly RawRow[],
  revision: number,
  changed: readonly number[],
): Pick<SyncStore, "read"> {
  const head = {
    epoch: "e",
    revision,
    commitId: `c${revision}`,
    minRetained: 1,
    minReader: 1,
    committedAtMs: 0,
    nowMs: 0,
  };
  const tx: SyncReads = {
    head: () => Promise.resolve(head),
    commitId: (asked) => Promise.resolve(`c${asked}`),
    changesAfter: () =>
      Promise.resolve(
        changed.map((id) => ({
          revision,
          kind: "channel",
          entityId: String(id),
          op: "u" as const,
        })),
      ),
    rows: (kind, ids) =>
      Promise.resolve(
        kind === "channel" ? (ids?.map((id) => rows[Number(id) - 1] as RawRow) ?? rows) : [],
      ),
    count: (kind) => Promise.resolve(kind === "channel" ? rows.length : 0),
    callers: () => Promise.resolve([]),
  };
  return { read: (work) => work(tx) };
}

const yieldSlice = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function loadWith(
  store: Pick<SyncStore, "read">,
  base: Edition | undefined,
  reconcile = false,
): Promise<Edition> {
  const outcome = await load(
    { store, clock: systemClock, dataKey: () => Promise.resolve(Buffer.alloc(32)), yieldSlice },
    { base, reconcile, acceptRegression: false, schemaVersion: 1, affected: () => [] },
    60_000,
  );
  assert.equal(outcome.outcome, "loaded");
  return outcome.edition;
}

/** This thread's own computing time, ms: what other processes of the machine take is not ours. */
function computedMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Longest time for which nothing else could run. */
async function longestStall<T>(work: () => Promise<T>): Promise<{ value: T; ms: number }> {
  let longest = 0;
  let last = computedMs();
  let running = true;
  const beat = (): void => {
    const now = computedMs();
    longest = Math.max(longest, now - last);
    last = now;
    if (running) setImmediate(beat);
  };
  setImmediate(beat);
  await yieldSlice();
  const value = await work();
  running = false;
  beat();
  return { value, ms: longest };
}

/** The best of a few runs: a stall of ours is in each of them, one of the machine's is not. */
async function bestStall<T>(work: () => Promise<T>): Promise<{ value: T; ms: number }> {
  let best = await longestStall(work);
  for (let run = 0; run < 6 && best.ms > allowedMs; run += 1) {
    const next = await longestStall(work);
    if (next.ms < best.ms) best = next;
  }
  return best;
}

test("with 10,000 channels every load, copy and reconciliation is cut into slices", async (context) => {
  const rows = Array.from({ length: channels }, (_, index) => row(index, 1));
  const first = await bestStall(() => loadWith(storeOf(rows, 1, []), undefined));
  assert.equal(first.value.snapshot.channels.size, channels);
  const changedRows = rows.with(41, row(41, 2));
  const delta = await bestStall(() => loadWith(storeOf(changedRows, 2, [42]), first.value));
  assert.equal(delta.value.snapshot.channels.get(42)?.rev, 2);
  assert.equal(delta.value.snapshot.channels.get(43), first.value.snapshot.channels.get(43));
  const many = Array.from({ length: 2000 }, (_, index) => index * 5 + 1);
  const manyRows = rows.map((old, index) => (index % 5 === 0 ? row(index, 2) : old));
  const bulk = await bestStall(() => loadWith(storeOf(manyRows, 2, many), first.value));
  assert.equal(bulk.value.snapshot.channels.get(6)?.rev, 2);
  const again = await bestStall(() => loadWith(storeOf(rows, 1, []), first.value, true));
  assert.equal(again.value, first.value, "a reconciliation that finds nothing changes nothing");
  const slices = makeSlices(systemClock, yieldSlice);
  const copied = await bestStall(async () => {
    const lines: string[] = [];
    for (const line of renderEdition(first.value)) {
      lines.push(line);
      await slices.breathe();
    }
    return lines;
  });
  const restored = await parseEdition(copied.value, { dataKey: Buffer.alloc(32), slices });
  assert.equal(restored.snapshot.digest, first.value.snapshot.digest);
  const stalls = {
    full: first.ms,
    delta: delta.ms,
    bulk: bulk.ms,
    reconcile: again.ms,
    copy: copied.ms,
  };
  context.diagnostic(JSON.stringify(stalls));
  for (const [name, ms] of Object.entries(stalls))
    assert.ok(ms <= allowedMs, `${name}: ${ms.toFixed(1)} ms`);
});
