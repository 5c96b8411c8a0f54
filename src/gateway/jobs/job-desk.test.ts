import assert from "node:assert/strict";
import { test } from "node:test";
import { openFresh } from "../../../test/store/open-fresh.ts";
import { systemClock } from "../../core/clock.ts";
import { silentLogger } from "../../core/logger.ts";
import { jobDigest } from "../../log/job-content.ts";
import { insertJobs, makeJobStore } from "../../store/jobs.ts";
import { openJobDesk, type JobDeskParts } from "./job-desk.ts";

const dayMs = 86_400_000;
const content = {
  callId: "c",
  admittedAtMs: 0,
  keyId: 1,
  userId: 1,
  group: "default",
  dialect: "openai-chat",
  operation: "batches",
  modelAsked: "",
  modelBilled: "",
  modelSent: null,
  endUser: null,
  address: "",
  revision: 1,
  stream: false,
  job: { kind: "batch", resource: "b", channelId: 1, credentialId: 1, shares: [], pricing: {} },
};

/** What becomes of a job of an age whose vendor cannot be asked. */
async function polled(ageMs: number): Promise<readonly string[]> {
  const done: string[] = [];
  const job = { callId: "c", digest: "d", content: JSON.stringify(content), polls: 1, ageMs };
  const parts: Partial<JobDeskParts> = {
    snapshot: () => {
      throw new Error("no answer");
    },
    clock: systemClock,
    logger: silentLogger,
    random: (count) => Buffer.alloc(count),
    jobs: {
      due: () => Promise.resolve([job]),
      find: () => Promise.resolve(undefined),
      again: () => Promise.resolve(void done.push("again")),
      end: (_callId, state) => Promise.resolve(done.push(state) > 0),
      forget: () => Promise.resolve(0),
    },
    leases: { change: () => Promise.resolve() } as unknown as JobDeskParts["leases"],
    settlement: {
      openCursor: () => Promise.resolve(0n),
      settle: () => Promise.resolve(true),
      forgoOthers: () => Promise.resolve(),
    },
  };
  await openJobDesk(parts as JobDeskParts).poll.run({
    signal: new AbortController().signal,
  } as never);
  return done;
}

test("a job that cannot be asked for is asked again, and given up when no vendor has it any more", async () => {
  assert.deepEqual(await polled(39 * dayMs), ["again"]);
  assert.deepEqual(await polled(41 * dayMs), ["lost"]);
});

test("a job that becomes known while it is looked for is not taken for one that was charged", async () => {
  await using fresh = await openFresh("sqlite");
  const { database } = fresh;
  const thing = { channelId: 1, credentialId: 1, resource: "b" };
  const job = { callId: "c", digest: jobDigest(thing), kind: "batch", content: "{}", begunAt: 0n };
  const begin = async (): Promise<void> =>
    await insertJobs(database.writes, [{ ...job, channelId: 1n, keyId: 1n, userId: 1n }]);
  const jobs = new Proxy(makeJobStore(database.writes), {
    get: (store, name) => async (digest: string) => {
      const look = Reflect.get(store, name) as (digest: string) => Promise<unknown>;
      const answer = await look(digest);
      await begin();
      return answer;
    },
  });
  const desk = openJobDesk({ jobs, clock: systemClock } as unknown as JobDeskParts);
  assert.equal(await desk.book(thing, new AbortController().signal), "unknown");
  assert.equal((await jobs.find(job.digest))?.state, "running");
});
