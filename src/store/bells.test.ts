// Bells: they ring, they know whether they work, and they come back after whatever ended them.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { freshDatabaseOn, skipReason } from "../../test/engines/engines.ts";
import { startPostgres } from "../../test/engines/start-postgres.ts";
import { startRedis } from "../../test/engines/start-redis.ts";
import { openTcpProxy } from "../../test/engines/tcp-proxy.ts";
import { commitSetting, openDsn, testSecret, until } from "../../test/store/open-fresh.ts";
import type { BellHandlers } from "./bell.ts";
import { migrate } from "./migrate.ts";
import { makeNotifyBell } from "./notify-bell.ts";
import { openRedis } from "./redis.ts";
import { makeRedisBell } from "./redis-bell.ts";
import { getSnapshotBlob, putSnapshotBlob } from "./redis-blob.ts";
import { makeSyncStore } from "./sync-sql.ts";

function makeListener(): BellHandlers & { rings: number; up: boolean; states: boolean[] } {
  return {
    rings: 0,
    up: false,
    states: [],
    ring() {
      this.rings += 1;
    },
    state(up) {
      this.up = up;
      this.states.push(up);
    },
  };
}

describe("the bell of PostgreSQL", { skip: skipReason("postgres", "own") }, () => {
  it("rings at commits, is down while the server is, and comes back", async () => {
    await using server = await startPostgres();
    await using fresh = await freshDatabaseOn("postgres", server.url);
    const database = await openDsn("postgres", fresh.dsn);
    await migrate(database, { secretKey: testSecret });
    const sync = makeSyncStore(database);
    const listener = makeListener();
    const bell = makeNotifyBell({ dsn: fresh.dsn, sql: database.sync, testEveryMs: 100 });
    bell.start(listener);
    await until(() => listener.up);
    const before = listener.rings;
    assert.ok(before >= 1, "it rings when it begins to listen");
    await sync.write((tx, head) => commitSetting(tx, head.revision + 1, { name: "a", value: "1" }));
    await until(() => listener.rings === before + 1);
    await assert.rejects(
      sync.write(async (tx, head) => {
        await commitSetting(tx, head.revision + 1, { name: "b", value: "1" });
        throw new Error("rolled back");
      }),
    );
    await server.stop("crash");
    await until(() => !listener.up);
    assert.equal(listener.rings, before + 1, "what was rolled back did not ring");
    await server.restart();
    await until(() => listener.up);
    assert.ok(listener.rings > before + 1, "it rings after it was deaf");
    assert.deepEqual(listener.states, [true, false, true]);
    await bell.close();
    await database.close();
  });

  it("notices a connection that went silent, and closes while it is", async () => {
    await using server = await startPostgres();
    await using proxy = await openTcpProxy(server.url);
    const database = await openDsn("postgres", server.url);
    const listener = makeListener();
    const dsn = proxy.through(server.url);
    const bell = makeNotifyBell({ dsn, sql: database.sync, testEveryMs: 100 });
    bell.start(listener);
    await until(() => listener.up);
    proxy.stall();
    await until(() => !listener.up);
    await bell.close();
    await database.close();
  });
});

describe("the bell of Redis", { skip: skipReason("redis", "own") }, () => {
  const clusterId = "c1";

  it("rings on other nodes of the cluster only, survives an outage, and rings when it is back", async () => {
    await using server = await startRedis();
    const redis = openRedis({ url: server.url });
    const other = openRedis({ url: server.url });
    const bell = makeRedisBell({ redis, clusterId, pingEveryMs: 50, silentAfterMs: 500 });
    const listener = makeListener();
    bell.start(listener);
    await until(() => listener.up);
    await other.whenUp(5000);
    const before = listener.rings;
    makeRedisBell({ redis: other, clusterId: "another" }).ring(7);
    makeRedisBell({ redis: other, clusterId }).ring(8);
    await until(() => listener.rings > before);
    assert.equal(listener.rings, before + 1);
    await server.stop("crash");
    await until(() => !listener.up);
    bell.ring(9);
    await server.restart();
    await until(() => listener.up);
    assert.ok(listener.rings > before + 1);
    assert.deepEqual(listener.states, [true, false, true]);
    await bell.close();
    await redis.close();
    await other.close();
  });

  it("is down when Redis is silent, and up again when it speaks", async () => {
    await using server = await startRedis();
    await using proxy = await openTcpProxy(server.url);
    const redis = openRedis({ url: proxy.through(server.url) });
    const bell = makeRedisBell({ redis, clusterId, pingEveryMs: 50, silentAfterMs: 300 });
    const listener = makeListener();
    bell.start(listener);
    await until(() => listener.up);
    proxy.stall();
    await until(() => !listener.up);
    proxy.restore();
    await until(() => listener.up);
    await bell.close();
    await redis.close();
  });

  it("is simply down where there is no Redis", async () => {
    const redis = openRedis({ url: "redis://127.0.0.1:1" });
    const bell = makeRedisBell({ redis, clusterId, pingEveryMs: 20 });
    const listener = makeListener();
    bell.start(listener);
    bell.ring(1);
    assert.equal(redis.up, false);
    assert.equal(await redis.whenUp(100), false);
    await assert.rejects(redis.get("x"), /not connected/);
    assert.deepEqual(listener.states, []);
    await bell.close();
    await redis.close();
  });

  it("speaks TLS, and keeps the snapshot's bytes as they are", async () => {
    await using server = await startRedis({ tls: "required" });
    assert.ok(server.ca);
    const redis = openRedis({ url: server.url, ca: server.ca });
    assert.equal(await redis.whenUp(5000), true);
    assert.equal(await getSnapshotBlob(redis, clusterId), undefined);
    const bytes = Buffer.from(Array.from({ length: 1024 }, (_, index) => index % 256));
    await putSnapshotBlob(redis, clusterId, bytes);
    assert.deepEqual(await getSnapshotBlob(redis, clusterId), bytes);
    assert.equal(await getSnapshotBlob(redis, "another"), undefined);
    assert.equal(await redis.evaluate("return tonumber(ARGV[1]) + 1", [], ["41"]), 42);
    await redis.close();
  });
});
