/** SQL by hand, with no admin write after: good rows are served everywhere in time at one revision, bad rows harm nobody. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { freshDatabase, skipReason } from "../engines/engines.ts";
import { channelTo, type Cluster, startCluster, write } from "./cluster.ts";
import { type GatewayNode, waitFor } from "./nodes.ts";
import { type RawSql, withRawSql } from "./raw-sql.ts";

const frequencySeconds = 2;
const withinMs = (frequencySeconds + 1) * 1000;

interface Status {
  appliedRevision: number;
  digest: string;
}

async function status(node: GatewayNode): Promise<Status> {
  return (await node.api("GET", "/api/sync")).json<{ data: Status }>().data;
}

async function everywhere(
  cluster: Cluster,
  what: string,
  check: (node: GatewayNode) => Promise<boolean>,
): Promise<void> {
  await Promise.all(
    cluster.nodes.map((node) => waitFor(`${what} on ${node.url}`, withinMs, () => check(node))),
  );
  const states = await waitFor("one revision everywhere", 1000, async () => {
    const found = await Promise.all(cluster.nodes.map(status));
    return new Set(found.map((state) => state.appliedRevision)).size === 1 && found;
  });
  assert.equal(
    new Set(states.map((state) => state.digest)).size,
    1,
    "equal revision means equal content",
  );
}

const serves = (model: string) => async (node: GatewayNode) =>
  (await node.chat(model)).status === 200;
const refuses = (model: string) => async (node: GatewayNode) =>
  (await node.chat(model)).status === 503;

interface HandRow {
  readonly models?: string;
  readonly weight?: number | null;
}

/** One statement: what a hand writes wrong is wrong from the first moment. */
async function insertChannel(
  sql: RawSql,
  cluster: Cluster,
  model: string,
  { models = JSON.stringify([model]), weight = 1 }: HandRow = {},
): Promise<void> {
  await sql(
    "insert into channels (name, provider, base_url, models, `groups`, priority, weight, status, created_at, updated_at) values (?,?,?,?,?,?,?,?,?,?)",
    [
      `by hand ${model}`,
      "custom",
      cluster.upstream.baseUrl,
      models,
      '["default"]',
      0,
      weight,
      "enabled",
      0,
      0,
    ],
  );
}

async function allowNulls(sql: RawSql, engine: string): Promise<void> {
  if (engine === "postgres") {
    await sql("alter table channels alter column weight drop not null");
    await sql("alter table channels alter column models drop not null");
    return;
  }
  await sql("alter table channels modify weight int null");
}

for (const engine of ["postgres", "mysql"] as const) {
  const options = { skip: skipReason(engine), timeout: 120_000 };

  test(
    `hand-made insert, update and delete are served everywhere within SYNC_FREQUENCY + 1 s: ${engine}`,
    options,
    async () => {
      await using database = await freshDatabase(engine);
      await using cluster = await startCluster({
        dsn: database.dsn,
        env: { SYNC_FREQUENCY: String(frequencySeconds) },
      });
      await withRawSql(database.dsn, async (sql) => {
        await insertChannel(sql, cluster, "by-hand");
        await everywhere(cluster, "the inserted channel", serves("by-hand"));
        await sql("update channels set models = ? where name = ?", [
          '["by-hand-2"]',
          "by hand by-hand",
        ]);
        await everywhere(
          cluster,
          "the updated channel",
          async (node) => (await serves("by-hand-2")(node)) && (await refuses("by-hand")(node)),
        );
        await sql("delete from channels where name = ?", ["by hand by-hand"]);
        await everywhere(cluster, "the deleted channel", refuses("by-hand-2"));
      });
    },
  );

  test(
    `a key disabled by hand is refused everywhere within SYNC_FREQUENCY + 1 s: ${engine}`,
    options,
    async () => {
      await using database = await freshDatabase(engine);
      await using cluster = await startCluster({
        dsn: database.dsn,
        env: { SYNC_FREQUENCY: String(frequencySeconds) },
      });
      const made = await write<{ id: number; key: string }>(cluster.master, "POST", "/api/keys", {
        name: "by hand",
      });
      const { key, id } = made.data;
      for (const node of cluster.nodes)
        assert.equal((await node.call("/v1/models", undefined, { key })).status, 200);
      await withRawSql(
        database.dsn,
        async (sql) => await sql("update `keys` set status = ? where id = ?", ["disabled", id]),
      );
      await Promise.all(
        cluster.nodes.map((node) =>
          waitFor(
            "the key is refused",
            withinMs,
            async () => (await node.call("/v1/models", undefined, { key })).status === 401,
          ),
        ),
      );
    },
  );

  test(`a bad row harms no other row and is reported: ${engine}`, options, async () => {
    await using database = await freshDatabase(engine);
    await using cluster = await startCluster({
      dsn: database.dsn,
      env: { SYNC_FREQUENCY: String(frequencySeconds) },
    });
    await write(cluster.master, "POST", "/api/channels", channelTo(cluster.upstream, ["good"]));
    const kept = await write(
      cluster.master,
      "POST",
      "/api/channels?wait=converged&timeout=5s",
      channelTo(cluster.upstream, ["turned-bad"]),
    );
    await withRawSql(database.dsn, async (sql) => {
      await allowNulls(sql, engine);
      await insertChannel(sql, cluster, "null-weight", { weight: null });
      await insertChannel(sql, cluster, "broken-json", { models: '["broken' });
      await sql("update channels set models = ? where id = ?", ["{not json", kept.data.id]);
      await everywhere(cluster, "the report", async (node) => {
        const nodes = (await node.api("GET", "/api/nodes")).json<{
          data: { rejected: { kind: string }[] }[];
        }>().data;
        return (
          nodes.length === 3 &&
          nodes.every((one) => one.rejected.filter((row) => row.kind === "channel").length === 3)
        );
      });
    });
    await everywhere(cluster, "the good row", serves("good"));
    await everywhere(
      cluster,
      "the earlier content of the row that turned bad",
      serves("turned-bad"),
    );
    // Writing goes on beside the bad rows.
    await write(
      cluster.slaves[0] as GatewayNode,
      "POST",
      "/api/channels?wait=converged&timeout=5s",
      channelTo(cluster.upstream, ["after"]),
    );
    await everywhere(cluster, "a later change", serves("after"));
  });
}
