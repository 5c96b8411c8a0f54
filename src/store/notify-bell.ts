/**
 * The bell that PostgreSQL itself rings: each commit notifies inside its transaction, this listens on a connection of
 * its own. Promise: "up" was proven by a notification that came back, so a pooler in between is found out.
 */
import { sql } from "kysely";
import type { Clock } from "../core/clock.ts";
import { sleep, systemClock } from "../core/clock.ts";
import { makeId } from "../core/ids.ts";
import type { Bell, BellHandlers } from "./bell.ts";
import type { Sql } from "./database.ts";
import type { PostgresTarget } from "./database-target.ts";
import { parseDsn } from "./dsn.ts";
import type { PostgresSession } from "./sessions/postgres-session.ts";
import { openPostgresSession } from "./sessions/postgres-session.ts";
import { notifyChannel } from "./sync-sql/notify-channel.ts";

export interface NotifyBellOptions {
  /** A PostgreSQL SQL_DSN; throws DsnError for another. */
  readonly dsn: string;
  /** Another connection than the listening one: `database.sync`. */
  readonly sql: Sql;
  readonly clock?: Clock;
  /** Between two proofs; 30 s unless told. */
  readonly testEveryMs?: number;
  /** 0 ≤ x < 1, for the jitter. */
  readonly random?: () => number;
}

const testTimeoutMs = 2000;
const firstPauseMs = 250;
const longestPauseMs = 15_000;

export function makeNotifyBell(options: NotifyBellOptions): Bell {
  const target = parseDsn(options.dsn);
  if (target.engine !== "postgres") throw new Error("only PostgreSQL rings a bell by itself");
  const clock = options.clock ?? systemClock;
  const ending = new AbortController();
  let running: Promise<void> = Promise.resolve();
  return {
    name: "notify",
    start: (handlers) => {
      const listener: Listener = {
        target,
        handlers,
        clock,
        sql: options.sql,
        testEveryMs: options.testEveryMs ?? 30_000,
        random: options.random ?? Math.random,
        ending: ending.signal,
      };
      running = keepListening(listener);
    },
    // The commit has rung already, inside its transaction.
    ring: () => undefined,
    close: async () => {
      ending.abort();
      await running;
    },
  };
}

interface Listener {
  readonly target: PostgresTarget;
  readonly handlers: BellHandlers;
  readonly clock: Clock;
  readonly sql: Sql;
  readonly testEveryMs: number;
  readonly random: () => number;
  readonly ending: AbortSignal;
}

async function keepListening(listener: Listener): Promise<void> {
  let pauseMs = firstPauseMs;
  while (!listener.ending.aborted) {
    const proven = await listenOnce(listener);
    if (proven) listener.handlers.state(false);
    pauseMs = proven ? firstPauseMs : Math.min(pauseMs * 2, longestPauseMs);
    await sleep(listener.clock, pauseMs * (0.8 + listener.random() * 0.4), listener.ending);
  }
}

/** One connection from its opening to its end; answers whether it was ever proven to hear. */
async function listenOnce(listener: Listener): Promise<boolean> {
  let session: PostgresSession | undefined;
  let proven = false;
  try {
    const limits = { clock: listener.clock, statementTimeoutMs: 5000, lockTimeoutMs: undefined };
    session = await openPostgresSession(listener.target, limits);
    const own = `${notifyChannel}_${makeId(8)}`;
    const ear = makeEar(listener, session, own);
    await session.query(`listen ${notifyChannel}; listen ${own}`, []);
    // What was committed while nobody listened was not heard.
    listener.handlers.ring();
    while (!ear.over.aborted && (await prove(listener, ear, own))) {
      if (!proven) listener.handlers.state(true);
      proven = true;
      await sleep(listener.clock, listener.testEveryMs, ear.over);
    }
  } catch {
    // Whatever failed, the poll goes on and this is tried again.
  } finally {
    session?.destroy();
  }
  return proven;
}

interface Ear {
  /** Aborted when the connection or the bell ends. */
  readonly over: AbortSignal;
  /** Resolves at the next notification on the own channel. */
  heard(): Promise<void>;
}

function makeEar(listener: Listener, session: PostgresSession, own: string): Ear {
  const ended = new AbortController();
  let wake: () => void = () => undefined;
  session.hear({
    notified: (channel) => (channel === own ? wake() : listener.handlers.ring()),
    ended: () => ended.abort(),
  });
  return {
    over: AbortSignal.any([ended.signal, listener.ending]),
    heard: () =>
      new Promise((resolve) => {
        wake = resolve;
      }),
  };
}

/** Sends a notification over another connection and waits for it here. */
async function prove(listener: Listener, ear: Ear, own: string): Promise<boolean> {
  const answered = new AbortController();
  const heard = ear.heard().then(() => true);
  const tooLate = sleep(
    listener.clock,
    testTimeoutMs,
    AbortSignal.any([ear.over, answered.signal]),
  );
  const sent = sql`select pg_notify(${own}, '')`.execute(listener.sql).then(
    () => tooLate,
    () => undefined,
  );
  const proven = await Promise.race([heard, sent.then(() => false)]);
  answered.abort();
  return proven && !ear.over.aborted;
}
