// Lists in pages, filters, look-ups, calls written twice, setup links: the reads and writes beside sync.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { skipReason, SQL_ENGINES } from "../../test/engines/engines.ts";
import { openFresh } from "../../test/store/open-fresh.ts";
import { makeCallId } from "../core/ids.ts";
import { listAudit } from "./audit.ts";
import type { NewCallRow } from "./calls.ts";
import { dayOf, findCall, insertCalls, listCalls, sumCalls } from "./calls.ts";
import { findChannel, listChannels } from "./channels.ts";
import { isSetupToken, offerSetupToken, replaceSetupToken, takeSetupToken } from "./cluster.ts";
import { listCredentials } from "./credentials.ts";
import { findGroupBySymbol, listGroups } from "./groups.ts";
import { listKeys } from "./keys.ts";
import { InvalidCursor } from "./pages.ts";
import { findTokenByHash, listTokens } from "./tokens.ts";
import { findUserByName, hasUsers, listUsers } from "./users.ts";

const firstMs = Date.UTC(2026, 0, 31, 23, 59, 58);

function makeCall(index: number, values: Partial<NewCallRow> = {}): NewCallRow {
  const admittedAtMs = firstMs + index * 1000;
  return {
    day: dayOf(admittedAtMs),
    call_id: makeCallId(admittedAtMs),
    admitted_at: BigInt(admittedAtMs),
    node_id: "n",
    key_id: BigInt(index % 2),
    user_id: 1n,
    group: "default",
    channel_id: null,
    dialect: "openai-chat",
    operation: "chat",
    model_asked: "gpt",
    model_billed: "gpt",
    model_sent: null,
    model_reported: null,
    status: 200,
    error: null,
    outcome: "complete",
    stream: 0,
    attempts: 1,
    input_tokens: 1n,
    cache_read_tokens: 0n,
    cache_write_tokens: 0n,
    output_tokens: 2n,
    reasoning_tokens: 0n,
    estimated: 0,
    unpriced: 0,
    cost: 9_007_199_254_740_993n,
    price_id: null,
    revision: 1n,
    first_byte_ms: 5,
    duration_ms: 10,
    end_user: null,
    address: "127.0.0.1",
    ...values,
  };
}

for (const engine of SQL_ENGINES) {
  describe(`nouns on ${engine}`, { skip: skipReason(engine) }, () => {
    it("lists channels in pages and by what they serve", async () => {
      await using store = await openFresh(engine);
      const { reads, writes } = store.database;
      const rows = ["Öl", "beta", "gamma", "delta", "epsilon"].map((name, index) => ({
        rev: 1n,
        name,
        provider: index === 0 ? "openai" : "custom",
        models: JSON.stringify(["gpt-4o", `m"${index}`]),
        groups: JSON.stringify(index % 2 === 0 ? ["default", "vip"] : ["default"]),
        status: index === 4 ? "disabled" : "enabled",
        tag: null,
        created_at: 0n,
        updated_at: 0n,
      }));
      await writes.insertInto("channels").values(rows).execute();
      const names: string[] = [];
      let after: string | undefined;
      do {
        const page = await listChannels(reads, { limit: 2, after });
        names.push(...page.rows.map(({ name }) => name));
        after = page.nextCursor ?? undefined;
      } while (after !== undefined);
      assert.deepEqual(names, ["Öl", "beta", "gamma", "delta", "epsilon"]);
      const filtered = async (filters: object): Promise<string[]> =>
        (await listChannels(reads, { limit: 10, filters })).rows.map(({ name }) => name);
      assert.deepEqual(await filtered({ group: "vip" }), ["Öl", "gamma", "epsilon"]);
      assert.deepEqual(await filtered({ group: "vi" }), []);
      assert.deepEqual(await filtered({ model: 'm"3' }), ["delta"]);
      assert.deepEqual(await filtered({ search: "LTA" }), ["delta"]);
      assert.deepEqual(await filtered({ search: "Öl" }), ["Öl"]);
      assert.deepEqual(await filtered({ search: "%" }), []);
      assert.deepEqual(await filtered({ status: "disabled" }), ["epsilon"]);
      assert.deepEqual(await filtered({ provider: "openai", status: "enabled" }), ["Öl"]);
      const [first] = (await listChannels(reads, { limit: 1 })).rows;
      assert.equal((await findChannel(reads, first!.id))?.name, "Öl");
      assert.equal(await findChannel(reads, 999n), undefined);
      await assert.rejects(listChannels(reads, { limit: 1, after: "1 or 1=1" }), InvalidCursor);
    });

    it("finds accounts, keys, tokens, credentials and groups", async () => {
      await using store = await openFresh(engine);
      const { reads, writes } = store.database;
      assert.equal(await hasUsers(reads), false);
      const times = { created_at: 0n, updated_at: 0n };
      await writes
        .insertInto("users")
        .values({
          rev: 1n,
          username: "ann",
          role: "root",
          group: "default",
          billing: "prepaid",
          status: "enabled",
          ...times,
        })
        .execute();
      const ann = await findUserByName(reads, "ann");
      assert.ok(ann);
      assert.equal(await findUserByName(reads, "Ann"), undefined);
      assert.equal(await hasUsers(reads), true);
      assert.equal(
        (await listUsers(reads, { limit: 5, filters: { role: "root" } })).rows.length,
        1,
      );
      await writes
        .insertInto("tokens")
        .values({ rev: 1n, hash: "h", user_id: ann.id, name: "t", expires_at: 7n, created_at: 0n })
        .execute();
      const token = await findTokenByHash(reads, "h");
      assert.equal(token?.user.username, "ann");
      assert.equal(token?.user.id, ann.id);
      assert.equal(token?.expiresAt, 7n);
      assert.equal(await findTokenByHash(reads, "x"), undefined);
      assert.equal(
        (await listTokens(reads, { limit: 5, filters: { userId: ann.id } })).rows.length,
        1,
      );
      await writes
        .insertInto("keys")
        .values({
          rev: 1n,
          hash: "k",
          name: "k",
          owner_id: ann.id,
          group: "vip",
          status: "enabled",
          hint: "abcd",
          ...times,
        })
        .execute();
      assert.equal((await listKeys(reads, { limit: 5, filters: { group: "vip" } })).rows.length, 1);
      assert.equal(
        (await listKeys(reads, { limit: 5, filters: { ownerId: 999n } })).rows.length,
        0,
      );
      await writes
        .insertInto("credentials")
        .values([
          { rev: 1n, channel_id: 1n, position: 1, sealed: "b", status: "enabled" },
          { rev: 1n, channel_id: 1n, position: 0, sealed: "a", status: "enabled" },
          { rev: 1n, channel_id: 2n, position: 0, sealed: "c", status: "enabled" },
        ])
        .execute();
      const credentials = await listCredentials(reads, [1n]);
      assert.deepEqual(
        credentials.map(({ sealed }) => sealed),
        ["a", "b"],
      );
      assert.equal((await findGroupBySymbol(reads, "default"))?.public, 1);
      assert.equal(
        (await listGroups(reads, { limit: 5, filters: { enabled: false } })).rows.length,
        0,
      );
    });

    it("writes a batch of calls any number of times and each call once", async () => {
      await using store = await openFresh(engine);
      const { reads, writes } = store.database;
      const calls = Array.from({ length: 5 }, (_, index) => makeCall(index));
      await insertCalls(writes, calls.slice(0, 3));
      await insertCalls(writes, calls);
      await insertCalls(writes, []);
      const ids = calls.map(({ call_id: id }) => id).toReversed();
      const seen: string[] = [];
      let after: string | undefined;
      do {
        const page = await listCalls(reads, { limit: 2, after });
        seen.push(...page.rows.map(({ call_id: id }) => id));
        after = page.nextCursor ?? undefined;
      } while (after !== undefined);
      assert.deepEqual(seen, ids, "newest first, over the end of a day");
      const odd = await listCalls(reads, { limit: 1, filters: { keyId: 1n } });
      assert.equal(odd.rows[0]?.call_id, calls[3]?.call_id);
      const more = await listCalls(reads, {
        limit: 1,
        filters: { keyId: 1n },
        after: odd.nextCursor!,
      });
      assert.equal(more.rows[0]?.call_id, calls[1]?.call_id);
      assert.equal(more.nextCursor, null);
      const span = { fromMs: firstMs + 1000, toMs: firstMs + 3000 };
      const within = await listCalls(reads, { limit: 9, filters: span });
      assert.deepEqual(
        within.rows.map(({ call_id: id }) => id),
        [calls[2]?.call_id, calls[1]?.call_id],
      );
      assert.equal((await findCall(reads, calls[4]!.call_id))?.cost, 9_007_199_254_740_993n);
      assert.deepEqual(await sumCalls(reads, {}), {
        calls: 5n,
        inputTokens: 5n,
        outputTokens: 10n,
        cost: 5n * 9_007_199_254_740_993n,
      });
      assert.deepEqual(await sumCalls(reads, { model: "none" }), {
        calls: 0n,
        inputTokens: 0n,
        outputTokens: 0n,
        cost: 0n,
      });
    });

    it("writes calls whatever their caller put into them", async () => {
      await using store = await openFresh(engine);
      const { reads, writes } = store.database;
      const call = makeCall(0, {
        model_asked: "🚀".repeat(400),
        end_user: "a\0b\ud800c",
        model_reported: "'; drop table calls; --",
      });
      await insertCalls(writes, [call]);
      const row = await findCall(reads, call.call_id);
      assert.equal([...row!.model_asked].length, 255);
      assert.equal(row?.end_user, "ab\ufffdc");
      assert.equal(row?.model_reported, "'; drop table calls; --");
    });

    it("lists the audit newest first", async () => {
      await using store = await openFresh(engine);
      const { reads, writes } = store.database;
      await writes
        .insertInto("audit")
        .values(
          [1n, 2n, 3n].map((at) => ({
            at,
            actor_id: null,
            actor: "ann",
            action: "update",
            kind: at === 2n ? "key" : "channel",
            entity_id: "1",
            revision: at,
            detail: "{}",
            address: "",
            request_id: "",
          })),
        )
        .execute();
      const page = await listAudit(reads, { limit: 1, filters: { kind: "channel" } });
      assert.equal(page.rows[0]?.at, 3n);
      const next = await listAudit(reads, {
        limit: 1,
        filters: { kind: "channel" },
        after: page.nextCursor!,
      });
      assert.equal(next.rows[0]?.at, 1n);
      assert.equal(next.nextCursor, null);
    });

    it("offers one setup link per cluster and takes it once", async () => {
      await using store = await openFresh(engine);
      const { reads, writes } = store.database;
      const offers = await Promise.all(
        ["a", "b", "c"].map((hash) => offerSetupToken(writes, hash, 60_000)),
      );
      assert.equal(offers.filter(Boolean).length, 1);
      const hash = ["a", "b", "c"][offers.indexOf(true)]!;
      assert.equal(await isSetupToken(reads, hash), true);
      assert.equal(await takeSetupToken(writes, "z"), false);
      const taken = await Promise.all([1, 2, 3].map(() => takeSetupToken(writes, hash)));
      assert.deepEqual(
        taken.sort((a, b) => Number(a) - Number(b)),
        [false, false, true],
      );
      await replaceSetupToken(writes, "over", 0);
      assert.equal(await takeSetupToken(writes, "over"), false);
      assert.equal(await offerSetupToken(writes, "new", 60_000), true);
      await replaceSetupToken(writes, "newer", 60_000);
      assert.equal(await takeSetupToken(writes, "new"), false);
      assert.equal(await takeSetupToken(writes, "newer"), true);
    });
  });
}
