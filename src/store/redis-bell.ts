/** The bell over Redis. Promise: "up" means that a message of our own came back within the last 12 s. */
import type { Cancel, Clock } from "../core/clock.ts";
import { systemClock } from "../core/clock.ts";
import { makeId } from "../core/ids.ts";
import type { Bell, BellHandlers } from "./bell.ts";
import type { Redis, Subscriber } from "./redis.ts";

export interface RedisBellOptions {
  readonly redis: Redis;
  readonly clusterId: string;
  readonly clock?: Clock;
  readonly pingEveryMs?: number;
  readonly silentAfterMs?: number;
}

export function makeRedisBell(options: RedisBellOptions): Bell {
  const { redis, clusterId } = options;
  const channel = `switchyard:${clusterId}:sync`;
  let life: Life | undefined;
  return {
    name: "redis",
    start: (handlers) => {
      life = startLife(options, channel, handlers);
    },
    ring: (revision) => {
      redis.publish(channel, String(revision)).catch(() => undefined);
    },
    close: async () => life?.end(),
  };
}

interface Life {
  end(): void;
}

function startLife(options: RedisBellOptions, channel: string, handlers: BellHandlers): Life {
  const clock = options.clock ?? systemClock;
  const pingEveryMs = options.pingEveryMs ?? 5000;
  const silentAfterMs = options.silentAfterMs ?? 12_000;
  // Pings go to a channel that only this node hears, or a large fleet would drown in them.
  const own = `${channel}:${makeId(8)}`;
  let heardAt = clock.monotonic();
  let up = false;
  let timer: Cancel = () => undefined;
  const turn = (next: boolean): void => {
    if (next === up) return;
    up = next;
    handlers.state(next);
  };
  const ping = (): void => void options.redis.publish(own, "ping").catch(() => undefined);
  const subscriber: Subscriber = options.redis.subscribe([channel, own], {
    heard: (on) => {
      heardAt = clock.monotonic();
      if (on !== own) return handlers.ring();
      turn(true);
    },
    subscribed: () => {
      heardAt = clock.monotonic();
      // What was rung while nobody listened is lost.
      handlers.ring();
      ping();
    },
    lost: () => turn(false),
  });
  const tick = (): void => {
    if (clock.monotonic() - heardAt > silentAfterMs) {
      heardAt = clock.monotonic();
      turn(false);
      subscriber.reset();
    }
    ping();
    timer = clock.after(pingEveryMs, tick);
  };
  timer = clock.after(pingEveryMs, tick);
  return {
    end: () => {
      timer();
      subscriber.close();
    },
  };
}
