// What a request stands on is put in front of it, and keeping never holds a caller up for long.
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeVirtualClock } from "../../../test/fakes/virtual-clock.ts";
import type { JsonObject } from "../../core/json-value.ts";
import {
  type Continued,
  ResponseKeeper,
  findContinued,
  isOwnResponse,
  nothingContinued,
  standingAlone,
} from "./response-keeper.ts";
import type { SaveParts, StoredResponses } from "./stored-responses.ts";

const call = "01m83gkqpa66yc2xhjj1187fng";
const own = `resp_${call}`;
const item: JsonObject = { id: `fc_${call}_0`, type: "function_call", name: "n" };

function storeOf(more: Partial<StoredResponses> = {}): StoredResponses {
  return {
    conversation: () => Promise.resolve({ items: [{ role: "user", content: "first" }], links: 4 }),
    find: () => Promise.resolve({ input: [], response: { output: [item] } }),
    save: () => Promise.resolve(null),
    remove: () => Promise.resolve(true),
    ...more,
  };
}

test("own ids are told from vendors'", () => {
  assert.ok(isOwnResponse(own));
  for (const other of [
    "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b",
    `msg_${call}`,
    "resp_",
    "",
  ])
    assert.ok(!isOwnResponse(other), other);
});

test("a request stands alone: what came before, and what it merely names, stands in its input", async () => {
  const asked = { parentId: own, items: [`fc_${call}_0`] };
  const continued = await findContinued(storeOf(), 7, asked);
  assert.deepEqual(continued.parent, { id: own, links: 4 });
  const body = {
    model: "m",
    previous_response_id: own,
    input: [
      { type: "item_reference", id: `fc_${call}_0` },
      { role: "user", content: "second" },
    ],
  };
  assert.deepEqual(standingAlone(body, continued), {
    model: "m",
    input: [{ role: "user", content: "first" }, item, { role: "user", content: "second" }],
  });
  const text = standingAlone({ model: "m", input: "hi" }, nothingContinued);
  assert.deepEqual(text["input"], [{ type: "message", role: "user", content: "hi" }]);
  const unknown = { input: [{ type: "item_reference", id: "msg_other" }] };
  assert.deepEqual(standingAlone(unknown, continued)["input"], [
    { role: "user", content: "first" },
    ...unknown.input,
  ]);
});

function keeperOf(
  stored: StoredResponses,
  continued: Continued = nothingContinued,
): ResponseKeeper {
  return new ResponseKeeper({ stored, clock: makeVirtualClock(), ownerId: 7, continued });
}

test("what is kept is the response, its own input, and whom it continues", async () => {
  const saved: SaveParts[] = [];
  const stored = storeOf({
    save: (parts) => {
      saved.push(parts);
      return Promise.resolve(null);
    },
  });
  const continued = await findContinued(stored, 7, { parentId: own, items: [] });
  const response = { id: `resp_${call}`, output: [item] };
  const body = { previous_response_id: own, input: "hi" };
  assert.equal(await keeperOf(stored, continued).keep(response, body), null);
  assert.deepEqual(saved, [
    {
      id: response.id,
      ownerId: 7,
      parent: { id: own, links: 4 },
      stored: { input: [{ type: "message", role: "user", content: "hi" }], response },
    },
  ]);
});

test("a database that does not answer is not waited for beyond a bound", async () => {
  const clock = makeVirtualClock();
  const stored = storeOf({ save: () => new Promise(() => undefined) });
  const keeper = new ResponseKeeper({ stored, clock, ownerId: 7, continued: nothingContinued });
  let reason: string | null | undefined;
  void keeper.keep({ id: own }, { input: "hi" }).then((told) => (reason = told));
  await clock.pass(4_999);
  assert.equal(reason, undefined);
  await clock.pass(1);
  assert.match(reason ?? "", /in time/);
});
