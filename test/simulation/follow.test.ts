/** The follower alone, one promise a test, in virtual time over the simulated database. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SyncReads } from "../../src/store/sync-store.ts";
import { Cluster, countingMeters, rememberingLogger, replacing } from "./cluster.ts";
import { channelValues } from "./memory-store.ts";
import { loadCopy, saveCopy, syncFrequencyMs } from "./node.ts";

test("the database is asked at the first moment, whatever the node is", async () => {
  const cluster = new Cluster();
  let asked = 0;
  const store = replacing((real) => ({
    readHead: (timeoutMs) => {
      asked += 1;
      return real.readHead(timeoutMs);
    },
  }));
  cluster.start("a", { store });
  assert.equal(asked, 1);
  await cluster.clock.pass(100);
  assert.equal(cluster.nodes[0]?.follower.current()?.groups.get("default")?.ratio, 1_000_000n);
});

test("without any bell a change is served within one poll, a deletion too", async () => {
  const cluster = new Cluster();
  const [a, b] = await cluster.settled("a", "b");
  assert.ok(a && b);
  const { value: id, revision } = await cluster.addChannel(a, "one");
  assert.equal(a.follower.current()?.revision, revision, "the writer serves what it wrote");
  const seen = await cluster.msUntil(() => b.follower.current()?.channels.has(id) === true, 400);
  assert.ok(seen <= 320, `${seen} ms`);
  assert.equal(b.follower.current()?.digest, a.follower.current()?.digest);
  await cluster.write(a, (tx) => tx.remove("channel", id));
  await cluster.msUntil(() => b.follower.current()?.channels.size === 0, 320);
  assert.deepEqual(b.follower.current()?.routes.candidates("default", "gpt-4o"), []);
});

test("a bell brings a change at once and never slows the poll", async () => {
  const cluster = new Cluster();
  let polls = 0;
  const store = replacing((real) => ({
    readHead: (timeoutMs) => {
      polls += 1;
      return real.readHead(timeoutMs);
    },
  }));
  const b = cluster.start("b", { store });
  const a = cluster.start("a", { ringOthers: (_from, revision) => b.follower.ring(revision) });
  await cluster.clock.pass(1000);
  void a.door.write({ name: "x", userId: null, address: "", requestId: "" }, (tx) =>
    tx.insert("channel", channelValues("one")),
  );
  await cluster.msUntil(() => a.follower.current()?.revision === 2, 100);
  assert.ok((await cluster.msUntil(() => b.follower.current()?.revision === 2, 60)) <= 50);
  polls = 0;
  // What rings for a revision that is applied already is no reason to look.
  for (let count = 0; count < 100; count += 1) b.follower.ring(2);
  await cluster.clock.pass(10_000);
  assert.ok(polls >= 32 && polls <= 52, `${polls} polls in 10 s`);
});

test("a bell that rings while the head is being read is not lost", async () => {
  const cluster = new Cluster();
  let answer: (() => void) | undefined;
  let slow = false;
  const store = replacing((real) => ({
    readHead: async (timeoutMs) => {
      const head = await real.readHead(timeoutMs);
      if (slow) await new Promise<void>((resolve) => (answer = resolve));
      return head;
    },
  }));
  const a = cluster.start("a");
  const b = cluster.start("b", { store });
  await cluster.clock.pass(1000);
  slow = true;
  await cluster.msUntil(() => answer !== undefined, 400);
  slow = false;
  // What b is reading is older than this write and its bell.
  await cluster.addChannel(a, "one");
  b.follower.ring(2);
  answer?.();
  assert.ok((await cluster.msUntil(() => b.follower.current()?.revision === 2, 400)) <= 60);
});

test("a bell moves no cursor: what it tells of is read, or not known", async () => {
  const cluster = new Cluster();
  const [a, b] = await cluster.settled("a", "b");
  assert.ok(a && b);
  b.follower.ring(9);
  await cluster.clock.pass(500);
  assert.equal(b.follower.current()?.revision, 1);
  await cluster.addChannel(a, "one");
  await cluster.clock.pass(500);
  assert.equal(b.follower.current()?.channels.size, 1);
});

test("a thousand bells in a second cost at most ten looks a second", async () => {
  const cluster = new Cluster();
  let polls = 0;
  const store = replacing((real) => ({
    readHead: (timeoutMs) => {
      polls += 1;
      return real.readHead(timeoutMs);
    },
  }));
  const a = cluster.start("a", { store });
  await cluster.clock.pass(1000);
  polls = 0;
  for (let count = 0; count < 1000; count += 1) {
    a.follower.ring();
    await cluster.clock.pass(1);
  }
  assert.ok(polls <= 19, `${polls} polls`);
});

test("many live nodes poll more slowly, never more slowly than once a second", async () => {
  const cluster = new Cluster();
  let polls = 0;
  const store = replacing((real) => ({
    readHead: (timeoutMs) => {
      polls += 1;
      return real.readHead(timeoutMs);
    },
  }));
  cluster.start("a", { store, liveNodes: () => 5000 });
  await cluster.clock.pass(20_000);
  assert.ok(polls >= 20 && polls < 35, `${polls} polls in 20 s`);
});

test("an error keeps what serves, is told once, and is over within 3 s of the database's return", async () => {
  const cluster = new Cluster();
  const { logger, lines } = rememberingLogger();
  const a = cluster.start("a", { logger });
  await cluster.clock.pass(100);
  const { value: id } = await cluster.addChannel(a, "one");
  const b = cluster.start("b");
  await cluster.clock.pass(100);
  a.link.up = false;
  await cluster.clock.pass(60_000);
  assert.equal(a.follower.current()?.channels.get(id)?.name, "one");
  assert.equal(a.follower.status().state, "degraded");
  assert.ok(a.follower.status().stalenessMs >= 59_000);
  assert.match(a.follower.status().lastError ?? "", /connection to the database was lost/);
  assert.equal(lines.filter((line) => line.level === "warn").length, 1);
  await cluster.addChannel(b, "two");
  a.link.up = true;
  await cluster.msUntil(() => a.follower.status().state === "live", 3000);
  assert.equal(a.follower.current()?.revision, 3);
});

test("calls that hang do not hang the follower", async () => {
  const cluster = new Cluster();
  let hangs = false;
  const hang = new Promise<never>(() => undefined);
  const store = replacing((real) => ({
    read: (work) =>
      hangs ? real.read((tx) => work({ ...tx, rows: () => hang })) : real.read(work),
  }));
  const b = cluster.start("b", { store });
  const a = cluster.start("a");
  await cluster.clock.pass(100);
  hangs = true;
  await cluster.addChannel(a, "one");
  await cluster.clock.pass(5000);
  assert.equal(b.follower.current()?.revision, 1);
  assert.match(b.follower.status().lastError ?? "", /took longer than/);
  hangs = false;
  await cluster.clock.pass(40_000);
  assert.equal(b.follower.current()?.revision, 2);
});

test("an empty answer that the database does not count as empty is an error, not an empty table", async () => {
  const cluster = new Cluster();
  let lies = false;
  const lie = (tx: SyncReads): SyncReads => ({
    ...tx,
    rows: (kind, ids) => (lies && kind === "channel" ? Promise.resolve([]) : tx.rows(kind, ids)),
  });
  const store = replacing((real) => ({ read: (work) => real.read((tx) => work(lie(tx))) }));
  const a = cluster.start("a", { store });
  const b = cluster.start("b");
  await cluster.clock.pass(100);
  const { value: id } = await cluster.addChannel(b, "one");
  await cluster.clock.pass(1000);
  lies = true;
  await cluster.write(b, (tx) => tx.update("channel", id, { name: "two" }));
  await cluster.clock.pass(syncFrequencyMs * 2);
  assert.equal(a.follower.current()?.channels.get(id)?.name, "one");
  assert.match(a.follower.status().lastError ?? "", /read 0 channel rows where the table has 1/);
  lies = false;
  await cluster.clock.pass(2000);
  assert.equal(a.follower.current()?.channels.get(id)?.name, "two");
});

test("a head that went back is followed only when three looks over three seconds agree", async () => {
  const cluster = new Cluster();
  const { logger, lines } = rememberingLogger();
  const { meters, full } = countingMeters();
  let odd = 0;
  const store = replacing((real) => ({
    readHead: async (timeoutMs) => {
      const head = await real.readHead(timeoutMs);
      return odd-- > 0 ? { ...head, revision: 1, commitId: "odd" } : head;
    },
  }));
  const a = cluster.start("a", { logger, meters, store });
  await cluster.clock.pass(100);
  await cluster.addChannel(a, "one");
  await cluster.addChannel(a, "two");
  odd = 2;
  await cluster.clock.pass(5000);
  assert.equal(a.follower.current()?.revision, 3);
  cluster.database.loseTail(1);
  await cluster.clock.pass(2900);
  assert.equal(a.follower.current()?.revision, 3);
  assert.equal(a.follower.status().state, "degraded");
  await cluster.clock.pass(1000);
  assert.equal(a.follower.current()?.revision, 2);
  assert.equal(a.follower.current()?.channels.size, 1);
  assert.deepEqual(full, ["boot", "regression"]);
  assert.equal(lines.filter((line) => line.level === "error").length, 1);
});

test("a reused revision number is told from the true one by its commit", async () => {
  const cluster = new Cluster();
  const { meters, full } = countingMeters();
  const a = cluster.start("a", { meters });
  const b = cluster.start("b");
  await cluster.clock.pass(100);
  await cluster.addChannel(b, "one");
  await cluster.addChannel(b, "lost");
  await cluster.clock.pass(400);
  a.link.up = false;
  cluster.database.loseTail(1);
  await cluster.addChannel(b, "other");
  a.link.up = true;
  await cluster.clock.pass(2000);
  const names = [...(a.follower.current()?.channels.values() ?? [])].map((channel) => channel.name);
  assert.deepEqual(names, ["one", "other"]);
  assert.deepEqual(full, ["boot", "fork"]);
});

test("a lost timeline is noticed although the head has moved on beyond it", async () => {
  const cluster = new Cluster();
  const [a, b] = await cluster.settled("a", "b");
  assert.ok(a && b);
  const { value: one } = await cluster.addChannel(b, "one");
  const { value: two } = await cluster.addChannel(b, "two");
  await cluster.write(b, (tx) => tx.update("channel", one, { name: "lost" }));
  await cluster.clock.pass(400);
  a.link.up = false;
  cluster.database.loseTail(1);
  // As many rows as before: only the commit tells that revision 4 is another one now.
  for (const name of ["2", "II"])
    await cluster.write(b, (tx) => tx.update("channel", two, { name }));
  a.link.up = true;
  await cluster.clock.pass(2000);
  assert.equal(a.follower.current()?.channels.get(one)?.name, "one");
  assert.equal(a.follower.current()?.revision, 5);
});

test("a new epoch after a restore is followed at the first look", async () => {
  const cluster = new Cluster();
  const { meters, full } = countingMeters();
  const a = cluster.start("a", { meters });
  await cluster.clock.pass(100);
  await cluster.addChannel(a, "one");
  cluster.database.restore(true);
  await cluster.clock.pass(400);
  assert.equal(a.follower.current()?.epoch, cluster.database.state.epoch);
  assert.deepEqual(full, ["boot", "epoch"]);
});

test("a log that was compacted away, or is too long, is no obstacle", async () => {
  const cluster = new Cluster();
  const { meters, full } = countingMeters();
  const a = cluster.start("a", { meters });
  const b = cluster.start("b");
  await cluster.clock.pass(100);
  a.link.up = false;
  await cluster.addChannel(b, "one");
  const { value: gone } = await cluster.addChannel(b, "gone");
  await cluster.write(b, (tx) => tx.remove("channel", gone));
  cluster.database.compact(0);
  a.link.up = true;
  await cluster.clock.pass(2000);
  assert.equal(a.follower.current()?.channels.size, 1);
  a.link.up = false;
  await cluster.write(b, async (tx) => {
    for (let count = 0; count <= 2000; count += 1)
      await tx.insert("channel", channelValues(`c${count}`));
  });
  a.link.up = true;
  await cluster.clock.pass(30_000);
  assert.equal(a.follower.current()?.channels.size, 2002);
  assert.deepEqual(full.slice(0, 3), ["boot", "compacted", "many-changes"]);
});

test("a database that demands a newer program is not followed, and what was read goes on serving", async () => {
  const cluster = new Cluster();
  const [a, b] = await cluster.settled("a", "b");
  assert.ok(a && b);
  await cluster.addChannel(a, "one");
  cluster.database.demandReader(2);
  await cluster.clock.pass(1000);
  assert.equal(a.follower.status().state, "unsupported");
  assert.equal(a.follower.current()?.channels.size, 1);
  await assert.rejects(cluster.addChannel(a, "two"), { kind: "temporarily_unavailable" });
  cluster.database.demandReader(1);
  await cluster.clock.pass(1000);
  assert.equal(a.follower.status().state, "live");
});

test("what was read is applied only onto what it was read for", async () => {
  const cluster = new Cluster();
  const b = cluster.start("b");
  await cluster.clock.pass(100);
  await cluster.addChannel(b, "one");
  let release: (() => void) | undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  const store = replacing((real) => ({
    read: async (work) => {
      const answer = await real.read(work);
      await gate;
      return answer;
    },
  }));
  const a = cluster.start("a", { store });
  await cluster.clock.pass(100);
  // While the first load is under way, a copy arrives that another node made of a newer revision.
  await cluster.addChannel(b, "two");
  const edition = b.follower.edition();
  assert.ok(edition);
  assert.equal(a.follower.current(), undefined);
  assert.ok(a.follower.offer(await loadCopy(saveCopy(edition), cluster.clock), "shared-copy"));
  const revisions: number[] = [];
  a.follower.onApplied((event) => revisions.push(event.edition.snapshot.revision));
  release?.();
  await cluster.clock.pass(1000);
  assert.equal(a.follower.current()?.revision, 3);
  assert.ok(!revisions.includes(2), `went back: ${revisions.join()}`);
  assert.equal(a.follower.status().source, "database");
});

test("a copy serves while the database is down, and never stands in for the database once it was read", async () => {
  const cluster = new Cluster();
  const [a] = await cluster.settled("a");
  assert.ok(a);
  await cluster.addChannel(a, "one");
  const edition = a.follower.edition();
  assert.ok(edition);
  const b = cluster.start("b");
  b.link.up = false;
  assert.ok(b.follower.offer(await loadCopy(saveCopy(edition), cluster.clock), "disk"));
  await cluster.clock.pass(5000);
  assert.equal(b.follower.status().state, "stale");
  assert.equal(b.follower.current()?.channels.size, 1);
  b.link.up = true;
  await cluster.msUntil(() => b.follower.status().state === "live", 3000);
  assert.equal(b.follower.offer(edition, "disk"), false);
});

test("the log lines of old runbooks are written at the first load and at each reconciliation, when true", async () => {
  const cluster = new Cluster();
  const { logger, lines } = rememberingLogger();
  const known = ["syncing channels from database", "channels Load success"];
  const written = (): string[] =>
    lines.map((line) => line.message).filter((message) => known.includes(message));
  const a = cluster.start("a", { logger });
  a.link.up = false;
  await cluster.clock.pass(3000);
  assert.deepEqual(written(), []);
  a.link.up = true;
  await cluster.clock.pass(2000);
  assert.deepEqual(written(), known);
  await cluster.addChannel(a, "one");
  await cluster.clock.pass(1000);
  assert.deepEqual(written(), known);
  await cluster.clock.pass(syncFrequencyMs);
  assert.deepEqual(written(), [...known, ...known]);
});

test("a reconciliation or a full load keeps the identity of what did not change", async () => {
  const cluster = new Cluster();
  const [a] = await cluster.settled("a");
  assert.ok(a);
  const { value: id } = await cluster.addChannel(a, "one");
  const before = a.follower.current();
  await cluster.clock.until(a.follower.reconcile(), 1000);
  assert.equal(a.follower.current(), before);
  cluster.database.restore(true);
  await cluster.clock.pass(1000);
  if (a.follower.current()?.channels.has(id))
    assert.equal(a.follower.current()?.channels.get(id), before?.channels.get(id));
});

test("staleness and lag count what a sleeping machine missed", async () => {
  const cluster = new Cluster();
  const [a] = await cluster.settled("a");
  assert.ok(a);
  assert.ok(a.follower.status().stalenessMs < 400);
  a.link.up = false;
  await cluster.clock.pass(1000);
  a.wallOffset = 600_000;
  assert.ok(a.follower.status().stalenessMs >= 600_000);
  assert.ok(Math.abs(a.follower.businessNowMs() - cluster.clock.now()) < 5);
});

test("lag is the age of the oldest change that is known and not served", async () => {
  const cluster = new Cluster();
  let reads = true;
  const store = replacing((real) => ({
    read: (work) => (reads ? real.read(work) : Promise.reject(new Error("too many connections"))),
  }));
  const a = cluster.start("a", { store });
  const b = cluster.start("b");
  await cluster.clock.pass(100);
  assert.equal(a.follower.status().lagMs, 0);
  reads = false;
  await cluster.addChannel(b, "one");
  await cluster.clock.pass(4000);
  await cluster.addChannel(b, "two");
  await cluster.clock.pass(1000);
  const { lagMs, state, headRevision } = a.follower.status();
  assert.ok(lagMs > 4900 && lagMs < 5200, `${lagMs}`);
  assert.deepEqual([state, headRevision], ["degraded", 3]);
  reads = true;
  await cluster.clock.pass(2000);
  assert.equal(a.follower.status().lagMs, 0);
});

test("a listener that throws harms neither the swap nor the other listeners", async () => {
  const cluster = new Cluster();
  const a = cluster.start("a");
  const heard: number[] = [];
  a.follower.onApplied(() => {
    throw new Error("mine");
  });
  a.follower.onApplied((event) => heard.push(event.edition.snapshot.revision));
  await cluster.clock.pass(100);
  assert.deepEqual(heard, [1]);
  assert.equal(a.follower.status().state, "live");
});

test("no fault of a part that the follower is given ends the following", async () => {
  const cluster = new Cluster();
  let breaks = true;
  const maybe = (): number => {
    if (breaks) throw new Error("mine");
    return 3;
  };
  const a = cluster.start("a", {
    liveNodes: maybe,
    meters: { head: () => void maybe(), error: () => void maybe(), state: () => void maybe() },
  });
  await cluster.clock.pass(5000);
  breaks = false;
  await cluster.clock.pass(2000);
  assert.equal(a.follower.status().state, "live");
});

test("a closed follower applies nothing more", async () => {
  const cluster = new Cluster();
  const [a, b] = await cluster.settled("a", "b");
  assert.ok(a && b);
  await cluster.clock.until(a.follower.close(), 5000);
  await cluster.addChannel(b, "one");
  await cluster.clock.pass(5000);
  assert.equal(a.follower.current()?.revision, 1);
});
