import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { probeDisk, probeMemory, probePort } from "./machine-probes.ts";

async function listening(
  bodies: Readonly<Record<string, string>>,
  run: (port: number) => Promise<void>,
): Promise<void> {
  const server = createServer((request, response) =>
    response.end(bodies[request.url ?? ""] ?? "<html>"),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await run((server.address() as AddressInfo).port);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

test("a free port is free again after the probe", async () => {
  let free = 0;
  await listening({}, async (port) => {
    free = port;
  });
  for (let round = 0; round < 2; round += 1)
    assert.equal((await probePort("127.0.0.1", free)).state, "free");
});

test("a port is ours only when a Switchyard answers there", async () => {
  const status = '{"success":true,"data":{"version":"9.9.9"}}';
  const alive = '{"status":"alive"}';
  await listening({ "/livez": alive, "/api/status": status }, async (port) => {
    const facts = await probePort("127.0.0.1", port);
    assert.deepEqual([facts.state, facts.detail], ["ours", "9.9.9"]);
  });
  const unready = '{"success":false,"message":"draining"}';
  await listening({ "/livez": alive, "/api/status": unready }, async (port) => {
    const facts = await probePort("127.0.0.1", port);
    assert.deepEqual([facts.state, facts.detail], ["ours", ""]);
  });
  for (const bodies of [{ "/api/status": status }, {}, { "/livez": '{"status":[]}' }])
    await listening(bodies, async (port) => {
      assert.equal((await probePort("127.0.0.1", port)).state, "taken");
    });
});

test("an address that is not this machine's is refused, with the reason", async () => {
  const facts = await probePort("192.0.2.1", 3000);
  assert.equal(facts.state, "refused");
  assert.match(facts.detail ?? "", /EADDRNOTAVAIL/);
});

test("the disk probe leaves nothing behind and makes the folder", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "doctor-"));
  context.after(() => rm(folder, { recursive: true }));
  const facts = await probeDisk(join(folder, "data"), true);
  assert.equal(facts.notWritable, undefined);
  assert.ok(facts.freeBytes > 0);
  assert.deepEqual(await readdir(join(folder, "data")), []);
});

test("a folder that cannot be written says why, and its disk is still looked at", async () => {
  const facts = await probeDisk("/dev/null/switchyard", false);
  assert.match(facts.notWritable ?? "", /ENOTDIR/);
  assert.equal(typeof facts.freeBytes, "number");
});

test("a folder in memory is called ephemeral", { skip: process.platform !== "linux" }, async () => {
  const facts = await probeDisk("/dev/shm", true);
  assert.equal(facts.ephemeral, true);
});

test("memory is the container's limit or the machine's, and at least this process's", () => {
  const facts = probeMemory(5);
  assert.equal(facts.heldBytes, 5);
  assert.ok(facts.limitBytes > process.memoryUsage().rss);
});
