/**
 * Sixteen writers in four processes, with pauses, rollbacks and kills, against real servers, also with another default
 * isolation: every node ends with the same snapshot, has served only committed states, and nothing that was answered is lost.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { sql } from "kysely";
import { migrate } from "../../src/store/migrate.ts";
import type { Snapshot } from "../../src/sync/entities.ts";
import { freshDatabaseOn, skipReason } from "../engines/engines.ts";
import { startMariadb } from "../engines/start-mariadb.ts";
import { startPostgres } from "../engines/start-postgres.ts";
import { openDsn, testSecret, until } from "../store/open-fresh.ts";
import { addChannel, makeFolder, openNode, testAuthor, type TestNode } from "./open-node.ts";

const long = process.env["SWITCHYARD_LONG"] === "1";
const wantedCommits = long ? 1500 : 150;
const kills = long ? 12 : 2;
const script = join(dirname(fileURLToPath(import.meta.url)), "restless-writer.ts");

/** The whole snapshot as canonical JSON: equal text means equal content. */
function canonical(snapshot: Snapshot): string {
  const plain = (value: unknown): unknown => {
    if (typeof value === "bigint") return `${value}n`;
    if (value instanceof Map)
      return [...value].sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1)).map(plain);
    if (Array.isArray(value)) return value.map(plain);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(
      Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, one]) => [key, plain(one)]),
    );
  };
  const { revision, commitId, epoch, channels, groups, prices, models, settings } = snapshot;
  return JSON.stringify(
    plain({ revision, commitId, epoch, channels, groups, prices, models, settings }),
  );
}

interface Writers {
  /** Notes whose commit was told to a writer, with their revision. */
  readonly told: ReadonlyMap<string, number>;
  killOne(): void;
  close(): Promise<void>;
}

function startWriters(engine: string, dsn: string, ids: readonly [number, number]): Writers {
  const told = new Map<string, number>();
  const running: ChildProcess[] = [];
  const ended: Promise<unknown>[] = [];
  let made = 0;
  const start = (): void => {
    made += 1;
    const child = spawn(process.execPath, [script, engine, dsn, `p${made}`, ...ids.map(String)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    let rest = "";
    child.stdout.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const [revision, note] = line.split(" ");
        if (note !== undefined) told.set(note, Number(revision));
      }
    });
    running.push(child);
    ended.push(new Promise((end) => child.once("exit", end)));
  };
  for (let index = 0; index < 4; index += 1) start();
  const killAtExit = (): void => running.forEach((child) => child.kill("SIGKILL"));
  process.once("exit", killAtExit);
  return {
    told,
    killOne: () => {
      running.splice(Math.floor(Math.random() * running.length), 1)[0]?.kill("SIGKILL");
      start();
    },
    close: async () => {
      killAtExit();
      await Promise.all(ended);
      process.removeListener("exit", killAtExit);
    },
  };
}

interface Seen {
  readonly faults: string[];
  /** Revision → canonical snapshot, of all observers together. */
  readonly states: Map<number, string>;
  readonly commits: Map<number, string>;
}

/** Writes down every state that a node serves, and what is wrong with it. */
function observe(node: TestNode, seen: Seen): void {
  let last = 0;
  node.sync.onApplied(({ edition: { snapshot } }) => {
    const { revision, channels, models, commitId } = snapshot;
    const weights = [...channels.values()].reduce((sum, channel) => sum + channel.weight, 0);
    if (channels.size === 2 && weights !== 2000)
      seen.faults.push(`torn at ${revision}: ${weights}`);
    if (channels.size === 2 && models.size !== revision - firstRevision)
      seen.faults.push(`${models.size} notes at ${revision}`);
    if (revision < last) seen.faults.push(`back from ${last} to ${revision}`);
    last = revision;
    const text = canonical(snapshot);
    if ((seen.states.get(revision) ?? text) !== text)
      seen.faults.push(`two contents at ${revision}`);
    seen.states.set(revision, text);
    seen.commits.set(revision, commitId);
  });
}

/** After the migration's revision come the two channels and their weights. */
const firstRevision = 4;

const variants = [
  { engine: "postgres", isolation: "read committed" },
  { engine: "postgres", isolation: "serializable" },
  { engine: "mysql", isolation: "REPEATABLE-READ" },
  { engine: "mysql", isolation: "READ-UNCOMMITTED" },
] as const;

for (const { engine, isolation } of variants) {
  const options = { skip: skipReason(engine, "own"), timeout: long ? 600_000 : 120_000 };
  test(
    `no lost update with 16 writers: ${engine}, server default ${isolation}`,
    options,
    async (context) => {
      await using server =
        engine === "postgres"
          ? await startPostgres({
              settings: { default_transaction_isolation: isolation, max_connections: 200 },
            })
          : await startMariadb({ settings: { "transaction-isolation": isolation } });
      const { dsn } = await freshDatabaseOn(engine, server.url);
      await using folders = await makeFolder();
      const database = await openDsn(engine, dsn);
      await migrate(database, { secretKey: testSecret });
      const seen: Seen = { faults: [], states: new Map(), commits: new Map() };
      const nodes = await Promise.all(
        ["a", "b", "c"].map((name) => openNode(engine, dsn, { dataDir: join(folders.path, name) })),
      );
      let writers: Writers | undefined;
      try {
        const [first] = nodes as [TestNode];
        await first.sync.whenServing(10_000);
        const ids = [
          (await addChannel(first.sync, "one")).id,
          (await addChannel(first.sync, "two")).id,
        ] as const;
        const { revision } = await first.sync.write(testAuthor, async (tx) => {
          for (const id of ids) await tx.update("channel", id, { weight: 1000 });
        });
        assert.equal(revision, firstRevision);
        for (const node of nodes) {
          await until(() => node.sync.current()?.revision === firstRevision);
          observe(node, seen);
        }
        writers = startWriters(engine, dsn, ids);
        for (let kill = 0; kill <= kills; kill += 1) {
          const enough = (wantedCommits * (kill + 1)) / (kills + 1);
          await until(() => (writers?.told.size ?? 0) >= enough, 300_000);
          if (kill < kills) writers.killOne();
        }
        await writers.close();
        const head = Number(
          (await sql<{ revision: bigint }>`select revision from sync_head`.execute(database.reads))
            .rows[0]?.revision,
        );
        await until(() => nodes.every((node) => node.sync.current()?.revision === head), 10_000);
        assert.deepEqual(seen.faults.slice(0, 5), []);

        await using late = await openNode(engine, dsn, { dataDir: join(folders.path, "late") });
        await until(() => late.sync.current()?.revision === head, 10_000);
        const whole = canonical(late.sync.current() as Snapshot);
        for (const node of nodes) assert.equal(canonical(node.sync.current() as Snapshot), whole);
        const log = await sql<{
          revision: bigint;
          commit_id: string;
        }>`select revision, commit_id from sync_commit order by revision`.execute(database.reads);
        const committed = new Map(log.rows.map((row) => [Number(row.revision), row.commit_id]));
        assert.equal(committed.size, head, "revisions are dense");
        for (const [served, commitId] of seen.commits)
          assert.equal(committed.get(served), commitId, `served revision ${served} was committed`);
        const lost = [...writers.told.keys()].filter(
          (note) => late.sync.current()?.models.has(note) !== true,
        );
        assert.deepEqual(lost, []);
        context.diagnostic(
          `${head - firstRevision} commits, ${writers.told.size} told, ${kills} kills, ${seen.states.size} states served`,
        );
      } finally {
        await writers?.close();
        for (const node of nodes) await node.close();
        await database.close();
      }
    },
  );
}
