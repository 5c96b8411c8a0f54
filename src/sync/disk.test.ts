// What only a power cut would show: that bytes and names are forced to the disk, in that order.
import { test } from "node:test";
import assert from "node:assert/strict";
import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder } from "../../test/sync/open-node.ts";
import { systemDisk } from "./disk.ts";

test("a file is forced to the disk before anybody is told that it is written, a folder's names too", async (context) => {
  await using folder = await makeFolder();
  const path = join(folder.path, "file");
  const handle = await open(folder.path);
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const forced: number[] = [];
  const { sync } = prototype;
  context.mock.method(prototype, "sync", async function (this: FileHandle) {
    forced.push((await this.stat()).size);
    await sync.call(this);
  });
  await systemDisk.write(path, Buffer.from("twelve bytes"));
  assert.deepEqual(forced, [12], "whole when it was forced");
  if (process.platform === "win32") return;
  await systemDisk.rename(path, `${path}.new`);
  await systemDisk.syncFolder(folder.path);
  assert.equal(forced.length, 2);
});
