// Responses of the gateway's own, read again as OpenAI would tell them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import { answerOwnResponse } from "./own-responses.ts";
import type { StoredResponses } from "../state/stored-responses.ts";

const id = "resp_01m83gkqpa66yc2xhjj1187fng";
const parent = "resp_01m83gkqpa66yc2xhjj1187fnf";

const stored: StoredResponses = {
  conversation: () =>
    Promise.resolve({
      items: [
        { role: "user", content: "a" },
        { id: "msg_b", type: "message", role: "assistant" },
      ],
      links: 1,
    }),
  find: (asked, ownerId) =>
    Promise.resolve(
      asked === id && ownerId === 7
        ? {
            input: [{ role: "user", content: "c" }],
            response: { id, previous_response_id: parent, output: [] },
          }
        : undefined,
    ),
  save: () => Promise.resolve(null),
  remove: (asked, ownerId) => Promise.resolve(asked === id && ownerId === 7),
};

async function answer(
  row: string,
  query: Readonly<Record<string, string>> = {},
  more: { readonly ownerId?: number; readonly stored?: StoredResponses } = {},
): Promise<JsonObject> {
  const ask = { id, ownerId: more.ownerId ?? 7, query };
  const { body } = await answerOwnResponse(more.stored ?? stored, row, ask);
  return JSON.parse(body.toString()) as JsonObject;
}

const refusedAs = (kind: string) => (thrown: unknown) =>
  thrown instanceof GatewayError && thrown.kind === kind;

test("items of a response and of those before it, in either order, page by page", async () => {
  const row = "GET /responses/:a/input_items";
  const list = await answer(row, { order: "asc" });
  const ids = (list["data"] as { id: string }[]).map((item) => item.id);
  assert.deepEqual(ids, [
    "msg_01m83gkqpa66yc2xhjj1187fng_in0",
    "msg_b",
    "msg_01m83gkqpa66yc2xhjj1187fng_in2",
  ]);
  assert.deepEqual([list["first_id"], list["last_id"], list["has_more"]], [ids[0], ids[2], false]);
  const newest = await answer(row, { limit: "2" });
  assert.deepEqual(
    (newest["data"] as { id: string }[]).map((item) => item.id),
    [ids[2], ids[1]],
  );
  assert.equal(newest["has_more"], true);
  const rest = await answer(row, { limit: "2", after: ids[1] ?? "" });
  assert.deepEqual([rest["first_id"], rest["has_more"]], [ids[0], false]);
  for (const query of [{ limit: "0" }, { limit: "101" }, { limit: "x" }, { after: "msg_none" }])
    await assert.rejects(answer(row, query), refusedAs("invalid_request"));
});

test("what came before and is kept no more is left out of its items", async () => {
  const gone = () => Promise.reject(new GatewayError("previous_response_not_found", "gone"));
  const list = await answer(
    "GET /responses/:a/input_items",
    {},
    { stored: { ...stored, conversation: gone } },
  );
  assert.equal((list["data"] as unknown[]).length, 1);
});

test("read, deleted, never cancelled, and nobody else's", async () => {
  assert.equal((await answer("GET /responses/:a"))["id"], id);
  assert.deepEqual(await answer("DELETE /responses/:a"), { id, object: "response", deleted: true });
  await assert.rejects(answer("POST /responses/:a/cancel"), refusedAs("invalid_request"));
  await assert.rejects(
    answer("GET /responses/:a", { stream: "true" }),
    refusedAs("invalid_request"),
  );
  for (const row of [
    "GET /responses/:a",
    "GET /responses/:a/input_items",
    "DELETE /responses/:a",
    "POST /responses/:a/cancel",
  ])
    await assert.rejects(answer(row, {}, { ownerId: 8 }), refusedAs("not_found"), row);
});
