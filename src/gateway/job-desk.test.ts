import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../core/clock.ts";
import { silentLogger } from "../core/logger.ts";
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
      isKnown: () => Promise.resolve(true),
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
