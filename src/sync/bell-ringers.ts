/** The bells of this node as one: told to all, heard from any. Promise kept: a bell that fails changes nothing else. */
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { SyncMeters } from "../metrics/meters.ts";
import type { Bell } from "../store/bell.ts";

export interface BellRingers {
  /** Listens to these from now on, and no more to earlier ones. */
  replace(bells: readonly Bell[]): void;
  /** Tells the other nodes; never throws. */
  ring(revision: number): void;
  /** Whether any is proven to work. */
  isUp(): boolean;
  states(): Readonly<Record<string, "up" | "down">>;
  close(): Promise<void>;
}

export function makeBellRingers(
  logger: Logger,
  meters: SyncMeters,
  heard: () => void,
): BellRingers {
  let bells: readonly Bell[] = [];
  let states: Record<string, "up" | "down"> = {};
  const closeAll = async (closing: readonly Bell[]): Promise<void> => {
    const closed = await Promise.allSettled(closing.map((bell) => bell.close()));
    for (const result of closed)
      if (result.status === "rejected")
        logger.warn({ error: messageOf(result.reason) }, "a bell did not close");
  };
  return {
    replace: (next) => {
      void closeAll(bells);
      bells = next;
      states = Object.fromEntries(next.map((bell) => [bell.name, "down"]));
      const mine = states;
      for (const bell of next)
        bell.start({
          ring: heard,
          state: (up) => {
            mine[bell.name] = up ? "up" : "down";
            meters.bell(bell.name, up);
            logger.info(
              { bell: bell.name, up },
              up ? "bell is up" : "bell is down; polling goes on",
            );
            // What was rung while it was down was not heard.
            if (up) heard();
          },
        });
    },
    ring: (revision) => {
      for (const bell of bells) bell.ring(revision);
    },
    isUp: () => Object.values(states).includes("up"),
    states: () => ({ ...states }),
    close: () => closeAll(bells),
  };
}
