// The disk copy under crashes at every step, flipped bits, other keys and full disks.
import { test } from "node:test";
import assert from "node:assert/strict";
import type { Logger } from "../core/logger.ts";
import { silentLogger } from "../core/logger.ts";
import type { RawRow } from "../store/sync-store.ts";
import type { FakeDisk } from "../../test/fakes/fake-disk.ts";
import { makeFakeDisk } from "../../test/fakes/fake-disk.ts";
import {
  channelRow,
  credentialRow,
  makeTestEdition,
  noSlices,
  snapshotText,
  testDataKey,
} from "../../test/sync/make-edition.ts";
import { makeCopyKey } from "./copy-envelope.ts";
import type { CopyContent } from "./copy-content.ts";
import type { DiskCopy } from "./disk-copy.ts";
import { makeDiskCopy } from "./disk-copy.ts";

const folder = "/data/nodes/n1";
const facts = { databaseTimeMs: 1_700_000_000_000, version: "test" };

function openCopy(
  disk: FakeDisk,
  options: { secret?: string; schema?: number; logger?: Logger } = {},
): DiskCopy {
  const { secret = "root secret", schema = 1, logger = silentLogger } = options;
  return makeDiskCopy({
    disk,
    logger,
    folder,
    key: makeCopyKey(secret),
    schema,
    makeSlices: () => noSlices,
  });
}

async function contentAt(revision: number): Promise<CopyContent> {
  const edition = await makeTestEdition(revision, [
    { kind: "channel", id: 1n, row: channelRow(1, 1, { name: `name at ${revision}` }) },
    { kind: "credential", id: 1n, row: credentialRow(1, 1, 1) },
  ]);
  const key = { id: 7n, rev: 3n, hash: "digest of seven", name: "k" } as unknown as RawRow;
  const owner = { id: 9n, rev: 2n, username: "u" } as unknown as RawRow;
  return {
    edition,
    cluster: { clusterId: "c1", pepper: Buffer.from("pepper"), dataKey: testDataKey },
    callers: { callers: [{ key, owner }], denied: ["gone"] },
  };
}

async function revisionOn(disk: FakeDisk): Promise<number | undefined> {
  const copy = await openCopy(disk).load();
  if (copy === undefined) return undefined;
  const { revision, channels } = copy.content.edition.snapshot;
  assert.equal(copy.header.revision, revision);
  assert.equal(channels.get(1)?.name, `name at ${revision}`, "one revision, whole");
  return revision;
}

test("what was saved is loaded whole: configuration, secrets, callers, denied keys", async () => {
  const disk = makeFakeDisk();
  const content = await contentAt(5);
  await openCopy(disk).save(content, facts);
  const copy = await openCopy(disk).load();
  assert.ok(copy !== undefined);
  assert.equal(snapshotText(copy.content.edition), snapshotText(content.edition));
  assert.equal(copy.content.edition.snapshot.channels.get(1)?.credentials[0]?.secret, "secret 1");
  assert.deepEqual(copy.content.cluster, content.cluster);
  assert.deepEqual(copy.content.callers, content.callers);
  assert.equal(copy.header.databaseTimeMs, facts.databaseTimeMs);
});

test("nothing lies in clear", async () => {
  const disk = makeFakeDisk();
  await openCopy(disk).save(await contentAt(5), facts);
  for (const bytes of disk.files.values())
    for (const text of ["secret 1", "name at", "pepper", "openai", "digest of seven"])
      assert.equal(bytes.includes(text), false, text);
});

test("a machine that stops at any step of any save starts from the last save or the one under way", async () => {
  for (const lucky of [false, true])
    for (let step = 1; step <= 4 * 4 + 1; step += 1) {
      const disk = makeFakeDisk();
      disk.dieAt(step);
      const copy = openCopy(disk);
      let saved: number | undefined;
      const run = { over: false };
      const saving = (async () => {
        for (let revision = 1; revision <= 4; revision += 1) {
          await copy.save(await contentAt(revision), facts);
          saved = revision;
        }
        run.over = true;
      })();
      while (!run.over && disk.steps() < step) await turn();
      await turn();
      void saving;
      const next = disk.afterCrash(lucky);
      const found = await revisionOn(next);
      const allowed = saved === undefined ? [undefined, 1] : [saved, saved + 1];
      assert.ok(allowed.includes(found), `step ${step}: saved ${saved}, found ${found}`);
      // And the copy goes on from there.
      await openCopy(next).save(await contentAt(9), facts);
      assert.equal(await revisionOn(next), 9);
    }
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("every flipped bit is noticed, the other generation serves, the damaged one is put aside", async () => {
  const disk = makeFakeDisk();
  const copy = openCopy(disk);
  await copy.save(await contentAt(1), facts);
  const [older] = disk.files.keys();
  await copy.save(await contentAt(2), facts);
  const newer = [...disk.files.keys()].find((path) => path !== older)!;
  const whole = disk.files.get(newer)!;
  for (let at = 0; at < whole.length; at += Math.max(1, Math.floor(whole.length / 150))) {
    const damaged = Buffer.from(whole);
    damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
    disk.files.set(newer, damaged);
    assert.equal(await revisionOn(disk), 1, `byte ${at}`);
    disk.files.set(newer, whole);
    assert.equal(await revisionOn(disk), 2);
  }
  disk.files.set(newer, whole.subarray(0, whole.length - 1));
  const running = openCopy(disk);
  assert.equal((await running.load())?.header.revision, 1);
  assert.ok(disk.files.has(`${newer}.corrupt`));
  // The place of the damaged one is written first, so that the good one is never the one at risk.
  const good = disk.files.get(older!)!;
  await running.save(await contentAt(3), facts);
  assert.deepEqual(disk.files.get(older!), good);
  assert.equal(await revisionOn(disk), 3);
});

test("a copy of another root secret is left untouched and told", async () => {
  const disk = makeFakeDisk();
  await openCopy(disk, { secret: "theirs" }).save(await contentAt(1), facts);
  const theirs = new Map(disk.files);
  const told: string[] = [];
  const logger = {
    ...silentLogger,
    warn: (_fields: object, message: string) => void told.push(message),
  };
  const mine = openCopy(disk, { logger });
  assert.equal(await mine.load(), undefined);
  assert.match(told.join(), /another SECRET_KEY/);
  for (const revision of [2, 3]) await mine.save(await contentAt(revision), facts);
  for (const [path, bytes] of theirs) assert.deepEqual(disk.files.get(path), bytes);
  assert.equal(await revisionOn(disk), 3);
});

test("a copy of another schema is left where it is and not served", async () => {
  const disk = makeFakeDisk();
  await openCopy(disk, { schema: 2 }).save(await contentAt(1), facts);
  const before = [...disk.files.keys()];
  assert.equal(await openCopy(disk).load(), undefined);
  assert.deepEqual([...disk.files.keys()], before);
});

test("a full disk is the save's failure alone", async () => {
  const disk = makeFakeDisk();
  const copy = openCopy(disk);
  await copy.save(await contentAt(1), facts);
  disk.failWith("ENOSPC");
  await assert.rejects(copy.save(await contentAt(2), facts), /ENOSPC/);
  assert.equal(await revisionOn(disk), 1);
  disk.failWith(undefined);
  await copy.save(await contentAt(3), facts);
  assert.equal(await revisionOn(disk), 3);
});
