/** The write door alone, one promise a test, in virtual time over the simulated database. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../src/core/errors.ts";
import type { AuditEntry, SyncStore } from "../../src/store/sync-store.ts";
import { UncertainCommit } from "../../src/store/sync-store.ts";
import { sealCredential } from "../../src/sync/credential-row.ts";
import { author, Cluster, replacing } from "./cluster.ts";
import { channelValues } from "./memory-store.ts";
import { dataKey } from "./node.ts";

async function faultOf(promise: Promise<unknown>): Promise<GatewayError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof GatewayError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: "it was accepted" });
}

test("a write names the field at fault and leaves nothing behind", async () => {
  const cluster = new Cluster();
  const [a] = await cluster.settled("a");
  assert.ok(a);
  const fault = await faultOf(
    cluster.write(a, async (tx) => {
      await tx.insert("group", { ...groupValues("vip") });
      await tx.insert("channel", channelValues("one", { models: '["ok",""]', weight: 0 }));
    }),
  );
  assert.equal(fault.kind, "validation_failed");
  assert.deepEqual(fault.fields.map((field) => field.field).sort(), ["models[1]", "weight"]);
  assert.match(fault.fields[0]?.message ?? "", /\(channel \d+\)$/);
  assert.equal(cluster.database.state.revision, 1);
  assert.equal(cluster.database.state.rows.group.size, 1);
});

test("rules between entities see the locked head, not what this node happens to know", async () => {
  const cluster = new Cluster();
  const bases: (readonly string[])[] = [];
  const a = cluster.start("a");
  const b = cluster.start("b", {
    validateConfig: (next, base) => {
      bases.push([...base.groups.keys()]);
      const unknown = [...next.channels.values()].flatMap((channel) =>
        channel.groups.filter((group) => !next.groups.has(group)),
      );
      return unknown.map((group) => ({ field: "groups", message: `there is no group ${group}` }));
    },
  });
  await cluster.clock.pass(100);
  await cluster.write(a, (tx) => tx.insert("group", groupValues("vip")));
  assert.equal(b.follower.current()?.revision, 1, "b has not heard of it");
  const written = await cluster.write(b, (tx) =>
    tx.insert("channel", channelValues("one", { groups: '["vip"]' })),
  );
  assert.equal(written.revision, 3);
  assert.deepEqual(bases, [["default", "vip"]]);
  const fault = await faultOf(
    cluster.write(b, (tx) => tx.insert("channel", channelValues("two", { groups: '["none"]' }))),
  );
  assert.deepEqual(fault.fields, [{ field: "groups", message: "there is no group none" }]);
});

test("the base that a write sees is the configuration before it", async () => {
  const cluster = new Cluster();
  const [a, b] = await cluster.settled("a", "b");
  assert.ok(a && b);
  await cluster.addChannel(a, "one");
  const seen = await cluster.write(b, async (tx) => ({
    names: [...tx.base.channels.values()].map((channel) => channel.name),
    revision: tx.revision,
    base: tx.base.revision,
  }));
  assert.deepEqual(seen.value, { names: ["one"], revision: 3, base: 2 });
});

test("a write that changes nothing makes no revision, and its audit is kept", async () => {
  const cluster = new Cluster();
  const audits: AuditEntry[] = [];
  const store = replacing(recordingAudits(audits));
  const a = cluster.start("a", { store });
  await cluster.clock.pass(100);
  const entry = { action: "test", kind: "channel", entityId: "1", detail: "{}" } as const;
  const none = await cluster.write(a, (tx) => tx.audit(entry));
  assert.equal(none.revision, 1);
  const one = await cluster.write(a, async (tx) => {
    await tx.audit({ ...entry, action: "create" });
    await tx.insert("channel", channelValues("one"));
  });
  assert.equal(one.revision, 2);
  assert.deepEqual(
    audits.map(({ action, revision, actor, address }) => [action, revision, actor, address]),
    [
      ["test", 1, "user:root", "::1"],
      ["create", 2, "user:root", "::1"],
    ],
  );
});

function recordingAudits(audits: AuditEntry[]): (store: SyncStore) => Partial<SyncStore> {
  return (real) => ({
    write: (work) =>
      real.write((tx, head) =>
        work({ ...tx, audit: async (entry) => void audits.push(entry) }, head),
      ),
  });
}

test("a database that cannot be written to is temporarily_unavailable; the work's own error passes as it is", async () => {
  const cluster = new Cluster();
  const [a] = await cluster.settled("a");
  assert.ok(a);
  class Mine extends Error {}
  await assert.rejects(
    cluster.write(a, async (tx) => {
      await tx.insert("channel", channelValues("one"));
      throw new Mine();
    }),
    Mine,
  );
  a.link.up = false;
  const fault = await faultOf(cluster.addChannel(a, "one"));
  assert.equal(fault.kind, "temporarily_unavailable");
  assert.equal(fault.retryAfterS, 1);
  a.link.up = true;
  const broken = await faultOf(
    cluster.write(a, async (tx) => {
      a.link.up = false;
      await tx.insert("channel", channelValues("one"));
    }),
  );
  assert.equal(broken.kind, "temporarily_unavailable");
  assert.equal(cluster.database.state.revision, 1);
});

test("a taken name is a conflict that names the field; what is not there is not found", async () => {
  const cluster = new Cluster();
  const [a] = await cluster.settled("a");
  assert.ok(a);
  const taken = await faultOf(cluster.write(a, (tx) => tx.insert("group", groupValues("default"))));
  assert.equal(taken.kind, "conflict");
  assert.equal(taken.fields[0]?.field, "symbol");
  assert.equal((await faultOf(cluster.write(a, (tx) => tx.remove("price", 99)))).kind, "not_found");
  assert.equal(
    (await faultOf(cluster.write(a, (tx) => tx.update("channel", 99, {})))).kind,
    "not_found",
  );
});

for (const happened of [true, false])
  test(`a commit whose outcome was lost is made once: it ${happened ? "happened" : "did not happen"}`, async () => {
    const cluster = new Cluster();
    let lost = 0;
    const store = replacing((real) => ({
      write: async (work) => {
        if (lost++ > 0) return real.write(work);
        if (happened) await real.write(work);
        else
          await real
            .write(async (tx, head) => {
              await work(tx, head);
              throw new Error("rolled back");
            })
            .catch(() => undefined);
        throw new UncertainCommit(new Error("reset"));
      },
    }));
    const a = cluster.start("a", { store });
    await cluster.clock.pass(100);
    const written = await cluster.addChannel(a, "one");
    assert.equal(written.revision, 2);
    assert.equal(cluster.database.state.revision, 2);
    assert.equal(cluster.database.state.rows.channel.size, 1);
    assert.ok(cluster.database.state.rows.channel.has(BigInt(written.value)));
  });

test("an outcome that cannot be learned is told as such", async () => {
  const cluster = new Cluster();
  const store = replacing((real) => ({
    write: async (work) => {
      await real.write(work);
      throw new UncertainCommit(new Error("reset"));
    },
    findCommit: () => Promise.reject(new Error("down")),
  }));
  const a = cluster.start("a", { store });
  await cluster.clock.pass(100);
  const fault = await faultOf(cluster.addChannel(a, "one"));
  assert.equal(fault.kind, "temporarily_unavailable");
  assert.match(fault.message, /may or may not/);
});

test("writes behind one that hangs are told to come back, and go on once it ends", async () => {
  const cluster = new Cluster();
  let hang: Promise<void> | undefined;
  let end: (() => void) | undefined;
  const store = replacing((real) => ({
    write: async (work) => {
      await hang;
      return real.write(work);
    },
  }));
  const a = cluster.start("a", { store });
  await cluster.clock.pass(100);
  hang = new Promise((resolve) => (end = resolve));
  const first = a.door.write(author, (tx) => tx.insert("channel", channelValues("one")));
  const behind = await faultOf(cluster.addChannel(a, "two"));
  assert.equal(behind.kind, "temporarily_unavailable");
  hang = undefined;
  end?.();
  await cluster.clock.until(first, 1000);
  assert.equal((await cluster.addChannel(a, "three")).revision, 3);
  assert.equal(cluster.database.state.rows.channel.size, 2);
});

test("writes of many nodes at once make dense revisions and lose nothing", async () => {
  const cluster = new Cluster();
  const nodes = await cluster.settled("a", "b", "c");
  const writes = Array.from({ length: 60 }, (_, index) =>
    nodes[index % 3]!.door.write(author, (tx) => tx.insert("channel", channelValues(`c${index}`))),
  );
  const written = await cluster.clock.until(Promise.all(writes), 60_000);
  assert.deepEqual(
    written.map((one) => one.revision).sort((x, y) => x - y),
    Array.from({ length: 60 }, (_, index) => index + 2),
  );
  await cluster.clock.pass(1000);
  for (const node of nodes) assert.equal(node.follower.current()?.channels.size, 60);
});

test("keys are logged by their hash, also when the hash changes", async () => {
  const cluster = new Cluster();
  const [a] = await cluster.settled("a");
  assert.ok(a);
  const { value: key } = await cluster.write(a, async (tx) => {
    const user = await tx.insert("user", userValues("u"));
    return tx.insert("key", keyValues("hash-1", user));
  });
  await cluster.write(a, (tx) => tx.update("key", key, { hash: "hash-2" }));
  await cluster.write(a, (tx) => tx.remove("key", key));
  const keyChanges = cluster.database.state.changes.filter((change) => change.kind === "key");
  assert.deepEqual(
    keyChanges.map(({ entityId, op }) => `${op} ${entityId}`),
    ["u hash-1", "d hash-1", "u hash-2", "d hash-2"],
  );
  const bad = await faultOf(
    cluster.write(a, async (tx) => {
      const user = await tx.insert("user", userValues("v"));
      await tx.insert("key", { ...keyValues("hash-3", user), ip_ranges: '["10.0.0.0/33"]' });
    }),
  );
  assert.equal(bad.fields[0]?.field, "ipRanges[0]");
});

test("a channel whose credentials cannot be used is not called without any", async () => {
  const cluster = new Cluster();
  const [a] = await cluster.settled("a");
  assert.ok(a);
  const { value: id } = await cluster.write(a, async (tx) => {
    const channel = await tx.insert("channel", channelValues("one"));
    const sealed = sealCredential(dataKey, channel, "sk-secret");
    await tx.insert("credential", credentialValues(channel, sealed));
    return channel;
  });
  const served = a.follower.current()?.routes.candidates("default", "gpt-4o")[0]?.[0];
  assert.equal(served?.credentials[0]?.secret, "sk-secret");
  const [credential] = cluster.database.state.rows.credential.keys();
  await cluster.write(a, (tx) =>
    tx.update("credential", Number(credential), { status: "disabled" }),
  );
  assert.deepEqual(a.follower.current()?.routes.candidates("default", "gpt-4o"), []);
  assert.equal(a.follower.current()?.channels.get(id)?.enabled, false);
  const foreign = sealCredential(dataKey, id + 1, "sk-other");
  const fault = await faultOf(
    cluster.write(a, (tx) => tx.insert("credential", credentialValues(id, foreign))),
  );
  assert.equal(fault.fields[0]?.field, "credentials");
});

function groupValues(symbol: string): Record<string, string | number | bigint> {
  const times = { created_at: 0n, updated_at: 0n };
  return { symbol, name: symbol, ratio: 1_000_000n, public: 1, enabled: 1, ...times };
}

function userValues(username: string): Record<string, string | bigint> {
  const times = { created_at: 0n, updated_at: 0n };
  const fixed = { role: "member", group: "default", billing: "postpaid", status: "enabled" };
  return { username, ...fixed, ...times };
}

function keyValues(hash: string, owner: number): Record<string, string | bigint | null> {
  const none = {
    group: null,
    fallback_group: null,
    models: null,
    ip_ranges: null,
    expires_at: null,
  };
  const times = { created_at: 0n, updated_at: 0n };
  return {
    hash,
    name: hash,
    owner_id: BigInt(owner),
    status: "enabled",
    hint: "1234",
    ...none,
    ...times,
  };
}

function credentialValues(
  channel: number,
  sealed: string,
): Record<string, string | number | bigint> {
  return { channel_id: BigInt(channel), position: 0, sealed, status: "enabled" };
}
