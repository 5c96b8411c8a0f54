// Stored responses on every engine: chains, owners, expiry, deletion.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { skipReason, SQL_ENGINES } from "../../test/engines/engines.ts";
import { openFresh } from "../../test/store/open-fresh.ts";
import type { NewResponseState } from "./response-states.ts";
import {
  deleteExpiredResponseStates,
  deleteResponseState,
  findResponseChain,
  findResponseState,
  insertResponseState,
  maxResponseLinks,
} from "./response-states.ts";

function state(index: number, values: Partial<NewResponseState> = {}): NewResponseState {
  return {
    id: `resp_${index}`,
    ownerId: 7n,
    parentId: index === 1 ? null : `resp_${index - 1}`,
    links: index,
    content: `content ${index}`,
    keepMs: 60_000,
    ...values,
  };
}

for (const engine of SQL_ENGINES)
  describe(`stored responses on ${engine}`, { skip: skipReason(engine) }, () => {
    it("finds a conversation in order, for its owner alone", async () => {
      await using store = await openFresh(engine);
      const db = store.database.writes;
      for (let index = 1; index <= maxResponseLinks; index += 1)
        await insertResponseState(db, state(index));
      await insertResponseState(db, state(3, { content: "written again" }));
      const chain = await findResponseChain(db, `resp_${maxResponseLinks}`, 7n);
      assert.equal(chain?.length, maxResponseLinks);
      assert.deepEqual(
        chain?.slice(0, 3).map(({ content }) => content),
        ["content 1", "content 2", "content 3"],
      );
      assert.equal(await findResponseChain(db, "resp_5", 8n), undefined);
      assert.equal(await findResponseState(db, "resp_5", 8n), undefined);
      assert.equal((await findResponseState(db, "resp_5", 7n))?.content, "content 5");
    });

    it("has no conversation where one response is missing, expired or another's", async () => {
      await using store = await openFresh(engine);
      const db = store.database.writes;
      for (let index = 1; index <= 4; index += 1) await insertResponseState(db, state(index));
      await insertResponseState(db, state(11, { parentId: null, links: 1, keepMs: 0 }));
      await insertResponseState(db, state(12, { links: 2 }));
      await insertResponseState(db, state(21, { parentId: null, links: 1, ownerId: 8n }));
      await insertResponseState(db, state(22, { links: 2 }));
      assert.equal(await findResponseChain(db, "resp_12", 7n), undefined);
      assert.equal(await findResponseChain(db, "resp_22", 7n), undefined);
      assert.equal(await deleteResponseState(db, "resp_2", 8n), false);
      assert.equal(await deleteResponseState(db, "resp_2", 7n), true);
      assert.equal(await deleteResponseState(db, "resp_2", 7n), false);
      assert.equal(await findResponseChain(db, "resp_4", 7n), undefined);
      assert.equal((await findResponseChain(db, "resp_1", 7n))?.length, 1);
      assert.equal(await deleteExpiredResponseStates(db, 100), 1);
      assert.equal(await deleteExpiredResponseStates(db, 100), 0);
    });
  });
