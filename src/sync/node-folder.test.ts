// Node ids: one process one folder, freed by kill -9, kept by a frozen process, never shared.
import { test } from "node:test";
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder } from "../../test/sync/open-node.ts";
import { systemClock } from "../core/clock.ts";
import { systemRandom } from "../core/ids.ts";
import { silentLogger } from "../core/logger.ts";
import { systemDisk } from "./disk.ts";
import type { NodeFolder } from "./node-folder.ts";
import { claimNodeFolder } from "./node-folder.ts";

function claim(dataDir: string): Promise<NodeFolder> {
  return claimNodeFolder({
    disk: systemDisk,
    logger: silentLogger,
    randomBytes: systemRandom,
    clock: systemClock,
    dataDir,
  });
}

/** A process that claims a folder, tells its id, and lives until it is killed. */
async function claimElsewhere(dataDir: string): Promise<{ id: string; child: ChildProcess }> {
  const here = new URL(".", import.meta.url).href;
  const script = `
    import { systemClock } from "${here}../core/clock.ts";
    import { systemRandom } from "${here}../core/ids.ts";
    import { silentLogger } from "${here}../core/logger.ts";
    import { systemDisk } from "${here}disk.ts";
    import { claimNodeFolder } from "${here}node-folder.ts";
    const folder = await claimNodeFolder({ disk: systemDisk, logger: silentLogger, randomBytes: systemRandom, clock: systemClock, dataDir: ${JSON.stringify(dataDir)} });
    console.log(folder.nodeId);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [text] = (await once(child.stdout, "data")) as [Buffer];
  return { id: text.toString().trim(), child };
}

async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exited = once(child, "exit");
  child.kill(signal);
  await exited;
}

test("a restarted node is the node it was; a second one at a time is another", async () => {
  await using folder = await makeFolder();
  const first = await claim(folder.path);
  const second = await claim(folder.path);
  assert.notEqual(second.nodeId, first.nodeId);
  assert.deepEqual(second.siblings, [first.folder]);
  first.release();
  const again = await claim(folder.path);
  assert.equal(again.nodeId, first.nodeId);
  assert.notEqual((await claim(folder.path)).nodeId, second.nodeId);
});

test("kill -9 frees a folder, a frozen process keeps its own", async () => {
  await using folder = await makeFolder();
  const one = await claimElsewhere(folder.path);
  const two = await claimElsewhere(folder.path);
  try {
    assert.notEqual(one.id, two.id);
    two.child.kill("SIGSTOP");
    await kill(one.child, "SIGKILL");
    const next = await claim(folder.path);
    assert.equal(next.nodeId, one.id);
    assert.notEqual((await claim(folder.path)).nodeId, two.id);
  } finally {
    await kill(two.child, "SIGKILL");
  }
});

test("many at once get each their own", async () => {
  await using folder = await makeFolder();
  for (let count = 0; count < 3; count += 1) (await claim(folder.path)).release();
  const claimed = await Promise.all(Array.from({ length: 8 }, () => claim(folder.path)));
  assert.equal(new Set(claimed.map(({ nodeId }) => nodeId)).size, 8);
});

test("a disk that allows no folder gives an id all the same, and other folders are left alone", async () => {
  await using folder = await makeFolder();
  await mkdir(join(folder.path, "nodes", "not-a-node"), { recursive: true });
  const claimed = await claim(folder.path);
  assert.match(claimed.nodeId, /^[0-9a-f]{12}$/);
  await writeFile(join(folder.path, "file"), "");
  const nowhere = await claim(join(folder.path, "file"));
  assert.match(nowhere.nodeId, /^[0-9a-f]{12}$/);
  assert.equal(nowhere.folder, undefined);
});
