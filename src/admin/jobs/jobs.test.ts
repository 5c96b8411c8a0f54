// What the management API tells of jobs, over a real database.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openAdmin } from "../../../test/admin/open-admin.ts";
import { makeCallId } from "../../core/ids.ts";
import { insertJobs } from "../../store/jobs.ts";

test("jobs are listed newest first, in pages, each member's own to it alone", async () => {
  await using admin = await openAdmin({ engine: "sqlite" });
  const ann = await admin.must("POST", "/api/users", { username: "ann" });
  const { token } = await admin.must("POST", `/api/users/${ann.id}/tokens`, {});
  const begunAt = Date.now() - 60_000;
  const content = JSON.stringify({
    group: "default",
    dialect: "openai-chat",
    job: { pricing: { billed: { "gpt-a-2026": "gpt-a", "gpt-a": "gpt-a", "gpt-b": "gpt-b" } } },
  });
  const jobs = [1, 2, 3].map((index) => ({
    callId: makeCallId(begunAt + index),
    digest: `d${index}`,
    kind: index === 2 ? "response" : "batch",
    channelId: 7n,
    keyId: BigInt(index),
    userId: index === 3 ? 999n : BigInt(ann.id),
    content,
    begunAt: BigInt(begunAt + index),
  }));
  await insertJobs(admin.database.writes, jobs);
  const ids = jobs.map(({ callId }) => callId);
  const told = async (query: string, as?: string): Promise<unknown[]> => {
    const options = as === undefined ? {} : { token: as };
    const { body } = await admin.ask("GET", `/api/jobs${query}`, undefined, options);
    return body.data.map(({ id }: { id: string }) => id);
  };
  assert.deepEqual(await told(""), ids.toReversed());
  assert.deepEqual(await told("", token), [ids[1], ids[0]]);
  assert.deepEqual(await told("?user=999", token), [ids[1], ids[0]], "nobody asks for others");
  assert.deepEqual(await told("?kind=response"), [ids[1]]);
  assert.deepEqual(await told("?key=3&channel=7&state=running"), [ids[2]]);
  assert.deepEqual(await told("?state=lost"), []);
  const first = await admin.ask("GET", "/api/jobs?limit=2");
  const rest = await told(`?limit=2&cursor=${first.body.nextCursor}`);
  assert.deepEqual(rest, [ids[0]]);
  assert.equal((await admin.ask("GET", "/api/jobs?cursor=nothing")).status, 422);
  const [seen] = await admin.must("GET", "/api/jobs?limit=1", undefined, { token });
  assert.deepEqual(
    [seen.models, seen.channel, seen.held, seen.state, seen.group],
    [["gpt-a", "gpt-b"], null, "0", "running", "default"],
  );
  assert.equal((await admin.must("GET", "/api/jobs?limit=1"))[0].channel, 7);
});
