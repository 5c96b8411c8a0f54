/** Sums of usage in pages, on every engine: together they are the whole answer, each row once, also while calls are settled. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Database } from "../../store/database.ts";
import type { RollupRow } from "../../store/rollups.ts";
import { addRollupRows, rollupSpan } from "../../store/rollups.ts";
import type { TestAdmin } from "../../../test/admin/open-admin.ts";
import { openAdmin } from "../../../test/admin/open-admin.ts";
import { skipReason, SQL_ENGINES } from "../../../test/engines/engines.ts";

const hourMs = 3_600_000;
const startMs = Date.UTC(2026, 9, 5);
const noSums = {
  calls: 1n,
  failed: 0n,
  input_tokens: 2n,
  cache_read_tokens: 0n,
  cache_write_tokens: 0n,
  output_tokens: 3n,
  reasoning_tokens: 0n,
  cost: 0n,
  channel_cost: 0n,
} as const;

/** Names that SQL, JSON or an address could stumble over, or that an order of words would bring together. */
const models = ["m", "M", "m-1", "m'1", 'm"1\\', "日本😀", "\u0001%&=+/?#", "ü".repeat(200), ""];

function rowOf(hour: number, more: Partial<RollupRow>): RollupRow {
  const bucket = BigInt(startMs + hour * hourMs);
  const keys = { span: rollupSpan, bucket, key_id: 1n, user_id: 1n, group: "default" };
  return { ...keys, model: "m", channel_id: 0n, node_id: "n1", ...noSums, ...more };
}

/** Hours of many sums, many of which cost the same, some more than a double can hold. */
function manyRows(): RollupRow[] {
  return Array.from({ length: 6 }, (_, hour) =>
    models.flatMap((model, index) =>
      [1n, 2n, 3n].map((key) => {
        const cost = index % 3 === 0 ? 0n : 2n ** 53n + BigInt(index % 2);
        return rowOf(hour, { model, key_id: key, channel_id: BigInt(index % 2), cost });
      }),
    ),
  ).flat();
}

async function fill({ writes }: Database, rows: readonly RollupRow[]): Promise<void> {
  await writes.transaction().execute((trx) => addRollupRows(trx, rows));
}

type Row = Readonly<Record<string, unknown>>;

interface Answer {
  readonly data: readonly Row[];
  readonly nextCursor: string | null;
}

async function page(admin: TestAdmin, query: string, cursor?: string | null): Promise<Answer> {
  const more = cursor == null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
  const { status, text, body } = await admin.ask("GET", `/api/usage?${query}${more}`);
  assert.equal(status, 200, text);
  return body as Answer;
}

/** All rows, page after page. */
async function allPages(
  admin: TestAdmin,
  query: string,
  between: () => Promise<void> = () => Promise.resolve(),
): Promise<Row[]> {
  const rows: Row[] = [];
  let cursor: string | null | undefined;
  while (cursor !== null) {
    const { data, nextCursor } = await page(admin, query, cursor);
    rows.push(...data);
    cursor = nextCursor;
    await between();
  }
  return rows;
}

const time = `from=${startMs}&to=${startMs + 24 * hourMs}`;

for (const engine of SQL_ENGINES)
  describe(`usage in pages: ${engine}`, { skip: skipReason(engine) }, () => {
    it("are together what one page would hold, in its order", async () => {
      await using admin = await openAdmin({ engine });
      await fill(admin.database, manyRows());
      for (const every of ["", "&every=quarter", "&every=hour", "&every=day"])
        for (const by of ["", "&by=model", "&by=key,model,channel", "&by=group,user,model"]) {
          const whole = await page(admin, `${time}${every}${by}&limit=1000`);
          assert.equal(whole.nextCursor, null);
          for (const limit of [1, 7, whole.data.length]) {
            if (limit === 1 && whole.data.length > 60) continue;
            const rows = await allPages(admin, `${time}${every}${by}&limit=${limit}`);
            assert.deepEqual(rows, whole.data, `${every}${by} ${limit}`);
          }
        }
      const most = `${time}&every=hour&by=key,model`;
      assert.equal((await page(admin, `${most}&limit=1000`)).data.length, 162);
      const { data, nextCursor } = await page(admin, most);
      assert.equal(data.length, 100, "as many as other lists show unless asked");
      assert.ok(nextCursor);
    });

    it("are of the time that the first one was asked for", async () => {
      await using admin = await openAdmin({ engine });
      await fill(admin.database, manyRows());
      const query = "by=key,model&every=day&limit=20";
      const first = await page(admin, `${time}&${query}`);
      const second = await page(admin, query, first.nextCursor);
      const whole = await page(admin, `${time}&by=key,model&every=day`);
      assert.deepEqual([...first.data, ...second.data], whole.data);
    });

    it("lose and double no older bucket while calls are settled", async () => {
      await using admin = await openAdmin({ engine });
      await fill(admin.database, manyRows());
      const query = `${time}&every=hour&by=model,key`;
      const before = (await page(admin, `${query}&limit=1000`)).data;
      let settled = 0;
      const rows = await allPages(admin, `${query}&limit=10`, async () => {
        settled += 1;
        const last = { cost: 2n ** 54n + BigInt(settled) };
        const news = [
          rowOf(5, { ...last, model: "m" }),
          rowOf(5, { ...last, model: `n${settled}` }),
        ];
        await fill(admin.database, news);
      });
      const newest = new Date(startMs + 5 * hourMs).toISOString();
      const older = (all: readonly Row[]): readonly Row[] =>
        all.filter(({ from }) => from !== newest);
      assert.deepEqual(older(rows), older(before));
      const names = rows.map(({ from, model, key }) => JSON.stringify([from, model, key]));
      assert.equal(new Set(names).size, names.length);
    });

    it("refuse a cursor of something else", async () => {
      await using admin = await openAdmin({ engine });
      await fill(admin.database, manyRows());
      const { nextCursor } = await page(admin, `${time}&by=key&limit=1`);
      const encoded = (value: unknown): string =>
        Buffer.from(JSON.stringify(value)).toString("base64url");
      const refused = [
        "1",
        "%",
        encoded({}),
        encoded([1, 2, "3"]),
        encoded([1, 2, "3", "4", "x"]),
        encoded([1, 2, "3", "9".repeat(19), "1"]),
        encoded([1, 2, "9".repeat(19), "4", "1"]),
        encoded([1.5, 2, "3", "4", "1"]),
        encoded([1, 2, "3", "4", "1", "2"]),
      ];
      const ask = (by: string, cursor: string) =>
        admin.ask("GET", `/api/usage?${time}&by=${by}&cursor=${encodeURIComponent(cursor)}`);
      assert.equal((await ask("key", nextCursor ?? "")).status, 200);
      for (const cursor of refused) {
        const { status, text } = await ask("key", cursor);
        assert.equal(status, 422, `${cursor}: ${text}`);
        assert.match(text, /must be a nextCursor of this list/);
      }
      assert.equal((await ask("key,model", nextCursor ?? "")).status, 422);
      assert.equal((await ask("model", encoded([1, 2, "3", "4", "a\0"]))).status, 422);
    });

    it("of a member stay the member's own, whosever cursor it is", async () => {
      await using admin = await openAdmin({ engine });
      const { id } = await admin.must("POST", "/api/users", { username: "mem", role: "member" });
      const { token } = await admin.must("POST", `/api/users/${id}/tokens`, {});
      const own = { user_id: BigInt(id), key_id: 50n, model: "own" };
      await fill(admin.database, [...manyRows(), rowOf(3, own), rowOf(4, own)]);
      const query = `${time}&every=hour&by=user,key`;
      const { nextCursor } = await page(admin, `${query}&limit=1`);
      const cursor = encodeURIComponent(nextCursor ?? "");
      const { body } = await admin.ask("GET", `/api/usage?${query}&cursor=${cursor}`, undefined, {
        token,
      });
      assert.deepEqual(
        body.data.map(({ key }: Row) => key),
        [50, 50],
      );
      assert.equal(body.data[0].channelCost, undefined);
    });
  });
