// Responses kept by the gateway: sealed, chained, refused where they cannot be whole.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openFresh } from "../../../test/store/open-fresh.ts";
import { GatewayError } from "../../core/errors.ts";
import { silentLogger } from "../../core/logger.ts";
import { deriveKey } from "../../core/seal.ts";
import { makeStoredResponses, type StoredResponse } from "./stored-responses.ts";

const dataKey = deriveKey("a root secret for tests only", "data");

function response(id: string, text: string): StoredResponse {
  const item = { type: "message", role: "assistant", content: [{ type: "output_text", text }] };
  return {
    input: [{ role: "user", content: `question of ${id}` }],
    response: { id, object: "response", output: [item] },
  };
}

const notFound = (thrown: unknown): boolean =>
  thrown instanceof GatewayError && thrown.kind === "previous_response_not_found";

test("a conversation comes back whole, in order, for its owner alone, and lies sealed", async () => {
  await using store = await openFresh("sqlite");
  const { database } = store;
  const stored = makeStoredResponses({
    database: () => database,
    dataKey: () => dataKey,
    logger: silentLogger,
  });
  assert.equal(
    await stored.save({
      id: "resp_a",
      ownerId: 1,
      parent: null,
      stored: response("resp_a", "one"),
    }),
    null,
  );
  const parent = { id: "resp_a", links: 1 };
  assert.equal(
    await stored.save({ id: "resp_b", ownerId: 1, parent, stored: response("resp_b", "two") }),
    null,
  );
  const { items, links } = await stored.conversation("resp_b", 1);
  assert.equal(links, 2);
  assert.deepEqual(
    items.map((item) => (item["role"] === "user" ? item["content"] : "answer")),
    ["question of resp_a", "answer", "question of resp_b", "answer"],
  );
  await assert.rejects(stored.conversation("resp_b", 2), notFound);
  assert.equal(await stored.find("resp_b", 2), undefined);
  assert.equal(await stored.remove("resp_b", 2), false);
  const rows = await database.reads.selectFrom("response_states").selectAll().execute();
  for (const row of rows) assert.ok(!Buffer.from(row.content, "base64").includes("question"));
  assert.equal(await stored.remove("resp_a", 1), true);
  await assert.rejects(stored.conversation("resp_b", 1), notFound);
});

test("a row put under another id does not open", async () => {
  await using store = await openFresh("sqlite");
  const { database } = store;
  const parts = { dataKey: () => dataKey, logger: silentLogger };
  const stored = makeStoredResponses({ database: () => database, ...parts });
  await stored.save({ id: "resp_a", ownerId: 1, parent: null, stored: response("resp_a", "one") });
  await database.writes.updateTable("response_states").set({ id: "resp_x" }).execute();
  await assert.rejects(stored.find("resp_x", 1));
});

test("what cannot be kept is told, and nothing is kept of it", async () => {
  await using store = await openFresh("sqlite");
  const { database } = store;
  const parts = { dataKey: () => dataKey, logger: silentLogger };
  const stored = makeStoredResponses({ database: () => database, ...parts });
  const noise = Array.from({ length: 700_000 }, (_, index) => Math.imul(index, 2_654_435_761));
  const large = { ...response("resp_l", "x"), input: [{ content: noise.join(" ") }] };
  assert.match(
    (await stored.save({ id: "resp_l", ownerId: 1, parent: null, stored: large })) ?? "",
    /larger than 4194304 bytes/,
  );
  assert.equal(await stored.find("resp_l", 1), undefined);
  const last = { id: "resp_z", links: 200 };
  assert.match(
    (await stored.save({ id: "resp_n", ownerId: 1, parent: last, stored: response("n", "x") })) ??
      "",
    /longer than 200/,
  );
  const away = makeStoredResponses({ database: () => undefined, ...parts });
  assert.match(
    (await away.save({ id: "r", ownerId: 1, parent: null, stored: response("r", "x") })) ?? "",
    /could not be written/,
  );
  await assert.rejects(
    away.conversation("r", 1),
    (thrown) => thrown instanceof GatewayError && thrown.kind === "temporarily_unavailable",
  );
});

test("a conversation that expands beyond its bound is refused", async () => {
  await using store = await openFresh("sqlite");
  const { database } = store;
  const parts = { dataKey: () => dataKey, logger: silentLogger };
  const stored = makeStoredResponses({ database: () => database, ...parts });
  const input = [{ role: "user", content: "x".repeat(30 * 1024 * 1024) }];
  for (const [place, id] of ["resp_1", "resp_2", "resp_3"].entries()) {
    const parent = place === 0 ? null : { id: `resp_${place}`, links: place };
    const kept = await stored.save({
      id,
      ownerId: 1,
      parent,
      stored: { ...response(id, "x"), input },
    });
    assert.equal(kept, null);
  }
  assert.equal((await stored.conversation("resp_2", 1)).links, 2);
  await assert.rejects(
    stored.conversation("resp_3", 1),
    (thrown) => thrown instanceof GatewayError && thrown.kind === "invalid_request",
  );
});
