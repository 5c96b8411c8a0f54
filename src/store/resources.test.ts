// The ledger of what callers made, on every engine: owners, order, pages, deletion.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { skipReason, SQL_ENGINES } from "../../test/engines/engines.ts";
import { openFresh } from "../../test/store/open-fresh.ts";
import { type ResourcePage, deleteResource, listResources, putResource } from "./resources.ts";

const owner = { ownerId: 7n, dialect: "openai-chat", kind: "file" } as const;
const page: ResourcePage = { ...owner, limit: 100, order: "desc", after: null };

for (const engine of SQL_ENGINES)
  describe(`resources on ${engine}`, { skip: skipReason(engine) }, () => {
    it("lists an owner's things of one kind in order, page by page, whatever else is there", async () => {
      await using store = await openFresh(engine);
      const db = store.database.writes;
      const ids = Array.from({ length: 7 }, (_, index) => `file-${index}-${"x".repeat(400)}`);
      for (const id of ids) await putResource(db, { ...owner, id, content: "first" });
      await putResource(db, { ...owner, id: ids[2]!, content: "again" });
      await putResource(db, { ...owner, ownerId: 8n, id: "another's", content: "" });
      await putResource(db, { ...owner, kind: "batch", id: "a batch", content: "" });
      await putResource(db, {
        ...owner,
        dialect: "anthropic-messages",
        id: "claude's",
        content: "",
      });
      // Put for another owner it changes nothing.
      await putResource(db, { ...owner, ownerId: 8n, id: ids[3]!, content: "stolen" });
      const all = (await listResources(db, page)) ?? [];
      assert.deepEqual(all.map(({ id }) => id).sort(), ids);
      assert.deepEqual(
        all.filter(({ content }) => content !== "first").map(({ id, content }) => [id, content]),
        [[ids[2], "again"]],
      );
      const asc = (await listResources(db, { ...page, order: "asc" })) ?? [];
      assert.deepEqual(asc.toReversed(), all);
      for (const order of ["asc", "desc"] as const) {
        const whole = order === "asc" ? asc : all;
        const paged: string[] = [];
        for (let after: string | null = null; ;) {
          const rows = (await listResources(db, { ...page, order, limit: 2, after })) ?? [];
          if (rows.length === 0) break;
          paged.push(...rows.map(({ id }) => id));
          after = paged.at(-1)!;
        }
        assert.deepEqual(
          paged,
          whole.map(({ id }) => id),
        );
      }
      assert.equal(await listResources(db, { ...page, after: "another's" }), undefined);
      assert.equal(await deleteResource(db, ids[0]!, 8n), false);
      assert.equal(await deleteResource(db, ids[0]!, 7n), true);
      assert.equal(await deleteResource(db, ids[0]!, 7n), false);
      assert.equal((await listResources(db, page))?.length, 6);
    });
  });
