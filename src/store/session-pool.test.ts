// The pool's bounds, on real SQLite threads: size, waiting, idle ends, and that waiters hear the cause.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { freshDatabase } from "../../test/engines/engines.ts";
import { until } from "../../test/store/open-fresh.ts";
import { systemClock } from "../core/clock.ts";
import type { Session } from "./sessions/session.ts";
import { SessionPool } from "./sessions/session-pool.ts";
import { openSqliteSession } from "./sessions/sqlite-session.ts";

async function makePool(
  options: Partial<ConstructorParameters<typeof SessionPool>[0]>,
): Promise<{ pool: SessionPool; opened: Session[] } & AsyncDisposable> {
  const fresh = await freshDatabase("sqlite");
  const opened: Session[] = [];
  const pool = new SessionPool({
    size: 1,
    clock: systemClock,
    acquireTimeoutMs: 5000,
    connect: async () => {
      const session = await openSqliteSession({
        path: fresh.dsn,
        role: "writer",
        busyTimeoutMs: 100,
      });
      opened.push(session);
      return session;
    },
    ...options,
  });
  return {
    pool,
    opened,
    [Symbol.asyncDispose]: async () => {
      await pool.close();
      await fresh.drop();
    },
  };
}

describe("a pool", () => {
  it("opens nothing before it is asked, hands sessions over in order, and opens no more than its size", async () => {
    await using made = await makePool({ size: 2 });
    const { pool, opened } = made;
    assert.equal(opened.length, 0);
    const [one, two] = await Promise.all([pool.acquire(), pool.acquire()]);
    const order: string[] = [];
    const third = pool.acquire().then((session) => (order.push("third"), session));
    const fourth = pool.acquire().then((session) => (order.push("fourth"), session));
    pool.release(two);
    assert.equal(await third, two);
    pool.release(one);
    assert.equal(await fourth, one);
    assert.deepEqual(order, ["third", "fourth"]);
    assert.equal(opened.length, 2);
  });

  it("ends waiting in time, and does not hand a session to one who left", async () => {
    await using made = await makePool({ acquireTimeoutMs: 50 });
    const session = await made.pool.acquire();
    await assert.rejects(made.pool.acquire(), /became free within 50 ms/);
    made.pool.release(session);
    assert.equal(await made.pool.acquire(), session);
  });

  it("tells every waiter why there is no session", async () => {
    let tries = 0;
    const connect = async (): Promise<Session> => {
      tries += 1;
      await new Promise((resolve) => setImmediate(resolve));
      throw new Error(`refused ${tries}`);
    };
    await using made = await makePool({ connect });
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => made.pool.acquire()));
    assert.deepEqual(
      outcomes.map((outcome) => outcome.status === "rejected" && String(outcome.reason)),
      ["Error: refused 1", "Error: refused 2", "Error: refused 3"],
    );
  });

  it("closes what was idle for long, and opens anew", async () => {
    await using made = await makePool({ idleMs: 30 });
    const { pool, opened } = made;
    pool.release(await pool.acquire());
    await until(() => opened[0]?.usable === false);
    const next = await pool.acquire();
    assert.equal(opened.length, 2);
    assert.deepEqual((await pool.run(next, "select 1 as n", [])).rows, [{ n: 1n }]);
  });

  it("ends a statement that takes too long, and trusts no session of before", async () => {
    await using made = await makePool({ size: 2, statementTimeoutMs: 60 });
    const { pool, opened } = made;
    const [slow, idle] = await Promise.all([pool.acquire(), pool.acquire()]);
    pool.release(idle);
    const scan =
      "with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000000) select count(*) from n";
    await assert.rejects(pool.run(slow, scan, []), /did not answer within 60 ms/);
    pool.release(slow);
    const next = await pool.acquire();
    assert.ok(next !== slow && next !== idle);
    assert.equal(opened.length, 3);
  });

  it("refuses work once it is closed, and lets nobody wait for ever", async () => {
    const made = await makePool({});
    await made.pool.acquire();
    const waiting = made.pool.acquire();
    const closed = made.pool.close();
    await assert.rejects(waiting, /closed/);
    await closed;
    await assert.rejects(made.pool.acquire(), /closed/);
    await made[Symbol.asyncDispose]();
  });
});
